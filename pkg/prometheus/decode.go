package prometheus

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Answer is what a query came to.
type Answer struct {
	Type     string // vector, matrix, scalar or string
	Series   []Series
	Warnings []string // remarks that leave the answer whole, the store's and ours
	// Partial are the store's words where a part of it did not answer: what is here is not all there is.
	Partial []string
}

// Series is one labelled sequence, ascending in time; a vector's and a scalar's have one sample.
type Series struct {
	Labels     map[string]string
	Samples    []evidence.Sample
	Histograms []Histogram // samples that are native histograms, ascending in time
}

// ErrNotAnswer is the reason why a body is no answer to a query.
var ErrNotAnswer = errors.New("it is not a query result of Prometheus' HTTP API")

// warnHistograms is a remark that we add to an answer.
const warnHistograms = "native histograms are not shown"

// decode reads the answer to a query or a range query. It reads by shape and in any order, since Prometheus' kin add
// fields and order them otherwise: an object is a series, a number begins a scalar's pair.
func decode(body []byte) (answer Answer, err error) {
	c := &cursor{b: body}
	status, message := "", ""
	err = c.object(func(key []byte) error {
		switch string(key) {
		case "status":
			return c.text(&status)
		case "error":
			return c.text(&message)
		case "isPartial": // VictoriaMetrics
			raw, err := c.skip()
			answer.said(nil, string(raw) == "true")
			return err
		case "warnings":
			raw, err := c.skip()
			var warnings []string
			if err == nil && json.Unmarshal(raw, &warnings) == nil {
				answer.said(warnings, false)
			}
			return err
		case "data":
			return c.nullOr(func() error { return c.object(func(key []byte) error { return answer.data(c, key) }) })
		default:
			_, err := c.skip()
			return err
		}
	})
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%w: %w", ErrNotAnswer, err)
	case status == "error" && message != "":
		return Answer{}, errors.New(message)
	case status != "success":
		return Answer{}, ErrNotAnswer
	}
	return answer, nil
}

func (a *Answer) warn(text string) {
	if !slices.Contains(a.Warnings, text) {
		a.Warnings = append(a.Warnings, text)
	}
}

// said files the store's warnings; missing is VictoriaMetrics' flag.
func (a *Answer) said(warnings []string, missing bool) {
	remarks, partial := sortWarnings(warnings, missing)
	for _, text := range remarks {
		a.warn(text)
	}
	a.Partial = append(a.Partial, partial...)
}

// data reads one field of the object "data".
func (a *Answer) data(c *cursor, key []byte) error {
	switch string(key) {
	case "resultType":
		return c.text(&a.Type)
	case "result":
		return c.nullOr(func() error { return a.result(c) })
	default:
		_, err := c.skip()
		return err
	}
}

func (a *Answer) result(c *cursor) error {
	if !c.take('[') {
		return c.fail("a list of series")
	}
	if c.take(']') {
		return nil
	}
	if c.peek() != '{' { // scalar and string: [time, "value"], the bracket is behind us
		s, err := c.pairInside()
		if err == nil {
			a.Series = []Series{{Labels: map[string]string{}, Samples: []evidence.Sample{s}}}
		}
		return err
	}
	for {
		s := Series{Labels: map[string]string{}}
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
				_, err := c.skip()
				return err
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
