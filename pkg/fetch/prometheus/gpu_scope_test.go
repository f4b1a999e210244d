package prometheus_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

type labels = map[string]string

// device is a GPU's series with what all of them have.
func device(gpu string, more labels) labels {
	all := labels{"__name__": "DCGM_FI_DEV_GPU_UTIL", "instance": "n1:9400", "gpu": gpu}
	for name, value := range more {
		all[name] = value
	}
	return all
}

var oneMatcher = regexp.MustCompile(`([a-zA-Z_]+)(=~|!~|!=|=)("(?:[^"\\]|\\.)*")`)

// finds reports whether a selector of one metric finds a series: what is missing is an empty text, and a pattern matches whole texts.
func finds(t *testing.T, selector string, series labels) bool {
	t.Helper()
	name, braces, _ := strings.Cut(selector, "{")
	matchers := oneMatcher.FindAllStringSubmatch(braces, -1)
	all := true
	for _, m := range matchers {
		text, err := strconv.Unquote(m[3])
		require.NoError(t, err)
		is := series[m[1]] == text
		if strings.HasSuffix(m[2], "~") {
			is = regexp.MustCompile("^(?:" + text + ")$").MatchString(series[m[1]])
		}
		all = all && is == !strings.HasPrefix(m[2], "!")
	}
	return all && series["__name__"] == name
}

// gpusOf asks a store that holds these series, and counts how many of them it sent.
func gpusOf(t *testing.T, held []labels, pod string, scope vllm.Scope) (found []evidence.Series, sent int, queries []string) {
	t.Helper()
	var mu sync.Mutex
	store := &prometheustest.Store{Names: []string{"DCGM_FI_DEV_GPU_UTIL"}}
	store.Fail = func(w http.ResponseWriter, query string) bool {
		selector, isRange := strings.CutSuffix(query, "[10m]")
		if !isRange {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		result := []map[string]any{}
		for _, series := range held {
			if finds(t, selector, series) {
				result = append(result, map[string]any{"metric": series, "values": [][2]any{{1790000000, "50"}}})
			}
		}
		sent += len(result)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": result}})
		return true
	}
	client := store.Start(t, func(s *settings.Store, _ *settings.VLLM) { s.Labels.Pod = pod })
	found, _, err := client.EngineState(t.Context(), []evidence.Window{window}, scope, []string{vllm.GPUUtilization})
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	return found, sent, store.Queries()
}

func where(op vllm.Op, values ...string) vllm.Scope {
	return vllm.Scope{Where: []vllm.Condition{{Key: string(vllm.Pod), Op: op, Values: values}}}
}

// What a scope of pods finds is what is found without one, less the GPUs that another pod is known to use.
func TestGPUsAreAskedForWithTheScopesPods(t *testing.T) {
	renamed := func(pod string) labels {
		return labels{"pod": "dcgm-x", "namespace": "monitoring", "exported_pod": pod, "exported_namespace": "llm"}
	}
	honored := func(pod string) labels { return labels{"pod": pod, "namespace": "llm"} }
	labellings := map[string]struct {
		pod  string
		held []labels
	}{
		"honor_labels false": {"pod", []labels{
			device("0", renamed("vllm-0")), device("1", renamed("vllm-1")), device("2", renamed("vllm.2")), device("3", renamed("vllm-22")),
			device("4", labels{"pod": "dcgm-x", "namespace": "monitoring"}), // used by no pod
		}},
		"honor_labels true": {"pod", []labels{
			device("0", honored("vllm-0")), device("1", honored("vllm-1")), device("2", honored("vllm.2")), device("3", honored("vllm-22")),
			device("4", labels{"pod": "dcgm-x", "namespace": "monitoring"}),
			device("5", labels{"namespace": "llm"}),
		}},
		"both, and hosts": {"pod", []labels{
			device("0", renamed("vllm-0")), device("1", honored("vllm-0")), device("2", renamed("vllm-22")), device("3", honored("vllm-22")),
			device("4", labels{"exported_pod": "vllm-1"}), device("5", nil), device("6", labels{"Hostname": "n1", "node": "n1"}),
		}},
		"hosts": {"pod", []labels{device("0", nil), device("1", labels{"Hostname": "n1"})}},
		"another name of the label": {"kubernetes_pod", []labels{
			device("0", labels{"kubernetes_pod": "dcgm-x", "exported_kubernetes_pod": "vllm-0"}), device("1", labels{"kubernetes_pod": "vllm-1"}),
			device("2", labels{"pod": "vllm-22"}),
		}},
		"no label": {"", []labels{device("0", honored("vllm-0")), device("1", renamed("vllm-22"))}},
	}
	scopes := map[string]vllm.Scope{
		"one":                          {Pods: []string{"vllm-0"}},
		"one with a dot":               {Pods: []string{"vllm.2"}},
		"several":                      {Pods: []string{"vllm-0", "vllm.2"}},
		"not one":                      where(vllm.IsNot, "vllm-0"),
		"none of several":              where(vllm.IsNot, "vllm-0", "vllm-1"),
		"a pattern":                    where(vllm.Matches, "vllm-.|other"),
		"several patterns":             where(vllm.Matches, "vllm-0", "vllm-2+"),
		"a pattern of all":             where(vllm.Matches, ".*"),
		"not a pattern":                where(vllm.MatchesNot, "vllm-2+"),
		"not a pattern, and not empty": where(vllm.MatchesNot, "(vllm-2+)?"),
		"of some, not one": {
			Pods: []string{"vllm-0", "vllm-1"}, Where: []vllm.Condition{{Key: string(vllm.Pod), Op: vllm.IsNot, Values: []string{"vllm-1"}}},
		},
		"nobody": {Pods: []string{"elsewhere"}},
	}
	for labelled, l := range labellings {
		all, total, _ := gpusOf(t, l.held, l.pod, vllm.Scope{})
		require.Len(t, all, len(l.held))
		require.Equal(t, len(l.held), total)
		for name, scope := range scopes {
			t.Run(labelled+"/"+name, func(t *testing.T) {
				test := scope.Test(vllm.Pod)
				want := slices.DeleteFunc(slices.Clone(all), func(s evidence.Series) bool { return s.Origin.Pod != "" && !test(s.Origin.Pod) })
				found, sent, _ := gpusOf(t, l.held, l.pod, scope)
				require.ElementsMatch(t, want, found)
				if name != "not a pattern, and not empty" {
					require.Equal(t, len(want), sent, "no series is sent for nothing, and none twice")
				}
			})
		}
	}
}

// The join gives a GPU to the only instance on its host too, whatever else it names: those places must not narrow.
func TestGPUsAreNotNarrowedByWhatAHostDoesNotShare(t *testing.T) {
	held := []labels{
		device("0", labels{"namespace": "monitoring", "cluster": "b", "environment": "infrastructure"}),
		device("1", labels{"namespace": "monitoring", "pod": "dcgm-x", "exported_namespace": "other", "exported_pod": "job-1"}),
	}
	for name, scope := range map[string]vllm.Scope{
		"namespace": {Namespaces: []string{"llm"}}, "cluster": {Clusters: []string{"a"}}, "environment": {Environments: []string{"prod"}},
		"instance": {Instances: []string{"n1:8000"}}, "model": {Models: []string{"m"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, _, queries := gpusOf(t, held, "pod", scope)
			require.Len(t, found, len(held))
			require.Equal(t, []string{"DCGM_FI_DEV_GPU_UTIL[10m]"}, queries)
		})
	}
}
