package evidence

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Window is a half-open time range [From, To).
type Window struct{ From, To time.Time }

// MaxRange is 400 days: no deployment's raw telemetry is kept longer, and durations stay far from overflow. No store is asked for more at
// once, nor about a time before 1970 or after 2200, which no store's clock shows.
const MaxRange = 400 * 24 * time.Hour

// lastMoment is where times end that fit into nanoseconds, with centuries to spare.
var lastMoment = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// Askable says why a window cannot be asked of a store; nil when it can.
func (w Window) Askable() error {
	switch {
	case !w.From.Before(w.To):
		return errors.New("it ends before it begins")
	case w.Duration() > MaxRange: // which is as long as a duration can be where the window is longer than that
		return fmt.Errorf("longer than %d days", int(MaxRange/(24*time.Hour)))
	case w.From.Before(time.Unix(0, 0)) || w.To.After(lastMoment):
		return errors.New("not between the years 1970 and 2200")
	}
	return nil
}

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
