//go:build integration && unix

package worlds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

const (
	// length of a world's history: long enough for two waves of traffic, retries after a minute and an engine's death.
	length = 12 * time.Minute
	// settle is how long before now history ends: the slowest request of the traffic is over by then.
	settle = 2 * time.Minute
)

// limits are such that some requests of every model miss each of them; all are bounds of buckets. The others are the same in seconds.
var limits = []map[string]any{{"model": "*", "ttft": "1s", "tpot": "50ms", "e2e": "20s"}}

const limitTTFT, limitTPOT, limitE2E = 1.0, 0.05, 20.0

// scene is one world in stores of its own, with the plugin in front.
type scene struct {
	world  world.World
	config simulator.Config
	window simulator.Window
	stores *stack.Stack
	plugin *pluginhost.Host
	truth  *truthtest.Recorder
}

// stage fills stores with a world that has come to rest. They are its own: Save & test looks at the last hour of everything.
func stage(t *testing.T, w world.World) *scene {
	t.Helper()
	return stageFor(t, w, length)
}

// stageFor is stage with so much history.
func stageFor(t *testing.T, w world.World, history time.Duration) *scene {
	t.Helper()
	s := prepare(t, w)
	to := time.Now().Add(-settle - w.Delay).Truncate(s.config.ScrapeInterval)
	s.fill(t, simulator.Window{From: to.Add(-history), To: to, Drain: true})
	prometheus := s.stores.Prometheus.URL
	if w.Front != nil {
		front, stop, err := w.Front(prometheus)
		require.NoError(t, err)
		t.Cleanup(stop)
		prometheus = front
	}
	s.start(t, prometheus)
	return s
}

// seed is what the traffic is made from. VLLM_WORLDS_SEED gives another, for worlds that nobody has seen.
func seed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("VLLM_WORLDS_SEED"), 10, 64); err == nil {
		return n
	}
	return 9
}

// prepare starts the world's stores.
func prepare(t *testing.T, w world.World) *scene {
	t.Helper()
	s := &scene{world: w, truth: &truthtest.Recorder{}}
	s.stores = stacktest.Start(t, stack.Options{ScrapeInterval: 15 * time.Second})
	s.config = simulator.Config{
		Seed: seed(), TimeOfDay: 6 * time.Hour, Rate: 2.2, EngineDeaths: 0.8, EnginePauses: 0.8, ScrapeInterval: 15 * time.Second, Listen: "off",
		Models: simulator.DefaultModels(), Recorder: s.truth,
		PrometheusRemoteWrite: s.stores.Prometheus.RemoteWrite, Loki: s.stores.Loki.URL, OTLP: s.stores.Jaeger.OTLPHTTP,
	}
	w.Apply(&s.config)
	return s
}

// fill writes the world's history.
func (s *scene) fill(t *testing.T, window simulator.Window) {
	t.Helper()
	s.window = window
	sim, err := simulator.New(s.config)
	require.NoError(t, err)
	err = sim.Backfill(t.Context(), s.window)
	for name, store := range sim.Stats().Stores {
		require.Empty(t, store.LastError, name)
		require.Zero(t, store.Dropped, name)
	}
	require.NoError(t, sim.Close())
	require.NoError(t, err)
}

// start runs the plugin with what the world's operator has set.
func (s *scene) start(t *testing.T, prometheus string) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	binary := os.Getenv("VLLM_PLUGIN")
	if binary == "" {
		binary = repo.PluginBinary(root)
	}
	settings := pluginhost.Stores(prometheus, s.stores.Loki.URL, s.stores.Jaeger.GRPC).Patient()
	settings = settings.With("vllm", map[string]any{"slo": limits})
	if s.world.Settings != nil {
		s.world.Settings(settings.JSON)
	}
	s.plugin, err = pluginhost.Start(t.Context(), pluginhost.Options{Binary: binary, Settings: settings})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.plugin.Close() })
}

// rangeAll covers everything that happened, and whatever is dated later than it happened.
func (s *scene) rangeAll() backend.TimeRange {
	return backend.TimeRange{From: s.window.From.Add(-3 * time.Minute), To: time.Now().Truncate(time.Millisecond)}
}

func (s *scene) ask(t *testing.T, model map[string]any) data.Frames {
	t.Helper()
	q, err := pluginhost.Query("A", model, s.rangeAll())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	response, err := s.plugin.QueryData(ctx, q)
	require.NoError(t, err)
	require.NoError(t, response.Responses["A"].Error)
	require.NotEmpty(t, response.Responses["A"].Frames)
	return response.Responses["A"].Frames
}

// check is what Save & test says of one matter.
type check struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Fix   string `json:"fix"`
}

// saveAndTest gives the checks that failed, and the whole message.
func (s *scene) saveAndTest(t *testing.T) (failed []check, message string) {
	t.Helper()
	result, err := s.plugin.CheckHealth(t.Context())
	require.NoError(t, err)
	var details struct {
		Content []check `json:"content"`
	}
	require.NoError(t, json.Unmarshal(result.JSONDetails, &details))
	for _, c := range details.Content {
		if !c.OK {
			failed = append(failed, c)
		}
	}
	return failed, result.Message
}

// outcome is one line of the table.
type outcome struct {
	world   world.World
	report  *grade.Report
	checks  []check
	message string
	faults  []string
}

// judge asks for every row and for Save & test.
func (s *scene) judge(t *testing.T) outcome {
	t.Helper()
	o := outcome{world: s.world}
	frame := s.ask(t, map[string]any{"queryType": "requests", "version": 1, "requests": map[string]any{"limit": 50_000}})[0]
	for _, n := range frame.Meta.Notices {
		t.Logf("notice: %s", n.Text)
	}
	o.report = grade.Grade(frame, grade.World{
		Requests: s.truth.Requests(), Scrapes: s.truth.Scrapes(), ScrapeInterval: s.config.ScrapeInterval,
		Limits: grade.Limits{TTFT: limitTTFT, TPOT: limitTPOT, E2E: limitE2E}, Undecidable: s.undecidable,
	})
	o.checks, o.message = s.saveAndTest(t)
	o.faults = s.faults(o)
	return o
}

// undecidable is the reason why nobody can know a cell.
func (s *scene) undecidable(r *truth.Record, column string) string {
	for _, u := range s.world.Undecidable {
		if slices.Contains(u.Columns, column) && (u.Of == nil || u.Of(r)) {
			return u.Why
		}
	}
	return ""
}

// markedAtMost is the share of rows that may say that they are ambiguous: reused ids do, but marking everything would be no answer.
const markedAtMost = 0.02

func (s *scene) faults(o outcome) (faults []string) {
	r := o.report
	add := func(n int, what string) {
		if n > 0 {
			faults = append(faults, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(r.Missed, "rows missed")
	add(r.Invented, "rows invented")
	for column, n := range r.Wrong {
		add(n, column+" wrong")
	}
	for column, n := range r.Null {
		add(n, column+" null")
	}
	if most := max(s.world.Marked, markedAtMost); float64(r.Marked) > most*float64(r.Rows) {
		add(r.Marked, "rows marked")
	}
	var named []string
	for _, c := range o.checks {
		named = append(named, c.Check)
		if !slices.ContainsFunc(s.world.Names, func(want string) bool {
			return slices.Contains(strings.Split(strings.TrimSuffix(want, "?"), "|"), c.Check)
		}) {
			faults = append(faults, fmt.Sprintf("Save & test names %s: %s", c.Check, c.Found))
		}
	}
	for _, want := range s.world.Names {
		if !strings.HasSuffix(want, "?") && !slices.ContainsFunc(strings.Split(want, "|"), func(one string) bool { return slices.Contains(named, one) }) {
			faults = append(faults, fmt.Sprintf("Save & test does not name %s: %s", want, o.message))
		}
	}
	slices.Sort(faults)
	return faults
}

func (o outcome) named() string {
	if len(o.checks) == 0 {
		return "nothing"
	}
	var names []string
	for _, c := range o.checks {
		names = append(names, c.Check)
	}
	return strings.Join(names, ", ")
}
