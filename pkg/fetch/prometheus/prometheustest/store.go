// Package prometheustest is a Prometheus for tests: it answers each query with what the test laid down for its exact text,
// and remembers what it was asked. It evaluates nothing; tests that need that run the real server.
package prometheustest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ScrapeInterval of the fake's engines.
const ScrapeInterval = 15 * time.Second

// Store holds the answers. What is not laid down is an empty vector or matrix.
type Store struct {
	Names   []string            // values of __name__ on the engines' series
	Others  []string            // values of __name__ on others' series
	Values  map[string][]string // of other labels
	Answers map[string]string   // query text → the JSON of "result"
	Help    map[string]string   // metadata: family → help text, each of a histogram
	Fail    func(w http.ResponseWriter, query string) bool
	// Exact refuses a pattern for a metric's name and durations of two units, as Google's Managed Prometheus does.
	Exact bool

	mu    sync.Mutex
	asked []Asked
}

// Asked is one call: the path after /api/v1 and its parameters.
type Asked struct {
	Path string
	Form url.Values
}

// Start serves the store on a random port until the test ends, and gives a client of it. Change alters the settings.
func (s *Store) Start(t testing.TB, change ...func(*settings.Store, *settings.VLLM)) *prometheus.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	store := settings.Store{
		Name: evidence.Prometheus, URL: server.URL, Timeout: 10 * time.Second,
		Labels: vllm.DefaultPrometheusLabels(), MaxResponse: settings.DefaultMaxResponse,
	}
	engines := settings.VLLM{MetricPrefix: vllm.DefaultMetricPrefix, ScrapeInterval: ScrapeInterval}
	for _, c := range change {
		c(&store, &engines)
	}
	transport, err := upstream.New(httpclient.Options{}, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return prometheus.New(transport, store, engines, settings.DefaultLimits())
}

// Queries lists the texts of the queries asked so far, sorted: they run side by side, so their order is chance.
func (s *Store) Queries() []string {
	var queries []string
	for _, a := range s.Asked() {
		if q := a.Form.Get("query"); q != "" && !strings.HasPrefix(q, counting) {
			queries = append(queries, q)
		}
	}
	slices.Sort(queries)
	return queries
}

// counting begins the query that looks for copies of series, before all that are of a question itself; Queries leaves it out.
const counting = "count_over_time("

// Asked lists all calls so far, in order of arrival.
func (s *Store) Asked() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// ServeHTTP answers as Prometheus' HTTP API v1 does.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	s.mu.Lock()
	s.asked = append(s.asked, Asked{path, r.Form})
	s.mu.Unlock()
	query := r.Form.Get("query")
	if s.Fail != nil && s.Fail(w, query) {
		return
	}
	if s.Exact {
		if why := refusedByGoogle(append(slices.Clone(r.Form["match[]"]), query)...); why != "" {
			Refuse(w, http.StatusBadRequest, why)
			return
		}
	}
	switch path {
	case "/query":
		s.answer(w, "vector", query)
	case "/query_range":
		s.answer(w, "matrix", query)
	case "/label/__name__/values":
		if s.Exact && r.Form.Has("match[]") {
			metric, _, _ := strings.Cut(r.Form.Get("match[]"), "{")
			success(w, slices.DeleteFunc(slices.Concat(s.Others, s.Names), func(name string) bool { return name != metric }))
			return
		}
		if r.Form.Has("match[]") {
			success(w, s.Names)
			return
		}
		success(w, slices.Concat(s.Others, s.Names))
	case "/metadata":
		metadata := map[string][]map[string]string{}
		for name, help := range s.Help {
			metadata[name] = []map[string]string{{"type": "histogram", "help": help, "unit": ""}}
		}
		success(w, metadata)
	case "/status/buildinfo":
		success(w, map[string]string{"version": "3.15.0"})
	default:
		label := strings.TrimSuffix(strings.TrimPrefix(path, "/label/"), "/values")
		success(w, s.Values[label])
	}
}

var (
	namePattern = regexp.MustCompile(`__name__\s*(=~|!~|!=)`)
	twoUnits    = regexp.MustCompile(`\d(ms|[smhdwy])\d+(ms|[smhdwy])`)
)

// refusedByGoogle says what Google's Managed Prometheus does not run; "" when it runs all of it.
func refusedByGoogle(texts ...string) string {
	for _, text := range texts {
		switch {
		case namePattern.MatchString(text):
			return "substitute queries failed: convert vector selector failed: =~ is an unsupported matchtype for the __name__ label: invalid argument"
		case strings.HasPrefix(text, "{") && !strings.Contains(text, `__name__=`):
			return "an exact match on the metric name is needed"
		case twoUnits.MatchString(text):
			return "not a valid duration string"
		}
	}
	return ""
}

func (s *Store) answer(w http.ResponseWriter, resultType, query string) {
	result, ok := s.Answers[query]
	if !ok {
		result = "[]"
	}
	if query == "1+1" {
		resultType, result = "scalar", `[1790000000,"2"]`
	}
	if strings.Contains(result, `"values"`) { // a range selector at one moment
		resultType = "matrix"
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":%q,"result":%s}}`, resultType, result) // the client went away
}

func success(w http.ResponseWriter, data any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data}) // the client went away
}

// Refuse answers with an error as Prometheus writes it.
func Refuse(w http.ResponseWriter, status int, message string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": "execution", "error": message})
	return true
}
