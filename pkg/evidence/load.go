package evidence

import "time"

// Load is how many requests fell into each step of a time: how traffic is spread over a window.
type Load struct {
	From   time.Time
	Step   time.Duration
	Counts []float64
}

// In is how many requests fell into a window, within a step in proportion. 0 where nothing is known.
func (l Load) In(w Window) (sum float64) {
	if l.Step <= 0 {
		return 0
	}
	for i, n := range l.Counts {
		from := l.From.Add(time.Duration(i) * l.Step)
		to := from.Add(l.Step)
		if w.From.After(from) {
			from = w.From
		}
		if w.To.Before(to) {
			to = w.To
		}
		if part := to.Sub(from); part > 0 && n > 0 {
			sum += n * float64(part) / float64(l.Step)
		}
	}
	return sum
}
