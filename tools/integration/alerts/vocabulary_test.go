//go:build integration && unix

package alerts

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// targetLabels are given by whoever scrapes, not by what is scraped.
var targetLabels = []string{"job", "namespace", "environment", "instance"}

// unrecorded are metrics that no recording has, with the reason and their labels.
var unrecorded = map[string]struct {
	why    string
	labels []string
}{
	"up":                                             {"Prometheus' own", nil},
	"vllm:corrupted_requests_total":                  {"needs VLLM_COMPUTE_NANS_IN_LOGITS=1 and a broken model", []string{"model_name", "engine"}},
	"vllm:lora_requests_info":                        {"needs LoRA", []string{"max_lora", "running_lora_adapters", "waiting_lora_adapters"}},
	"vllm:nixl_num_failed_transfers_total":           {"needs two GPUs and NIXL", []string{"model_name", "engine"}},
	"vllm:nixl_num_failed_notifications_total":       {"needs two GPUs and NIXL", []string{"model_name", "engine"}},
	"vllm:spec_decode_num_accepted_tokens_total":     {"needs speculative decoding", []string{"model_name", "engine"}},
	"vllm:spec_decode_num_draft_tokens_total":        {"needs speculative decoding", []string{"model_name", "engine"}},
	"DCGM_FI_DEV_XID_ERRORS":                         {"needs a GPU", dcgmLabels},
	"DCGM_FI_DEV_GPU_TEMP":                           {"needs a GPU", dcgmLabels},
	"DCGM_FI_DEV_ROW_REMAP_FAILURE":                  {"needs a GPU", dcgmLabels},
	"DCGM_FI_DEV_THERMAL_VIOLATION":                  {"needs a GPU, and a line in dcgm-exporter's list of counters", dcgmLabels},
	"DCGM_FI_DEV_POWER_VIOLATION":                    {"needs a GPU, and a line in dcgm-exporter's list of counters", dcgmLabels},
	"otelcol_receiver_accepted_spans_total":          {"the collector's own", []string{"receiver"}},
	"otelcol_exporter_send_failed_spans_total":       {"the collector's own", []string{"exporter"}},
	"otelcol_exporter_send_failed_log_records_total": {"the collector's own", []string{"exporter"}},
}

var dcgmLabels = []string{"Hostname", "gpu", "UUID", "modelName"}

// exported are the metrics of the recordings: the values of each label of each.
type exported map[string]map[string][]string

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? `)
	labelPair  = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
)

func recordings(t *testing.T) exported {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	all := exported{}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "tools", "recordings", "vllm-0.32.0"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".prom" {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		scanner := bufio.NewScanner(file)
		for scanner.Scan() {
			if match := sampleLine.FindStringSubmatch(scanner.Text()); match != nil {
				if all[match[1]] == nil {
					all[match[1]] = map[string][]string{}
				}
				for _, pair := range labelPair.FindAllStringSubmatch(match[2], -1) {
					all[match[1]][pair[1]] = append(all[match[1]][pair[1]], pair[2])
				}
			}
		}
		return scanner.Err()
	}))
	require.NotEmpty(t, all)
	return all
}

// selector is one in a query, as Prometheus' own parser sees it.
type selector struct {
	Name     string
	Matchers []struct{ Name, Value, Type string }
}

// selectors asks Prometheus to take a query apart.
func selectors(t *testing.T, prometheus, query string) (found []selector) {
	t.Helper()
	response, err := http.Get(prometheus + "/api/v1/parse_query?query=" + url.QueryEscape(query))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status string
		Data   any
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status, query)
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, child := range node {
				walk(child)
			}
		case map[string]any:
			if kind := node["type"]; kind == "vectorSelector" || kind == "matrixSelector" {
				text, err := json.Marshal(node)
				require.NoError(t, err)
				var s selector
				require.NoError(t, json.Unmarshal(text, &s))
				found = append(found, s)
			}
			for _, child := range node {
				walk(child)
			}
		}
	}
	walk(answer.Data)
	require.NotEmpty(t, found, query)
	return found
}

// mindVocabulary holds every metric, label and label's value in rules and cases to what vLLM has been seen to export.
func mindVocabulary(t *testing.T, prometheus string) {
	seen := recordings(t)
	for name, reason := range unrecorded {
		require.NotContains(t, seen, name, "it is recorded by now: %s", reason.why)
	}
	labels := func(metric string) []string {
		if values, ok := seen[metric]; ok {
			return slices.Sorted(maps.Keys(values))
		}
		return slices.Sorted(slices.Values(unrecorded[metric].labels))
	}
	known := func(metric string) bool {
		_, ok := unrecorded[metric]
		return ok || seen[metric] != nil
	}
	records := map[string]bool{}
	for _, g := range alerts.Groups() {
		for _, r := range g.Records {
			records[r.Name] = true
		}
	}
	for _, g := range alerts.Groups() {
		queries := map[string]string{}
		for _, r := range g.Records {
			queries[r.Name] = r.Expr
		}
		for _, a := range g.Alerts {
			if a.Language == alerts.LogQL {
				continue
			}
			queries[a.Name] = a.Expr
			for _, c := range a.Cases {
				for _, series := range c.Series {
					s := selectors(t, prometheus, series.Name)[0]
					if strings.HasPrefix(series.Values, "{{") { // a native histogram has the labels of its count
						s.Name += "_count"
					}
					require.True(t, known(s.Name), "%s: nobody exports %s", a.Name, s.Name)
					var names []string
					for _, m := range s.Matchers {
						if m.Name != "__name__" && !slices.Contains(targetLabels, m.Name) {
							names = append(names, m.Name)
						}
					}
					slices.Sort(names)
					require.Equal(t, labels(s.Name), names, "%s %s: the labels of %s", a.Name, c.Says, s.Name)
				}
			}
		}
		for name, query := range queries {
			for _, s := range selectors(t, prometheus, query) {
				if records[s.Name] {
					continue
				}
				metrics := []string{s.Name}
				if s.Name == "" {
					metrics = nil // chosen by a matcher, in all the spellings that there are
				}
				for _, m := range s.Matchers {
					pattern := regexp.MustCompile("^(?:" + m.Value + ")$")
					switch {
					case m.Name == "__name__" && s.Name == "":
						for metric := range unrecorded {
							if pattern.MatchString(metric) {
								metrics = append(metrics, metric)
							}
						}
						require.NotEmpty(t, metrics, "%s: nobody exports %s", name, m.Value)
					case m.Name == "__name__" || slices.Contains(targetLabels, m.Name):
					case seen[s.Name] != nil:
						require.True(t, slices.ContainsFunc(seen[s.Name][m.Name], func(value string) bool {
							switch m.Type {
							case "=":
								return value == m.Value
							case "!=":
								return value != m.Value
							}
							return pattern.MatchString(value)
						}), "%s: %s has no %s%s%q", name, s.Name, m.Name, m.Type, m.Value)
					default:
						require.Contains(t, unrecorded[s.Name].labels, m.Name, name)
					}
				}
				for _, metric := range metrics {
					if known(metric + "_count") { // as a native histogram, a histogram has one series of its own name
						metric += "_count"
					}
					require.True(t, known(metric), "%s: nobody exports %s", name, metric)
				}
			}
		}
	}
}
