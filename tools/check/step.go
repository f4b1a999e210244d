//go:build unix

// Package check runs everything that must hold before a commit is pushed, and
// tells what took how long.
package check

import (
	"fmt"
	"slices"
	"time"
)

// Lane is a row of steps that run one after another. Lanes run side by side.
// Lanes rather than a pool: the steps of one lane would only fight over the
// same cores and caches, while those of different lanes leave each other room.
type Lane string

// The lanes.
const (
	Servers Lane = "servers" // the long pole of a cold run, so it begins at once
	Go      Lane = "go"
	Node    Lane = "node"
	Python  Lane = "python"
)

// Step is one command that must succeed.
type Step struct {
	Name    string
	Lane    Lane
	Dir     string // below the repository's root
	Command []string
	Env     []string // on top of ours
	// After names steps of other lanes, or earlier ones of this lane, without
	// whose success this one cannot run.
	After []string
	// Silent steps fail when they print anything: gofmt names files and
	// nevertheless succeeds.
	Silent bool
	// Tests says how to count tests in the output; nil counts the step as one.
	Tests func() counter
	// Needs is a file below the root without which the step has no subject and
	// is skipped, loudly.
	Needs string
	// Missing says what this machine lacks to run the step, "" when nothing; the step is skipped then, loudly too. nil is nothing.
	Missing func() string
	Timeout time.Duration // default 15 min
}

const defaultTimeout = 15 * time.Minute

// outcome of a step.
type outcome string

const (
	passed  outcome = "passed"
	failed  outcome = "FAILED"
	skipped outcome = "SKIPPED" // its subject does not exist
	blocked outcome = "NOT RUN" // something it needs has failed: not proven, so it counts as failed
)

// result of a step.
type result struct {
	step           Step
	outcome        outcome
	reason         string
	took           time.Duration
	passed, failed int      // tests
	recap          []string // of a failed one: what it said about it
}

// Select picks steps by name, in their own order.
func Select(steps []Step, names []string) ([]Step, error) {
	var picked []Step
	for _, step := range steps {
		if slices.Contains(names, step.Name) {
			picked = append(picked, step)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(steps, func(s Step) bool { return s.Name == name }) {
			return nil, fmt.Errorf("there is no step %q", name)
		}
	}
	return picked, nil
}
