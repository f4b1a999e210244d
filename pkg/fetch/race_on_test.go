//go:build race

package fetch

// underRace says that the race detector watches, which makes all ten times as slow.
const underRace = true
