package join

import (
	"cmp"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Overlapping returns the rows that ran on the same instance as r while r did, r itself left out, the longest overlap
// first, at most limit. Where several instances are known, a row that does not name its own shared nothing for sure.
func (j Joined) Overlapping(r *Request, limit int) []Request {
	type shared struct {
		row     int
		overlap time.Duration
	}
	var found []shared
	end := r.End()
	for i := range j.Rows {
		o := &j.Rows[i]
		if o.Span == nil || (r.Span != nil && o.Span.SpanID == r.Span.SpanID) {
			continue
		}
		if !j.shares(r.Origin, o.Origin) {
			continue
		}
		from, to := r.Time, end
		if o.Time.After(from) {
			from = o.Time
		}
		if e := o.End(); e.Before(to) {
			to = e
		}
		if d := to.Sub(from); d > 0 {
			found = append(found, shared{i, d})
		}
	}
	slices.SortStableFunc(found, func(a, b shared) int { return cmp.Compare(b.overlap, a.overlap) })
	if len(found) > limit {
		found = found[:limit]
	}
	out := make([]Request, len(found))
	for i, f := range found {
		out[i] = j.Rows[f.row]
	}
	return out
}

// shares reports whether two rows ran on one instance. Names that several instances have tell of none.
func (j Joined) shares(a, b *evidence.Origin) bool {
	x, y := j.instances.table.Find(a), j.instances.table.Find(b)
	switch servers.Compare(a, b) {
	case servers.Other:
		return false
	case servers.Same:
		return len(x.Shared) == 0 && len(y.Shared) == 0
	}
	return len(j.instances.list) <= 1 || x.At != servers.None && x.At == y.At
}

// StateAround returns the series of the instance that a row of another join ran on, and of the GPUs around it; of the only
// instance there is when the row names none.
func (j Joined) StateAround(r *Request) []evidence.Series {
	found := j.instances.table.Find(r.Origin)
	at := found.At
	if at < 0 && len(j.instances.list) == 1 && !servers.Named(r.Origin) {
		at = 0
	}
	if at < 0 {
		return nil
	}
	in := &j.instances.list[at]
	of := map[*evidence.Series]*evidence.Series{}
	for _, g := range in.gpus {
		of[g] = g
	}
	for e := range in.engines {
		for _, series := range in.engines[e].series {
			for _, s := range series {
				of[s] = s
				if made := in.engines[e].merged[s]; made != nil {
					of[made] = s
				}
			}
		}
	}
	var out []evidence.Series
	for i := range j.in.Series { // in the order of the stores' answer, not of maps
		if s := of[&j.in.Series[i]]; s != nil && s.Metric != vllm.GenerationTokens { // which tells copies from engines, and nothing else here
			out = append(out, *s)
		}
	}
	return out
}
