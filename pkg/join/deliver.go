package join

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// deliver gives an attempt's lines to the rows of its call, or makes a row of them.
func (j *joiner) deliver(a *attempt) {
	switch {
	case a.contested: // its lines go to none of the calls that it fits, and it is no row of its own
		j.linesUnmatched += len(a.events)
	case a.call == nil:
		j.logOnly(a)
	default:
		for _, row := range a.call.rows {
			for _, e := range a.events {
				j.give(row, &j.in.Events[e])
			}
		}
		if a.loose {
			j.mark(a.call.rows, a.doubtful)
		}
		j.doubtReasons(a.events, a.sequences, a.call.rows...)
		if a.cutShort() {
			j.unfinished(a)
		}
	}
}

// mark says that further evidence fits these rows and others; failed, that some of it tells of a failure.
func (j *joiner) mark(rows []int32, failed bool) {
	for _, row := range rows {
		j.rows[row].Ambiguous = true
		j.events[row].doubtful = j.events[row].doubtful || failed
	}
}

// cutShort reports whether sequences of an attempt ended before they were done while others left their spans. Without an
// abort or a failure nothing is proven: a span that is missing may be lost, yet to come, or not have been read.
func (a *attempt) cutShort() bool { return (a.aborted || a.died) && a.sequences > len(a.call.rows) }

// unfinished makes the row of those sequences of a call that left no span. It is one row however many they are, as it is when
// none of a call's sequences left one: its lines are the call's.
func (j *joiner) unfinished(a *attempt) {
	row, sibling := j.logOnly(a), a.call.rows[0]
	r, s := &j.rows[row], &j.rows[sibling]
	r.Time, r.Origin, r.RequestID = s.Time, s.Origin, s.RequestID
	if s.Caller != nil || s.Span != nil && s.Span.ParentSpanID != "" { // who called one called them all; else each sequence has a trace of its own
		r.Caller, r.Call, r.Root, r.TraceID = s.Caller, s.Call, s.Root, s.TraceID
		r.Signals |= SignalTrace
	}
	if r.Caller == nil && s.Span != nil {
		if above := j.inStep(s.Span); above != nil { // it covers the request by the engines' clock
			r.Caller, r.Call = above, above
		}
	}
	j.events[row].finish = told{} // a sibling's: it says how one that was done ended
}

// logOnly makes a row of an attempt that no span explains.
func (j *joiner) logOnly(a *attempt) int32 {
	row := j.addRow()
	for _, e := range a.events {
		j.give(row, &j.in.Events[e])
	}
	r := &j.rows[row]
	r.Time, r.Origin, r.Ambiguous = a.first, a.origin, a.loose
	j.events[row].doubtful = a.doubtful
	r.RequestID = j.in.Events[a.events[0]].External
	j.doubtReasons(a.events, a.sequences, row)
	return row
}

// doubtReasons forgets the finish reason of rows whose request has several sequences when not each of them has its line: a line names
// the request and not the sequence, so the one that is missing may tell another reason.
func (j *joiner) doubtReasons(lines []int32, sequences int, rows ...int32) {
	sequences = max(sequences, len(rows), 1)
	last, deltas, parts := 0, 0, 1
	for _, e := range lines {
		parts = max(parts, j.parts[e])
		d := j.in.Events[e].Detail
		if d == nil {
			continue
		}
		sequences = max(sequences, int(d.Sequences))
		switch {
		case !tellsReason(d.FinishReason):
		case j.in.Events[e].Kind == vllm.LogDelta: // the last delta of a sequence tells what its last line may tell once more
			deltas++
		default:
			last++
		}
	}
	if n := max(last, deltas); n > 0 && n < sequences*parts {
		for _, row := range rows {
			j.events[row].partial = true
		}
	}
}

// tellsReason reports whether a line's word is a finish reason. The literal "streaming_complete" only says that the stream is over; the
// last delta has the reason.
func tellsReason(word string) bool {
	return word != "" && word != "None" && word != "streaming_complete"
}

// give adds one line to one row.
func (j *joiner) give(row int32, e *evidence.RequestEvent) {
	r, f := &j.rows[row], &j.events[row]
	if r.LogLines == evidence.Unknown {
		r.LogLines, r.WarningLines, r.ErrorLines = 0, 0, 0
	}
	r.LogLines++
	if e.Warning {
		r.WarningLines++
	}
	if e.Error {
		r.ErrorLines++
	}
	r.Signals |= SignalLogs
	if t := j.at(e); t.After(r.lastLog) {
		r.lastLog = t
	}
	if j.in.WithLines {
		r.remember(e)
	}
	f.learn(e)
	if e.Kind == vllm.LogReceived && r.Span != nil {
		if skew := float64(e.UnixNano-r.Span.Start.UnixNano()) / 1e9; !(r.logSkew <= skew) { // the first of several
			r.logSkew = skew
		}
	}
}

// learn keeps what the outcome of a request will need of one line.
func (f *eventFacts) learn(e *evidence.RequestEvent) {
	f.opened = f.opened || opening(e.Kind)
	f.beams = f.beams || e.Beams
	f.siblings = f.siblings || e.Form == vllm.IDInternal && vllm.ExternalFromChild(e.ID) != e.ID
	switch e.Kind {
	case vllm.LogAborted:
		f.aborted = true
	case vllm.LogFailed, vllm.LogCrashDump:
		f.failed = true
		f.refused = f.refused || e.Detail != nil && vllm.IsRefusal(e.Detail.Error)
	case vllm.LogInternalError, vllm.LogException:
		f.failed, f.failedInside = true, true
	case vllm.LogRequestError:
		f.failed, f.failedInside = f.failed || e.Error, f.failedInside || e.Error
	case vllm.LogGenerated, vllm.LogFinished:
		f.generated = true
	}
	d := e.Detail
	if d == nil {
		return
	}
	if e.Kind == vllm.LogReceived && (f.detail == nil || e.UnixNano < f.detailAt || e.UnixNano == f.detailAt && compareDetails(d, f.detail) < 0) {
		f.detail, f.detailAt = d, e.UnixNano
	}
	if e.Kind == vllm.LogCacheHit && d.CachedTokens >= 0 && (f.cachedAt == 0 || e.UnixNano < f.cachedAt || e.UnixNano == f.cachedAt && d.CachedTokens > f.cached) {
		f.cached, f.cachedAt = d.CachedTokens, e.UnixNano
	}
	if tellsReason(d.FinishReason) {
		f.mixed = f.mixed || f.finish.word != "" && f.finish.word != d.FinishReason // several sequences, and a line does not say which is its
		f.finish.hear(d.FinishReason, e.UnixNano)
	}
	if d.Error != "" {
		f.err.hear(d.Error, e.UnixNano)
	}
	if d.LoRA != "" && d.LoRA != "None" {
		f.lora.hear(d.LoRA, e.UnixNano)
	}
}
