package servers

import (
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Relation is how two series that claim to be of one engine lie to each other.
type Relation uint8

// The relations.
const (
	Sequent   Relation = iota // never there at the same time: one follows the other
	Copies                    // the same numbers, read twice
	Different                 // two engines
	Unclear                   // there at the same time, and nothing tells
)

const (
	// jitterMillis is how far a sample's time may lie from the moment at which its value was read: a scrape has the time of its
	// beginning, and a busy server takes a while to answer.
	jitterMillis = 1_000
	// maxOutside is the share of samples of a copy that may lie outside of what the other one allows: late scrapes.
	maxOutside = 0.1
)

// CompareCounters compares two counters that may be one. A counter only rises: what is read between two scrapes of the other copy
// lies between their values. Two engines' counters drift apart by more than that within minutes.
func CompareCounters(a, b []evidence.Sample) Relation {
	if !together(a, b) {
		return Sequent
	}
	checked, outside, told := 0, 0, false
	for _, pair := range [][2][]evidence.Sample{{a, b}, {b, a}} {
		for _, s := range pair[1] {
			low, high, ok := around(pair[0], s.UnixMilli)
			if !ok || low > high { // one began anew in between
				continue
			}
			checked++
			told = told || s.Value > 0
			if s.Value < low || s.Value > high {
				outside++
			}
		}
	}
	switch {
	case checked == 0, !told && outside == 0: // nothing was counted yet
		return Unclear
	case float64(outside) > maxOutside*float64(checked):
		return Different
	}
	return Copies
}

// around gives the values of the samples before and after a moment that lie surely before and after it.
func around(samples []evidence.Sample, ms int64) (low, high float64, ok bool) {
	after := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli >= ms+jitterMillis })
	before := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli > ms-jitterMillis }) - 1
	if before < 0 || after == len(samples) {
		return 0, 0, false
	}
	return samples[before].Value, samples[after].Value, true
}

// CompareGauges compares two gauges that may be one. Where neither changes, two readings have to agree; where they do, readings
// that lie close in time lie closer together than those of one series from scrape to scrape.
func CompareGauges(a, b []evidence.Sample) Relation {
	if !together(a, b) {
		return Sequent
	}
	agree := true
	var apart []float64
	for _, pair := range [][2][]evidence.Sample{{a, b}, {b, a}} {
		for _, s := range pair[1] {
			if low, high, ok := around(pair[0], s.UnixMilli); ok && (s.Value != low || s.Value != high) {
				agree = false
			}
			apart = append(apart, math.Abs(s.Value-nearest(pair[0], s.UnixMilli)))
		}
	}
	slices.Sort(apart)
	switch {
	case agree:
		return Copies
	case len(apart) >= minReadings && apart[len(apart)/2] > max(moves(a), moves(b)):
		return Different
	}
	return Unclear
}

// minReadings is how many readings of two gauges must be there for their distance to tell anything.
const minReadings = 8

// nearest is the value of the sample that is nearest in time.
func nearest(samples []evidence.Sample, ms int64) float64 {
	i := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli >= ms })
	if i == len(samples) || i > 0 && ms-samples[i-1].UnixMilli < samples[i].UnixMilli-ms {
		i--
	}
	return samples[i].Value
}

// moves is by how much a gauge changes at most from one sample to the next.
func moves(samples []evidence.Sample) (most float64) {
	for i := 1; i < len(samples); i++ {
		most = max(most, math.Abs(samples[i].Value-samples[i-1].Value))
	}
	return most
}

// together reports whether two series have samples during the same time. A series that takes over from another may overlap it by
// one scrape.
func together(a, b []evidence.Sample) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	from, to := max(a[0].UnixMilli, b[0].UnixMilli), min(a[len(a)-1].UnixMilli, b[len(b)-1].UnixMilli)
	if from > to {
		// Two readings of one scrape interval, in a window that holds one of each.
		return len(a) == 1 && len(b) == 1
	}
	inside := func(samples []evidence.Sample) int {
		first := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli >= from })
		return sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli > to }) - first
	}
	n, m := inside(a), inside(b)
	return n > 1 && m > 1 || n == len(a) || m == len(b)
}

// TellsEngines reports whether a label says which engine or replica a series is of, as those of Ray Serve, Dynamo and of
// supervisors that expose their workers' metrics behind one address do. perhaps is for words that scrape jobs and redundant
// Prometheus servers use as well: they tell engines where the numbers differ.
func TellsEngines(label string) (surely, perhaps bool) {
	if strings.HasPrefix(label, "__") || strings.Contains(strings.ToLower(label), "prometheus") {
		return false, false
	}
	name := strings.ToLower(strings.NewReplacer("_", "", ".", "", "-", "").Replace(label))
	for _, word := range []string{"replicaid", "replicatag", "workerid", "engine", "rank", "actorid"} {
		if strings.Contains(name, word) {
			return true, true
		}
	}
	for _, word := range []string{"replica", "worker", "actor", "shard", "process", "deployment", "component"} {
		if strings.Contains(name, word) {
			return false, true
		}
	}
	return false, name == "pid"
}

// Doubled reports whether any engine has several series of one metric at the same time. Whether these are copies, its counters
// tell.
func Doubled(series []evidence.Series) bool {
	type key struct {
		place                       evidence.Origin
		model, engine, metric, part string
	}
	first := make(map[key]*evidence.Series, len(series))
	for i := range series {
		s := &series[i]
		if s.Origin == nil {
			continue
		}
		k := key{place(s.Origin), s.Origin.Model, s.Origin.Engine, s.Metric, s.Part}
		if k.place.Pod != "" { // under another address too
			k.place.Instance = NameOf(s.Origin).Port
		}
		if before, ok := first[k]; ok && together(before.Samples, s.Samples) {
			return true
		}
		first[k] = s
	}
	return false
}
