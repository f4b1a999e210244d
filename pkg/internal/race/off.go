//go:build !race

// Package race tells tests whether the race detector watches. It makes code up
// to ten times as slow, and finds nothing in a function of one goroutine: tests
// of amounts ask less under it, and all of it in the check's step without it.
package race

// Enabled is true in a build with -race.
const Enabled = false
