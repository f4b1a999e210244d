package health

import (
	"context"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/answer"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

const (
	// healthTimeout leaves half a second of the promised five for the way there and back.
	healthTimeout = 4500 * time.Millisecond
	// healthWindow is how far back content is looked for: long enough that an engine which serves at all has served.
	healthWindow = time.Hour
	// healthSpans is how many request spans are looked at: enough to meet most instances, and one cheap search.
	healthSpans = 50
)

// checkHealth asks all stores, and says what is wrong and what to do about it.
func Check(ctx context.Context, d *answer.Sources) *backend.CheckHealthResult {
	return newCheckup(d).run(ctx).result()
}

// What a check-up asks of each store: whether it answers, then what is in it.
type (
	metricsProbe interface {
		Ping(ctx context.Context) (version string, err error)
		Targets(ctx context.Context, w evidence.Window) ([]evidence.Target, []evidence.Call, error)
	}
	logsProbe interface {
		Ping(ctx context.Context) error
		RequestIDSample(ctx context.Context, window evidence.Window) (loki.Sample, error)
	}
	tracesProbe interface {
		Ping(ctx context.Context) error
		EngineServices(ctx context.Context) ([]string, error)
		RequestSpans(ctx context.Context, s jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport
	}
)

// checkup asks all stores at once. A nil store is one that is not configured.
type checkup struct {
	settings settings.Settings
	metrics  metricsProbe
	logs     logsProbe
	traces   tracesProbe
	// trial joins requests of a window, as a query would; nil when no store is configured that knows requests.
	trial func(ctx context.Context, window evidence.Window) (join.Report, error)
	// measures look at the metrics themselves; they need no other store.
	measures []measure
	timeout  time.Duration
	now      func() time.Time
}

// measure finds something odd in the metrics of a window.
type measure func(ctx context.Context, w evidence.Window) ([]evidence.Finding, []evidence.Call, error)

// newCheckup is that of a data source.
func newCheckup(d *answer.Sources) *checkup {
	c := &checkup{settings: d.Settings, timeout: healthTimeout, now: time.Now}
	if d.Prometheus != nil { // a nil pointer would make an interface that is not nil
		c.metrics, c.measures = d.Prometheus, measures(d)
	}
	if d.Loki != nil {
		c.logs = d.Loki
	}
	if d.Jaeger != nil {
		c.traces = d.Jaeger
	}
	if d.Loki != nil || d.Jaeger != nil {
		c.trial = func(ctx context.Context, window evidence.Window) (join.Report, error) {
			return trialJoin(ctx, d.Fetcher, window)
		}
	}
	return c
}

// run asks every store in a goroutine of its own, first whether it answers and then for content, and gives what is known
// when all are done or time is up. A probe that does not heed its context is left behind rather than waited for: its
// goroutine ends when the call does, and what it finds then is not looked at.
func (c *checkup) run(ctx context.Context) diagnosis {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	window := evidence.Window{From: c.now().Add(-healthWindow), To: c.now()}

	d := diagnosis{settings: c.settings}
	probes := []func(context.Context, evidence.Window, func(func(*diagnosis))){}
	if c.metrics != nil {
		d.metrics.pending()
		probes = append(probes, c.probeMetrics)
	}
	if c.logs != nil {
		d.logs.pending()
		probes = append(probes, c.probeLogs)
	}
	if c.traces != nil {
		d.traces.pending()
		probes = append(probes, c.probeTraces)
	}

	if c.trial != nil {
		probes = append(probes, c.probeTrial)
	}

	// Findings are applied here and nowhere else, so that one which comes too late changes nothing. There is room for all
	// of them: those of each probe and its end.
	findings := make(chan func(*diagnosis), (len(trialWindows)+1)*len(probes))
	for _, probe := range probes {
		go func() {
			defer guard.Recover(ctx, new(error)) // each question of a probe keeps its own
			defer func() { findings <- nil }()
			probe(ctx, window, func(finding func(*diagnosis)) { findings <- finding })
		}()
	}
	for running := len(probes); running > 0; {
		select {
		case finding := <-findings:
			if finding == nil {
				running--
				continue
			}
			finding(&d)
		case <-ctx.Done():
			return d
		}
	}
	return d
}

// Each probe hands over what it found as values of its own, which it does not touch afterwards.

func (c *checkup) probeMetrics(ctx context.Context, window evidence.Window, report func(func(*diagnosis))) {
	var version string
	reach := guard.Run(ctx, func() (err error) { version, err = c.metrics.Ping(ctx); return err })
	report(func(d *diagnosis) { d.metrics.reach, d.metrics.version = reach, version })
	if reach != nil {
		return
	}
	answer := evidence.StoreReport{Store: evidence.Prometheus, Configured: true}
	var targets []evidence.Target
	content := guard.Run(ctx, func() (err error) { targets, answer.Calls, err = c.metrics.Targets(ctx, window); return err })
	report(func(d *diagnosis) {
		d.metrics.content, d.targets = content, targets
		d.metrics.partial = answer.Partial()
	})
	var measured []evidence.Finding
	for _, look := range c.measures {
		_ = guard.Run(ctx, func() error { // what cannot be measured is no finding: the other questions fail as well
			found, _, err := look(ctx, window)
			measured = append(measured, found...)
			return err
		})
	}
	report(func(d *diagnosis) { d.measured = measured })
}

func (c *checkup) probeLogs(ctx context.Context, window evidence.Window, report func(func(*diagnosis))) {
	reach := guard.Run(ctx, func() error { return c.logs.Ping(ctx) })
	report(func(d *diagnosis) { d.logs.reach = reach })
	if reach != nil {
		return
	}
	var sample loki.Sample
	content := guard.Run(ctx, func() (err error) { sample, err = c.logs.RequestIDSample(ctx, window); return err })
	report(func(d *diagnosis) { d.logs.content, d.sample = content, sample })
}

func (c *checkup) probeTraces(ctx context.Context, window evidence.Window, report func(func(*diagnosis))) {
	reach := guard.Run(ctx, func() error { return c.traces.Ping(ctx) })
	report(func(d *diagnosis) { d.traces.reach = reach })
	if reach != nil {
		return
	}
	var services []string
	var spans []evidence.RequestSpan
	content := guard.Run(ctx, func() (err error) {
		if services, err = c.traces.EngineServices(ctx); len(services) == 0 {
			return err // some services beside an error are enough to go on with
		}
		answer := c.traces.RequestSpans(ctx, jaeger.Search{
			Window: window, Services: services, Limit: healthSpans, Depth: healthSpans,
		}, func(t jaeger.Trace) error {
			spans = append(spans, t.Requests...)
			return nil
		})
		return answer.Err
	})
	report(func(d *diagnosis) { d.traces.content, d.services, d.spans = content, services, spans })
}

// storeState is how far one store was asked.
type storeState struct {
	configured bool
	version    string
	reach      error  // of the first question: is anyone there
	content    error  // of the second: what is there
	partial    string // the store's words, when it answered without a part of what it keeps
}

// pending is the state of a store that has not answered yet; it stands when time is up.
func (s *storeState) pending() {
	s.configured = true
	s.reach, s.content = upstream.ErrTimeout, upstream.ErrTimeout
}

// readable reports whether the store was asked for content and gave it.
func (s *storeState) readable() bool { return s.configured && s.reach == nil && s.content == nil }

// measures are what Save & test measures of the metrics.
func measures(d *answer.Sources) []measure {
	return []measure{
		d.Prometheus.SeriesPerEngine, d.Prometheus.ScrapeFindings, d.Prometheus.PrefixFindings,
		func(ctx context.Context, w evidence.Window) ([]evidence.Finding, []evidence.Call, error) {
			return fetch.HistogramFindings(ctx, d.Prometheus, d.Settings.VLLM.SLO, w)
		},
	}
}
