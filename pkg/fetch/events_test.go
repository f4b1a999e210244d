package fetch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestEventsAsksOnlyTheStoresThatTell(t *testing.T) {
	for _, test := range []struct {
		name    string
		types   []events.Type
		changes []string // asked of Prometheus, besides where the engines are
		lines   bool
	}{
		{"restarts are the metrics'", []events.Type{events.Restart}, []string{"starts"}, false},
		{"storms too", []events.Type{events.PreemptionStorm}, []string{"preemptions"}, false},
		{"deaths are the logs'", []events.Type{events.EngineDeath}, nil, true},
		{"sleep is either's", []events.Type{events.Sleep}, []string{"sleep"}, true},
		{"all", events.Catalogue.Keys(), []string{"preemptions", "sleep", "starts"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &stores{}
			in, err := s.fetcher().Events(t.Context(), window, vllm.Scope{}, test.types)
			require.NoError(t, err)
			require.Len(t, s.questions("Targets"), 1, "the metrics tell whose model an event is")
			var changes []string
			for _, a := range s.questions("EngineChanges") {
				changes = append(changes, a.names...)
			}
			require.Equal(t, test.changes, changes)
			require.Equal(t, test.lines, len(s.questions("EngineLines")) == 1)
			require.Equal(t, window, in.Window)
		})
	}
}

func TestEventsKeepsWhatOneStoreTells(t *testing.T) {
	for _, test := range []struct {
		name   string
		types  []events.Type
		fails  map[evidence.Store]error
		absent []evidence.Store
		err    error
	}{
		{"without Loki, restarts are known", events.Catalogue.Keys(), failure(evidence.Loki, upstream.ErrTimeout), nil, nil},
		{"without Prometheus, deaths are known", events.Catalogue.Keys(), failure(evidence.Prometheus, upstream.ErrTimeout), nil, nil},
		{"restarts need Prometheus", []events.Type{events.Restart}, failure(evidence.Prometheus, upstream.ErrTimeout), nil, upstream.ErrTimeout},
		{"deaths need Loki", []events.Type{events.EngineDeath}, failure(evidence.Loki, upstream.ErrTimeout), nil, upstream.ErrTimeout},
		{"a store that is not there is no failure", events.Catalogue.Keys(), nil, []evidence.Store{evidence.Loki}, nil},
		{"but the one that is needed must be there", []events.Type{events.EngineDeath}, nil, []evidence.Store{evidence.Loki}, ErrNoStore},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &stores{fails: test.fails}
			f := s.fetcher()
			for _, store := range test.absent {
				if store == evidence.Loki {
					f.Logs = nil
				}
			}
			in, err := f.Events(t.Context(), window, vllm.Scope{}, test.types)
			if test.err != nil {
				require.ErrorIs(t, err, test.err)
				return
			}
			require.NoError(t, err)
			for _, report := range in.Stores {
				require.Equal(t, test.fails[report.Store] != nil, report.Err != nil, "%s", report.Store)
			}
			require.Len(t, in.Stores, 2)
		})
	}
}
