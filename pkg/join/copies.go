package join

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Shippers deliver at least once: a line may be in two streams, come again after a retry, or be read again from its file. One
// line of one process is one line. Lines are copies when what they say is the same and nothing tells two processes or two
// moments apart: the process id, the place, the second on the line's own clock.
//
// Some equal lines are two all the same: tries of one id within a second, sequences with the same answer. Within one stream they
// stay, as long as that stream was not seen to hold anything twice; then what the engine's own ids and the spans prove is what
// stays. Between streams, each line is as many lines as the stream with the most of them holds.

// equals reports whether a key has two lines that say the same.
func (j *joiner) equals(lines []int32) bool {
	const few = 16
	if len(lines) <= few {
		for i := 1; i < len(lines); i++ {
			content := j.in.Events[lines[i]].Content
			for k := range i {
				if content != 0 && j.in.Events[lines[k]].Content == content {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[uint64]bool, len(lines))
	for _, i := range lines {
		content := j.in.Events[i].Content
		if content != 0 && seen[content] {
			return true
		}
		seen[content] = true
	}
	return false
}

// suffixed reports whether the engine's id on a line ends in vLLM's random suffix: then no other request has it. id is the
// external id by other evidence, "" when there is none.
func suffixed(e *evidence.RequestEvent, id string) bool {
	if e.Form != vllm.IDInternal {
		return false
	}
	whole := vllm.ExternalFromChild(e.ID)
	return whole != e.External && whole != id
}

// repeatedly is how soon after another an equal line cannot be that of another try: a client's answer takes longer.
const repeatedly = 5 * time.Millisecond

// sawTwice notes for the streams of an id what of it they hold twice. A few lines before are enough to look at.
func (j *joiner) sawTwice(key int32, lines []int32, id string) {
	first := j.streams.of(&j.in.Events[lines[0]])
	for _, i := range lines {
		if s := j.streams.of(&j.in.Events[i]); s != first && s.lastSeen != key {
			s.lines, s.lastSeen = s.lines+1, key
		}
	}
	// A stream in which a line's own clock goes back was read again: one that is only late keeps its order.
	backward := func(e *evidence.RequestEvent) bool {
		return slices.ContainsFunc(lines, func(i int32) bool {
			o := &j.in.Events[i]
			return o.UnixNano < e.UnixNano && o.Clock > e.Clock && j.streams.of(o) == j.streams.of(e)
		})
	}
	j.grouped(lines, func(group []int32) {
		for at, i := range group {
			e := &j.in.Events[i]
			s := j.streams.of(e)
			for k := at - 1; k >= max(0, at-8); k-- {
				before := &j.in.Events[group[k]]
				if suffixed(e, id) {
					j.streams.oneProcess(before.Origin, e.Origin)
				}
				if j.streams.of(before) != s || differ(before.PID, e.PID) || (before.Clock == 0) != (e.Clock == 0) {
					continue
				}
				later := time.Duration(e.UnixNano - before.UnixNano)
				switch {
				case suffixed(e, id), !perSequence(e.Kind) && (later < repeatedly && prompt(e) || e.Clock != 0 && e.Clock == before.Clock && backward(e)):
					s.copies++
					s.lags = append(s.lags, int64(later))
				case !perSequence(e.Kind) && !differ(before.Clock, e.Clock):
					s.alike(key)
				}
				break
			}
		}
	})
}

// prompt reports whether a line was stamped in the second in which it was written, whatever its zone. Lines that waited are stamped
// close to each other when they are shipped, however far apart they were written.
func prompt(e *evidence.RequestEvent) bool {
	const seconds = int64(quarter / time.Second)
	late := ((e.UnixNano/int64(time.Second)-int64(e.Clock))%seconds + seconds) % seconds
	return e.Clock == 0 || late <= 1
}

// perSequence reports whether each sequence of a request writes a line of this kind.
func perSequence(k vllm.LogKind) bool {
	return k == vllm.LogGenerated || k == vllm.LogDelta || k == vllm.LogDetails
}

func differ[T comparable](a, b T) bool {
	var unknown T
	return a != unknown && b != unknown && a != b
}

// grouped visits the lines that say the same, each group in the given order; lines without equals are left out.
func (j *joiner) grouped(lines []int32, visit func(group []int32)) {
	by := make(map[uint64][]int32, len(lines))
	for _, i := range lines {
		if c := j.in.Events[i].Content; c != 0 {
			by[c] = append(by[c], i)
		}
	}
	for _, i := range lines { // in the order of the lines, not of the map
		c := j.in.Events[i].Content
		if group := by[c]; len(group) > 1 {
			visit(group)
		}
		delete(by, c)
	}
}

// bits is a set of lines.
type bits []uint64

func (b bits) has(i int32) bool { return len(b) > 0 && b[i>>6]&(1<<(i&63)) != 0 }

func (b *bits) add(i int32, of int) {
	if *b == nil {
		*b = make(bits, of>>6+1)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}
