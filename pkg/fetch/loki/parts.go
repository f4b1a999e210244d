package loki

import (
	"strings"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Docker, containerd and journald cut lines at some length, and some shippers send the parts as lines of their own. A part behind the
// first begins anywhere in a client's or a model's text, which may look like the beginning of a line. The last part ends as a
// request's line does, by which the parser knows it (vllm.ReadRest). One in the middle is as long as the first, and so is told by what
// stands before it in its stream: another one that was cut.

// onePart is how soon behind its first part the next part of a line follows.
const onePart = 5 * time.Second

// partReader follows the lines of pages through their streams, and counts how they could be read. Pages are read side by side.
type partReader struct {
	mu    sync.Mutex
	lines evidence.LineReading
	ends  map[uint32][]lineEnd // the last line of each stream of each page
	first []firstLine          // lines that were cut, first of their stream in their page
}

type lineEnd struct {
	nano int64
	cut  bool
}

type firstLine struct {
	stream uint32
	nano   int64
}

// partPage is what one page's lines are read with.
type partPage struct {
	last   map[*stream]lineEnd // but for the stream that the last line is of, whose end stands here
	end    lineEnd
	began  bool
	stream *stream
	open   map[*stream]int // the event of the line that was cut last, and waits for its end
	goes   map[*stream]openRecord
	lines  evidence.LineReading
	first  []firstLine
}

// openRecord is a line that ends in carriage returns: a record of several lines goes on in the next one, with the same head, and its last
// line has one less. (On a terminal all lines have one, and each of them is whole.)
type openRecord struct {
	pid, line int
	returns   int
	logger    string
	events    []int // of the lines so far
	known     bool  // the record is known to have several lines
}

// longestRecord bounds how many lines of a record are remembered.
const longestRecord = 64

// goesOn reports whether a line is a further one of a record of several: a client's id may have line breaks in it, and each line
// looks as if vLLM had written it. drop are the events of the lines before, when only this one shows what they were.
func (p *partPage) goesOn(s *stream, e *vllm.LogEvent) (further bool, drop []int) {
	if len(p.goes) == 0 {
		return false, nil
	}
	before, ok := p.goes[s]
	switch {
	case !ok || before.pid != e.PID || before.line != e.Line || before.logger != e.Logger || e.Returns > before.returns:
		delete(p.goes, s)
		return false, nil
	case !before.known && !e.BrokenRequest():
		if e.Returns < before.returns {
			delete(p.goes, s)
		}
		return false, nil
	}
	drop, before.events, before.known = before.events, nil, true
	p.goes[s] = before
	if e.Returns < before.returns {
		delete(p.goes, s)
	}
	return true, drop
}

// opens notes a line behind which its record may go on, with its event; -1 = it makes none.
func (p *partPage) opens(s *stream, e *vllm.LogEvent, event int) {
	if e.Returns == 0 || e.Line <= 0 {
		return
	}
	record, ok := p.goes[s]
	if !ok || len(record.events) >= longestRecord {
		record = openRecord{pid: e.PID, line: e.Line, returns: e.Returns, logger: e.Logger}
	}
	record.known = record.known || e.BrokenRequest()
	if event >= 0 {
		record.events = append(record.events, event)
	}
	p.goes[s] = record
}

func newPartReader() *partReader { return &partReader{ends: map[uint32][]lineEnd{}} }

func (r *partReader) page() *partPage {
	return &partPage{last: map[*stream]lineEnd{}, open: map[*stream]int{}, goes: map[*stream]openRecord{}}
}

// part takes one line of a page, in order of time; it reports whether the line is a further part of one before.
func (p *partPage) part(e entry, parsed *vllm.LogEvent) bool {
	nano := e.unixNano()
	if e.stream != p.stream { // most lines follow one of their own stream
		p.leave()
		p.stream = e.stream
		p.end, p.began = p.last[e.stream]
	}
	before, known := p.end, p.began
	p.end, p.began = lineEnd{nano, parsed.Cut}, true
	switch parsed.Reading() {
	case vllm.ReadRest:
		p.lines.Parts++
		return true
	case vllm.ReadNot:
		p.lines.Unread++
		p.lines.Show(vllm.Example(e.Line))
	case vllm.ReadWell:
		p.lines.Read++
	}
	if !parsed.Cut {
		return false
	}
	if known && before.cut && nano-before.nano <= int64(onePart) {
		p.lines.Parts++
		return true
	}
	p.lines.Cut++
	if !known {
		p.first = append(p.first, firstLine{e.stream.id, nano})
	}
	return false
}

// finish gives the reason of an answer to the line before that was cut: it stands in the last part.
func (p *partPage) finish(e entry, parsed *vllm.LogEvent, events []evidence.RequestEvent) {
	at, ok := p.open[e.stream]
	if !ok {
		return
	}
	delete(p.open, e.stream)
	if i := strings.LastIndex(parsed.Message, ", finish_reason: "); i >= 0 {
		reason := parsed.Message[i+len(", finish_reason: "):]
		if detail := events[at].Detail; detail == nil && reason != "None" && reason != "streaming_complete" {
			events[at].Detail = &evidence.EventDetail{
				FinishReason: internReason(reason), MaxTokens: evidence.Unknown, CachedTokens: evidence.Unknown, Temperature: evidence.NaN, TopP: evidence.NaN,
			}
		}
	}
}

// leave notes the end of the stream that the last line is of.
func (p *partPage) leave() {
	if p.stream != nil {
		p.last[p.stream] = p.end
	}
}

// done hands a page's findings over.
func (r *partReader) done(p *partPage) {
	p.leave()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines.Add(p.lines)
	r.first = append(r.first, p.first...)
	for s, end := range p.last {
		r.ends[s.id] = append(r.ends[s.id], end)
	}
}

// settle drops the events of lines that turn out to be further parts of the last line of the page before.
func (r *partReader) settle(events []evidence.RequestEvent) []evidence.RequestEvent {
	parts := map[firstLine]bool{}
	for _, line := range r.first {
		var before lineEnd
		for _, end := range r.ends[line.stream] {
			if end.nano < line.nano && end.nano > before.nano {
				before = end
			}
		}
		if before.cut && line.nano-before.nano <= int64(onePart) {
			parts[line] = true
			r.lines.Cut--
			r.lines.Parts++
		}
	}
	if len(parts) == 0 {
		return events
	}
	kept := events[:0]
	for _, e := range events {
		if !parts[firstLine{e.Stream, e.UnixNano}] {
			kept = append(kept, e)
		}
	}
	return kept
}
