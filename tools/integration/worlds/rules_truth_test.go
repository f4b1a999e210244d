//go:build integration && unix

package worlds_test

import (
	"math"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

const target = 0.99 // of the rules' objectives

// trueAnswers is what a question's numbers must be, by model or, for coverage, by instance; what is not in it is not judged.
func (s *scene) trueAnswers(q alerts.Question, rw ruleWorld) map[string]band {
	switch q.QueryType {
	case query.SLO:
		switch q.SLO.Metrics[0] {
		case "attainment":
			return s.each(func(model string) band {
				kept := s.kept(model, q.Over)
				b := band{kept.met / (kept.met + kept.missed + kept.either), (kept.met + kept.either) / (kept.met + kept.missed + kept.either)}
				return rw.share(b, kept.met+kept.missed)
			})
		case "missed":
			return s.each(func(model string) band {
				kept := s.kept(model, q.Over)
				return rw.count(band{kept.missed, kept.missed + kept.either})
			})
		case "worst_limit_burn_rate":
			return s.each(func(model string) band { return s.burn(model, q.Over) })
		}
	case query.Requests:
		return s.each(func(model string) band { return s.share(model, q, rw) })
	case query.Coverage:
		return s.coverage(q, rw)
	}
	return nil
}

func (s *scene) each(of func(model string) band) map[string]band {
	answers := map[string]band{}
	for _, m := range s.config.Models {
		answers[m.Name] = of(m.Name)
	}
	return answers
}

// share widens a share of n requests that is read off a sample.
func (rw ruleWorld) share(b band, n float64) band {
	if rw.sampled == 0 {
		return b
	}
	return b.estimated(n * rw.sampled)
}

// count widens a number of requests that is worked out from a sample.
func (rw ruleWorld) count(b band) band {
	if rw.sampled == 0 {
		return b
	}
	d := 3 * math.Sqrt((b.high+1)/rw.sampled)
	return band{b.low - d, b.high + d}
}

// began are the model's requests of the window before the history's end.
func (s *scene) began(model string, over time.Duration) (records []*truth.Record) {
	for _, r := range s.truth.Requests() {
		if r.Model == model && !r.Time.Before(s.window.To.Add(-over)) && r.Time.Before(s.window.To) {
			records = append(records, r)
		}
	}
	return records
}

// kept is how many requests kept all limits. Either are those of which nobody who reads telemetry can say it: refused by a server
// that wrote nothing, failed without a trace of it (docs/join.md), or still open and not late yet.
type kept struct{ met, missed, either float64 }

func (s *scene) kept(model string, over time.Duration) (k kept) {
	above := func(took *float64, limit float64) bool { return took != nil && *took > limit }
	open := map[string]bool{} // sequences of one call that are open share their only row
	for _, r := range s.began(model, over) {
		age := s.window.To.Sub(r.Time).Seconds()
		ended := r.Status != truth.StatusUnfinished && !r.End.After(s.window.To)
		late := above(r.TTFT, limitTTFT) || r.CompletionTokens > 1 && above(r.TPOT, limitTPOT) || above(r.E2E, limitE2E)
		switch {
		case !ended && age > limitE2E+join.OpenMargin.Seconds()+s.config.ScrapeInterval.Seconds() && !open[r.ExternalID]: // nothing is known later than the last scrape
			k.missed++
			open[r.ExternalID] = true
		case !ended, r.ExternalID == "":
			k.either++
		case r.Status == truth.StatusOK && !late:
			k.met++
		case r.Status == truth.StatusOK:
			k.missed++
		case r.Status == truth.StatusAborted && r.CompletionTokens > 0 && r.TTFT != nil && !late: // by a pause
			k.either++
		default:
			k.missed++
		}
	}
	return k
}

// burn is the burn rate of the worst single limit, read off counters between the first scrape and the last.
func (s *scene) burn(model string, over time.Duration) band {
	var ttft, tpot, e2e, first, several, done float64
	for _, r := range s.truth.Requests() {
		if r.Model != model || !r.Evidence.Counted || r.End.Before(s.window.To.Add(-over)) || r.End.After(s.window.To) {
			continue
		}
		done++
		count(&e2e, r.E2E != nil && *r.E2E > limitE2E)
		if r.TTFT != nil {
			first++
			count(&ttft, *r.TTFT > limitTTFT)
		}
		if r.TPOT != nil {
			several++
			count(&tpot, *r.TPOT > limitTPOT)
		}
	}
	worst := math.Max(ttft/first, math.Max(tpot/several, e2e/done)) / (1 - target)
	return band{worst*0.75 - 2, worst*1.25 + 2}
}

func count(n *float64, yes bool) {
	if yes {
		*n++
	}
}

// share is the share of requests that a filter passes, of those that have a row, or how many pass.
func (s *scene) share(model string, q alerts.Question, rw ruleWorld) band {
	var pass, either, all float64 // of those that are known
	column := q.Requests.Filters[0].Column
	for _, r := range s.began(model, q.Over) {
		ended := r.Status != truth.StatusUnfinished && !r.End.After(s.window.To)
		switch column {
		case "status":
			failed := r.Status == truth.StatusError || r.Status == truth.StatusRejected
			count(&all, ended)
			count(&pass, failed && ended && r.ExternalID != "")
			count(&either, failed && (!ended || r.ExternalID == ""))
		case "unaccounted":
			known := ended && r.E2E != nil && r.TTFT != nil && r.Decode != nil
			count(&all, known)
			count(&pass, known && *r.E2E-*r.TTFT-*r.Decode > 1)
		case "outside_engine":
			known := ended && r.E2E != nil && r.Caller != nil && r.Caller.TraceID == r.TraceID
			count(&all, known)
			count(&pass, known && r.Caller.Duration-*r.E2E > 2)
		}
	}
	if q.Requests.Metric == attainment.PassedFigure {
		return rw.count(band{pass, pass + either})
	}
	low, high := pass/math.Max(all, 1), (pass+either)/math.Max(all, 1)
	return rw.share(band{low - 0.005, high + 0.005}, all)
}

// coverage is the evidence's own figures.
func (s *scene) coverage(q alerts.Question, rw ruleWorld) map[string]band {
	blind := s.world.Name == "no_logs" || s.world.Name == "no_metrics" || s.world.Name == "no_traces" || rw.spansLate >= q.Over
	switch q.Coverage.Metric {
	case "stores_failed", "stores_blind":
		if blind || rw.partial {
			return map[string]band{"": {0.5, 3}}
		}
		return map[string]band{"": {0, 0}}
	case "stores_truncated":
		return map[string]band{"": {0, 0}}
	}
	answers := map[string]band{}
	for pod, f := range s.finished(q.Over) {
		switch q.Coverage.Metric {
		case "engine_finished":
			answers[pod] = band{f.counted*0.8 - 3, f.counted + 3}
		case "explained_ratio":
			answers[pod] = band{f.certain/f.counted*0.85 - 0.1, f.seen/f.counted*1.15 + 0.1}
		}
	}
	return answers
}

// finished is how many requests an instance counted, of how many of these the stores have anything, and of how many what tells that
// the engine finished them: a span, or a chat's line about its answer.
type finished struct{ counted, seen, certain float64 }

func (s *scene) finished(over time.Duration) map[string]*finished {
	all := map[string]*finished{}
	for _, r := range s.truth.Requests() {
		if !r.Evidence.Counted || r.End.Before(s.window.To.Add(-over)) || r.End.After(s.window.To) {
			continue
		}
		if all[r.Instance] == nil {
			all[r.Instance] = &finished{}
		}
		all[r.Instance].counted++
		span := r.Evidence.EngineSpan == truth.Emitted
		count(&all[r.Instance].seen, span || r.Evidence.LogLines > 0)
		count(&all[r.Instance].certain, span || r.Evidence.LogLines > 2 && r.Endpoint == traffic.ChatCompletions)
	}
	return all
}
