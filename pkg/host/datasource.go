// Package host is what Grafana calls: one file per RPC, and the instance that all of them work on. It turns errors of the
// packages below into Grafana's statuses and sources. It must know nothing about PromQL, LogQL or spans.
package host

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/answer"
	"github.com/llmserving/grafana-vllm-datasource/pkg/choices"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/live"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// Datasource is one data source with its settings, from one save to the next. It owns the clients of its stores; one that
// is nil is a store that is not configured.
type Datasource struct {
	*answer.Sources
	kinds     map[query.Kind]answer.Handler
	resources backend.CallResourceHandler
	streams   *live.Streams
	closers   []func() error
}

// What Grafana may ask of an instance; the SDK finds out by type assertion, and says "unimplemented" for a method that is
// gone.
var (
	_ backend.QueryDataHandler      = (*Datasource)(nil)
	_ backend.CheckHealthHandler    = (*Datasource)(nil)
	_ backend.CallResourceHandler   = (*Datasource)(nil)
	_ instancemgmt.InstanceDisposer = (*Datasource)(nil)
)

// New makes an instance. It opens no connection: Grafana calls it anew after every change of settings or configuration,
// and for a data source that was never saved. Its errors are the user's settings, so they are downstream.
func New(ctx context.Context, instance backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	s, err := settings.Load(instance)
	if err != nil {
		return nil, backend.DownstreamError(err)
	}
	if err := s.Validate(); err != nil {
		return nil, backend.DownstreamError(err)
	}
	base, err := baseOptions(ctx, instance)
	if err != nil {
		return nil, err
	}
	d := &Datasource{Sources: &answer.Sources{Settings: s}, streams: live.NewStreams()}
	d.Follow = func(ctx context.Context, frame *data.Frame, q query.Query, keys []string, follow frames.Follow) {
		d.streams.Follow(ctx, d.Settings, frame, q, keys, follow)
	}
	if err := d.connect(base); err != nil {
		d.Dispose()
		return nil, backend.DownstreamError(err)
	}
	d.Fetcher, d.kinds = d.newFetcher(), d.Handlers()
	d.resources = httpadapter.New(choices.New(d.Sources).Handler())
	return d, nil
}

// connect makes the client of each configured store.
func (d *Datasource) connect(base httpclient.Options) error {
	if s := d.Settings.Prometheus; s.Configured() {
		transport, err := d.open(base, s)
		if err != nil {
			return err
		}
		d.Prometheus = prometheus.New(transport, s, d.Settings.VLLM, d.Settings.Limits)
	}
	if s := d.Settings.Loki; s.Configured() {
		transport, err := d.open(base, s)
		if err != nil {
			return err
		}
		if d.Loki, err = loki.New(transport, s, d.Settings.VLLM.LogSelector, d.Settings.Limits); err != nil {
			return err
		}
	}
	if s := d.Settings.Jaeger; s.Configured() {
		client, err := jaeger.New(jaeger.Options{
			Store: s, VLLM: d.Settings.VLLM, Limits: d.Settings.Limits, Base: base,
		})
		if err != nil {
			return err
		}
		d.Jaeger = client
		d.closers = append(d.closers, client.Close)
	}
	return nil
}

// newFetcher puts the configured stores behind one fetcher. A nil client must stay a nil interface.
func (d *Datasource) newFetcher() *fetch.Fetcher {
	f := fetch.Fetcher{VLLM: d.Settings.VLLM, Limits: d.Settings.Limits, ScrapeInterval: d.ScrapeInterval}
	if d.Prometheus != nil {
		f.Metrics = d.Prometheus
	}
	if d.Loki != nil {
		f.Logs = d.Loki
	}
	if d.Jaeger != nil {
		f.Traces = d.Jaeger
	}
	return fetch.New(f, d.Settings.Prometheus, d.Settings.Loki, d.Settings.Jaeger)
}

// open makes the HTTP client of one store.
func (d *Datasource) open(base httpclient.Options, store settings.Store) (*upstream.Client, error) {
	client, err := upstream.New(base, store)
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, func() error { client.CloseIdleConnections(); return nil })
	return client, nil
}

// Dispose lets go of connections. Grafana calls it some seconds after the instance was replaced, when its last queries are
// likely done. Live queries that run end.
func (d *Datasource) Dispose() {
	d.streams.End()
	for _, closer := range d.closers {
		if err := closer(); err != nil {
			backend.Logger.Warn("Closing a store's client failed", "datasource", d.Settings.UID, "error", err)
		}
	}
}

// baseOptions is what Grafana says for all stores alike: secure SOCKS proxy, TLS versions, labels. The SDK reads much more
// out of the same settings (a URL, one password, headers), which are no store's and must reach none, and it panics on
// values of a wrong type; so it is shown the proxy's keys only.
func baseOptions(ctx context.Context, instance backend.DataSourceInstanceSettings) (httpclient.Options, error) {
	var saved struct {
		Enabled  any `json:"enableSecureSocksProxy"`
		Username any `json:"secureSocksProxyUsername"`
	}
	_ = json.Unmarshal(instance.JSONData, &saved) // empty settings are fine, and broken ones are refused by Load
	proxy := map[string]any{}
	if enabled, err := strconv.ParseBool(fmt.Sprint(saved.Enabled)); err == nil {
		proxy["enableSecureSocksProxy"] = enabled
	}
	if saved.Username != nil {
		proxy["secureSocksProxyUsername"] = fmt.Sprint(saved.Username)
	}
	jsonData, err := json.Marshal(proxy)
	if err != nil {
		return httpclient.Options{}, fmt.Errorf("proxy settings: %w", err)
	}
	own := backend.DataSourceInstanceSettings{
		UID: instance.UID, Name: instance.Name, Type: instance.Type, JSONData: jsonData,
	}
	if password, ok := instance.DecryptedSecureJSONData["secureSocksProxyPassword"]; ok {
		own.DecryptedSecureJSONData = map[string]string{"secureSocksProxyPassword": password}
	}
	options, err := own.HTTPClientOptions(ctx)
	if err != nil {
		return httpclient.Options{}, fmt.Errorf("proxy settings: %w", err)
	}
	return options, nil
}
