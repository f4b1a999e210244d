//go:build unix

package demo

import (
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Mood colours a part's state.
type Mood int

// The moods.
const (
	Busy Mood = iota
	Good
	Bad
	Absent // not there, and that is all right
)

// Part is one line of the picture's head: a store, the plugin, the telemetry.
type Part struct {
	Name, State, Detail string
	Mood                Mood
}

// Answer is what the plugin said to one query.
type Answer struct {
	Frame   *data.Frame // the first one; nil without any
	Notices []string    // of all frames
	Err     string
	Took    time.Duration
}

// rows of the answer's table.
func (a Answer) rows() int {
	if a.Frame == nil {
		return 0
	}
	return a.Frame.Rows()
}

// Health is what "Save & test" says.
type Health struct {
	Status  string // OK, ERROR or UNKNOWN; "" before the first check
	Message string
	Details string // further lines
}

// Snapshot is everything the picture shows. It is a plain value, so that
// drawing can be tested without servers.
type Snapshot struct {
	Now    time.Time
	Up     time.Duration
	Window time.Duration // that the queries look back
	Parts  []Part

	Answers
}

// Answers is one round of questions to the plugin.
type Answers struct {
	Asked    time.Time // when; zero before the first round
	Health   Health
	Requests Answer
	Models   Answer
	Coverage Answer
}

// busy reports whether a part is still coming up.
func (s Snapshot) busy() bool {
	return slices.ContainsFunc(s.Parts, func(p Part) bool { return p.Mood == Busy })
}
