package program

import (
	"fmt"
	"runtime"
	"time"
)

// Phase is a step of a build.
type Phase string

// The phases, in order.
const (
	Downloading Phase = "downloading"
	Waiting     Phase = "waiting" // for its turn, or for another process that builds the same
	Compiling   Phase = "compiling"
)

// Progress tells how far one build is.
type Progress struct {
	Phase Phase
	// Modules counts downloads; how many there will be nobody knows in advance.
	Modules int
	// Packages counts what has been compiled, of PackagesTotal that the build
	// cache does not have yet. Known from the end of Downloading on.
	Packages, PackagesTotal int
	Elapsed                 time.Duration // of compiling
	Remaining               time.Duration // estimate, of compiling
}

// String is for one status line.
func (p Progress) String() string {
	switch p.Phase {
	case Downloading:
		if p.Modules == 0 {
			return "reading modules"
		}
		return fmt.Sprintf("downloading modules: %d so far", p.Modules)
	case Compiling:
		if p.Packages >= p.PackagesTotal {
			return fmt.Sprintf("linking, %s so far", round(p.Elapsed))
		}
		return fmt.Sprintf("compiling %d of %d packages, %s so far, about %s left",
			p.Packages, p.PackagesTotal, round(p.Elapsed), round(p.Remaining))
	default:
		return fmt.Sprintf("waiting to compile %d packages, about %s", p.PackagesTotal, round(p.Remaining))
	}
}

// estimate says how long the rest of a build takes. The share of packages
// stands for the share of work; before enough of them are done, the measured
// cost of a cold build and a share of this machine's cores stand in. stale is
// the share of the build that the build cache does not have.
func estimate(cpu time.Duration, packages, total int, elapsed time.Duration, stale float64) time.Duration {
	if total == 0 {
		return 0
	}
	share := float64(packages) / float64(total)
	// Go keeps some 85 % of two cores busy; more cores wait for each other more.
	known := time.Duration(float64(cpu) * stale * (1 - share) / (0.85 * float64(min(runtime.NumCPU(), 8))))
	if share < 0.05 {
		return known
	}
	measured := time.Duration(float64(elapsed) * (1 - share) / share)
	// Packages differ in size, so trust what is measured more the more there is of it.
	return time.Duration(float64(known)*(1-share) + float64(measured)*share)
}

func round(d time.Duration) time.Duration {
	return d.Round(time.Second)
}
