package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The stores that the pages say the tests run against are those that the tests run.
func TestTheVersionsThatArePromisedArePinned(t *testing.T) {
	root := root(t)
	for store, c := range map[string]struct{ pin, says string }{
		"prometheus": {`(?m)^\s*github\.com/prometheus/prometheus v0\.(\d)(\d\d)\.`, `\| Prometheus \|.*\b$1\.$2\b`}, // v0.315 is 3.15
		"loki":       {`(?m)^\s*github\.com/grafana/loki/v3 v(\d+)\.(\d+\.\d+)`, `\| Loki \|.*\b$1\.$2\b`},
		"jaeger":     {`(?m)^\s*github\.com/jaegertracing/jaeger v1\.76\.`, `\| Jaeger \|.*\b2\.13\b`}, // one module, released as both
	} {
		module, err := os.ReadFile(filepath.Join(root, "tools", "servers", store, "go.mod"))
		require.NoError(t, err)
		pin := regexp.MustCompile(c.pin)
		match := pin.FindSubmatchIndex(module)
		require.NotNil(t, match, store)
		says := pin.Expand(nil, []byte(c.says), module, match)
		for _, page := range []string{"README.md", "docs/install.md"} {
			text, err := os.ReadFile(filepath.Join(root, page))
			require.NoError(t, err)
			require.Regexp(t, string(says), string(text), page)
		}
	}
}
