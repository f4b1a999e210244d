package docs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
)

// schema is what the frontend knows of queries: pkg/query writes it from its types.
type schema struct {
	Kinds []struct {
		Name   string
		Alerts bool
		Fields []string
	}
	Scope []string
}

func querySchema(t *testing.T) (s schema) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "src", "query.generated.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	require.NotEmpty(t, s.Kinds)
	return s
}

func TestEveryKindIsThereWithEveryOption(t *testing.T) {
	_, pages := load(t)
	page := pages["docs/queries.md"]
	s := querySchema(t)
	for _, kind := range s.Kinds {
		require.Equal(t, sorted(kind.Fields), sorted(options(t, page, kind.Name)), "%s: the options of %s", page.File, kind.Name)
		examples, alerts := 0, 0
		for _, block := range page.Blocks {
			if strings.Contains(block.Text, `"queryType": "`+kind.Name+`"`) && block.Language == "json" {
				examples++
				if block.Alert {
					alerts++
				}
			}
		}
		require.Positive(t, examples, "%s: an example of %s", page.File, kind.Name)
		require.Equal(t, kind.Alerts, alerts > 0, "%s: %s in alert rules", page.File, kind.Name)
		inAlerts := map[bool]string{true: "yes", false: "no"}[kind.Alerts]
		require.Regexp(t, "\\| \\[`"+kind.Name+"`\\]\\(#"+kind.Name+"\\) \\| .* \\| "+inAlerts+" \\|", string(page.Source))
	}
	require.Equal(t, sorted(s.Scope), sorted(firstCells(section(t, page, "### Scope"), "field")), "the fields of a scope")
}

// Editors and the catalogue show kinds by their titles, in the editors' order; README names them.
func TestEveryPageSaysWhichKindsCanAlert(t *testing.T) {
	_, pages := load(t)
	var inAlerts, alerting []string
	for _, kind := range querySchema(t).Kinds {
		inAlerts = append(inAlerts, map[bool]string{true: "yes", false: "no"}[kind.Alerts])
		if kind.Alerts {
			alerting = append(alerting, kind.Name)
		}
	}
	row := regexp.MustCompile(`(?m)^\| \w+ +\| .* \| (yes|no) +\|$`)
	for _, file := range []string{"src/README.md", "src/query_help.md"} {
		text, err := os.ReadFile(filepath.Join(root(t), file))
		require.NoError(t, err)
		var told []string
		for _, match := range row.FindAllStringSubmatch(string(text), -1) {
			told = append(told, match[1])
		}
		require.Equal(t, inAlerts, told, file)
	}
	sentence := regexp.MustCompile(`(?m)^.* can be used in alert rules\.$`).FindString(string(pages["README.md"].Source))
	var named []string
	for _, match := range codeCell.FindAllStringSubmatch(sentence, -1) {
		named = append(named, match[1])
	}
	require.Equal(t, sorted(alerting), sorted(named), sentence)
}

// options are the first cells of the table headed "option" in a section, without their backquotes.
func options(t *testing.T, page docs.Page, name string) []string {
	t.Helper()
	return firstCells(section(t, page, "## "+name), "option")
}

// section is the text from a heading to the next of the same level.
func section(t *testing.T, page docs.Page, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut("\n"+string(page.Source), "\n"+heading+"\n")
	require.True(t, ok, "%s has no heading %q", page.File, heading)
	level, _, _ := strings.Cut(heading, " ")
	text, _, _ := strings.Cut(rest, "\n"+level+" ")
	return text
}

var codeCell = regexp.MustCompile("`([^`]+)`")

// firstCells are the codes in the first column of the tables that have this header.
func firstCells(text, header string) (names []string) {
	inTable := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "| "+header+" |"):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable:
			cell, _, _ := strings.Cut(line[1:], "|")
			for _, match := range codeCell.FindAllStringSubmatch(cell, -1) {
				names = append(names, match[1])
			}
		}
	}
	return names
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

// The help that Grafana shows beside a panel's editor: each filter in it compiles, and each kind is there.
func TestTheHelpInGrafanaIsTrue(t *testing.T) {
	_, pages := load(t)
	page := pages["src/query_help.md"]
	filters := 0
	for line := range strings.Lines(section(t, page, "## Filters of requests")) {
		codes := codeCell.FindAllStringSubmatch(line, -1)
		if !strings.HasPrefix(line, "|") || len(codes) == 0 {
			continue
		}
		require.Zero(t, len(codes)%3, "column, comparison, value: %s", line)
		for i := 0; i < len(codes); i += 3 {
			filters++
			value := strings.ReplaceAll(codes[i+2][1], `\|`, "|")
			_, err := join.CompileFilters([]join.Filter{{Column: codes[i][1], Op: join.Op(codes[i+1][1]), Value: value}})
			require.NoError(t, err, line)
		}
	}
	require.Greater(t, filters, 5)
	s := querySchema(t)
	alerts := 0
	for _, kind := range s.Kinds {
		if kind.Alerts {
			alerts++
		}
	}
	kinds, _, _ := strings.Cut(string(page.Source), "## Filters of requests")
	require.Len(t, regexp.MustCompile(`(?m)^\| [A-Z].*\| (yes|no) +\|$`).FindAllString(kinds, -1), len(s.Kinds), "a row for each kind")
	require.Len(t, regexp.MustCompile(`(?m)\| yes +\|$`).FindAllString(kinds, -1), alerts)
}
