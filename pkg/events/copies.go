package events

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// sameWrite is how far apart in time two equal lines without a clock of their own may lie to be one line that two agents shipped.
const sameWrite = time.Second

// whose is the place of a line by the words that all agents have for it: two agents differ in the rest.
func whose(o *evidence.Origin) evidence.Origin {
	switch {
	case o == nil:
		return evidence.Origin{}
	case o.Pod != "":
		return evidence.Origin{Namespace: o.Namespace, Pod: o.Pod}
	}
	return evidence.Origin{Instance: o.Instance}
}

// once drops the copies of lines that were shipped more than once: in two streams, or because an agent read a file again. Lines
// of one process with the same words and the same clock are one line, however far apart the store has them. A line without a
// clock is one as well when it lies as far behind its like as the lines with a clock do. The lines are in order of time, the
// given slice is not changed.
func once(lines []evidence.EngineLine) []evidence.EngineLine {
	type key struct {
		place   evidence.Origin
		content uint64
	}
	type copied struct {
		place evidence.Origin
		later time.Duration
	}
	seen := map[key][]int{}
	var shifts []copied
	var doubtful []int // lines without a clock that have their like before them
	drop := make([]bool, len(lines))
	dropped := false
	for i := range lines {
		l := &lines[i]
		if l.Content == 0 {
			continue
		}
		k := key{whose(l.Origin), l.Content}
		for _, before := range seen[k] {
			b := &lines[before]
			if b.PID != l.PID && b.PID != 0 && l.PID != 0 {
				continue
			}
			later := l.Time.Sub(b.Time)
			switch {
			case b.Clock != 0 && b.Clock == l.Clock:
				drop[i], dropped = true, true
				shifts = append(shifts, copied{k.place, later})
			case b.Clock == 0 || l.Clock == 0:
				if later <= sameWrite {
					drop[i], dropped = true, true
				} else {
					doubtful = append(doubtful, i)
				}
			}
			if drop[i] {
				break
			}
		}
		if !drop[i] {
			seen[k] = append(seen[k], i)
		}
	}
	for _, i := range doubtful {
		k := key{whose(lines[i].Origin), lines[i].Content}
		for _, before := range seen[k] {
			later := lines[i].Time.Sub(lines[before].Time)
			if before < i && slices.ContainsFunc(shifts, func(c copied) bool { return c.place == k.place && (c.later-later).Abs() <= sameWrite }) {
				drop[i], dropped = true, true
			}
		}
	}
	if !dropped {
		return lines
	}
	kept := make([]evidence.EngineLine, 0, len(lines))
	for i := range lines {
		if !drop[i] {
			kept = append(kept, lines[i])
		}
	}
	return kept
}
