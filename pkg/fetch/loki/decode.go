package loki

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	"github.com/grafana/loki/pkg/push"
	jsoniter "github.com/json-iterator/go"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// entry is one line as Loki sent it, as Loki's own protobuf package logproto describes it (loki/pkg/push), with its stream.
// StructuredMetadata is shared by lines that have the same, and nil when there is none.
type entry struct {
	push.Entry
	stream *stream
}

func (e *entry) unixNano() int64 { return e.Timestamp.UnixNano() }

// stream is one set of labels, with the place that they name.
type stream struct {
	key    string // the labels as Loki wrote them: orders lines of one nanosecond
	labels map[string]string
	origin *evidence.Origin
	id     uint32 // hash of the labels
	length int    // of the labels as JSON, in bytes
}

// decoder reads answers. It keeps the streams it met, so that all lines of one share labels and origin, whichever answer
// they came in. It is safe for concurrent use.
type decoder struct {
	places  places
	mu      sync.Mutex
	streams map[string]*stream
}

func newDecoder(p places) *decoder { return &decoder{places: p, streams: map[string]*stream{}} }

// Reasons of an answer that cannot be read. The answer itself is not quoted: it may hold prompts.
var (
	errNotJSON   = errors.New("it is not the JSON of a query result")
	errBrokenOff = errors.New("it broke off")
	errNoSuccess = errors.New(`its status is not "success"`)
	errNotLines  = errors.New("it holds no log lines, but another type of result")
	errTrailing  = errors.New("something stands behind its end")
	errTime      = errors.New("a time in it is no number")
	errUnasked   = errors.New("it holds many more lines than were asked for")
)

// What is charged for labels and metadata, in bytes.
const (
	streamCost = 512
	labelCost  = 128
)

// costOfLabels is what labels are charged before they are read: an object has no more members than colons.
func costOfLabels(raw []byte) int { return labelCost*(1+bytes.Count(raw, []byte{':'})) + 4*len(raw) }

// lines reads the answer to a log query for up to limit lines, in the order in which Loki wrote it: stream by stream. What streams and
// metadata take is charged to ctx's account.
func (d *decoder) lines(ctx context.Context, body []byte, limit int) ([]entry, error) {
	a := newAnswer(body)
	a.ctx = ctx
	defer a.close()
	metadata := map[string]push.LabelsAdapter{} // by raw text: most lines of an answer have only detected_level
	var entries []entry
	err := a.result("streams", func(it *jsoniter.Iterator) bool {
		var s *stream
		it.ReadObjectCB(func(it *jsoniter.Iterator, field string) bool {
			switch field {
			case "stream":
				s = d.stream(a, it.SkipAndReturnBytes())
			case "values":
				it.ReadArrayCB(func(it *jsoniter.Iterator) bool {
					e := a.value(it, metadata)
					e.stream = s
					if len(entries) == limit+atOnce {
						a.invalid = errUnasked
						return false
					}
					entries = append(entries, e)
					return it.Error == nil
				})
			default:
				it.Skip()
			}
			return it.Error == nil
		})
		return it.Error == nil
	})
	if err != nil {
		return nil, err
	}
	for i := range entries { // a stream whose labels come after its values, or not at all
		if entries[i].stream == nil {
			return nil, errNotJSON
		}
	}
	return entries, nil
}

// answer is one JSON document that is being read.
type answer struct {
	body    []byte
	iter    *jsoniter.Iterator
	invalid error // what is wrong with the content of well-formed JSON
	ctx     context.Context
}

// atOnce is how many lines more than were asked for are read: some of Loki's kin give all of the last nanosecond.
const atOnce = 10_000

// charge reports whether more may be held.
func (a *answer) charge(bytes int) bool {
	if err := memory.Of(a.ctx).Take(a.ctx, int64(bytes)); err != nil {
		a.invalid = err
		return false
	}
	return true
}

func newAnswer(body []byte) *answer {
	return &answer{body: body, iter: jsoniter.ConfigDefault.BorrowIterator(body)}
}

func (a *answer) close() { jsoniter.ConfigDefault.ReturnIterator(a.iter) }

// brokenOff reports whether a text begins like a JSON object and does not end like one.
func brokenOff(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) == 0 || body[0] == '{' && body[len(body)-1] != '}'
}

// result reads the frame that all answers share and gives each element of data.result to element.
func (a *answer) result(kind string, element func(*jsoniter.Iterator) bool) error {
	var status, resultType string
	a.iter.ReadObjectCB(func(it *jsoniter.Iterator, field string) bool {
		switch field {
		case "status":
			status = it.ReadString()
		case "data":
			it.ReadObjectCB(func(it *jsoniter.Iterator, field string) bool {
				switch field {
				case "resultType":
					resultType = it.ReadString()
				case "result":
					it.ReadArrayCB(element)
				default:
					it.Skip()
				}
				return it.Error == nil
			})
		default:
			it.Skip()
		}
		return it.Error == nil
	})
	switch {
	case a.trailing():
		return errTrailing
	case a.invalid != nil:
		return a.invalid
	case a.iter.Error != nil && brokenOff(a.body):
		return errBrokenOff
	case a.iter.Error != nil:
		return errNotJSON
	case status != "success":
		return errNoSuccess
	case resultType != kind:
		return errNotLines
	}
	return nil
}

// trailing reports whether something stands behind a document that was read whole.
func (a *answer) trailing() bool {
	if a.iter.Error != nil {
		return false
	}
	a.iter.WhatIsNext() // its error is the end
	more := a.iter.Error == nil
	a.iter.Error = nil
	return more
}

// value reads ["<unix ns>", "<line>"] with, since Loki 3 and the categorize-labels flag, an object of metadata behind.
func (a *answer) value(it *jsoniter.Iterator, metadata map[string]push.LabelsAdapter) entry {
	var e entry
	for i := 0; it.ReadArray(); i++ {
		switch i {
		case 0:
			ns, ok := parseNano(it.ReadStringAsSlice())
			if !ok && it.Error == nil {
				a.invalid = errTime
			}
			e.Timestamp = time.Unix(0, ns).UTC()
		case 1:
			e.Line = it.ReadString()
		case 2:
			raw := it.SkipAndReturnBytes()
			known, ok := metadata[string(raw)]
			if !ok {
				if !a.charge(costOfLabels(raw)) {
					it.ReportError("charge", a.invalid.Error())
					break
				}
				known = readMetadata(raw)
				metadata[string(raw)] = known
			}
			e.StructuredMetadata = known
		default:
			it.Skip()
		}
		if it.Error != nil {
			break
		}
	}
	return e
}

// parseNano reads Unix nanoseconds. Ten years from now they have 19 digits still: no overflow to look for.
func parseNano(digits []byte) (ns int64, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		ns = ns*10 + int64(c-'0')
	}
	return ns, len(digits) > 0 && len(digits) <= 19 && ns >= 0
}

// readMetadata reads {"structuredMetadata": {…}, "parsed": {…}}; without categories the labels stand there themselves.
func readMetadata(raw []byte) push.LabelsAdapter {
	var out push.LabelsAdapter
	set := func(it *jsoniter.Iterator, name string) {
		if it.WhatIsNext() != jsoniter.StringValue {
			it.Skip()
			return
		}
		out = append(out, push.LabelAdapter{Name: name, Value: it.ReadString()})
	}
	it := jsoniter.ConfigDefault.BorrowIterator(raw)
	defer jsoniter.ConfigDefault.ReturnIterator(it)
	if it.WhatIsNext() != jsoniter.ObjectValue {
		return nil
	}
	it.ReadObjectCB(func(it *jsoniter.Iterator, field string) bool {
		if it.WhatIsNext() == jsoniter.ObjectValue {
			it.ReadObjectCB(func(it *jsoniter.Iterator, name string) bool {
				set(it, name)
				return it.Error == nil
			})
		} else {
			set(it, field)
		}
		return it.Error == nil
	})
	return out
}

// stream gives the stream of these labels, known or new; nil when they cannot be read.
func (d *decoder) stream(a *answer, raw []byte) *stream {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.streams[string(raw)]; ok {
		return s
	}
	if !a.charge(streamCost + costOfLabels(raw)) {
		a.iter.ReportError("charge", a.invalid.Error())
		return nil
	}
	var labels map[string]string
	if err := jsoniter.ConfigDefault.Unmarshal(raw, &labels); err != nil {
		return nil
	}
	origin := d.places.origin(labels, nil)
	h := fnv.New32a()
	_, _ = h.Write(raw) // never fails
	s := &stream{key: string(raw), labels: labels, origin: &origin, id: h.Sum32(), length: len(raw)}
	d.streams[s.key] = s
	return s
}
