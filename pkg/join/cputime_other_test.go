//go:build !linux

package join_test

import "time"

// cpuTime is how long a function took; only Linux tells what the CPU worked on it.
func cpuTime(f func()) time.Duration {
	before := time.Now()
	f()
	return time.Since(before)
}
