package loki

import (
	"cmp"
	"slices"
	"strings"
)

// Loki answers with at most so many lines, the earliest of the interval (or the latest). An answer of exactly that many may
// have left others out, also others of its last nanosecond. So a full page is settled up to its last nanosecond only, and
// the rest of the interval, that nanosecond included, is asked again.

// sortEntries puts lines in order of time; within one nanosecond by stream, and within a stream as Loki sent them.
func sortEntries(entries []entry, order Order) {
	slices.SortStableFunc(entries, func(a, b entry) int {
		byTime := a.Timestamp.Compare(b.Timestamp)
		if order == NewestFirst {
			byTime = -byTime
		}
		if byTime != 0 || a.stream == b.stream {
			return byTime
		}
		return strings.Compare(a.stream.key, b.stream.key)
	})
}

// settle splits a full page: the lines that are known to be complete, and the interval that is left to ask. tied is set
// when one nanosecond fills the whole page: more of it cannot be had, so it is passed over, and that must be said.
func settle(page []entry, within interval, order Order) (settled []entry, rest interval, tied bool) {
	last := page[len(page)-1].unixNano()
	n, _ := slices.BinarySearchFunc(page, last, func(e entry, t int64) int {
		if order == NewestFirst {
			return cmp.Compare(t, e.unixNano())
		}
		return cmp.Compare(e.unixNano(), t)
	})
	if n == 0 {
		if order == NewestFirst {
			return page, interval{within.from, last}, true
		}
		return page, interval{last + 1, within.to}, true
	}
	if order == NewestFirst {
		return page[:n], interval{within.from, last + 1}, false
	}
	return page[:n], interval{last, within.to}, false
}

// maxPieces bounds into how many intervals a rest is cut at once.
const maxPieces = 16

// cut divides what is left of an interval into equal pieces, each expected to fill about one page: page is what the page
// before it covered. Lines are not spread evenly, so a piece may turn out full and be cut again.
func cut(rest interval, page int64) []interval {
	length := rest.to - rest.from
	if length <= 0 {
		return nil
	}
	n := int64(maxPieces)
	if page > 0 {
		n = min(n, (length+page-1)/page)
	}
	n = max(1, min(n, length))
	pieces := make([]interval, n)
	for i := range n {
		pieces[i] = interval{rest.from + length/n*i, rest.from + length/n*(i+1)}
	}
	pieces[n-1].to = rest.to
	return pieces
}
