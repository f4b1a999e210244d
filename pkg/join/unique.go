package join

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// once drops the copies among an id's lines, which are in order of time, and counts them.
func (j *joiner) once(x *keyIndex, key *keyed, lines []int32, id string) []int32 {
	u := unique{joiner: j, id: id, dropped: map[int32]bool{}, received: map[uint32][]int32{}, sequences: 1}
	for r := key.firstRow; r != none; r = x.nextRow[r] {
		u.rows = append(u.rows, r)
	}
	u.prove(lines)
	// The engine's ids first, then beginnings: they tell how many of the rest there may be.
	for _, pass := range [...]func(*evidence.RequestEvent) bool{
		func(e *evidence.RequestEvent) bool { return suffixed(e, id) },
		func(e *evidence.RequestEvent) bool { return !suffixed(e, id) && opening(e.Kind) },
		func(e *evidence.RequestEvent) bool { return !suffixed(e, id) && !opening(e.Kind) },
	} {
		j.grouped(lines, func(group []int32) {
			if pass(&j.in.Events[group[0]]) {
				for _, same := range u.clusters(group) {
					u.reduce(same)
				}
			}
		})
		for _, i := range lines {
			if e := &j.in.Events[i]; e.Kind == vllm.LogReceived && pass(e) && !u.dropped[i] {
				u.received[e.Clock] = append(u.received[e.Clock], i)
			}
		}
	}
	if len(u.dropped) == 0 {
		return lines
	}
	kept := make([]int32, 0, len(lines)-len(u.dropped))
	for _, i := range lines {
		if !u.dropped[i] {
			kept = append(kept, i)
		} else if !j.copied.has(i) {
			j.copied.add(i, len(j.in.Events))
			j.duplicates++
			j.streams.of(&j.in.Events[i]).duplicates++
		}
	}
	return kept
}

// unique settles which lines of one id are copies.
type unique struct {
	*joiner
	id        string
	rows      []int32
	goes      []int32            // a line of each of the engine's ids with a random suffix, without child prefix
	sequences int                // of one request, as far as the engine's ids tell; at least 1
	ends      []int32            // lines that end a go
	refused   []int32            // lines that say that a go ended before the engine had an id for it
	received  map[uint32][]int32 // Received lines that stay, by the second on their own clock
	dropped   map[int32]bool
}

func (u *unique) prove(lines []int32) {
	known := map[string]int{}
	for _, i := range lines {
		e := &u.in.Events[i]
		if n, ok := vllm.ChildOrdinal(e.ID); ok && e.Form == vllm.IDInternal {
			u.sequences = max(u.sequences, n+1)
		}
		if e.Kind == vllm.LogFailed {
			u.refused = append(u.refused, i)
		}
		if closes(e.Kind) || e.Kind == vllm.LogAborted && e.Form == vllm.IDExternal {
			u.ends = append(u.ends, i)
		}
		if !suffixed(e, u.id) {
			continue
		}
		own := vllm.ExternalFromChild(e.ID)
		if at, ok := known[own]; !ok {
			known[own] = len(u.goes)
			u.goes = append(u.goes, i)
		} else if first := &u.in.Events[u.goes[at]]; first.Clock == 0 && e.Clock != 0 {
			u.goes[at] = i
		}
	}
}

// at counts those of some lines that may be of the place of another line.
func (u *unique) at(lines []int32, e *evidence.RequestEvent) (n int) {
	home := u.streams.home(e)
	for _, i := range lines {
		if _, no := u.same(u.streams.home(&u.in.Events[i]), home); !no {
			n++
		}
	}
	return n
}

// clusters parts lines that say the same into those that may be one line: none that differ in process, place or clock. What
// does not tell its clock goes with the nearest before.
func (u *unique) clusters(group []int32) [][]int32 {
	if suffixed(&u.in.Events[group[0]], u.id) {
		return [][]int32{group} // whatever else differs: nobody else writes this id
	}
	type writer struct {
		clock, pid uint32
		origin     *evidence.Origin
	}
	var out [][]int32
	exact, byClock := map[writer]int{}, map[uint32][]int{}
	join := func(c int, i int32) {
		e := &u.in.Events[i]
		out[c] = append(out[c], i)
		exact[writer{e.Clock, e.PID, e.Origin}] = c
	}
	before := -1 // the cluster of the line before
	for _, i := range group {
		e := &u.in.Events[i]
		if c, ok := exact[writer{e.Clock, e.PID, e.Origin}]; ok && e.Clock != 0 {
			join(c, i)
			before = c
			continue
		}
		// Few are compared: those of the same second, and the one before where a clock is not told.
		near := byClock[e.Clock]
		if e.Clock == 0 {
			near = near[max(0, len(near)-4):]
		}
		if before >= 0 && (e.Clock == 0 || u.in.Events[out[before][0]].Clock == 0) {
			near = append(slices.Clone(near), before)
		}
		at := -1
		for _, c := range slices.Backward(near) {
			if u.mayBeOne(out[c], e) {
				at = c
				break
			}
		}
		if at < 0 {
			at = len(out)
			out, byClock[e.Clock] = append(out, nil), append(byClock[e.Clock], at)
		}
		join(at, i)
		before = at
	}
	return out
}

func (u *unique) mayBeOne(cluster []int32, e *evidence.RequestEvent) bool {
	for _, k := range cluster[:min(len(cluster), 8)] {
		o := &u.in.Events[k]
		if differ(o.Clock, e.Clock) || differ(o.PID, e.PID) {
			return false
		}
		if _, no := u.same(u.streams.home(o), u.streams.home(e)); no {
			return false
		}
	}
	return true
}

// reduce drops the copies among lines that may be one.
func (u *unique) reduce(same []int32) {
	if len(same) < 2 {
		return
	}
	by := map[shipped][]int32{}
	most, repeating := shipped{}, false
	for _, i := range same {
		e := &u.in.Events[i]
		s := shipped{u.streams.of(e), e.Clock != 0}
		by[s] = append(by[s], i)
		if len(by[s]) > len(by[most]) { // the first to come so far
			most = s
		}
		repeating = repeating || s.stream.repeats()
	}
	stay := by[most]
	if repeating && len(stay) > 1 {
		stay = u.spread(stay, most.stream)
	}
	keep := 0
	for _, i := range same {
		if keep < len(stay) && stay[keep] == i {
			keep++
			continue
		}
		u.dropped[i] = true
	}
}

// shipped is a way on which lines came: a stream, and in that one head of the two that two logging handlers write.
type shipped struct {
	stream *stream
	clock  bool
}

// bounds are how many lines that say the same there can be: at least, at most, and by the best guess.
type bounds struct{ least, most, guess int }

const anyNumber = 1 << 30

// proven tells how many lines like this one the evidence explains. Clients try again within a second now and then; what tells these
// apart from copies are the engine's own ids, then the spans.
func (u *unique) proven(e *evidence.RequestEvent) bounds {
	b := bounds{1, anyNumber, 1}
	switch {
	case suffixed(e, u.id):
		return bounds{1, 1, 1}
	case opening(e.Kind) && len(u.goes) > 0:
		var these []int32
		for _, i := range u.goes {
			if !differ(u.in.Events[i].Clock, e.Clock) {
				these = append(these, i)
			}
		}
		b.least = max(1, u.at(these, e))
		b.guess = b.least
		if u.refusedWith(e) { // one go at least that the engine had no id for
			b.guess++
		} else {
			b.most = b.least
		}
	case opening(e.Kind):
		b.guess = max(1, u.spansAt(e)/u.sequences)
	default:
		here := 0
		for clock, lines := range u.received {
			if clock == e.Clock || clock == 0 || e.Clock == 0 {
				here += u.at(lines, e)
			}
		}
		if here > 0 {
			b.most = here
			b.guess = max(1, here-u.otherEnds(e))
		}
	}
	if perSequence(e.Kind) {
		n := max(u.sequences, 1)
		if b.most < anyNumber {
			b.most *= n
		}
		b.most = max(b.most, u.spansAt(e))
		b.guess = max(b.guess*n, u.spansAt(e))
	}
	return b
}

// refusedWith reports whether a request was refused at about the time of a Received line.
func (u *unique) refusedWith(e *evidence.RequestEvent) bool {
	return slices.ContainsFunc(u.refused, func(i int32) bool {
		o := &u.in.Events[i]
		return e.Clock == 0 || o.Clock == 0 || o.Clock == e.Clock || o.Clock == e.Clock+1
	})
}

// otherEnds counts what else than this line ended a go in the same second.
func (u *unique) otherEnds(e *evidence.RequestEvent) (n int) {
	seen := map[uint64]bool{e.Content: true}
	for _, i := range u.ends {
		if o := &u.in.Events[i]; !seen[o.Content] && !differ(o.Clock, e.Clock) {
			seen[o.Content] = true
			n++
		}
	}
	return n
}

// spansAt counts spans that began (or, for a line that closes, ended) in the second of a line's own clock, whatever its zone; all
// where the line tells none.
func (u *unique) spansAt(e *evidence.RequestEvent) (n int) {
	const seconds = int64(quarter / time.Second)
	for _, r := range u.rows {
		s := u.joiner.rows[r].Span
		if u.elsewhere(s.Origin, u.streams.home(e)) {
			continue
		}
		at := s.Start
		if closes(e.Kind) {
			at = s.End()
		}
		off := ((at.Unix()-int64(e.Clock))%seconds + seconds) % seconds
		if e.Clock == 0 || off <= 1 || off == seconds-1 {
			n++
		}
	}
	return n
}

// spread picks those of a stream's equal lines, which are in order of time, that are no copies: where copies are known to come by
// the same time later always, all that do not follow another so, within what the evidence allows.
func (u *unique) spread(lines []int32, s *stream) []int32 {
	b := u.proven(&u.in.Events[lines[0]])
	if b.least >= len(lines) {
		return lines
	}
	lag, steady := s.lag()
	near := max(lag/10, 20*time.Millisecond)
	var kept, copies []int32
	next := 0 // the first of kept that no copy was seen of
	for _, i := range lines {
		t := u.in.Events[i].UnixNano
		later := func() time.Duration { return time.Duration(t - u.in.Events[kept[next]].UnixNano) }
		for next < len(kept) && later()-lag > near {
			next++
		}
		if next < len(kept) && (later()-lag).Abs() <= near {
			next++
			copies = append(copies, i)
			continue
		}
		kept = append(kept, i)
	}
	n := min(b.guess, len(lines))
	if steady {
		n = min(max(len(kept), b.least), b.most, len(lines))
	}
	if len(kept) > n {
		kept = kept[:n]
	}
	for len(kept) < n {
		kept, copies = append(kept, copies[0]), copies[1:]
	}
	slices.SortFunc(kept, u.inTime)
	return kept
}
