package plugin

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
)

// diagnosis is what a check-up found. What follows from it is said by pure functions: same findings, same words.
type diagnosis struct {
	settings              settings.Settings
	metrics, logs, traces storeState

	targets  []evidence.Target      // engines that the metrics know
	sample   loki.Sample            // of the newest log lines
	services []string               // Jaeger's services that have the request span
	spans    []evidence.RequestSpan // some of the newest
}

// storeLine and contentCheck are the details that the editor shows, and a script can read.
type (
	storeLine struct {
		Store      evidence.Store `json:"store"`
		Configured bool           `json:"configured"`
		OK         bool           `json:"ok"`
		Version    string         `json:"version,omitempty"`
		Error      string         `json:"error,omitempty"`
		Note       string         `json:"note,omitempty"`
	}
	contentCheck struct {
		Check string `json:"check"`
		OK    bool   `json:"ok"`
		Found string `json:"found"`
		Fix   string `json:"fix,omitempty"`
	}
)

// result is ERROR when a configured store cannot be asked, when none is configured, and when there is nothing of vLLM in
// any of them. With part of the content missing the data source works with what it has, and says what is missing.
func (d diagnosis) result() *backend.CheckHealthResult {
	stores, content := d.stores(), d.content()
	configured, broken, found := 0, 0, 0
	var lines, fixes []string
	for _, s := range stores {
		lines = append(lines, s.line())
		switch {
		case !s.Configured:
		case s.OK:
			configured++
		default:
			configured, broken = configured+1, broken+1
			fixes = append(fixes, s.line())
		}
	}
	for _, c := range content {
		lines = append(lines, c.line())
		if c.OK {
			found++
		} else if c.Fix != "" {
			fixes = append(fixes, c.Fix)
		}
	}
	status, summary := backend.HealthStatusOk, strings.Join(fixes, "\n")
	switch {
	case configured == 0:
		status, summary = backend.HealthStatusError, "Set the URL of at least one store: Prometheus, Loki or Jaeger."
		lines = []string{"No store is configured. " + summary}
	case broken > 0 || found == 0:
		status = backend.HealthStatusError
	}
	if summary == "" {
		summary = "Everything that the configured stores can bring is there."
	}
	details, err := json.Marshal(struct {
		Message string         `json:"message"`
		Verbose string         `json:"verboseMessage"`
		Stores  []storeLine    `json:"stores"`
		Content []contentCheck `json:"content"`
	}{summary, strings.Join(lines, "\n"), stores, content})
	if err != nil { // strings and bools always encode
		details = nil
	}
	return &backend.CheckHealthResult{Status: status, Message: strings.Join(lines, "\n"), JSONDetails: details}
}

func (d diagnosis) stores() []storeLine {
	lines := make([]storeLine, 0, 3)
	for _, s := range []struct {
		store    evidence.Store
		state    storeState
		settings settings.Store
	}{
		{evidence.Prometheus, d.metrics, d.settings.Prometheus},
		{evidence.Loki, d.logs, d.settings.Loki},
		{evidence.Jaeger, d.traces, d.settings.Jaeger},
	} {
		line := storeLine{
			Store: s.store, Configured: s.state.configured, OK: s.state.configured && s.state.reach == nil, Version: s.state.version,
		}
		if s.state.configured && s.state.reach != nil {
			line.Error = reason(s.store, s.state.reach)
		}
		if s.state.configured && s.settings.ForwardIdentity && s.settings.Auth == settings.AuthNone {
			line.Note = "alert rules have no user whose identity could be forwarded, and come without any"
		}
		lines = append(lines, line)
	}
	return lines
}

func (s storeLine) line() string {
	line := upstream.Title(s.Store) + ": "
	switch {
	case !s.Configured:
		return line + "not configured"
	case !s.OK:
		line += s.Error
	case s.Version != "":
		line += "ok, version " + s.Version
	default:
		line += "ok"
	}
	if s.Note != "" {
		line += " (" + s.Note + ")"
	}
	return line
}

func (c contentCheck) line() string {
	if c.OK || c.Fix == "" {
		return c.Found
	}
	return c.Found + " → " + c.Fix
}

// reason is a store's failure without the store's name in front, which stands there already.
func reason(store evidence.Store, err error) string {
	if errors.Is(err, upstream.ErrTimeout) {
		return "did not answer in time"
	}
	return strings.TrimPrefix(err.Error(), upstream.Title(store)+" ")
}
