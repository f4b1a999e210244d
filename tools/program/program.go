//go:build unix

// Package program gets the executables of the real servers: from PATH, from
// the cache of an earlier build, or by building them from their pinned Go
// modules in tools/servers. It knows how a server is had, not how it is run.
package program

import (
	"regexp"
	"time"
)

// Program is one server that can be had.
type Program struct {
	Name    string // of the executable, and of its module's folder in tools/servers
	Package string // main package
	Tags    string // build tags
	// CPU is what a cold build takes, user and system time together, measured
	// with an empty build cache. Only estimates of remaining time rest on it.
	CPU time.Duration

	// identify recognises the right program by its output to versionArgs. Its
	// first group is the version. Names alone do not do: Debian's `loki` is a
	// genetics program, and Jaeger 1 takes other flags than Jaeger 2.
	identify    *regexp.Regexp
	versionArgs []string
	// oldest is the first version whose flags and settings we use.
	oldest string
}

// The servers. Each is a module of its own below tools/servers: in one module
// they resolve, and then Jaeger does not compile.
var (
	// Prometheus is built without its cloud service discoveries, which are two
	// thirds of its cost; static, file and HTTP discovery stay.
	Prometheus = Program{
		Name: "prometheus", Package: "github.com/prometheus/prometheus/cmd/prometheus",
		Tags: "remove_all_sd", CPU: 330 * time.Second,
		identify: regexp.MustCompile(`^prometheus, version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: "2.39", // out_of_order_time_window
	}
	// Jaeger is version 2, whose main package lives in the module of version 1.
	Jaeger = Program{
		Name: "jaeger", Package: "github.com/jaegertracing/jaeger/cmd/jaeger", CPU: 742 * time.Second,
		identify: regexp.MustCompile(`"gitVersion":\s*"v?(2\.[^"]*)"`), versionArgs: []string{"version"},
		oldest: "2.0",
	}
	// Loki is all its services in one process.
	Loki = Program{
		Name: "loki", Package: "github.com/grafana/loki/v3/cmd/loki", CPU: 1060 * time.Second,
		identify: regexp.MustCompile(`^loki, version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: "3.0", // schema v13 with structured metadata
	}
)

// linkFlags leave out symbols and debug information: half the size.
const linkFlags = "-s -w"

// Binary is an executable that is there.
type Binary struct {
	Path    string
	Version string // "" for our own builds: the pinned go.mod is their version
}
