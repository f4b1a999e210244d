//go:build unix

package pluginhost

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// Settings are what a user saves in the data source, in the shape that
// pkg/settings reads.
type Settings struct {
	UID, Name string // default "vllm", "vLLM"
	JSON      map[string]any
	Secure    map[string]string
}

// Stores is the plain case: three addresses, no authentication. An empty
// address leaves the store out. Jaeger is host:port of its gRPC.
func Stores(prometheus, loki, jaegerGRPC string) Settings {
	values := map[string]any{}
	if prometheus != "" {
		values["prometheus"] = map[string]any{"url": prometheus}
	}
	if loki != "" {
		values["loki"] = map[string]any{"url": loki}
	}
	if jaegerGRPC != "" {
		values["jaeger"] = map[string]any{"url": "grpc://" + jaegerGRPC}
	}
	return Settings{JSON: values}
}

// Patient gives a copy in which every call to a store may take minutes: on a machine at its limits the default would leave a
// store out of an answer, as it should for a user, and a test of the whole answer would see less.
func (s Settings) Patient() Settings {
	for _, name := range []string{"prometheus", "loki", "jaeger"} {
		if store, ok := s.JSON[name].(map[string]any); ok {
			store = maps.Clone(store)
			store["timeout"] = "4m"
			s = s.With(name, store)
		}
	}
	return s
}

// With gives a copy with one more value at the top of jsonData, such as "vllm"
// or "limits".
func (s Settings) With(key string, value any) Settings {
	s.JSON = maps.Clone(s.JSON)
	if s.JSON == nil {
		s.JSON = map[string]any{}
	}
	s.JSON[key] = value
	return s
}

// Configure saves other settings, as "Save & test" would: the plugin makes a
// new instance for the next call.
func (h *Host) Configure(settings Settings) error {
	text, err := json.Marshal(settings.JSON)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	updated := time.Now()
	if !updated.After(h.instance.Updated) { // a coarse clock must not hide the change
		updated = h.instance.Updated.Add(time.Nanosecond)
	}
	h.instance = backend.DataSourceInstanceSettings{
		ID: 1, UID: or(settings.UID, "vllm"), Name: or(settings.Name, "vLLM"), Type: PluginID,
		JSONData: text, DecryptedSecureJSONData: settings.Secure, Updated: updated,
	}
	return nil
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
