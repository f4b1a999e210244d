package join

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// timeline is a set of things by time (Unix nanoseconds), in which those near a moment are found and from which they are
// taken out. One id can be reused by thousands of requests: whoever looks for one of them must not go through all.
type timeline struct {
	at   []int64 // ascending
	item []int32
	// up and down lead from a place that was taken out to the next one that was not; what is there leads to itself. Both
	// are shifted by one, so that there is a place before the first and one behind the last.
	up, down []int32
}

// newTimeline sorts items by time; place tells for each item where it went.
func newTimeline(items []int32, at func(int32) int64, place []int32) timeline {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b int32) int { return cmp.Compare(at(a), at(b)) })
	t := timeline{at: make([]int64, len(items)), item: items, up: make([]int32, len(items)+2), down: make([]int32, len(items)+2)}
	for i, item := range items {
		t.at[i], place[item] = at(item), ordinal(i+1)
	}
	for i := range t.up {
		t.up[i], t.down[i] = ordinal(i), ordinal(i)
	}
	return t
}

// follow goes to the end of a way and shortens it for the next who comes.
func follow(way []int32, i int32) int32 {
	for way[i] != i {
		way[i] = way[way[i]]
		i = way[i]
	}
	return i
}

// around visits what lies between from and to, the nearest to the moment first, until visit says that it is enough or that
// the thing it was shown shall be taken out.
func (t *timeline) around(moment, from, to int64, visit func(item int32, distance time.Duration) step) {
	right := ordinal(sort.Search(len(t.at), func(i int) bool { return t.at[i] >= moment }) + 1)
	left := right - 1
	for {
		left, right = follow(t.down, left), follow(t.up, right)
		hasLeft, hasRight := left > 0 && t.at[left-1] >= from, int(right) <= len(t.at) && t.at[right-1] <= to
		var place int32
		switch {
		case !hasLeft && !hasRight:
			return
		case !hasLeft, hasRight && t.at[right-1]-moment <= moment-t.at[left-1]:
			place = right
			right++
		default:
			place = left
			left--
		}
		said := visit(t.item[place-1], time.Duration(t.at[place-1]-moment).Abs())
		if said&takeOut != 0 {
			t.take(place)
		}
		if said&enough != 0 {
			return
		}
	}
}

// take takes out what is at a place.
func (t *timeline) take(place int32) { t.up[place], t.down[place] = place+1, place-1 }

// step is what a visitor wants next.
type step uint8

const (
	goOn    step = 0
	enough  step = 1 << 0
	takeOut step = 1 << 1
)

// closest keeps the nearest thing and how far the next one is.
type closest struct {
	item         int32
	best, second time.Duration
	found        int
}

// offer takes one more thing into account.
func (c *closest) offer(item int32, d time.Duration) {
	switch {
	case c.found == 0 || d < c.best:
		c.item, c.best, c.second = item, d, c.best
	case c.found == 1 || d < c.second:
		c.second = d
	}
	c.found++
}

// decided gives the nearest thing; ok is false when there is none or the next is not farther by a margin.
func (c *closest) decided(margin time.Duration) (item int32, ok bool) {
	return c.item, c.found == 1 || c.found > 1 && c.second-c.best >= margin
}

func enoughIf(yes bool) step {
	if yes {
		return enough
	}
	return goOn
}

// lanes sorts things by the instance that they were seen on.
type lanes struct {
	origins []*evidence.Origin
	items   [][]int32
	of      map[evidence.Origin]int32
}

// add files a thing and gives its lane.
func (l *lanes) add(item int32, origin *evidence.Origin) int32 {
	key := evidence.Origin{}
	if origin != nil {
		key = *origin
	}
	lane, ok := l.of[key]
	if !ok {
		if l.of == nil {
			l.of = map[evidence.Origin]int32{}
		}
		lane = ordinal(len(l.origins))
		l.of[key], l.origins, l.items = lane, append(l.origins, origin), append(l.items, nil)
	}
	l.items[lane] = append(l.items[lane], item)
	return lane
}
