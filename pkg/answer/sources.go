package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// Sources is what answers are made from: the settings of a data source, and the clients of its stores. A client that is nil is a
// store that is not configured.
type Sources struct {
	Settings   settings.Settings
	Prometheus *prometheus.Client
	Loki       *loki.Client
	Jaeger     *jaeger.Client

	Fetcher *fetch.Fetcher // asks the clients above for what a join needs
	// follow says in an answer where it goes on live, or why it does not.
	Follow func(ctx context.Context, answer *data.Frame, q query.Query, keys []string, follow frames.Follow)
}

// kindHandler answers one kind of query. Frames returned beside an error are what could be had all the same.
type Handler func(context.Context, query.Query) (data.Frames, error)

// handlers is the one place that says which function answers which kind.
func (d *Sources) Handlers() map[query.Kind]Handler {
	return map[query.Kind]Handler{
		query.Requests: d.requests,
		query.Request:  d.request,
		query.Models:   d.models,
		query.SLO:      d.slo,
		query.Logs:     d.logs,
		query.Trace:    d.trace,
		query.Coverage: d.coverage,
		query.PromQL:   d.promql,

		query.Annotations: d.annotations,
	}
}

// errNotConfigured is the error of a query that needs a store which the data source does not have.
var ErrNotConfigured = errors.New("not configured in this data source")

// scrapeInterval is how often the engines are scraped: what is set, else what Prometheus' samples show.
func (d *Sources) ScrapeInterval(ctx context.Context, window evidence.Window) time.Duration {
	if d.Prometheus == nil {
		return cmp.Or(d.Settings.VLLM.ScrapeInterval, prometheus.DefaultScrapeInterval)
	}
	interval, _ := d.Prometheus.ScrapeInterval(ctx, window)
	return interval
}

// needs is the error of a query whose one store is not configured.
func Needs(store evidence.Store, what string) error {
	return fmt.Errorf("%s: %s is %w", what, store.Title(), ErrNotConfigured)
}

func (d *Sources) Source() frames.Source {
	return frames.Source{UID: d.Settings.UID, Name: d.Settings.Name}
}
