//go:build unix

package editors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// maxBody of a call: a query or a data source's settings.
const maxBody = 1 << 20

// server answers the page.
type server struct {
	sources *dataSources
	fleet   *fleet
}

// handler routes as Grafana does, as far as a data source's editors go.
func (s *server) handler(root string) http.Handler {
	mux := http.NewServeMux()
	files := func(prefix string, dir ...string) {
		at := filepath.Join(append([]string{root}, dir...)...)
		mux.Handle("GET "+prefix, http.StripPrefix(prefix, http.FileServer(http.Dir(at))))
	}
	files("/", "tests", "editors", "shell")
	files("/shell/", ".cache", "editors", "shell")
	files("/dashboards/", "dashboards")
	for _, page := range []string{"GET /d/{uid}", "GET /explore"} { // what links of ours lead to
		mux.HandleFunc(page, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join(root, "tests", "editors", "shell", "index.html"))
		})
	}
	files("/public/build/img/icons/", "node_modules", "@grafana", "ui", "dist", "public", "img", "icons")
	files("/public/plugins/"+pluginhost.PluginID+"/", "dist")
	mux.HandleFunc("GET /api/range", s.timeRange)
	mux.HandleFunc("GET /api/datasources/uid/{uid}", s.withSource(s.read))
	mux.HandleFunc("PUT /api/datasources/uid/{uid}", s.withSource(s.save))
	mux.HandleFunc("GET /api/datasources/uid/{uid}/health", s.withSource(health))
	mux.HandleFunc("GET /api/datasources/uid/{uid}/resources/{path...}", s.withSource(resource))
	mux.HandleFunc("POST /api/ds/query", s.query)
	return mux
}

// timeRange is the window that the stores know something about.
func (s *server) timeRange(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]int64{"from": s.fleet.window.From.UnixMilli(), "to": time.Now().UnixMilli()})
}

type sourceHandler func(w http.ResponseWriter, r *http.Request, source *dataSource)

func (s *server) withSource(next sourceHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		source, err := s.source(r, r.PathValue("uid"))
		if err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next(w, r, source)
	}
}

// provisioned is the uid of the data source that begins with stores.
const provisioned = "vllm"

func (s *server) source(r *http.Request, uid string) (*dataSource, error) {
	settings := pluginhost.Settings{}
	if uid == provisioned {
		settings = s.fleet.settings()
	}
	return s.sources.get(r.Context(), uid, settings)
}

func (s *server) read(w http.ResponseWriter, _ *http.Request, source *dataSource) {
	answer(w, http.StatusOK, s.sources.read(source))
}

func (s *server) save(w http.ResponseWriter, r *http.Request, source *dataSource) {
	var settings struct {
		JSONData       map[string]any    `json:"jsonData"`
		SecureJSONData map[string]string `json:"secureJsonData"`
	}
	if err := json.NewDecoder(r.Body).Decode(&settings); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := s.sources.save(source, settings.JSONData, settings.SecureJSONData); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, http.StatusOK, s.sources.read(source))
}

func health(w http.ResponseWriter, r *http.Request, source *dataSource) {
	result, err := source.plugin.CheckHealth(r.Context())
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	status := http.StatusOK
	if result.Status != backend.HealthStatusOk {
		status = http.StatusBadRequest // as Grafana says it
	}
	answer(w, status, map[string]any{
		"status": result.Status.String(), "message": result.Message, "details": json.RawMessage(result.JSONDetails),
	})
}

func resource(w http.ResponseWriter, r *http.Request, source *dataSource) {
	path := r.PathValue("path")
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	status, body, err := source.plugin.CallResource(r.Context(), path)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails when the page is gone
}

// queryBody is what @grafana/runtime sends.
type queryBody struct {
	Queries  []json.RawMessage `json:"queries"`
	From, To string            // milliseconds
}

func (s *server) query(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	uid, queries, err := parseQueries(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	source, err := s.source(r, uid)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	response, err := source.plugin.QueryData(r.Context(), queries...)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	status := http.StatusOK
	for _, one := range response.Responses {
		if one.Error != nil {
			status = http.StatusBadRequest // as Grafana says it
		}
	}
	answer(w, status, response)
}

// parseQueries reads them as Grafana does. All are of one data source.
func parseQueries(text []byte) (uid string, queries []backend.DataQuery, err error) {
	var body queryBody
	if err := json.Unmarshal(text, &body); err != nil {
		return "", nil, err
	}
	from, err1 := strconv.ParseInt(body.From, 10, 64)
	to, err2 := strconv.ParseInt(body.To, 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return "", nil, fmt.Errorf("time range: %w", err)
	}
	window := backend.TimeRange{From: time.UnixMilli(from), To: time.UnixMilli(to)}
	for _, raw := range body.Queries {
		var one struct {
			RefID, QueryType          string
			IntervalMS, MaxDataPoints int64
			DataSource                struct{ UID string }
		}
		if err := json.Unmarshal(raw, &one); err != nil {
			return "", nil, err
		}
		uid = one.DataSource.UID
		queries = append(queries, backend.DataQuery{
			RefID: one.RefID, QueryType: one.QueryType, MaxDataPoints: one.MaxDataPoints,
			Interval: time.Duration(one.IntervalMS) * time.Millisecond, TimeRange: window, JSON: raw,
		})
	}
	return uid, queries, nil
}

func answer(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails when the page is gone
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"message": err.Error()})
}
