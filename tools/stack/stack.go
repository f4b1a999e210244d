//go:build unix

package stack

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// Options shape a stack. The zero value is three stores with the demo's
// settings in a temporary folder.
type Options struct {
	// Only names the stores to run; empty is all of them.
	Only []string
	// Pinned ignores programs on PATH, so that tests meet the version that
	// tools/servers names.
	Pinned bool
	// Dir keeps data, configuration and logs. Empty is a temporary folder that
	// Close removes.
	Dir string
	// CacheDir keeps built servers; empty is program.DefaultCacheDir.
	CacheDir string
	// OnChange hears of every change of a store, also of building progress. It
	// is called from several goroutines and must return soon.
	OnChange func(store string, status Status)

	// ScrapeInterval of Prometheus; default 5 s.
	ScrapeInterval time.Duration
	// MultiTenant makes Loki demand an X-Scope-OrgID header.
	MultiTenant bool
	// MaxEntries is how many lines Loki gives per query; default 5000, as Loki's.
	MaxEntries int
	// MaxTraces is how many traces Jaeger keeps, and its largest search depth;
	// default 100,000.
	MaxTraces int
	// PrometheusRules and LokiRules are rule files that they evaluate; "" is none.
	PrometheusRules, LokiRules string
	// RuleInterval is how often; default 15 s.
	RuleInterval time.Duration
	// Alertmanager is the configuration file of an Alertmanager that is told of alerts; "" is none.
	Alertmanager string
	// OTLPPort fixes the port on which Jaeger takes spans over gRPC, for
	// senders that must know it beforehand; default any.
	OTLPPort int
}

// Stack is the stores, and the Alertmanager if there is one. The fields of
// those that the options leave out are nil.
type Stack struct {
	Prometheus   *Prometheus
	Loki         *Loki
	Jaeger       *Jaeger
	Alertmanager *Alertmanager

	options Options
	source  program.Source
	tempDir string
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New reserves ports and a data folder. Nothing runs yet.
func New(options Options) (*Stack, error) {
	options.ScrapeInterval = cmp.Or(options.ScrapeInterval, 5*time.Second)
	options.MaxEntries = cmp.Or(options.MaxEntries, 5000)
	options.RuleInterval = cmp.Or(options.RuleInterval, 15*time.Second)
	options.MaxTraces = cmp.Or(options.MaxTraces, 100_000)
	root, err := repo.Root()
	if err != nil {
		return nil, err
	}
	if options.CacheDir == "" {
		if options.CacheDir, err = program.DefaultCacheDir(); err != nil {
			return nil, err
		}
	}
	s := &Stack{options: options, source: program.Source{
		Cache:  program.Cache{Dir: options.CacheDir, Modules: filepath.Join(root, "tools", "servers")},
		Pinned: options.Pinned,
	}}
	if options.Dir == "" {
		if s.tempDir, err = os.MkdirTemp("", "vllm-stack-"); err != nil {
			return nil, err
		}
		s.options.Dir = s.tempDir
	}
	if err := s.addStores(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) addStores() (err error) {
	wanted := func(p program.Program) bool {
		return len(s.options.Only) == 0 || slices.Contains(s.options.Only, p.Name)
	}
	alertmanager := ""
	if s.options.Alertmanager != "" {
		if s.Alertmanager, err = newAlertmanager(s.options); err != nil {
			return err
		}
		alertmanager = s.Alertmanager.URL
	}
	if wanted(program.Prometheus) {
		if s.Prometheus, err = newPrometheus(s.options, alertmanager); err != nil {
			return err
		}
	}
	if wanted(program.Jaeger) {
		if s.Jaeger, err = newJaeger(s.options); err != nil {
			return err
		}
	}
	if wanted(program.Loki) {
		if s.Loki, err = newLoki(s.options, alertmanager); err != nil {
			return err
		}
	}
	return nil
}

// starts is how often Start tries. Between the release of a port and the server's own bind somebody else may take it: rare,
// but many stacks start on a machine that is busy.
const starts = 3

// Start makes a stack and waits until all of it is ready. Where servers must
// be built first that takes long: see that ctx has the time.
func Start(ctx context.Context, options Options) (s *Stack, err error) {
	for range starts {
		if s, err = start(ctx, options); err == nil || !portTaken(err) {
			return s, err
		}
	}
	return nil, err
}

// portTaken reads it out of the servers' logs, which is where all of them say so, in the system's words.
func portTaken(err error) bool { return strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) }

func start(ctx context.Context, options Options) (*Stack, error) {
	s, err := New(options)
	if err != nil {
		return nil, err
	}
	// Not ctx: it may be the start's deadline, and the stores live until Close.
	s.Launch(context.WithoutCancel(ctx))
	for _, store := range s.Stores() {
		select {
		case <-store.Settled():
			err = store.Status().Err
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Stores lists what there is, in the order in which missing ones are built.
//
// That order is the one in which the picture fills soonest. Prometheus is by
// far the cheapest build and alone answers the whole per-model table. Jaeger
// holds the spine of the request rows, so it comes before Loki, which costs
// the most and adds to rows that are there already. Whoever asks for an
// Alertmanager is in for alerts, which come with Prometheus.
func (s *Stack) Stores() []*Store {
	var stores []*Store
	if s.Prometheus != nil {
		stores = append(stores, s.Prometheus.Store)
	}
	if s.Alertmanager != nil {
		stores = append(stores, s.Alertmanager.Store)
	}
	if s.Jaeger != nil {
		stores = append(stores, s.Jaeger.Store)
	}
	if s.Loki != nil {
		stores = append(stores, s.Loki.Store)
	}
	return stores
}

// Launch finds or builds the stores' programs and starts them, each as soon
// as it can. It returns at once; the stores run until ctx ends or Close.
func (s *Stack) Launch(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	stores := map[string]*Store{}
	var programs []program.Program
	for _, store := range s.Stores() {
		stores[store.name] = store
		programs = append(programs, store.program)
	}
	pending := s.source.GetAll(ctx, programs, func(p program.Program, progress program.Progress) {
		stores[p.Name].set(Building, func(status *Status) { status.Progress = progress })
	})
	for i, store := range s.Stores() {
		s.running.Go(func() {
			binary, err := pending[i].Wait()
			if err == nil {
				err = store.run(ctx, binary)
			}
			switch {
			case ctx.Err() != nil:
				store.set(Stopped, nil)
			case err != nil:
				store.fail(err)
			}
		})
	}
}

// Close stops all stores and builds, and removes the temporary folder.
func (s *Stack) Close() error {
	if s.cancel != nil {
		s.cancel()
	}
	s.running.Wait()
	var errs []error
	for _, store := range s.Stores() {
		store.giveBackPorts()
		errs = append(errs, store.stopError())
	}
	if s.tempDir != "" {
		errs = append(errs, os.RemoveAll(s.tempDir))
	}
	return errors.Join(errs...)
}
