//go:build race

package jaeger

// underRace says that the race detector watches, which makes all ten times as slow.
const underRace = true
