package evidence

import (
	"slices"
	"time"
)

// Window is a half-open time range [From, To).
type Window struct{ From, To time.Time }

// Contains reports whether t lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Duration of the window.
func (w Window) Duration() time.Duration { return w.To.Sub(w.From) }

// MergeWindows gives the fewest windows that cover all of the given ones, in time order: windows that overlap, touch, or lie
// at most gap apart become one. What a store is asked for should be few windows rather than exact ones: each costs a call.
// Windows that end before they begin are left out. The given slice is not changed.
func MergeWindows(windows []Window, gap time.Duration) []Window {
	sorted := slices.DeleteFunc(slices.Clone(windows), func(w Window) bool { return !w.From.Before(w.To) })
	slices.SortFunc(sorted, func(a, b Window) int { return a.From.Compare(b.From) })
	merged := sorted[:0]
	for _, w := range sorted {
		if last := len(merged) - 1; last >= 0 && !w.From.After(merged[last].To.Add(gap)) {
			if w.To.After(merged[last].To) {
				merged[last].To = w.To
			}
			continue
		}
		merged = append(merged, w)
	}
	return merged
}
