package join

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Apart is how far a line may lie from the span of the only request that has its id. Clocks may differ by minutes, and lines be
// stamped minutes late: where an id has one span and one attempt, they belong together all the same.
const Apart = 15 * time.Minute

// stream is what is measured of the lines of one stream at one place: how their times lie to those of the spans, and whether
// lines come twice in it.
type stream struct {
	origin *evidence.Origin // as the log store names it
	place  *evidence.Origin // as spans name it, where that was learnt; else as the log store does
	lines  int              // ids that have lines in this stream: as their first, or among equal ones
	// offsets are time of the line − time of the span, in nanoseconds, over ids that are unique.
	offsets []int64
	// told are the same for the line's own clock, late are time of the line − its own clock, both in seconds.
	told, late          []int64
	leastLate, mostLate int64 // of late
	clocked             bool  // a line told its clock

	copies     int     // lines that are surely a copy of another in the same stream
	ids        int     // ids that have equal lines in it, which may be copies
	lastID     int32   // the last of these
	lastSeen   int32   // the last id that was counted as one with lines among equal ones
	lags       []int64 // how much later copies come, in nanoseconds
	duplicates int     // lines dropped

	settled clock
}

// clock is how the times of a stream are read.
type clock struct {
	shift  int64         // to be taken off the log store's time, in nanoseconds
	spread time.Duration // between the earliest and the latest, the outermost tenths left out
	known  bool          // measured, over enough requests or by the lines' own clock
	pairs  int           // over so many requests
	// byTold says that the lines' own clock is nearer to the truth than the times that the store has: zone is to be taken off it.
	byTold bool
	zone   int64
	// late is how late lines usually are by their own clock, in seconds; strays says that some are otherwise.
	late   int64
	strays bool
	// margin is by how much times may be wrong still.
	margin time.Duration
}

// alike notes that an id has lines in the stream that may be copies.
func (s *stream) alike(key int32) {
	if s.ids == 0 || s.lastID != key {
		s.ids, s.lastID = s.ids+1, key
	}
}

// repeats reports whether the stream holds lines twice: because some surely are, or because so many look so that no client can
// have tried again that often.
func (s *stream) repeats() bool { return s.copies > 0 || s.ids*2 >= s.lines && s.ids > 0 }

// lag is by how much copies in the stream come later; steady says that all come so.
func (s *stream) lag() (middle time.Duration, steady bool) {
	m := median(s.lags)
	n := len(s.lags)
	if n < enoughPairs {
		return time.Duration(m), false
	}
	spread := time.Duration(s.lags[n*9/10] - s.lags[n/10])
	return time.Duration(m), spread <= max(20*time.Millisecond, time.Duration(m/10))
}

// streams are the log streams of a join.
type streams struct {
	list    []*stream
	byLine  map[streamKey]*stream
	byValue map[streamValue]*stream

	// recent are some of byLine that were asked for last: neighbours in time are of few streams.
	recent [8]struct {
		key    streamKey
		stream *stream
	}
	next int

	votes map[[2]evidence.Origin]int // ids of the engine's own that two places have in common
	met   map[meeting]*int           // unique ids, by the place of their span and the stream of their lines
}

type streamKey struct {
	origin *evidence.Origin
	stream uint32
}

type streamValue struct {
	origin evidence.Origin
	stream uint32
}

// meeting is a place of spans and the stream that has lines of the same requests.
type meeting struct {
	span *evidence.Origin
	line *stream
}

func newStreams() *streams {
	return &streams{byLine: map[streamKey]*stream{}, byValue: map[streamValue]*stream{}, met: map[meeting]*int{}}
}

// of gives the stream of a line.
func (x *streams) of(e *evidence.RequestEvent) *stream {
	key := streamKey{e.Origin, e.Stream}
	for i := range x.recent {
		if x.recent[i].key == key && x.recent[i].stream != nil {
			return x.recent[i].stream
		}
	}
	s, ok := x.byLine[key]
	if !ok {
		s = x.add(e)
	}
	x.recent[x.next].key, x.recent[x.next].stream = key, s
	x.next = (x.next + 1) % len(x.recent)
	return s
}

func (x *streams) add(e *evidence.RequestEvent) *stream {
	value := streamValue{stream: e.Stream}
	if e.Origin != nil {
		value.origin = *e.Origin
	}
	s, ok := x.byValue[value]
	if !ok {
		s = &stream{origin: e.Origin, place: e.Origin, lastSeen: none}
		x.byValue[value], x.list = s, append(x.list, s)
	}
	x.byLine[streamKey{e.Origin, e.Stream}] = s
	return s
}

// oneProcess notes that two places wrote the same id of an engine's own, which no two processes do.
func (x *streams) oneProcess(a, b *evidence.Origin) {
	if a == b || a == nil || b == nil || *a == *b {
		return
	}
	pair := [2]evidence.Origin{*a, *b}
	if compareOrigins(a, b) > 0 {
		pair = [2]evidence.Origin{*b, *a}
	}
	if x.votes == nil {
		x.votes = map[[2]evidence.Origin]int{}
	}
	x.votes[pair]++
}

// meets notes that a unique id has its span at one place and a line in a stream.
func (x *streams) meets(span *evidence.Origin, line *stream) {
	if span == nil {
		return
	}
	m := meeting{span, line}
	n, ok := x.met[m]
	if !ok {
		n = new(int)
		x.met[m] = n
	}
	*n++
}

// home gives the place of a line, in the words that others know it by as far as these were learnt.
func (x *streams) home(e *evidence.RequestEvent) *evidence.Origin { return x.of(e).place }

// median is the middle of some numbers; 0 of none. The numbers are sorted.
func median(of []int64) int64 {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2]
}
