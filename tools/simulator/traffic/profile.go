package traffic

import (
	"fmt"
	"math"
	"time"
)

// Profile names a traffic pattern.
type Profile string

// The profiles. Each is a row in the table below.
const (
	Steady      Profile = "steady"
	Burst       Profile = "burst"
	LongPrompts Profile = "long-prompts"
	Overload    Profile = "overload"
	Mixed       Profile = "mixed"
)

// shape is what a profile means.
type shape struct {
	waves       []wave
	longPrompts float64 // share of prompts from the long tail
	slowNetwork float64 // share of calls held up before they reach vLLM
	impatient   float64 // share of callers that give up after a while
	rejected    float64 // share of calls vLLM answers with 4xx
	failing     float64 // share of calls whose generation fails inside the engine
	daily       float64 // amplitude of the day's rhythm, 0 … 1
	deaths      float64 // engine deaths per instance and hour
	pauses      float64 // pauses by an operator, likewise
}

// wave multiplies the rate while it lasts, and may lengthen prompts.
type wave struct {
	every, lasts, offset time.Duration
	factor               float64
	longPrompts          float64
}

var shapes = map[Profile]shape{
	Steady: {longPrompts: 0.01, slowNetwork: 0.002, impatient: 0.01, rejected: 0.01, failing: 0.001},
	Burst: {
		waves:       []wave{{every: 5 * time.Minute, lasts: 30 * time.Second, offset: time.Minute, factor: 8}},
		longPrompts: 0.01, slowNetwork: 0.005, impatient: 0.02, rejected: 0.01, failing: 0.001,
	},
	LongPrompts: {longPrompts: 0.25, slowNetwork: 0.002, impatient: 0.03, rejected: 0.02, failing: 0.002},
	Overload: {
		waves:       []wave{{every: 6 * time.Minute, lasts: 4 * time.Minute, offset: time.Minute, factor: 10}},
		longPrompts: 0.03, slowNetwork: 0.01, impatient: 0.1, rejected: 0.02, failing: 0.005, deaths: 0.5,
	},
	Mixed: {
		waves: []wave{
			{every: 7 * time.Minute, lasts: 40 * time.Second, offset: 2 * time.Minute, factor: 3.5},
			{every: 23 * time.Minute, lasts: 2 * time.Minute, offset: 9 * time.Minute, factor: 1.2, longPrompts: 0.15},
			{every: 61 * time.Minute, lasts: 3 * time.Minute, offset: 40 * time.Minute, factor: 4},
		},
		longPrompts: 0.02, slowNetwork: 0.01, impatient: 0.03, rejected: 0.02, failing: 0.003,
		daily: 0.5, deaths: 0.1, pauses: 0.1,
	},
}

// Parse checks a profile's name.
func Parse(name string) (Profile, error) {
	if _, ok := shapes[Profile(name)]; !ok {
		return "", fmt.Errorf("unknown profile %q: one of %s, %s, %s, %s, %s", name, Steady, Burst, LongPrompts, Overload, Mixed)
	}
	return Profile(name), nil
}

// DeathsPerHour is the profile's rate of engine deaths per instance.
func (p Profile) DeathsPerHour() float64 { return shapes[p].deaths }

// PausesPerHour is the profile's rate of pauses per instance.
func (p Profile) PausesPerHour() float64 { return shapes[p].pauses }

// at is the rate factor and the share of long prompts at a moment. The day
// peaks at 15:00 and is quietest at 03:00.
func (s shape) at(since, timeOfDay time.Duration) (factor, long float64) {
	factor, long = 1, s.longPrompts
	if s.daily > 0 {
		factor += s.daily * math.Cos((timeOfDay.Hours()-15)/24*2*math.Pi)
	}
	for _, w := range s.waves {
		if (since+w.every-w.offset)%w.every < w.lasts {
			factor *= w.factor
			long = max(long, w.longPrompts)
		}
	}
	return factor, long
}

// peak bounds every factor at can return.
func (s shape) peak() float64 {
	p := 1 + s.daily
	for _, w := range s.waves {
		p *= max(1, w.factor)
	}
	return p
}
