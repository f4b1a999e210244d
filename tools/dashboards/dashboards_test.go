package dashboards_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/links"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

const pluginID = "llmserving-vllm-datasource"

// chosen is the data source that a reader picked.
var chosen = dashboards.Reference{Type: pluginID, UID: "${datasource}"}

func all(t *testing.T) (root string, boards []dashboards.Dashboard) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	boards, err = dashboards.Load(root)
	require.NoError(t, err)
	require.NotEmpty(t, boards)
	return root, boards
}

func TestDashboardsAskTheDataSourceThatTheReaderPicks(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		require.NotContains(t, string(d.Text), "__inputs", d.File)
		require.Equal(t, dashboards.Variable{Name: "datasource", Type: "datasource", Query: json.RawMessage(`"` + pluginID + `"`)}, d.Templating.List[0], d.File)
		for _, v := range d.Templating.List {
			if v.Type == "query" || v.Type == "adhoc" {
				require.Equal(t, &chosen, v.Datasource, "%s: %s", d.File, v.Name)
			}
			if v.IncludeAll {
				require.Equal(t, ".*", v.AllValue, "%s: All of %s must not narrow: rows whose value is unknown would be lost", d.File, v.Name)
			}
		}
		asks := func(target dashboards.Target, who string) {
			require.Equal(t, map[string]any{"type": pluginID, "uid": "${datasource}"}, target["datasource"], "%s: %s", d.File, who)
		}
		for _, a := range d.Annotations.List {
			require.Equal(t, &chosen, a.Datasource, "%s: %s", d.File, a.Name)
			asks(a.Target, a.Name)
		}
		for _, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			require.Equal(t, &chosen, p.Datasource, "%s: %s", d.File, p.Title)
			for _, target := range p.Targets {
				asks(target, p.Title)
			}
		}
	}
}

// description is what the generator makes of a panel's three sentences.
var description = regexp.MustCompile(`(?s)^(.{15,})\n\n\*\*Bad:\*\* (.{15,})\n\n\*\*Do:\*\* (.{15,})$`)

func TestEveryPanelSaysWhatABadValueLooksLikeAndWhatToDo(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		require.NotEmpty(t, d.Description, d.File)
		for _, p := range d.Panels {
			require.NotEmpty(t, p.Title, d.File)
			if p.Type != "row" {
				require.Regexp(t, description, p.Description, "%s: %s", d.File, p.Title)
				require.NotEmpty(t, p.Targets, "%s: %s", d.File, p.Title)
			}
		}
	}
}

// A panel of numbers that are always there is small, and so is its excuse.
func TestEveryPanelSaysWhyItIsEmpty(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		for _, p := range d.Panels {
			switch p.Type {
			case "row":
			case "stat":
				require.NotEmpty(t, p.FieldConfig.Defaults.NoValue, "%s: %s", d.File, p.Title)
			default:
				require.Greater(t, len(p.FieldConfig.Defaults.NoValue), 30, "%s: %s", d.File, p.Title)
			}
		}
	}
}

// Tables, logs and traces take the units of single columns from the data source; what draws one kind of number must say which.
func TestGraphsHaveAUnit(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		for _, p := range d.Panels {
			switch p.Type {
			case "timeseries", "bargauge", "barchart", "histogram":
				if asksFor(p, "cost_per_million_tokens") {
					continue // the currency is in the settings of the data source, which names the unit
				}
				require.NotEmpty(t, p.FieldConfig.Defaults.Unit, "%s: %s", d.File, p.Title)
			}
		}
	}
}

func asksFor(p dashboards.Panel, figure string) bool {
	text, _ := json.Marshal(p.Targets)
	return strings.Contains(string(text), `"`+figure+`"`)
}

func TestPanelsDoNotOverlapAndLeaveNoHoles(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		covered, bottom := map[[2]int]string{}, 0
		for _, p := range d.Panels {
			g := p.GridPos
			require.LessOrEqual(t, g.X+g.W, 24, "%s: %s is too wide", d.File, p.Title)
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					require.Empty(t, covered[[2]int{x, y}], "%s: %s covers another panel", d.File, p.Title)
					covered[[2]int{x, y}] = p.Title
				}
			}
			bottom = max(bottom, g.Y+g.H)
		}
		require.Len(t, covered, 24*bottom, "%s: a hole", d.File)
	}
}

func TestEveryVariableIsUsed(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		var body struct{ Panels json.RawMessage }
		require.NoError(t, json.Unmarshal(d.Text, &body))
		for _, v := range d.Templating.List {
			if v.Type == "adhoc" {
				continue // Grafana hands it to every query of its data source
			}
			require.Regexp(t, regexp.MustCompile(`\$(\{`+v.Name+`[:}]|`+v.Name+`\b)`), string(body.Panels), "%s: nothing depends on %s", d.File, v.Name)
		}
	}
}

// dead are names that shipped dashboards ask for and vLLM has not, or no more: shared knowledge of vLLM's own history, of the
// production stack's boards and of scalers that name a label which never was.
var dead = regexp.MustCompile(`avg_(prompt|generation)_throughput|[:}]gpu_cache_usage_perc|[:}]cpu_cache_usage_perc|num_requests_swapped|` +
	`prefix_cache_hit_rate|gpu_prefix_cache|[:}]time_per_output_token_seconds|time_in_queue_requests|model_(forward|execute)_time|[:}]tokens_total|` +
	`best_of|draft_acceptance_rate|spec_decode_efficiency|num_emitted_tokens|prompt_tokens_recomputed|vllm_requests_total|vllm_gpu_utilization|` +
	`current_qps|healthy_pods|[{ ,]model=|\$__interval\]`)

func TestNoPanelAsksForADeadSeries(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				text, err := json.Marshal(target["promql"])
				require.NoError(t, err)
				require.NotRegexp(t, dead, string(text), "%s: %s", d.File, p.Title)
			}
		}
	}
}

// conditional are families of vLLM that a plain server does not have, and what makes it have them (vllm-telemetry.md in docs, and
// vLLM's source, say so). A name that is neither here nor in the recording of a real server is a slip of the pen.
var conditional = map[string]string{
	"vllm:lora_requests_info":                            "--enable-lora",
	"vllm:spec_decode_num_drafts_total":                  "--speculative-config",
	"vllm:spec_decode_num_draft_tokens_total":            "--speculative-config",
	"vllm:spec_decode_num_accepted_tokens_total":         "--speculative-config",
	"vllm:spec_decode_num_accepted_tokens_per_pos_total": "--speculative-config",
	"vllm:kv_block_lifetime_seconds_bucket":              "--kv-cache-metrics",
	"vllm:kv_block_idle_before_evict_seconds_bucket":     "--kv-cache-metrics",
	"vllm:nixl_xfer_time_seconds_bucket":                 "--kv-transfer-config",
	"vllm:nixl_bytes_transferred_sum":                    "--kv-transfer-config",
	"vllm:nixl_num_failed_transfers_total":               "--kv-transfer-config",
	"vllm:nixl_num_failed_notifications_total":           "--kv-transfer-config",
	"vllm:nixl_num_kv_expired_reqs_total":                "--kv-transfer-config",
	"vllm:kv_offload_store_bytes_total":                  "--kv-transfer-config",
	"vllm:kv_offload_load_bytes_total":                   "--kv-transfer-config",
	"vllm:kv_offload_cpu_cache_usage_perc":               "--kv-transfer-config",
}

var (
	// family is a metric of vLLM's behind the variable of its prefix.
	family = regexp.MustCompile(`\$\{__vllm_prefix\}([a-z_]+)\b`)
	ragged = regexp.MustCompile(`\brag_[a-z_]+`)
	flag   = regexp.MustCompile(`--[a-z][a-z-]*[a-z]`)
	suffix = regexp.MustCompile(`_(bucket|sum|count|total)$`)
)

// What is said is held to what a real vLLM, and the application of this repository, say of themselves.
func TestSeriesAndFlagsAreThoseOfARealVLLM(t *testing.T) {
	root, boards := all(t)
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		return string(text)
	}
	const recording = "tools/recordings/vllm-0.32.0/"
	series := map[string]bool{}
	for _, name := range regexp.MustCompile(`(?m)^[a-z][a-z_:]*`).FindAllString(read(recording+"metrics-last.prom"), -1) {
		series[name] = true
	}
	options := map[string]bool{}
	for _, line := range strings.Fields(read(recording + "options.txt")) {
		options[line] = true
	}
	application := read("examples/rag-app/rag_app/metrics.py")
	used := map[string]bool{}
	for _, d := range boards {
		for _, match := range family.FindAllStringSubmatch(string(d.Text), -1) {
			name := "vllm:" + match[1]
			known := series[name] || conditional[name] != ""
			require.True(t, known || series[name+"_bucket"] || conditional[name+"_bucket"] != "" || conditional[name+"_sum"] != "", "%s: %s", d.File, name)
			used[name] = used[name] || known
		}
		require.NotRegexp(t, `\bvllm:[a-z]`, string(d.Text), "%s: the metric prefix is a setting", d.File)
		for _, name := range ragged.FindAllString(string(d.Text), -1) {
			require.Contains(t, application, `"`+suffix.ReplaceAllString(name, "")+`"`, d.File)
		}
		for _, name := range flag.FindAllString(string(d.Text), -1) {
			require.True(t, options[name], "%s: vLLM has no %s", d.File, name)
		}
	}
	for name, of := range conditional {
		require.True(t, used[name] && options[of], "%s: no panel asks for it, or %s is no flag", name, of)
	}
}

var answered = regexp.MustCompile(`http_requests_total\{([^}]*)\}`)

// A light that is green while its alert fires, or the other way round, is worse than none.
func TestAnswersAreCountedAsTheAlertsCountThem(t *testing.T) {
	// kept are the matchers that say which answers are answers at all.
	kept := func(matchers string) (names []string) {
		for _, m := range strings.Split(matchers, ", ") {
			if !regexp.MustCompile(`^(status|environment|instance)=`).MatchString(m) {
				names = append(names, m)
			}
		}
		return names
	}
	var want []string
	for _, g := range alerts.Groups() {
		for _, r := range g.Records {
			if match := answered.FindStringSubmatch(r.Expr); match != nil {
				want = kept(match[1])
			}
		}
	}
	require.Contains(t, want, `method="POST"`)
	_, boards := all(t)
	asked := 0
	for _, d := range boards {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				query, _ := target["promql"].(map[string]any)
				expr, _ := query["expr"].(string)
				for _, selector := range answered.FindAllStringSubmatch(expr, -1) {
					require.ElementsMatch(t, want, kept(selector[1]), "%s: %s", d.File, p.Title)
					asked++
				}
			}
		}
	}
	require.NotZero(t, asked)
}

var linked = regexp.MustCompile(`^/d/([a-z-]+)`)

func TestNamesAreUniqueAndLinksLeadSomewhere(t *testing.T) {
	_, boards := all(t)
	uids, titles := map[string]bool{}, map[string]bool{}
	for _, d := range boards {
		require.Equal(t, strings.TrimSuffix(d.File, ".json"), d.UID, "the file is named as the dashboard")
		require.False(t, titles[d.Title], d.Title)
		uids[d.UID], titles[d.Title] = true, true
	}
	for _, d := range boards {
		ids, titles := map[int]bool{}, map[string]bool{}
		var urls []string
		for _, l := range d.Links {
			require.True(t, l.KeepTime && l.IncludeVars, "%s: %s loses what was looked at", d.File, l.Title)
			if l.Type == "dashboards" {
				require.Equal(t, []string{"vllm"}, l.Tags, d.File)
				continue
			}
			urls = append(urls, l.URL)
		}
		for _, p := range d.Panels {
			require.False(t, ids[p.ID], "%s: two panels have the id %d", d.File, p.ID)
			require.False(t, titles[p.Title], "%s: two panels are called %s", d.File, p.Title)
			ids[p.ID], titles[p.Title] = true, true
			links, err := p.Links()
			require.NoError(t, err, d.File)
			urls = append(urls, links...)
		}
		for _, address := range urls {
			match := linked.FindStringSubmatch(address)
			require.NotNil(t, match, "%s: %s", d.File, address)
			require.True(t, uids[match[1]], "%s links to %s, which is not there", d.File, address)
			if _, fields, ok := strings.Cut(address, "?"); ok {
				require.Contains(t, fields, "${__url_time_range}", "%s: %s", d.File, address)
				require.Contains(t, fields, "${datasource:queryparam}", "%s: %s", d.File, address)
			}
		}
	}
}

// The way down from the fleet to one request can be gone up again.
func TestTheDrillDownLeadsBothWays(t *testing.T) {
	_, boards := all(t)
	leadsTo := map[string]string{}
	for _, d := range boards {
		leadsTo[d.UID] = string(d.Text)
	}
	way := []string{"vllm-fleet", "vllm-model", "vllm-requests", "vllm-request"}
	for i := range way[1:] {
		require.Contains(t, leadsTo[way[i]], `"/d/`+way[i+1], "down")
		require.Contains(t, leadsTo[way[i+1]], `"/d/`+way[i], "up")
	}
}

// fill is what Grafana makes of a link's variables when a store said this text and the reader chose one value everywhere.
func fill(said string) func(links.Variable) (string, error) {
	return func(v links.Variable) (string, error) {
		switch {
		case v.Name == "__url_time_range":
			return "from=1&to=2", nil
		case v.FromStore() && v.Format == "percentencode":
			return links.PercentEncode(said), nil
		case !v.FromStore() && v.Format == "queryparam":
			return "var-" + v.Name + "=chosen", nil
		}
		return "", fmt.Errorf("the format %q", v.Format)
	}
}

// Grafana fills values into a link as text. Whatever a client chose, the link must stay the same link: the same page, the same
// parameters, and the value whole in its own parameter. Every address of every file is asked, wherever it stands in it.
func TestAValueFromAStoreChangesNothingButItsOwnParameterOfALink(t *testing.T) {
	root, boards := all(t)
	uids := map[string]bool{}
	for _, d := range boards {
		uids["/d/"+d.UID] = true
	}
	texts, err := links.Shipped(root, "dashboards")
	require.NoError(t, err)
	asked, filled := 0, 0
	for _, text := range texts {
		if text.Key != "url" {
			require.NotRegexp(t, `(?i)\b[a-z]+://\S*\$|/explore|panes=|<(a|img|script|iframe)\b|\]\(`, text.Value, "%s: a link that is none of Grafana's own", text.At)
			continue
		}
		asked++
		page, query, _ := strings.Cut(text.Value, "?")
		require.True(t, uids[page], "%s: a link leads to a dashboard of ours, never to Explore, whose JSON text must not be filled into", text.At)
		for _, said := range links.Hostile {
			meant := links.Meant{Path: page, Parameters: map[string][]string{}}
			for _, parameter := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
				name, value, named := strings.Cut(parameter, "=")
				switch {
				case parameter == "${__url_time_range}":
					meant.Parameters["from"], meant.Parameters["to"] = []string{"1"}, []string{"2"}
				case !named:
					meant.Parameters["var-"+strings.TrimSuffix(strings.TrimPrefix(name, "${"), ":queryparam}")] = []string{"chosen"}
				default:
					require.Regexp(t, `^var-[a-z]+$`, name, text.At)
					require.Regexp(t, `^\$\{__[^}]+:percentencode\}$`, value, "%s: a value is all of its parameter", text.At)
					meant.Parameters[name] = []string{said}
					filled++
				}
			}
			address, err := links.Fill(text.Value, fill(said))
			require.NoError(t, err, text.At)
			require.NoError(t, meant.Check(address), text.At)
		}
	}
	require.Greater(t, asked, 50)
	require.Greater(t, filled, 20*len(links.Hostile))
}

// A panel that draws a text as markup would make links of what stores say.
func TestNoPanelDrawsMarkup(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		for _, p := range d.Panels {
			require.NotContains(t, []string{"text", "dashlist", "news", "canvas"}, p.Type, "%s: %s", d.File, p.Title)
		}
		require.NotRegexp(t, `"type": "(markdown|html|image|actions)"|"actions"`, string(d.Text), d.File)
	}
}

func TestThePluginBundlesEachOfThem(t *testing.T) {
	root, boards := all(t)
	text, err := os.ReadFile(filepath.Join(root, "plugin.json"))
	require.NoError(t, err)
	type include struct{ Type, Name, Path string }
	var manifest struct{ Includes []include }
	require.NoError(t, json.Unmarshal(text, &manifest))
	var want, got []include
	for _, d := range boards {
		want = append(want, include{"dashboard", d.Title, "dashboards/" + d.File})
	}
	for _, i := range manifest.Includes {
		if i.Type == "dashboard" {
			got = append(got, i)
		}
	}
	require.ElementsMatch(t, want, got)
}

func TestFilesAreIndentedByTwo(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		var want bytes.Buffer
		require.NoError(t, json.Indent(&want, d.Text, "", "  "))
		require.Equal(t, want.String(), string(d.Text), d.File)
	}
}
