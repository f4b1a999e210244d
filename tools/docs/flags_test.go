package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
)

// optionsFile is what vLLM 0.32.0 takes, as it says itself (../vllm-record/flags.py).
const optionsFile = "tools/recordings/vllm-0.32.0/options.txt"

// othersFlags are flags that are not vLLM's, and whose they are.
var othersFlags = map[string]string{
	"--wait": "docker compose", "--volumes": "docker compose", "--ipc": "docker run",
	"--server-side": "kubectl", "--from-file": "kubectl", "--from-literal": "kubectl", "--dry-run": "kubectl", "--local": "kubectl",
	"--web.enable-remote-write-receiver": "Prometheus",
	"--alertmanager.url":                 "amtool", "--duration": "amtool", "--comment": "amtool", "--query.replica-label": "Thanos",
}

var (
	flagPattern     = regexp.MustCompile(`(?:^|[\s"'\[(=])(--[a-z][a-zA-Z0-9._-]*[a-zA-Z0-9])`)
	variablePattern = regexp.MustCompile(`\bVLLM_[A-Z0-9_]+\b`)
)

// Nobody is sent to a flag or a variable that vLLM does not have.
func TestEveryFlagExists(t *testing.T) {
	root, pages := load(t)
	known := lines(t, filepath.Join(root, optionsFile))
	require.True(t, known["--enable-log-requests"])
	checked := 0
	for _, page := range pages {
		if !strings.HasPrefix(page.File, "docs/") && page.File != "README.md" && page.File != "src/README.md" {
			continue // the tools' pages tell of the tools
		}
		for _, text := range codes(page) {
			for _, match := range flagPattern.FindAllStringSubmatch(text, -1) {
				checked++
				option, _, _ := strings.Cut(match[1], ".") // --logging-config.formatter is a key of --logging-config
				require.True(t, known[option] || othersFlags[match[1]] != "", "%s: %s is no flag of vLLM 0.32.0: %q", page.File, match[1], text)
			}
			for _, variable := range variablePattern.FindAllString(text, -1) {
				checked++
				require.True(t, known[variable] || ours(t, root, variable), "%s: %s is no variable of vLLM's, nor of ours", page.File, variable)
			}
		}
	}
	require.Greater(t, checked, 80)
}

// codes are all texts of a page that are code.
func codes(page docs.Page) []string {
	all := page.Codes
	for _, block := range page.Blocks {
		if block.Language == "sh" || block.Language == "yaml" {
			all = append(all, block.Text)
		}
	}
	return all
}

// ours reports whether a variable is one that a file of this repository reads.
func ours(t *testing.T, root, variable string) bool {
	t.Helper()
	for _, file := range []string{"docker-compose.yml", "tools/demo/real.go", "tools/cmd/demo/main.go", "provisioning/datasources/vllm.yml"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		if regexp.MustCompile(`\b` + variable + `\b`).Match(text) {
			return true
		}
	}
	return false
}

func lines(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, line := range strings.Fields(string(text)) {
		known[line] = true
	}
	return known
}
