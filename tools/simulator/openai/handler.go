package openai

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/serving"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// Served is a model as /v1/models lists it.
type Served struct {
	Name        string
	MaxModelLen int
	LoRAs       []string
}

// Fleet works on calls.
type Fleet interface {
	Served() []Served
	Version() string // of the vLLM that is simulated
	Begin(traffic.Call, serving.Parent) Visit
}

// Visit is a call under way.
type Visit interface {
	// Next waits until more is known than it has told. When ctx ends, the
	// client has gone: the call is aborted, and ctx's error returned.
	Next(ctx context.Context) (serving.Progress, error)
}

// maxBody is more than the longest context needs.
const maxBody = 4 << 20

// Handler serves the API. It answers for the whole fleet, as a load balancer
// in front of it would, which is why it has no /metrics.
func Handler(fleet Fleet) http.Handler {
	api := &api{fleet: fleet, started: time.Now().Unix()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {}) // 200 and nothing else, as vLLM's
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"version": fleet.Version()})
	})
	mux.HandleFunc("GET /v1/models", api.models)
	mux.HandleFunc("POST "+traffic.ChatCompletions, api.complete)
	mux.HandleFunc("POST "+traffic.Completions, api.complete)
	return withRequestID(mux)
}

// withRequestID is --enable-request-id-headers.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get("X-Request-Id"); id != "" {
			w.Header().Set("X-Request-Id", id)
		}
		next.ServeHTTP(w, r)
	})
}

type api struct {
	fleet   Fleet
	started int64 // when the models were "created"
}

func (a *api) models(w http.ResponseWriter, _ *http.Request) {
	type card struct {
		ID          string  `json:"id"`
		Object      string  `json:"object"`
		Created     int64   `json:"created"`
		OwnedBy     string  `json:"owned_by"`
		Root        string  `json:"root"`
		Parent      *string `json:"parent"`
		MaxModelLen *int    `json:"max_model_len"`
	}
	cards := []card{}
	for _, s := range a.fleet.Served() {
		cards = append(cards, card{s.Name, "model", a.started, "vllm", s.Name, nil, &s.MaxModelLen})
		for _, lora := range s.LoRAs {
			cards = append(cards, card{lora, "model", a.started, "vllm", "/adapters/" + lora, &s.Name, nil})
		}
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": cards})
}

func (a *api) complete(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, refusal{http.StatusBadRequest, err.Error()})
		return
	}
	asked, refused := read(r.URL.Path, text, a.fleet.Served())
	asked.call.RequestID = r.Header.Get("X-Request-Id")
	if refused != nil {
		asked.call.Rejection = &traffic.Rejection{
			Status: refused.status, Reason: http.StatusText(refused.status), Message: refused.message,
		}
	}
	answer := &answer{
		order: asked, writer: w, visit: a.fleet.Begin(asked.call, parent(r.Header.Get("Traceparent"))),
		created: time.Now().Unix(),
	}
	answer.write(r.Context())
}

// parent reads a W3C traceparent; anything else is none. Its flags are not
// looked at: every call is sampled.
func parent(header string) (p serving.Parent) {
	fields := strings.Split(header, "-")
	if len(fields) < 4 || len(fields[1]) != 2*len(p.Trace) || len(fields[2]) != 2*len(p.Span) {
		return serving.Parent{}
	}
	_, badTrace := hex.Decode(p.Trace[:], []byte(fields[1]))
	_, badSpan := hex.Decode(p.Span[:], []byte(fields[2]))
	if badTrace != nil || badSpan != nil {
		return serving.Parent{}
	}
	return p
}

// refuse answers as vLLM does.
func refuse(w http.ResponseWriter, r refusal) {
	reply(w, r.status, failure(r.status, r.message))
}

// failure is the body of an error.
func failure(status int, message string) any {
	kind := map[int]string{
		http.StatusBadRequest: "BadRequestError", http.StatusNotFound: "NotFoundError", http.StatusServiceUnavailable: "ServiceUnavailableError",
	}[status]
	if kind == "" {
		kind = "InternalServerError"
	}
	return map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": status}}
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that leaves is not our trouble
}
