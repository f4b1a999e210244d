//go:build unix

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
)

// Options of a demo. The zero value simulates a fleet and runs until its
// context ends.
type Options struct {
	// MetricsURL is a real vLLM's /metrics; empty simulates one.
	MetricsURL string
	// Log is the file that the output of a real vLLM goes to.
	Log string
	// Name is the instance's in metrics and log lines, and should be in the
	// spans of a real vLLM; default host:port of MetricsURL.
	Name string
	// OTLPPort is where a real vLLM sends spans by gRPC. The default is the
	// standard one for a real vLLM, else any that is free.
	OTLPPort int
	Every    time.Duration // between pictures; default 2 s
	Window   time.Duration // that is looked back; default 5 min
	For      time.Duration // then end; 0 is not
	// Once shows a single picture, when every store is up and rows are there.
	Once bool
	// Plugin is a binary to run as it is; empty builds the one of this checkout.
	Plugin string
	// NoGrafana does not look for one.
	NoGrafana bool
}

// Run shows the demo until ctx ends. Everything it starts has ended when it
// returns.
func Run(ctx context.Context, options Options, screen Screen) (err error) {
	if options.Every == 0 {
		options.Every = 2 * time.Second
	}
	if options.Window == 0 {
		options.Window = 5 * time.Minute
	}
	if options.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, options.For)
		defer cancel()
	}
	if err := options.check(); err != nil {
		return err
	}
	root, err := repo.Root()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "vllm-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	stores, err := stack.New(stack.Options{
		Dir: filepath.Join(dir, "stores"), OTLPPort: options.OTLPPort,
		// The dashboards show what of these fires.
		PrometheusRules: filepath.Join(root, "provisioning", "prometheus", "vllm-rules.yml"),
	})
	if err != nil {
		return err
	}
	d := &demo{options: options, root: root, dir: dir, stores: stores, began: time.Now(),
		parts: newBoard("plugin", "telemetry", "grafana"), built: make(chan struct{}),
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer func() {
		// In the reverse of the order in which they depend on each other.
		stop()
		running.Wait()
		err = errors.Join(err, stores.Close())
	}()
	stores.Launch(ctx)
	running.Go(func() { d.runPlugin(ctx) })
	running.Go(func() { d.runTelemetry(ctx) })
	running.Go(func() { d.runGrafana(ctx) })
	return d.show(ctx, screen)
}

// demo is a running one.
type demo struct {
	options Options
	root    string
	dir     string
	stores  *stack.Stack
	began   time.Time
	parts   *board
	built   chan struct{} // closed once the plugin is built

	mu      sync.Mutex
	answers Answers
}

// show draws pictures until ctx ends, or one of a finished scene.
func (d *demo) show(ctx context.Context, screen Screen) (err error) {
	defer func() { err = errors.Join(err, screen.Close()) }()
	tick := time.NewTicker(d.options.Every)
	defer tick.Stop()
	busyAt := time.Now() // when a part was last seen coming up
	for {
		s := d.snapshot()
		if s.busy() {
			busyAt = s.Now
		}
		if !d.options.Once || complete(s, busyAt) {
			if err := screen.Show(Draw(s, screen.Size(), screen.Coloured())); err != nil || d.options.Once {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if d.options.Once {
				return fmt.Errorf("the picture was not complete in time:\n%s", strings.Join(Draw(s, Size{Width: defaultWidth}, false), "\n"))
			}
			return nil // the way to end a demo
		}
	}
}

// complete tells a scene worth a single picture: everything is up, the answers
// are about a time when it was, and each table has something to show.
func complete(s Snapshot, busyAt time.Time) bool {
	return s.Asked.After(busyAt.Add(settle)) &&
		s.Requests.rows() >= 10 && s.Models.rows() > 0 && s.Coverage.rows() > 0
}

func (d *demo) snapshot() Snapshot {
	d.mu.Lock()
	s := Snapshot{Now: time.Now(), Up: time.Since(d.began), Window: d.options.Window, Answers: d.answers}
	d.mu.Unlock()
	urls := map[string]string{
		"prometheus": d.stores.Prometheus.URL, "loki": d.stores.Loki.URL,
		"jaeger": "grpc://" + d.stores.Jaeger.GRPC + ", takes spans at http://" + d.stores.Jaeger.OTLPGRPC,
	}
	for _, store := range d.stores.Stores() {
		s.Parts = append(s.Parts, storePart(store.Name(), store.Status(), urls[store.Name()]))
	}
	s.Parts = append(s.Parts, d.parts.all()...)
	return s
}

func storePart(name string, status stack.Status, url string) Part {
	p := Part{Name: name, State: status.State.String(), Detail: oneLine(status.Detail())}
	switch status.State {
	case stack.Ready:
		p.Mood, p.Detail = Good, url
	case stack.Failed:
		p.Mood = Bad
	case stack.Stopped:
		p.Mood = Absent
	}
	return p
}

// runPlugin builds the plugin as its users do and keeps it running.
func (d *demo) runPlugin(ctx context.Context) {
	binary := d.options.Plugin
	if binary == "" {
		binary = repo.PluginBinary(d.root)
		d.parts.set("plugin", Busy, "building", "go tool mage build:backend")
		if err := d.buildPlugin(ctx); err != nil {
			d.parts.fail(ctx, "plugin", err)
			return
		}
	}
	close(d.built)
	logFile, err := os.Create(filepath.Join(d.dir, "plugin.log"))
	if err != nil {
		d.parts.fail(ctx, "plugin", err)
		return
	}
	defer func() { _ = logFile.Close() }() // written by the host alone, which has ended by then
	host, err := pluginhost.Start(ctx, pluginhost.Options{
		Binary: binary, Log: logFile,
		Settings: pluginhost.Stores(d.stores.Prometheus.URL, d.stores.Loki.URL, d.stores.Jaeger.GRPC).
			With("vllm", map[string]any{"scrapeInterval": scrapeInterval.String()}),
	})
	if err != nil {
		d.parts.fail(ctx, "plugin", err)
		return
	}
	d.parts.set("plugin", Good, "running", "over go-plugin, as Grafana runs it")
	d.keepAsking(ctx, host)
	_ = host.Close() // never fails: it kills
}

// askPause leaves the machine some rest between two rounds of queries, however
// long they take.
const askPause = 2 * time.Second

// settle is how long ago the window ends: a span is sent when its request is
// over, and in batches. Up to this very moment the newest rows would always be
// the least complete ones.
const settle = 10 * time.Second

// keepAsking asks the plugin for all tables, over and over. Drawing does not
// wait for it.
func (d *demo) keepAsking(ctx context.Context, p plugin) {
	pause := time.NewTicker(askPause)
	defer pause.Stop()
	for ctx.Err() == nil {
		to := time.Now().Add(-settle)
		answers := ask(ctx, p, backend.TimeRange{From: to.Add(-d.options.Window), To: to})
		if ctx.Err() == nil { // an end is no answer
			d.mu.Lock()
			d.answers = answers
			d.mu.Unlock()
		}
		pause.Reset(askPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
}
