package choices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/pkg/wellformed"
)

const (
	// maxOptions is how many values a list may have: more is not a choice, and a browser's menu gets slow.
	maxOptions = 5_000
	// maxFilterValues bounds how often one filter may be given; a request line is short anyway.
	maxFilterValues = 100
	// defaultLookBack is the window of a list that is asked without one: variables that are loaded once, with the dashboard.
	defaultLookBack = time.Hour
	// maxLookBack keeps a list from reading a store's whole past.
	maxLookBack = 30 * 24 * time.Hour
	// resourceTimeout bounds a list as a whole; an editor that waits longer has been closed.
	Timeout = 20 * time.Second
)

// Handler routes; whatever is not listed here is 404.
func (c *Lists) Handler() http.Handler { return wellFormed(c.routes()) }

// wellFormed refuses a path or a parameter that is no text, before anything is looked up by it.
func wellFormed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !utf8.ValidString(r.URL.Path) { // of other characters each list says what it takes
			writeError(w, badParameter{"the path", "cannot be read: " + wellformed.ErrUTF8.Error()})
			return
		}
		params, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil { // Query would leave out what it cannot read
			writeError(w, badParameter{"the query string", "cannot be read: a part of it is not escaped as in a URL"})
			return
		}
		for name, values := range params {
			for _, text := range append([]string{name}, values...) {
				if err := wellformed.Text(text); err != nil {
					writeError(w, badParameter{strconv.QuoteToASCII(shorten(name)), "cannot be read: " + err.Error()})
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Lists) routes() http.Handler {
	mux := http.NewServeMux()
	for _, place := range places {
		mux.HandleFunc("GET /"+place.route, list(c.now, func(ctx context.Context, _ *http.Request, ask listing) ([]string, error) {
			return c.place(ctx, place.route, place.label, ask)
		}))
	}
	mux.HandleFunc("GET /labels", list(c.now, c.labelNames, "metric"))
	mux.HandleFunc("GET /labels/{name}/values", list(c.now, c.labelValues, "metric", "match"))
	mux.HandleFunc("GET /metrics", reply(c.now, func(ctx context.Context, _ *http.Request, ask listing) ([]metricOption, error) {
		return c.metricNames(ctx, ask)
	}))
	mux.HandleFunc("GET /recent-requests", reply(c.now, func(ctx context.Context, _ *http.Request, ask listing) (recentRequests, error) {
		return c.recent(ctx, ask)
	}))
	mux.HandleFunc("GET /columns/{name}/values", reply(c.now, func(ctx context.Context, r *http.Request, ask listing) ([]option, error) {
		return c.columnValues(ctx, r.PathValue("name"), ask)
	}))
	mux.HandleFunc("GET /log-writers", reply(c.now, func(ctx context.Context, _ *http.Request, ask listing) (logWriters, error) {
		return c.writers(ctx, ask)
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "no such list"})
	})
	return mux
}

// listing is what a list was asked with.
type listing struct {
	window   evidence.Window
	scope    vllm.Scope
	filtered bool
}

// option is one entry of a list, as Grafana's variables take it.
type option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
	Count int    `json:"count,omitempty"` // rows that have the value, where that was counted
}

// reply wraps a function that gives what a list holds: parameters in, JSON out. Own are the names of parameters that the
// function reads by itself; others are refused.
func reply[Body any](now func() time.Time, find func(context.Context, *http.Request, listing) (Body, error), own ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ask, err := parseListing(r.URL.Query(), now(), own)
		if err != nil {
			writeError(w, err)
			return
		}
		found, err := find(r.Context(), r, ask)
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, found)
	}
}

// list is reply for values: sorted, each once, at most maxOptions.
func list(now func() time.Time, values func(context.Context, *http.Request, listing) ([]string, error), own ...string) http.HandlerFunc {
	return reply(now, func(ctx context.Context, r *http.Request, ask listing) ([]option, error) {
		found, err := values(ctx, r, ask)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(slices.Clone(found), func(value string) bool { return value == "" })
		slices.Sort(found)
		found = slices.Compact(found)
		options := make([]option, 0, min(len(found), maxOptions))
		for _, value := range found[:min(len(found), maxOptions)] {
			options = append(options, option{Text: value, Value: value})
		}
		return options, nil
	}, own...)
}

// badParameter is the caller's mistake; it names the parameter and does not quote its value.
type badParameter struct{ name, reason string }

func (e badParameter) Error() string { return e.name + " " + e.reason }

// parseListing reads from and to (milliseconds since the epoch) and the filters, each of which may be given several times.
func parseListing(params url.Values, now time.Time, own []string) (listing, error) {
	var ask listing
	filters := map[string]*[]string{
		"model": &ask.scope.Models, "environment": &ask.scope.Environments, "cluster": &ask.scope.Clusters, "namespace": &ask.scope.Namespaces,
		"pod": &ask.scope.Pods, "instance": &ask.scope.Instances, "engine": &ask.scope.Engines, "service": &ask.scope.Services,
	}
	for name, values := range params {
		into, ok := filters[name]
		switch {
		case name == "where":
			if err := ask.where(values); err != nil {
				return ask, err
			}
			continue
		case name == "from" || name == "to" || slices.Contains(own, name):
			continue
		case !ok:
			return ask, badParameter{strconv.QuoteToASCII(shorten(name)), "is no parameter"}
		case len(values) > maxFilterValues:
			return ask, badParameter{name, fmt.Sprintf("is given more than %d times", maxFilterValues)}
		}
		for _, value := range values {
			if len(value) > vllm.MaxRequestIDLength || strings.ContainsFunc(value, unicode.IsControl) {
				return ask, badParameter{name, "is too long or holds a control character"}
			}
			if value != "" {
				*into = append(*into, value)
				ask.filtered = true
			}
		}
	}
	var err error
	ask.window, err = parseWindow(params, now)
	return ask, err
}

// where adds what the other filters cannot say, each as JSON.
func (ask *listing) where(conditions []string) error {
	if len(conditions) > query.MaxFilters {
		return badParameter{"where", fmt.Sprintf("is given more than %d times", query.MaxFilters)}
	}
	for _, text := range conditions {
		var c vllm.Condition
		if wellformed.JSON([]byte(text)) != nil || json.Unmarshal([]byte(text), &c) != nil {
			return badParameter{"where", "is no condition"}
		}
		ask.scope.Where = append(ask.scope.Where, c)
		ask.filtered = true
	}
	if err := query.CheckScope(ask.scope); err != nil {
		return badParameter{"where", "is no condition on a place: " + err.Error()}
	}
	return nil
}

func parseWindow(params url.Values, now time.Time) (evidence.Window, error) {
	if !params.Has("from") && !params.Has("to") {
		return evidence.Window{From: now.Add(-defaultLookBack), To: now}, nil
	}
	from, err := milliseconds(params, "from")
	if err != nil {
		return evidence.Window{}, err
	}
	to, err := milliseconds(params, "to")
	if err != nil {
		return evidence.Window{}, err
	}
	if !from.Before(to) {
		return evidence.Window{}, badParameter{"from", "is not before to"}
	}
	if to.Sub(from) > maxLookBack {
		from = to.Add(-maxLookBack) // what is offered is what exists lately
	}
	window := evidence.Window{From: from, To: to}
	if err := window.Askable(); err != nil {
		return evidence.Window{}, badParameter{"from", "to to is " + err.Error()}
	}
	return window, nil
}

func milliseconds(params url.Values, name string) (time.Time, error) {
	const year9999 = 253402300799999
	ms, err := strconv.ParseInt(params.Get(name), 10, 64)
	if err != nil || ms < 0 || ms > year9999 {
		return time.Time{}, badParameter{name, "is no time in milliseconds since the epoch"}
	}
	return time.UnixMilli(ms).UTC(), nil
}

func shorten(s string) string { return s[:min(len(s), 40)] }

// writeError maps an error to a status. A store's 401 or 403 becomes 502: Grafana's frontend takes those two for its own
// session's and sends the user to the login page.
func writeError(w http.ResponseWriter, err error) {
	status, _ := upstream.StatusAndSource(err)
	if _, ok := errors.AsType[badParameter](err); ok {
		status = backend.StatusBadRequest
	} else if status == backend.StatusUnauthorized || status == backend.StatusForbidden || status == backend.StatusNotFound {
		status = backend.StatusBadGateway
	}
	writeJSON(w, int(status), map[string]string{"error": err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil { // strings and structs of strings always encode
		status, encoded = http.StatusInternalServerError, []byte(`{"error":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the writer keeps it in memory
}
