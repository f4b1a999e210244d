package dashboards_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
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
			if v.Type == "query" {
				require.Equal(t, &chosen, v.Datasource, "%s: %s", d.File, v.Name)
				require.Equal(t, ".*", v.AllValue, "%s: All of %s must not narrow: rows whose value is unknown would be lost", d.File, v.Name)
			}
		}
		for _, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			require.Equal(t, &chosen, p.Datasource, "%s: %s", d.File, p.Title)
			for _, target := range p.Targets {
				require.Equal(t, map[string]any{"type": pluginID, "uid": "${datasource}"}, target["datasource"], "%s: %s", d.File, p.Title)
			}
		}
	}
}

func TestEveryPanelSaysWhatABadValueLooksLike(t *testing.T) {
	_, boards := all(t)
	for _, d := range boards {
		require.NotEmpty(t, d.Description, d.File)
		for _, p := range d.Panels {
			require.NotEmpty(t, p.Title, d.File)
			if p.Type != "row" {
				require.Greater(t, len(p.Description), 60, "%s: %s", d.File, p.Title)
				require.NotEmpty(t, p.Targets, "%s: %s", d.File, p.Title)
			}
		}
	}
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
		ids := map[int]bool{}
		var urls []string
		for _, l := range d.Links {
			urls = append(urls, l.URL)
		}
		for _, p := range d.Panels {
			require.False(t, ids[p.ID], "%s: two panels have the id %d", d.File, p.ID)
			ids[p.ID] = true
			links, err := p.Links()
			require.NoError(t, err, d.File)
			urls = append(urls, links...)
		}
		for _, address := range urls {
			if panes, ok := strings.CutPrefix(address, "/explore?schemaVersion=1&panes="); ok {
				opensTheDataSource(t, panes)
				continue
			}
			match := linked.FindStringSubmatch(address)
			require.NotNil(t, match, "%s: %s", d.File, address)
			require.True(t, uids[match[1]], "%s links to %s, which is not there", d.File, address)
		}
	}
}

// opensTheDataSource holds a link to Explore against what Explore reads: panes by name, each with a data source and queries.
func opensTheDataSource(t *testing.T, escaped string) {
	t.Helper()
	text, err := url.QueryUnescape(escaped)
	require.NoError(t, err)
	var panes map[string]struct {
		Datasource string
		Queries    []dashboards.Target
		Range      struct{ From, To string }
	}
	require.NoError(t, json.Unmarshal([]byte(text), &panes), text)
	require.NotEmpty(t, panes)
	for _, pane := range panes {
		require.Equal(t, chosen.UID, pane.Datasource)
		require.Equal(t, "${__from}", pane.Range.From, "a link keeps the time range")
		require.Len(t, pane.Queries, 1)
		require.NotEmpty(t, pane.Queries[0]["queryType"])
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
