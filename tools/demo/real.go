//go:build unix

package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// standardOTLPPort is where senders of spans look when nobody tells them.
const standardOTLPPort = 4317

// check finds what is wrong with the options, and fills in what is left out.
func (o *Options) check() error {
	if o.MetricsURL == "" {
		if o.Log != "" || o.Name != "" {
			return errors.New("a log and a name are those of a real vLLM: give the URL of its /metrics too")
		}
		return nil
	}
	at, err := url.Parse(o.MetricsURL)
	if err != nil || at.Host == "" {
		return errors.Join(fmt.Errorf("%q is not the URL of a vLLM's /metrics", o.MetricsURL), err)
	}
	if at.Scheme != "http" {
		return fmt.Errorf("%q: the demo scrapes plain http only", o.MetricsURL)
	}
	o.Name = cmp.Or(o.Name, at.Host)
	o.OTLPPort = cmp.Or(o.OTLPPort, standardOTLPPort)
	return nil
}

// target is where Prometheus finds a real vLLM, under the name that its spans
// and lines have too.
func (o Options) target() simulator.Target {
	at, _ := url.Parse(o.MetricsURL) // checked
	path := at.Path
	if path == "" || path == "/" {
		path = "/metrics"
	}
	return simulator.Target{Job: "vllm", Address: at.Host, MetricsPath: path, Labels: map[string]string{"instance": o.Name}}
}

// observe takes the telemetry of a vLLM that runs already, or will: Prometheus
// scrapes it, its log file is pushed to Loki. Its spans it must send by itself;
// the picture says where to.
func (d *demo) observe(ctx context.Context) error {
	targets := []simulator.Target{d.options.target()}
	if err := d.stores.Prometheus.SetScrapeConfigs(simulator.ScrapeConfigs(targets, scrapeInterval)); err != nil {
		return err
	}
	var lines *shipper
	if d.options.Log != "" {
		lines = newShipper(d.stores.Loki.URL, d.options.Name)
		defer lines.buffer.Close()
		f := follower{path: d.options.Log, emit: func(line string) { lines.add(ctx, line) }}
		following := make(chan struct{})
		defer func() { <-following }()
		go func() {
			defer close(following)
			f.follow(ctx, lines.report)
		}()
	}
	tick := time.NewTicker(scrapeInterval / 2)
	defer tick.Stop()
	for {
		trouble := scrapeTrouble(ctx, d.stores.Prometheus.URL)
		mood, state := Good, "live"
		if trouble != "" {
			mood, state = Busy, "waiting"
		}
		d.parts.set("telemetry", mood, state, d.arrived(trouble, lines))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// arrived says what comes from a real vLLM, and by which name its spans meet
// the rest. Whether they come, the health check knows.
func (d *demo) arrived(trouble string, lines *shipper) string {
	logs := "no log (-vllm-log)"
	if lines != nil {
		logs = lines.String()
	}
	return fmt.Sprintf("%s; %s; spans should say service.instance.id=%s", cmp.Or(trouble, "scraped"), logs, d.options.Name)
}

// scrapeTrouble is why Prometheus has no metrics of its targets; "" when it
// has.
func scrapeTrouble(ctx context.Context, prometheus string) string {
	ctx, cancel := context.WithTimeout(ctx, scrapeInterval)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/targets?state=active", nil)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "Prometheus is not up yet"
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			ActiveTargets []struct{ Health, LastError string }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "Prometheus is not up yet"
	}
	for _, target := range answer.Data.ActiveTargets {
		if target.Health == "up" {
			return ""
		}
		if target.LastError != "" { // Get "URL": dial tcp ADDRESS: connect: connection refused
			return "not scraped: " + strings.TrimSpace(target.LastError[strings.LastIndex(target.LastError, ": ")+1:])
		}
	}
	return "not scraped yet"
}

// shipper pushes the lines of one vLLM to Loki. A Loki that is not up yet gets
// them later, up to what the buffer holds.
type shipper struct {
	buffer  *ship.Buffer[telemetry.LogLine]
	stream  *telemetry.LogStream
	last    time.Time
	trouble atomic.Pointer[error]
}

func newShipper(loki, name string) *shipper {
	return &shipper{
		buffer: ship.NewBuffer("loki", ship.Loki{URL: loki, Client: &http.Client{Timeout: 30 * time.Second}}, ship.LineSize, ship.Limits{
			Bytes: 16 << 20, BatchBytes: 1 << 20, BatchItems: 10000, Linger: time.Second, Backoff: 250 * time.Millisecond,
		}, slog.New(slog.DiscardHandler)),
		stream: &telemetry.LogStream{Labels: []telemetry.Label{
			{Name: "container", Value: "vllm"}, {Name: "instance", Value: name}, {Name: "service_name", Value: "vllm"},
		}},
	}
}

// add stamps a line with the time it was seen. vLLM's own stamp has no year, no
// zone and only seconds.
func (s *shipper) add(ctx context.Context, line string) {
	at := time.Now()
	if !at.After(s.last) { // lines that are read together keep their order
		at = s.last.Add(time.Microsecond)
	}
	s.last = at
	s.buffer.Add(ctx, telemetry.LogLine{Stream: s.stream, Time: at, Text: line})
}

func (s *shipper) report(err error) { s.trouble.Store(&err) }

func (s *shipper) String() string {
	c := s.buffer.Counts()
	if err := s.trouble.Load(); err != nil && *err != nil {
		return (*err).Error()
	}
	text := fmt.Sprintf("%d log lines", c.Delivered)
	if c.Delivered == 0 && c.Buffered > 0 {
		text = fmt.Sprintf("%d log lines wait for Loki", c.Buffered)
	}
	if c.Dropped > 0 {
		text += fmt.Sprintf(", %d lost", c.Dropped)
	}
	return text
}
