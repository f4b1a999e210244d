package evidence

import "time"

// ClockNoise is how far the clocks of two hosts that are kept in step may differ. A span above an engine's that is off by more
// is so for another reason: it ended with the headers, it is the parent of another request, or its clock is wrong.
const ClockNoise = 100 * time.Millisecond

// durationNoise is how much shorter than the engine's time a call around it may be measured: other clocks took the two.
const durationNoise = time.Millisecond

// Running reports whether a span above was under way at a moment, as far as two clocks can tell.
func (c *CallerSpan) Running(at time.Time) bool {
	return !c.Start.After(at.Add(ClockNoise)) && !c.End().Before(at.Add(-ClockNoise))
}

// Covers reports whether a span above can be the call that the engine's span answers: it was under way all the time, and as
// long.
func (c *CallerSpan) Covers(s *RequestSpan) bool {
	took := s.engineTime()
	return c.Running(s.Start) && !c.End().Before(s.Start.Add(took-ClockNoise)) && Seconds(c.Duration) >= took-durationNoise
}

// engineTime is how long an engine worked on a request.
func (s *RequestSpan) engineTime() time.Duration {
	if d := Seconds(s.E2E); d > 0 {
		return d
	}
	return Seconds(s.Duration)
}
