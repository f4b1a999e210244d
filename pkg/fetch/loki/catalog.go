package loki

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Ping reports whether Loki answers a query: one that reads no line, but goes the whole way to the queriers.
func (c *Client) Ping(ctx context.Context) error {
	const logql = "vector(1)+vector(1)"
	_, err := c.ask(ctx, "ping", logql, c.api.URL(pathQuery, nil), url.Values{"query": {logql}}, func(body []byte) error {
		var a struct {
			Status string `json:"status"`
		}
		return unmarshal(body, &a, &a.Status)
	})
	return err
}

// unmarshal reads a small answer.
func unmarshal(body []byte, into any, status *string) error {
	if json.Unmarshal(body, into) != nil {
		return errNotJSON
	}
	if *status != "success" {
		return errNoSuccess
	}
	return nil
}

// sampleLines is how many of a window's newest lines a Sample looks at.
const sampleLines = 500

// Sample is what a look at a window's newest lines says about the logs as a source.
type Sample struct {
	Lines     int // lines looked at, of any kind
	VLLMLines int // those of them that are vLLM's, in whatever form: few of them mean a selector that finds others' logs
	IDLines   int // lines found that name a request
	Reading   evidence.LineReading
	Origins   []evidence.Origin
}

// RequestIDSample looks at the newest lines of the window, and at the newest lines that name a request.
func (c *Client) RequestIDSample(ctx context.Context, window evidence.Window) (Sample, error) {
	var s Sample
	pieces := intervals(window)
	if len(pieces) == 0 {
		return s, nil
	}
	d := newDecoder(placesOf(c.labels))
	newest := pieces[len(pieces)-1]
	size := min(sampleLines, c.linesPerCall.Of(ctx).Value())
	lines, _, _, err := c.callLines(ctx, d, query{selector: c.selector}, newest, size, NewestFirst)
	if err != nil {
		return s, err
	}
	s.Lines = len(lines)
	origins := originCache{places: d.places}
	for _, e := range lines {
		event := vllm.ParseLogLine(e.Line)
		switch event.Reading() {
		case vllm.ReadNot:
			s.Reading.Unread++
			s.Reading.Show(vllm.Example(e.Line))
		case vllm.ReadWell:
			s.Reading.Read++
		default:
			continue
		}
		s.VLLMLines++
		s.add(*origins.of(e))
	}
	named, _, _, err := c.callLines(ctx, d, requestQuery(c.selector, nil), newest, size, NewestFirst)
	if err != nil {
		return s, err
	}
	for _, e := range named {
		if event := vllm.ParseLogLine(e.Line); event.External != "" {
			s.IDLines++
			s.add(*origins.of(e))
		}
	}
	return s, nil
}

func (s *Sample) add(origin evidence.Origin) {
	if !slices.Contains(s.Origins, origin) {
		s.Origins = append(s.Origins, origin)
	}
}

// LabelNames lists the labels of the engines' streams.
func (c *Client) LabelNames(ctx context.Context, window evidence.Window) ([]string, error) {
	return c.list(ctx, "labels", c.api.URL(pathLabels, nil), window)
}

// LabelValues lists the values of one label of the engines' streams.
func (c *Client) LabelValues(ctx context.Context, window evidence.Window, label string) ([]string, error) {
	if !labelName.MatchString(label) {
		return nil, fmt.Errorf("%q is not a label name", label)
	}
	return c.list(ctx, "label_values", c.api.URL(pathLabelValues, map[string]string{"name": label}), window)
}

// Services lists the services whose logs are there; none when no label names services.
func (c *Client) Services(ctx context.Context, window evidence.Window) ([]string, error) {
	if c.labels.Service == "" {
		return nil, nil
	}
	return c.LabelValues(ctx, window, c.labels.Service)
}

// nameCost, in bytes, is what a name takes beside its text while a list of them is read.
const nameCost = 64

func (c *Client) list(ctx context.Context, stage string, endpoint *url.URL, window evidence.Window) ([]string, error) {
	params := rangeParams(interval{window.From.UnixNano(), window.To.UnixNano()})
	params.Set("query", c.selector.String())
	var a struct {
		Status string   `json:"status"`
		Data   []string `json:"data"`
	}
	if _, err := c.ask(ctx, stage, c.selector.String(), endpoint, params, func(body []byte) error {
		// Names stay charged: nobody says when they are dropped.
		if err := memory.Of(ctx).Take(ctx, int64(len(body)+bytes.Count(body, []byte{'"'})/2*nameCost)); err != nil {
			return err
		}
		return unmarshal(body, &a, &a.Status)
	}); err != nil {
		return nil, err
	}
	slices.Sort(a.Data)
	return a.Data, nil
}
