package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// endpoint is where a command line sends vLLM's spans.
var endpoint = regexp.MustCompile(`--otlp-traces-endpoint[ =]([a-z]+)://\S*?:(\d+)`)

// The collector listens in plain text. Before 0.16 vLLM leaves it to Python's exporter to see that in the scheme, and to that one
// grpc:// means TLS: no span arrives. http:// is plain text to every version.
func TestSpansAreSentSoThatEveryVersionSendsThemInPlainText(t *testing.T) {
	root, pages := load(t)
	texts := map[string]string{}
	for _, page := range pages {
		texts[page.File] = string(page.Source)
	}
	for _, name := range []string{"docker-compose.yml", "deploy/kubernetes/base/vllm/vllm.yaml", "pkg/health/content.go"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.Regexp(t, endpoint, string(text), name)
		texts[name] = string(text)
	}
	seen := 0
	for name, text := range texts {
		for _, match := range endpoint.FindAllStringSubmatch(text, -1) {
			if match[2] == "4317" {
				require.Equal(t, "http", match[1], "%s: %s", name, match[0])
				seen++
			}
		}
	}
	require.Greater(t, seen, 6)
}
