package prometheus

import "time"

// SetClock lets tests say what time it is for what is kept.
func (c *Client) SetClock(now func() time.Time) {
	c.names.WithClock(now)
	c.exact.WithClock(now)
	c.copies.WithClock(now)
	c.scrapes.WithClock(now)
	c.uneven.WithClock(now)
}
