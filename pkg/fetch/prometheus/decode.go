package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// reading is an answer while it arrives.
type reading struct{ promql.Result }

// ErrNotAnswer is the reason why a body is no answer to a query.
var ErrNotAnswer = errors.New("it is not a query result of Prometheus' HTTP API")

// MaxSeries is how many series are read of one answer: those of thousands of engines.
const MaxSeries = 50_000

// What is charged for what is held of an answer, in bytes: measured, with what maps and growing lists take on top.
const (
	seriesCost    = 400
	labelCost     = 64
	sampleCost    = 24
	histogramCost = 400
	bucketCost    = 24
)

// errEnough ends the reading of an answer at MaxSeries.
var errEnough = errors.New("enough series")

// decode reads the answer to a query or a range query as it arrives. It reads by shape and in any order, since Prometheus' kin add
// fields and order them otherwise: an object is a series, a number begins a scalar's pair.
//
// An answer of more series than MaxSeries, or larger than ctx's account may hold, is read up to there. That is a part that is missing
// like a part of the store that did not answer: it stands in Partial.
func decode(ctx context.Context, from io.Reader) (promql.Result, error) {
	c := newCursor(ctx, from)
	var answer reading
	status, message := "", ""
	err := c.object(func(key []byte) error {
		switch string(key) {
		case "status":
			return c.text(&status)
		case "error":
			return c.text(&message)
		case "isPartial": // VictoriaMetrics
			raw, err := c.raw()
			answer.said(nil, string(raw) == "true")
			return err
		case "warnings":
			raw, err := c.raw()
			var warnings []string
			if err == nil && json.Unmarshal(raw, &warnings) == nil {
				answer.said(warnings, false)
			}
			return err
		case "data":
			return c.nullOr(func() error { return c.object(func(key []byte) error { return answer.data(c, key) }) })
		default:
			return c.skip()
		}
	})
	if err == nil {
		err = c.end()
	}
	if err == nil {
		err = c.settle()
	}
	var of *upstream.Error
	switch {
	case errors.Is(err, errEnough), errors.Is(err, memory.ErrShare):
		answer.Partial = append(answer.Partial, cutAt(len(answer.Series), errors.Is(err, errEnough), c.account.Share()))
		return answer.Result, nil
	case errors.As(err, &of), errors.Is(err, memory.ErrBusy):
		return promql.Result{}, err
	case err != nil:
		return promql.Result{}, fmt.Errorf("%w: %w", ErrNotAnswer, err)
	case status == "error" && message != "":
		return promql.Result{}, errors.New(message)
	case status != "success":
		return promql.Result{}, ErrNotAnswer
	}
	return answer.Result, nil
}

// cutAt says that we stopped reading an answer, and what to do about it.
func cutAt(series int, full bool, share int64) string {
	why := fmt.Sprintf("one query may hold %d MiB", share>>20)
	if full {
		why = "no more are read of one answer"
	}
	return fmt.Sprintf("its answer was cut after %d series, since %s: aggregate, name fewer series, or take a shorter range or a longer step", series, why)
}

// said files the store's warnings; missing is VictoriaMetrics' flag.
func (a *reading) said(warnings []string, missing bool) {
	remarks, partial := sortWarnings(warnings, missing)
	for _, text := range remarks {
		a.Warn(text)
	}
	a.Partial = append(a.Partial, partial...)
}

// data reads one field of the object "data".
func (a *reading) data(c *cursor, key []byte) error {
	switch string(key) {
	case "resultType":
		return c.text(&a.Type)
	case "result":
		return c.nullOr(func() error { return a.result(c) })
	default:
		return c.skip()
	}
}

func (a *reading) result(c *cursor) error {
	if !c.take('[') {
		return c.fail("a list of series")
	}
	if c.take(']') {
		return nil
	}
	if c.peek() != '{' { // scalar and string: [time, "value"], the bracket is behind us
		s, err := c.pairInside()
		if err == nil {
			a.Series = []promql.Series{{Labels: map[string]string{}, Samples: []evidence.Sample{s}}}
		}
		return err
	}
	for {
		if len(a.Series) == MaxSeries {
			return errEnough
		}
		if err := c.charge(seriesCost); err != nil {
			return err
		}
		s := promql.Series{Labels: map[string]string{}}
		err := c.object(func(key []byte) error {
			switch string(key) {
			case "metric":
				return c.labels(s.Labels)
			case "value":
				return c.samples(&s.Samples, false)
			case "values":
				return c.samples(&s.Samples, true)
			case "histogram":
				return c.histograms(&s.Histograms, false)
			case "histograms":
				return c.histograms(&s.Histograms, true)
			default:
				return c.skip()
			}
		})
		if err != nil {
			return err
		}
		if len(s.Samples)+len(s.Histograms) > 0 {
			a.Series = append(a.Series, s)
		}
		if more, err := c.next(']'); !more {
			return err
		}
	}
}
