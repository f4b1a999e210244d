package jaeger

import (
	"context"
	"reflect"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// answer gathers the spans of one call by trace: a trace may come in several messages, and nothing promises that they
// follow one another.
type answer struct {
	ctx     context.Context // whose account is charged
	origins *origins
	blocks  [][]span // spans never move, so that they can point to one another
	traces  map[traceID]*traceSpans
	order   []*traceSpans // as they came
	last    *traceSpans   // the trace of the previous span, which is nearly always the next one's too
	strings map[string]string
	keys    map[string]attributeKey
	charged int64 // bytes, to ctx's account
	scratch int64 // of these what one span is decoded to before it is translated
}

var (
	// spanCost, in bytes, is what a span is charged beside its texts until its answer is assembled: it may be the only one of its trace,
	// and is a node when that is assembled.
	spanCost = int64(reflect.TypeFor[span]().Size() + reflect.TypeFor[node]().Size() + reflect.TypeFor[traceSpans]().Size() + 128)
	// requestCost and callerCost are what what a span is assembled to takes beside its texts.
	requestCost = int64(reflect.TypeFor[evidence.RequestSpan]().Size() + 128)
	callerCost  = int64(reflect.TypeFor[evidence.CallerSpan]().Size() + 128)
)

// rowCost, in bytes, is what a row's span and callers are charged at least from the assembly on.
const rowCost = 2 << 10

// charge charges the account for what is about to be held.
func (a *answer) charge(bytes int64) error {
	if err := memory.Of(a.ctx).Take(a.ctx, bytes); err != nil {
		return upstream.NotHeld(evidence.Jaeger, err)
	}
	a.charged += bytes
	return nil
}

// message charges the account for the texts of a message, which are copied out of it.
func (a *answer) message(text []byte) error { return a.charge(int64(len(text))) }

// decoding charges the account for what one span is decoded to before it is translated, if no earlier one took as much.
func (a *answer) decoding(bytes int64) error {
	if bytes <= a.scratch {
		return nil
	}
	if err := a.charge(bytes - a.scratch); err != nil {
		return err
	}
	a.scratch = bytes
	return nil
}

// settle gives back what an answer was charged but for what is still held of it.
func (a *answer) settle(bytes int64) {
	if bytes < a.charged {
		memory.Of(a.ctx).Give(a.charged - bytes)
		a.charged = bytes
	}
}

// attributeKey is the key of an attribute and what it tells: looked up once for all spans.
type attributeKey struct {
	name  string
	field vllm.SpanField
}

// traceSpans are the spans of one trace, linked in order of arrival.
type traceSpans struct {
	id          traceID
	first, last *span
	count       int
	dropped     int // spans that came beyond maxSpansOfTrace
}

// maxSpansOfTrace is how many spans of one trace a search reads. Whoever sends spans decides how many carry one trace id.
const maxSpansOfTrace = 50_000

// spansPerBlock keeps a block near 200 kB.
const spansPerBlock = 512

// maxStrings bounds the table of repeated strings: names are few unless someone puts an id into them.
const maxStrings = 4096

func newAnswer(ctx context.Context, o *origins) *answer {
	return &answer{ctx: ctx, origins: o, traces: map[traceID]*traceSpans{}, strings: map[string]string{}, keys: map[string]attributeKey{}}
}

// add gives a new span to fill in; it belongs to no trace until link.
func (a *answer) add() (*span, error) {
	n := len(a.blocks)
	if n == 0 || len(a.blocks[n-1]) == cap(a.blocks[n-1]) {
		size := spansPerBlock
		if n == 0 {
			size = 16 // most answers about one request are small
		}
		if err := a.charge(int64(size) * spanCost); err != nil {
			return nil, err
		}
		a.blocks = append(a.blocks, make([]span, 0, size))
		n++
	}
	block := &a.blocks[n-1]
	*block = append(*block, unknown())
	return &(*block)[len(*block)-1], nil
}

// link puts a filled span into its trace, unless that has too many.
func (a *answer) link(s *span) {
	t := a.last
	if t == nil || t.id != s.trace {
		t = a.traces[s.trace]
		if t == nil {
			t = &traceSpans{id: s.trace}
			a.traces[s.trace] = t
			a.order = append(a.order, t)
		}
		a.last = t
	}
	if t.count >= maxSpansOfTrace {
		t.dropped++
		a.dropLast(s)
		return
	}
	if t.first == nil {
		t.first = s
	} else {
		t.last.next = s
	}
	t.last = s
	t.count++
}

// dropLast forgets the span that was added last, so that the next one takes its place.
func (a *answer) dropLast(s *span) {
	block := &a.blocks[len(a.blocks)-1]
	if n := len(*block); n > 0 && &(*block)[n-1] == s {
		*block = (*block)[:n-1]
	}
}

// matched gives the starts of the spans that a search was about, as far as they can be told from others: by service, name,
// window and the request's id.
func (a *answer) matched(s *subject, w evidence.Window) (starts []time.Time) {
	id, byID := s.tags[vllm.SpanRequestID]
	for _, t := range a.order {
		for at := t.first; at != nil; at = at.next {
			if at.service == s.service && (s.operation == "" || at.name == s.operation) && (!byID || at.requestID == id) && w.Contains(at.start) {
				starts = append(starts, at.start)
			}
		}
	}
	return starts
}

// intern gives one copy of a string that repeats.
func (a *answer) intern(s string) string {
	if known, ok := a.strings[s]; ok {
		return known
	}
	if len(a.strings) < maxStrings {
		a.strings[s] = s
	}
	return s
}

// internBytes is intern for bytes that are about to be overwritten; a known string costs no allocation.
func (a *answer) internBytes(b []byte) string {
	if known, ok := a.strings[string(b)]; ok {
		return known
	}
	return a.intern(string(b))
}

// key is internBytes for the key of an attribute.
func (a *answer) key(b []byte) attributeKey {
	if known, ok := a.keys[string(b)]; ok {
		return known
	}
	name := string(b)
	k := attributeKey{name, vllm.SpanFieldOf(name)}
	if len(a.keys) < maxStrings {
		a.keys[name] = k
	}
	return k
}

// keyOf is key for a string.
func (a *answer) keyOf(name string) attributeKey {
	if known, ok := a.keys[name]; ok {
		return known
	}
	return a.key([]byte(name))
}
