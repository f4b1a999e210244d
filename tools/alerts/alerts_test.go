package alerts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestTheFilesAreWhatTheCatalogueSays(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	files, err := Files()
	require.NoError(t, err)
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: cd tools && go run ./cmd/alerts", path)
	}
}

func TestThePageListsTheCatalogue(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(root, Page))
	require.NoError(t, err)
	want, err := WithTable(got)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "cd tools && go run ./cmd/alerts")
}

func TestEveryAlertSaysWhoIsToldAndWhatToDo(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, a := range Alerts() {
		require.False(t, seen[a.Name], "%s is there twice", a.Name)
		seen[a.Name] = true
		require.Regexp(t, `^VLLM[A-Z]\w+$`, a.Name)
		require.Contains(t, Severities, a.Severity, a.Name)
		require.NotEmpty(t, a.Component, a.Name)
		require.FileExists(t, filepath.Join(root, "dashboards", Dashboards[a.Component]+".json"), a.Name)
		require.NotEmpty(t, a.Summary, a.Name)
		require.NotEmpty(t, a.Description, a.Name)
		require.NotContains(t, a.Summary, "\n", a.Name)
	}
}

// promtool runs the cases; here is only that none is missing.
func TestEveryAlertIsShownFiringAndSilent(t *testing.T) {
	for _, a := range Alerts() {
		if a.Language == LogQL {
			require.Empty(t, a.Cases, "%s: promtool does not know LogQL", a.Name)
			continue
		}
		require.True(t, slices.ContainsFunc(a.Cases, func(c Case) bool { return c.Firing > 0 }), "%s never fires", a.Name)
		require.True(t, slices.ContainsFunc(a.Cases, func(c Case) bool { return c.Firing == 0 }), "%s is never silent", a.Name)
		for _, c := range a.Cases {
			require.Greater(t, c.At, a.For, "%s %s: looked at before it could fire", a.Name, c.Says)
		}
	}
}

func TestAnObjectiveIsABucketsBound(t *testing.T) {
	for _, o := range Objectives {
		require.Contains(t, bucketsOf(t, o.Histogram), o.Seconds, o.Name)
	}
}

func TestEveryAlertHasARunbook(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "runbooks", "VLLM*.md"))
	require.NoError(t, err)
	var have, want []string
	for _, page := range pages {
		have = append(have, strings.TrimSuffix(filepath.Base(page), ".md"))
	}
	for _, a := range Alerts() {
		want = append(want, a.Name)
	}
	for _, m := range ManagedAlerts() {
		want = append(want, m.Name)
	}
	require.ElementsMatch(t, want, have)

	link := regexp.MustCompile(`\]\((VLLM\w+)\.md\)`)
	for _, page := range pages {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		_, after, found := strings.Cut(string(content), "\n## First three checks\n")
		require.True(t, found, page)
		checks, fixes, found := strings.Cut(after, "\n## Fixes\n")
		require.True(t, found, page)
		require.Len(t, regexp.MustCompile(`(?m)^\d\. `).FindAllString(checks, -1), 3, page)
		require.Contains(t, checks, "\n```json", "%s: a query to begin with; the examples' test asks it", page)
		require.NotEmpty(t, strings.TrimSpace(fixes), page)
		for _, match := range link.FindAllStringSubmatch(string(content), -1) {
			require.Contains(t, want, match[1], page)
		}
	}
}

func bucketsOf(t *testing.T, exposed string) []float64 {
	t.Helper()
	for _, m := range vllm.Metrics() {
		for _, name := range m.Names {
			if name.Full("vllm:") == exposed {
				return m.Buckets
			}
		}
	}
	require.FailNow(t, "no such metric", exposed)
	return nil
}
