package serving

import "time"

// clock is the queue of future events. Events at the same moment run in the
// order in which they were planned, so that a run can be repeated.
type clock struct {
	now   time.Duration
	queue []event // binary heap
	count uint64
}

type event struct {
	at    time.Duration
	order uint64
	run   func()
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.order < o.order }

// at plans an event; the past means now.
func (c *clock) at(t time.Duration, run func()) {
	c.count++
	c.queue = append(c.queue, event{max(t, c.now), c.count, run})
	i := len(c.queue) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !c.queue[i].before(c.queue[parent]) {
			break
		}
		c.queue[i], c.queue[parent] = c.queue[parent], c.queue[i]
		i = parent
	}
}

func (c *clock) after(d time.Duration, run func()) { c.at(c.now+d, run) }

// advance runs all events up to and including t.
func (c *clock) advance(t time.Duration) {
	for len(c.queue) > 0 && c.queue[0].at <= t {
		e := c.pop()
		c.now = e.at
		e.run()
	}
	c.now = max(c.now, t)
}

// next is when something will happen; false: nothing is planned.
func (c *clock) next() (at time.Duration, ok bool) {
	if len(c.queue) == 0 {
		return 0, false
	}
	return c.queue[0].at, true
}

func (c *clock) pop() event {
	first := c.queue[0]
	last := len(c.queue) - 1
	c.queue[0] = c.queue[last]
	c.queue[last] = event{}
	c.queue = c.queue[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && c.queue[child+1].before(c.queue[child]) {
			child++
		}
		if !c.queue[child].before(c.queue[i]) {
			break
		}
		c.queue[i], c.queue[child] = c.queue[child], c.queue[i]
		i = child
	}
	return first
}
