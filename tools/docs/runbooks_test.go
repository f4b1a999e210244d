package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// vocabulary is what each kind of query can name; the kinds are called as the editor calls them.
func vocabulary() map[string][]string {
	words := map[string][]string{
		"Requests": {"ok", "error", "aborted", "rejected", "unknown"}, "Models": figures.Dimensions, "Coverage": join.CoverageMetrics.Keys(),
		"SLO": slices.Clone(figures.Dimensions), "Logs": nil, "Events": nil, "PromQL": nil,
	}
	for _, c := range join.Columns {
		words["Requests"] = append(words["Requests"], c.Name)
	}
	for _, f := range figures.Figures() {
		words["Models"] = append(words["Models"], f.Name)
	}
	for _, f := range attainment.Figures() {
		words["SLO"] = append(words["SLO"], f.Name)
	}
	for _, e := range events.Catalogue.Keys() {
		words["Events"] = append(words["Events"], string(e))
	}
	return words
}

var (
	check = regexp.MustCompile(`(?m)^\d\. Query \*\*(\w+)\*\*(.*)$`)
	name  = regexp.MustCompile("`([a-z][a-z0-9_]+)`")
)

// Three first checks of a runbook name kinds, columns and figures that there are.
func TestRunbooksNameWhatCanBeAsked(t *testing.T) {
	_, pages := load(t)
	words := vocabulary()
	named := 0
	for _, page := range pages {
		if !strings.HasPrefix(page.File, "docs/runbooks/VLLM") {
			continue
		}
		for _, step := range check.FindAllStringSubmatch(string(page.Source), -1) {
			known, ok := words[step[1]]
			require.True(t, ok, "%s: %s is no kind of query", page.File, step[1])
			if step[1] == "Logs" || step[1] == "PromQL" {
				continue // words of lines and of metrics
			}
			asked, _, _ := strings.Cut(step[2], ": ") // behind it stands what to see in the answer
			for _, match := range name.FindAllStringSubmatch(asked, -1) {
				named++
				if !slices.Contains(known, match[1]) {
					t.Errorf("%s: %s cannot name %s", page.File, step[1], match[1])
				}
			}
		}
	}
	require.Greater(t, named, 130)
}
