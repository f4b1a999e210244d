//go:build integration && unix

package worlds_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
)

// ruleWorld is a world as rules meet it: now, while requests are open and evidence is on its way.
type ruleWorld struct {
	name, world string
	// answers says that every rule must give a number here: there is nothing that it cannot know.
	answers bool
	// sampled is the share of the requests that have spans, where it is not one: figures are estimates then.
	sampled float64
	// errs says that every rule but those about the stores themselves must be an error: what it reads is not whole.
	errs bool
	// spansLate is how far the spans are behind; partial is a Prometheus that answers with half of its series and says so.
	spansLate time.Duration
	partial   bool
}

var ruleWorlds = []ruleWorld{
	{name: "clean", world: "clean", answers: true},
	{name: "lines late", world: "lines_late_60s"},
	{name: "lines early", world: "log_clock_early_3s"},
	{name: "lines two minutes early", world: "log_clock_early_120s"},
	{name: "lines double", world: "lines_twice", answers: true},
	{name: "lines none", world: "no_logs"},
	{name: "traces head-sampled", world: "traces_head_10", sampled: 0.1},
	{name: "traces head-sampled, none refused", world: "traces_head_10_none_refused", sampled: 0.1},
	{name: "traces sampled by latency", world: "traces_tail_slow", sampled: 0.1},
	{name: "traces sampled by error", world: "traces_keep_errors", sampled: 0.1},
	{name: "traces late", world: "clean", spansLate: 5 * time.Minute, sampled: 0.5},
	{name: "native histograms", world: "native_histograms", answers: true},
	{name: "metrics none", world: "no_metrics"},
	{name: "traces none", world: "no_traces"},
	{name: "Prometheus partial", world: "clean", partial: true, errs: true},
	{name: "engine hangs", world: "engine_hangs"},
	{name: "engine hangs, requests not logged", world: "engine_hangs_unlogged"},
	{name: "requests of four minutes", world: "requests_of_four_minutes"},
}

// verdict of one rule's question in one world.
type ruleCell struct{ said, detail string }

const (
	right, erred, silent, wrong = "right", "error", "no data", "WRONG"
)

// TestRules is the table world × rule: each of Grafana's own rules on rows, slo or coverage gives the right number, or an error or
// nothing, never a wrong number.
func TestRules(t *testing.T) {
	var mu sync.Mutex
	table := map[string]map[string]ruleCell{}
	t.Cleanup(func() { printRules(t, table) })
	for _, rw := range ruleWorlds {
		t.Run(strings.ReplaceAll(rw.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			s := stageNow(t, rw)
			cells := map[string]ruleCell{}
			for _, rule := range alerts.ManagedAlerts() {
				for i, q := range rule.Ask {
					if q.QueryType == query.Models {
						continue // Prometheus alone answers those
					}
					name := rule.Name
					if len(rule.Ask) > 1 {
						name += fmt.Sprintf(" $%c", 'A'+i)
					}
					cell := s.askRule(t, q, rw)
					cells[name] = cell
					key := name + " in " + rw.name
					part, excused := knownRules[rw.name]
					aboutStores := q.QueryType == query.Coverage && strings.HasPrefix(q.Coverage.Metric, "stores_")
					switch bad := cell.said == wrong || rw.answers && cell.said != right || rw.errs && !aboutStores && cell.said != erred; {
					case bad && excused:
						t.Logf("known, %s mends it: %s: %s: %s", part, key, cell.said, cell.detail)
					case bad:
						t.Errorf("%s: %s: %s", key, cell.said, cell.detail)
					default:
						t.Logf("%s: %s: %s", name, cell.said, cell.detail)
					}
				}
			}
			mu.Lock()
			table[rw.name] = cells
			mu.Unlock()
		})
	}
}

// stageNow fills stores up to this moment: what is dated later has not arrived, and requests are open.
func stageNow(t *testing.T, rw ruleWorld) *scene {
	t.Helper()
	w, err := world.Named(rw.world)
	require.NoError(t, err)
	s := prepare(t, w)
	to := time.Now().Truncate(s.config.ScrapeInterval)
	s.config.Pipelines = append(s.config.Pipelines, arrivedBy(to, rw.spansLate))
	s.fill(t, simulator.Window{From: to.Add(-length), To: to})
	prometheus := s.stores.Prometheus.URL
	if rw.partial {
		proxy := httptest.NewServer(partial(t, prometheus))
		t.Cleanup(proxy.Close)
		prometheus = proxy.URL
	}
	s.start(t, prometheus)
	return s
}

// arrivedBy keeps out what is on its way at that time.
func arrivedBy(now time.Time, spansLate time.Duration) simulator.Pipeline {
	return simulator.Pipeline{
		Line: func(l telemetry.LogLine, ship func(telemetry.LogLine)) {
			if !l.Time.After(now) {
				ship(l)
			}
		},
		Trace: func(spans []*telemetry.Span) []*telemetry.Span {
			return slices.DeleteFunc(slices.Clone(spans), func(s *telemetry.Span) bool { return s.End.After(now.Add(-spansLate)) })
		},
	}
}

// askRule evaluates a question as Grafana does for an alert rule, at the end of the world's history.
func (s *scene) askRule(t *testing.T, question alerts.Question, rw ruleWorld) ruleCell {
	t.Helper()
	text, err := json.Marshal(question)
	require.NoError(t, err)
	var model map[string]any
	require.NoError(t, json.Unmarshal(text, &model))
	q, err := pluginhost.Query("A", model, backend.TimeRange{From: s.window.To.Add(-question.Over), To: s.window.To})
	require.NoError(t, err)
	response, err := s.plugin.QueryAlert(t.Context(), q)
	require.NoError(t, err)
	answer := response.Responses["A"]
	if answer.Error != nil {
		return ruleCell{erred, answer.Error.Error()}
	}
	want := s.trueAnswers(question, rw)
	var details []string
	said := silent
	for _, frame := range answer.Frames {
		for _, field := range frame.Fields {
			if field.Type().Time() || field.Len() == 0 {
				continue
			}
			value, err := field.NullableFloatAt(0)
			require.NoError(t, err)
			if value == nil {
				continue
			}
			of := field.Labels["model"]
			if instance := field.Labels["instance"]; instance != "" {
				of = instance
			}
			band, judged := want[of]
			switch {
			case !judged:
				details = append(details, fmt.Sprintf("%s %.4g (not judged)", of, *value))
				continue
			case band.holds(*value):
				if said == silent {
					said = right
				}
			default:
				said = wrong
			}
			details = append(details, fmt.Sprintf("%s %.4g of %s", of, *value, band))
		}
	}
	slices.Sort(details)
	return ruleCell{said, strings.Join(details, "; ")}
}

// band is what a number may be: exactly known, but for what nobody can decide.
type band struct{ low, high float64 }

func (b band) holds(v float64) bool { return v >= b.low-1e-9 && v <= b.high+1e-9 }

func (b band) String() string { return fmt.Sprintf("%.4g … %.4g", b.low, b.high) }

// estimated gives room for a share that is read off so many requests: three standard deviations.
func (b band) estimated(n float64) band {
	p := min(max((b.low+b.high)/2, 0.02), 0.98)
	d := 3 * math.Sqrt(p*(1-p)/math.Max(n, 1))
	return band{b.low - d, b.high + d}
}

func printRules(t *testing.T, table map[string]map[string]ruleCell) {
	rules := map[string]bool{}
	for _, cells := range table {
		for rule := range cells {
			rules[rule] = true
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "rule")
	var names []string
	for _, rw := range ruleWorlds {
		if table[rw.name] != nil {
			names = append(names, rw.name)
			fmt.Fprintf(w, "\t%s", rw.name)
		}
	}
	fmt.Fprintln(w)
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		fmt.Fprint(w, rule)
		for _, name := range names {
			fmt.Fprintf(w, "\t%s", table[name][rule].said)
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // into memory
	writeTable(t, "VLLM_RULES_TABLE", b.String())
}
