//go:build integration && unix

package live

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// viewer is what a browser knows of a stream: src/live/table.ts in Go.
type viewer struct {
	mu      sync.Mutex
	schema  json.RawMessage
	rows    map[string]row
	told    map[string]time.Time // when a row said for the first time what its span and lines say now
	final   map[string]time.Time // when it said for the first time all that it says now
	whole   int                  // frames with all rows
	filled  int                  // rows that said more later
	later   map[string]int       // how often a field said something else later
	over    int
	bytes   int
	packets int
}

// row is the cells of a row as JSON, by the names of their fields.
type row map[string]string

func newViewer() *viewer {
	return &viewer{rows: map[string]row{}, later: map[string]int{}, told: map[string]time.Time{}, final: map[string]time.Time{}}
}

// take reads a packet.
func (v *viewer) take(packet []byte) error {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.packets++
	v.bytes += len(packet)
	var message map[string]json.RawMessage
	if err := json.Unmarshal(packet, &message); err != nil {
		return err
	}
	whole := message["schema"] != nil
	if whole {
		v.schema = message["schema"]
		v.whole++
	}
	var frame data.Frame // whose JSON must have the schema first
	if err := json.Unmarshal(fmt.Appendf(nil, `{"schema": %s, "data": %s}`, v.schema, message["data"]), &frame); err != nil {
		return err
	}
	kept := map[string]bool{}
	for i := range frame.Rows() {
		key, said, over := rowOf(&frame, i)
		kept[key] = true
		before, known := v.rows[key]
		switch {
		case over:
			delete(v.rows, key)
			v.over++
		case !known || !same(before, said):
			if known {
				v.filled++
				for name := range said {
					if before[name] != said[name] {
						v.later[name]++
					}
				}
			}
			if before["e2e"] != said["e2e"] || before["log_lines"] != said["log_lines"] || before["status"] != said["status"] {
				v.told[key] = now
			}
			v.rows[key], v.final[key] = said, now
		}
	}
	if whole {
		for key := range v.rows {
			if !kept[key] {
				delete(v.rows, key)
			}
		}
	}
	return nil
}

func rowOf(frame *data.Frame, i int) (key string, said row, over bool) {
	said = row{}
	for _, field := range frame.Fields {
		switch field.Name {
		case frames.LiveKey:
			key = field.At(i).(string)
		case frames.LiveOver:
			over = field.At(i).(bool)
		default:
			if value, ok := field.ConcreteAt(i); ok {
				text, _ := json.Marshal(value)
				said[field.Name] = string(text)
			}
		}
	}
	return key, said, over
}

func same(a, b row) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		if b[name] != value {
			return false
		}
	}
	return true
}

// known copies the rows.
func (v *viewer) known() map[string]row {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.rows)
}

// ask answers a live query: its rows by key, and where it goes on.
func ask(t testing.TB, plugin *pluginhost.Host, window backend.TimeRange, model map[string]any) (map[string]row, frames.Follow) {
	t.Helper()
	q, err := pluginhost.Query("A", model, window)
	require.NoError(t, err)
	response, err := plugin.QueryData(t.Context(), q)
	require.NoError(t, err)
	require.NoError(t, response.Responses["A"].Error)
	frame := response.Responses["A"].Frames[0]
	custom, err := json.Marshal(frame.Meta.Custom)
	require.NoError(t, err)
	var meta struct{ Follow frames.Follow }
	require.NoError(t, json.Unmarshal(custom, &meta))
	require.NotEmpty(t, meta.Follow.Path, "%v", frame.Meta.Notices)
	rows := map[string]row{}
	for i := range frame.Rows() {
		key, said, _ := rowOf(frame, i)
		rows[key] = said
	}
	return rows, meta.Follow
}

// watch runs a stream for a viewer until leave is called, which waits for its end.
func watch(t testing.TB, plugin *pluginhost.Host, to frames.Follow) (v *viewer, leave func()) {
	t.Helper()
	v = newViewer()
	initial, err := plugin.Subscribe(t.Context(), to.Path, to.Query)
	require.NoError(t, err)
	require.Empty(t, initial, "nobody watches yet")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- plugin.RunStream(ctx, to.Path, to.Query, v.take) }()
	return v, sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}
