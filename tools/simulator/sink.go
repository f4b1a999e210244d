package simulator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// sink is where all output of the fleet goes: into the stores' buffers, the
// truth file and the caller's recorder. A part that is not wanted is nil.
type sink struct {
	ctx         context.Context // of the backfill under way; buffers wait under it
	lines       *ship.Buffer[telemetry.LogLine]
	spans       *ship.Buffer[*telemetry.Span]
	writes      *ship.Buffer[ship.WriteRequest]
	loki        ship.Loki
	recorder    truth.Recorder
	file        *bufio.Writer
	encoder     *json.Encoder
	truthError  error
	stats       counters
	lineHooks   []func(telemetry.LogLine, func(telemetry.LogLine))
	truthHooks  []func(*truth.Record)
	scrapeHooks []func(ship.Scrape, func(ship.Scrape))
	scrapers    ship.Scrapers // of changed scrapes
	traces      *traces       // nil: spans pass at once
}

func newSink(c Config) *sink {
	s := &sink{ctx: context.Background(), recorder: c.Recorder}
	s.through(c.Pipelines)
	if c.Truth != nil {
		s.file = bufio.NewWriterSize(c.Truth, 1<<20)
		s.encoder = json.NewEncoder(s.file)
	}
	limits := ship.Limits{Bytes: c.BufferBytes, Backoff: 250 * time.Millisecond, Patience: 30 * time.Second}
	if c.Loki != "" {
		s.loki = ship.Loki{URL: c.Loki, Tenant: c.LokiTenant, Client: c.Client}
		l := limits // half of Loki's default rate of 4 MB/s in a request
		l.BatchBytes, l.BatchItems, l.Linger = 1<<20, 10000, time.Second
		s.lines = ship.NewBuffer("loki", s.loki, ship.LineSize, l, c.Logger)
	}
	if c.OTLP != "" {
		l := limits // the SDK's batch exporter waits five seconds
		l.BatchBytes, l.BatchItems, l.Linger = 2<<20, 2048, 5*time.Second
		s.spans = ship.NewBuffer("jaeger", ship.OTLP{URL: c.OTLP, Client: c.Client}, ship.SpanSize, l, c.Logger)
	}
	if c.PrometheusRemoteWrite != "" {
		l := limits
		l.BatchBytes, l.BatchItems, l.Linger = 1, 1, time.Second
		s.writes = ship.NewBuffer("prometheus", ship.RemoteWrite{URL: c.PrometheusRemoteWrite, Client: c.Client}, ship.WriteSize, l, c.Logger)
	}
	return s
}

// Log implements serving.Output.
func (s *sink) Log(l telemetry.LogLine) { s.changeLine(0, l) }

// shipLine is the end of all pipelines.
func (s *sink) shipLine(l telemetry.LogLine) {
	s.stats.lines.Add(1)
	if s.lines != nil {
		s.lines.Add(s.ctx, l)
	}
}

// Span implements serving.Output.
func (s *sink) Span(span *telemetry.Span) {
	if s.traces != nil {
		s.traces.add(span)
		return
	}
	s.shipSpan(span)
}

// shipSpan is the end of all pipelines.
func (s *sink) shipSpan(span *telemetry.Span) {
	s.stats.spans.Add(1)
	if s.spans != nil {
		s.spans.Add(s.ctx, span)
	}
}

// Request implements truth.Recorder.
func (s *sink) Request(r *truth.Record) {
	if s.traces != nil {
		s.traces.settle(r)
	}
	for _, change := range s.truthHooks {
		change(r)
	}
	if r.ExternalID != "" {
		s.stats.requests.Add(1)
	}
	s.encode(r)
	if s.recorder != nil {
		s.recorder.Request(r)
	}
}

// Scrape implements truth.Recorder.
func (s *sink) Scrape(r *truth.Scrape) {
	s.encode(r)
	if s.recorder != nil {
		s.recorder.Scrape(r)
	}
}

// Event implements truth.Recorder.
func (s *sink) Event(e *truth.Event) {
	s.encode(e)
	if s.recorder != nil {
		s.recorder.Event(e)
	}
}

func (s *sink) encode(v any) {
	if s.encoder == nil || s.truthError != nil {
		return
	}
	s.truthError = s.encoder.Encode(v)
}

func (s *sink) flushTruth() error {
	if s.file == nil {
		return nil
	}
	if s.truthError == nil {
		s.truthError = s.file.Flush()
	}
	return s.truthError
}

// write hands over a remote write request, if there is one.
func (s *sink) write(ctx context.Context, r ship.WriteRequest) {
	if s.writes != nil && r != nil {
		s.writes.Add(ctx, r)
	}
}

func (s *sink) countScrape(samples int) {
	s.stats.scrapes.Add(1)
	s.stats.samples.Add(int64(samples))
}

// lossless makes the fleet wait for the stores while it writes history.
func (s *sink) lossless(ctx context.Context, on bool) {
	s.ctx = context.Background()
	if on {
		s.ctx = ctx
	}
	if s.lines != nil {
		s.lines.Lossless(on)
	}
	if s.spans != nil {
		s.spans.Lossless(on)
	}
	if s.writes != nil {
		s.writes.Lossless(on)
	}
}

// flush waits for all stores, and makes old lines visible in Loki.
func (s *sink) flush(ctx context.Context) error {
	if s.traces != nil {
		s.traces.flush()
	}
	err := s.flushTruth()
	if s.writes != nil {
		err = errors.Join(err, s.writes.Flush(ctx))
	}
	if s.spans != nil {
		err = errors.Join(err, s.spans.Flush(ctx))
	}
	if s.lines != nil {
		flushed := s.lines.Flush(ctx)
		if flushed == nil {
			flushed = s.loki.Flush(ctx)
		}
		err = errors.Join(err, flushed)
	}
	return err
}

func (s *sink) close() error {
	if s.lines != nil {
		s.lines.Close()
	}
	if s.spans != nil {
		s.spans.Close()
	}
	if s.writes != nil {
		s.writes.Close()
	}
	return s.flushTruth()
}
