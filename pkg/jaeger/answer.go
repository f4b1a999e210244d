package jaeger

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// answer gathers the spans of one call by trace: a trace may come in several messages, and nothing promises that they
// follow one another.
type answer struct {
	origins *origins
	blocks  [][]span // spans never move, so that they can point to one another
	traces  map[traceID]*traceSpans
	order   []*traceSpans // as they came
	last    *traceSpans   // the trace of the previous span, which is nearly always the next one's too
	strings map[string]string
	keys    map[string]attributeKey
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
}

// spansPerBlock keeps a block near 200 kB.
const spansPerBlock = 512

// maxStrings bounds the table of repeated strings: names are few unless someone puts an id into them.
const maxStrings = 4096

func newAnswer(o *origins) *answer {
	return &answer{origins: o, traces: map[traceID]*traceSpans{}, strings: map[string]string{}, keys: map[string]attributeKey{}}
}

// add gives a new span to fill in; it belongs to no trace until link.
func (a *answer) add() *span {
	n := len(a.blocks)
	if n == 0 || len(a.blocks[n-1]) == cap(a.blocks[n-1]) {
		size := spansPerBlock
		if n == 0 {
			size = 16 // most answers about one request are small
		}
		a.blocks = append(a.blocks, make([]span, 0, size))
		n++
	}
	block := &a.blocks[n-1]
	*block = append(*block, unknown())
	return &(*block)[len(*block)-1]
}

// link puts a filled span into its trace.
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
	if t.first == nil {
		t.first = s
	} else {
		t.last.next = s
	}
	t.last = s
	t.count++
}

// matched counts the spans that a search for service and name in a window was about.
func (a *answer) matched(service, name string, w evidence.Window) (n int) {
	for _, t := range a.order {
		for s := t.first; s != nil; s = s.next {
			if s.service == service && (name == "" || s.name == name) && w.Contains(s.start) {
				n++
			}
		}
	}
	return n
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
