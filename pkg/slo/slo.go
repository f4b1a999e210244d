// Package slo holds the limits on latency that a user sets for models, and says whether a request kept them: goodput's
// question, all limits of one request jointly. Values in, values out.
package slo

import (
	"math"
	"strings"
	"time"
)

// Objective is the limits of the models that it names. A limit of zero is none.
type Objective struct {
	Model           string // exact, or with * for any run of characters: * alone is every model
	TTFT, TPOT, E2E time.Duration
}

// Limited reports whether any limit is set.
func (o Objective) Limited() bool { return o.TTFT != 0 || o.TPOT != 0 || o.E2E != 0 }

// Names reports whether the objective is for a model.
func (o Objective) Names(model string) bool {
	first, rest, open := strings.Cut(o.Model, "*")
	if !open {
		return model == first
	}
	model, ok := strings.CutPrefix(model, first)
	for ok {
		part, behind, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(model, part)
		}
		_, model, ok = strings.Cut(model, part)
		rest = behind
	}
	return false
}

// all reports whether the objective is for every model.
func (o Objective) all() bool { return o.Model != "" && strings.Trim(o.Model, "*") == "" }

// Objectives are in the order in which they are tried.
type Objectives []Objective

// Index finds the objective of a model: the first that names it; -1 when none does. Of a model that is not known ("") it
// can be told only when the first is for every model.
func (o Objectives) Index(model string) int {
	for i := range o {
		switch {
		case o[i].all():
			return i
		case model == "":
			return -1
		case o[i].Names(model):
			return i
		}
	}
	return -1
}

// Figures are what one request took, in seconds; NaN is not known.
type Figures struct{ TTFT, TPOT, E2E float64 }

// Verdict says whether a request kept its limits.
type Verdict uint8

// The verdicts.
const (
	CannotTell Verdict = iota
	Missed
	Met
)

// Judge compares figures with all limits. One that is known to be exceeded decides, whatever else is not known; equal is
// kept, as for vLLM's benchmark (--goodput).
func (o Objective) Judge(f Figures) Verdict {
	verdict := Met
	for i, took := range [...]float64{f.TTFT, f.TPOT, f.E2E} {
		switch limit := o.Of(Limits[i]); {
		case limit == 0:
		case took > limit.Seconds():
			return Missed
		case math.IsNaN(took):
			verdict = CannotTell
		}
	}
	if !o.Limited() {
		return CannotTell
	}
	return verdict
}
