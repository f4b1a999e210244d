package docs_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

var update = flag.Bool("update", false, "rewrite the tables in the pages")

// tables are the parts of pages that say what the code says. In a page such a table stands between
//
//	<!-- table: NAME -->
//	<!-- end -->
var tables = map[string]func(t *testing.T) (header string, rows []string){
	"columns": func(*testing.T) (string, []string) {
		var rows []string
		for _, c := range join.Columns {
			rows = append(rows, cells("`"+c.Name+"`", unit(c.Unit), c.Description))
		}
		return cells("column", "unit", "meaning"), rows
	},
	"figures": func(*testing.T) (string, []string) {
		var rows []string
		for _, f := range figures.Figures() {
			rows = append(rows, cells("`"+f.Name+"`", string(f.Unit), f.Help))
		}
		return cells("figure", "unit", "meaning"), rows
	},
	"slo": func(*testing.T) (string, []string) {
		var rows []string
		for _, f := range attainment.Figures() {
			from := map[bool]string{true: "requests", false: "buckets"}[f.Requests]
			rows = append(rows, cells("`"+f.Name+"`", string(f.Unit), from, f.Help))
		}
		return cells("figure", "unit", "of", "meaning"), rows
	},
	"coverage": func(*testing.T) (string, []string) {
		var rows []string
		for _, m := range join.CoverageMetrics {
			per := "the whole range"
			if m.ByInstance {
				per = "model and instance"
			}
			rows = append(rows, cells("`"+m.Name+"`", per, m.Description))
		}
		return cells("number", "of", "meaning"), rows
	},
	"dashboards": func(t *testing.T) (string, []string) {
		boards, err := dashboards.Load(root(t))
		require.NoError(t, err)
		var rows []string
		for _, d := range boards {
			rows = append(rows, cells(fmt.Sprintf("[%s](../dashboards/%s)", d.Title, d.File), d.Description))
		}
		return cells("dashboard", "shows"), rows
	},
}

var table = regexp.MustCompile(`(?s)<!-- table: (\w+) -->\n(.*?)<!-- end -->`)

// go test ./docs -update brings them up to date.
func TestTheTablesSayWhatTheCodeSays(t *testing.T) {
	root, pages := load(t)
	seen := map[string]bool{}
	for _, page := range pages {
		want := table.ReplaceAllFunc(page.Source, func(section []byte) []byte {
			name := string(table.FindSubmatch(section)[1])
			require.Contains(t, tables, name, page.File)
			seen[name] = true
			header, rows := tables[name](t)
			rule := strings.Repeat("|---", strings.Count(header, "|")-1) + "|"
			lines := append([]string{header, rule}, rows...)
			return fmt.Appendf(nil, "<!-- table: %s -->\n%s\n<!-- end -->", name, strings.Join(lines, "\n"))
		})
		if *update && string(want) != string(page.Source) {
			require.NoError(t, os.WriteFile(filepath.Join(root, page.File), want, 0o644))
			continue
		}
		require.Equal(t, string(want), string(page.Source), "%s: cd tools && go test ./docs -update", page.File)
	}
	for name := range tables {
		require.Contains(t, seen, name, "no page has this table")
	}
}

// A blank line within a table ends it there, and the rest is shown as text with bars.
func TestEveryTableIsWhole(t *testing.T) {
	_, pages := load(t)
	tables := 0
	for _, page := range pages {
		lines, fenced := strings.Split(string(page.Source), "\n"), false
		for i, line := range lines {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if fenced || !strings.HasPrefix(line, "|") || i > 0 && strings.HasPrefix(lines[i-1], "|") {
				continue
			}
			tables++
			if i+1 == len(lines) || !ruler.MatchString(lines[i+1]) {
				t.Errorf("%s:%d: a row without the head of its table: %s", page.File, i+1, line)
			}
		}
	}
	require.Greater(t, tables, 30)
}

// ruler stands between a table's head and its rows.
var ruler = regexp.MustCompile(`^\|(?: *:?-+:? *\|)+$`)

func root(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return root
}

func cells(texts ...string) string {
	for i, text := range texts {
		texts[i] = strings.ReplaceAll(text, "|", `\|`)
	}
	return "| " + strings.Join(texts, " | ") + " |"
}

// unit says Grafana's unit as people do.
func unit(id string) string {
	id, isSuffix := strings.CutPrefix(id, "suffix: ")
	if isSuffix {
		return id
	}
	return cmp.Or(map[string]string{"percentunit": "0 to 1", "locale": ""}[id], id)
}
