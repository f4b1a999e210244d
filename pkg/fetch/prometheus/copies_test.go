package prometheus_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// scrapes is what one job has of an engine: labels beside name and model, and when it scraped.
type scrapes struct {
	labels          string // a=b c=d
	from, to, phase int    // seconds of the window
	tokens          func(second int) int
}

// laid lays down what a store with these series answers in a window of ten minutes.
func laid(series ...scrapes) *prometheustest.Store {
	end := time.Unix(1790000000, 0)
	begin := end.Add(-10 * time.Minute)
	var counts, raw []string
	var instances []string // that have several series
	once := map[string]bool{}
	for _, s := range series {
		labels := map[string]string{"model_name": "m", "engine": "0"}
		for _, pair := range strings.Fields(s.labels) {
			name, value, _ := strings.Cut(pair, "=")
			labels[name] = value
		}
		var inPart [8]int
		values := map[string][]string{}
		for t := s.from + s.phase; t < s.to; t += 15 {
			at := begin.Add(time.Duration(t) * time.Second).Unix()
			values["vllm:num_requests_running"] = append(values["vllm:num_requests_running"], fmt.Sprintf(`[%d,"%d"]`, at, s.tokens(t)/100%5))
			values["vllm:generation_tokens_total"] = append(values["vllm:generation_tokens_total"], fmt.Sprintf(`[%d,"%d"]`, at, s.tokens(t)))
			inPart[t/75]++
		}
		var parts []string
		for i, n := range inPart {
			if n > 0 {
				parts = append(parts, fmt.Sprintf(`[%d,"%d"]`, begin.Add(time.Duration(i+1)*75*time.Second).Unix(), n))
			}
		}
		counts = append(counts, fmt.Sprintf(`{"metric":%s,"values":[%s]}`, encoded(labels, ""), strings.Join(parts, ",")))
		for _, name := range []string{"vllm:num_requests_running", "vllm:generation_tokens_total"} {
			raw = append(raw, fmt.Sprintf(`{"metric":%s,"values":[%s]}`, encoded(labels, name), strings.Join(values[name], ",")))
		}
		if i := labels["instance"]; once[i] && !strings.Contains(strings.Join(instances, "|"), i) {
			instances = append(instances, i)
		}
		once[labels["instance"]] = true
	}
	matcher := ""
	if len(instances) == 1 {
		matcher = fmt.Sprintf("instance=%q", instances[0])
	} else {
		quoted := strings.ReplaceAll(strings.Join(instances, "|"), ".", `\\.`)
		matcher = `instance=~"` + quoted + `"`
	}
	return &prometheustest.Store{
		Names: []string{"vllm:num_requests_running", "vllm:generation_tokens_total", "vllm:time_to_first_token_seconds_bucket"},
		Answers: map[string]string{
			`count_over_time(vllm:num_requests_running{model_name!=""}[75s])`:                                          "[" + strings.Join(counts, ",") + "]",
			`{__name__=~"vllm:num_requests_running|vllm:generation_tokens_total",model_name!="",` + matcher + `}[10m]`: "[" + strings.Join(raw, ",") + "]",
		},
	}
}

func encoded(labels map[string]string, name string) string {
	all := maps.Clone(labels)
	if name != "" {
		all["__name__"] = name
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestCopiesOfSeriesAreLeftOutOfQueries(t *testing.T) {
	one := func(t int) int { return 90_000 + 37*t + t%13 }
	two := func(t int) int { return 400_000 + 31*t + t%17 }
	whole := func(labels string, phase int, tokens func(int) int) scrapes {
		return scrapes{labels, 0, 600, phase, tokens}
	}
	const plain = `rate(vllm:generation_tokens_total[5m])`
	for name, c := range map[string]struct {
		series []scrapes
		want   string
		copied int
		others int // replicas and engines that contradict themselves
	}{
		"each engine has one": {[]scrapes{whole("instance=10.0.0.1:8000 job=a", 0, one), whole("instance=10.0.0.2:8000 job=b", 3, two)}, plain, 0, 0},
		"a second job scrapes one": {
			[]scrapes{whole("instance=10.0.0.1:8000 job=a", 0, one), whole("instance=10.0.0.1:8000 job=b", 7, one), whole("instance=10.0.0.2:8000 job=a", 3, two)},
			`rate(vllm:generation_tokens_total{job!="b"}[5m])`, 1, 0,
		},
		"the job that knows more engines is kept": {
			[]scrapes{whole("instance=10.0.0.1:8000 job=a", 0, one), whole("instance=10.0.0.1:8000 job=b", 7, one), whole("instance=10.0.0.2:8000 job=b", 3, two)},
			`rate(vllm:generation_tokens_total{job!="a"}[5m])`, 1, 0,
		},
		"each of two jobs has an engine of its own": {
			[]scrapes{
				whole("instance=10.0.0.1:8000 job=a", 0, one), whole("instance=10.0.0.1:8000 job=b", 7, one),
				whole("instance=10.0.0.2:8000 job=a", 3, two), whole("instance=10.0.0.3:8000 job=b", 3, two),
			},
			`max without (job) (rate(vllm:generation_tokens_total[5m]))`, 1, 0,
		},
		"redundant Prometheus servers": {
			[]scrapes{whole("instance=10.0.0.1:8000 prometheus_replica=p-0", 0, one), whole("instance=10.0.0.1:8000 prometheus_replica=p-1", 9, one)},
			`rate(vllm:generation_tokens_total{prometheus_replica!="p-1"}[5m])`, 1, 0,
		},
		"one of which was away": {
			[]scrapes{{"instance=10.0.0.1:8000 replica=0", 0, 600, 0, one}, {"instance=10.0.0.1:8000 replica=1", 0, 300, 9, one}},
			`rate(vllm:generation_tokens_total{replica!="1"}[5m])`, 1, 0,
		},
		"which were away in turn": {
			[]scrapes{{"instance=10.0.0.1:8000 replica=0", 0, 400, 0, one}, {"instance=10.0.0.1:8000 replica=1", 200, 600, 9, one}},
			`max without (replica) (rate(vllm:generation_tokens_total[5m]))`, 1, 0,
		},
		"a job that was renamed": {
			[]scrapes{{"instance=10.0.0.1:8000 job=a", 0, 300, 0, one}, {"instance=10.0.0.1:8000 job=b", 300, 600, 9, one}}, plain, 0, 0,
		},
		"a job that names no pod": {
			[]scrapes{whole("instance=10.0.0.1:8000 pod=llama-0 job=a", 0, one), whole("instance=10.0.0.1:8000 job=b", 7, one)},
			`rate(vllm:generation_tokens_total{job!="b"}[5m])`, 1, 0,
		},
		"replicas behind one address": {
			[]scrapes{whole("instance=10.0.0.1:8080 ReplicaId=r1", 0, one), whole("instance=10.0.0.1:8080 ReplicaId=r2", 0, two)}, plain, 0, 2,
		},
		"machines that nothing tells apart": {
			[]scrapes{whole("instance=10.0.0.1:8080 zone=a", 0, one), whole("instance=10.0.0.1:8080 zone=b", 0, two)}, plain, 0, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := laid(c.series...)
			client := store.Start(t)
			end := time.Unix(1790000000, 0).UTC()
			names, _, err := client.NamesOnce(t.Context(), evidence.Window{From: end.Add(-10 * time.Minute), To: end})
			require.NoError(t, err)
			require.Equal(t, c.want, names.Either("rate", vllm.GenerationTokens, nil, 5*time.Minute))
			found := names.Copies().Found
			require.Equal(t, c.copied, found.Copied)
			require.Equal(t, c.others, found.Replicas+found.Unclear)
			asked := len(store.Asked())
			_, _, err = client.NamesOnce(t.Context(), evidence.Window{From: end.Add(-10 * time.Minute), To: end})
			require.NoError(t, err)
			require.Len(t, store.Asked(), asked, "the second time it is known")
		})
	}
}
