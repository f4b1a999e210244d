package health

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// gapsFound are check-ups that find something, each by the change that brings it about.
var gapsFound = []func(*stores, *checkup){
	func(s *stores, _ *checkup) { s.metrics.targets = nil },
	func(s *stores, _ *checkup) { s.logs.sample = loki.Sample{} },
	func(s *stores, _ *checkup) { s.logs.sample = loki.Sample{Lines: 500} },
	func(s *stores, _ *checkup) { s.logs.sample = loki.Sample{Lines: 500, VLLMLines: 500} },
	func(s *stores, _ *checkup) {
		s.logs.sample.Reading = evidence.LineReading{Read: 260, Unread: 240, Examples: []string{"engine says: Added request chatcmpl-1-4be0c1d2.", "engine says: Added request chatcmpl-2-9f3c1a7e."}}
	},
	func(s *stores, _ *checkup) {
		s.logs.sample = loki.Sample{Lines: 500, VLLMLines: 500, Reading: evidence.LineReading{Read: 260, Unread: 240}}
	},
	func(s *stores, _ *checkup) {
		s.logs.sample.Reading = evidence.LineReading{Read: 500, Cut: 12, Parts: 14}
	},
	func(s *stores, _ *checkup) { s.traces.services, s.traces.spans = nil, nil },
	func(s *stores, _ *checkup) { s.traces.services, s.traces.spans = []string{"vllm-llama-3-1-8b"}, nil },
	func(s *stores, _ *checkup) { s.traces.services = []string{"unknown_service"} },
	func(s *stores, _ *checkup) { s.traces.spans[0].Origin = &evidence.Origin{Service: "vllm-chat"} },
	func(s *stores, _ *checkup) { s.logs.sample.Origins = []evidence.Origin{{Service: "vllm"}} },
	func(s *stores, _ *checkup) {
		s.metrics.targets = []evidence.Target{{Origin: evidence.Origin{Instance: "10.0.0.7:8000", Model: "qwen"}}}
		s.logs.sample.Origins = nil
	},
	func(_ *stores, c *checkup) { c.settings.VLLM.SLO = slo.Objectives{{Model: "llama*", TTFT: 1e9}} },
	func(_ *stores, c *checkup) { c.metrics = nil },
	func(_ *stores, c *checkup) { c.logs = nil },
	func(_ *stores, c *checkup) { c.traces = nil },
	func(_ *stores, c *checkup) { c.settings.Loki.ForwardIdentity = true },
	func(s *stores, _ *checkup) { s.metrics.partial = "store b: connection refused" },
	func(s *stores, _ *checkup) {
		s.logs.contentErr = &upstream.Error{Store: evidence.Loki, Kind: upstream.ErrTimeout}
	},
}

// saidByCheckups is what Save & test says when all is well, of these gaps, and of stores that fail: lines with a mark,
// remedies with an arrow.
func saidByCheckups(t *testing.T) []string {
	t.Helper()
	lines := strings.Split(reportOf(t, fullStores().checkup(t).run(t.Context()).result()).Verbose, "\n")
	for _, change := range gapsFound {
		s := fullStores()
		c := s.checkup(t)
		change(s, c)
		for line := range strings.Lines(reportOf(t, c.run(t.Context()).result()).Verbose) {
			if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, "✓") || strings.Contains(line, "alert rules") {
				lines = append(lines, line)
			}
		}
	}
	failure := func(kind upstream.Kind, message string) error {
		return &upstream.Error{Store: evidence.Loki, Kind: kind, Message: message}
	}
	for _, store := range []settings.Store{
		{Name: evidence.Loki, Auth: settings.AuthNone}, {Name: evidence.Loki, Auth: settings.AuthBasic},
		{Name: evidence.Loki, Auth: settings.AuthBearer}, {Name: evidence.Loki, ForwardIdentity: true}, {Name: evidence.Jaeger},
	} {
		for _, err := range []error{
			failure(upstream.ErrUnreachable, ""), failure(upstream.ErrTimeout, ""), failure(upstream.ErrTLS, ""),
			failure(upstream.ErrUnauthorized, ""), failure(upstream.ErrUnauthorized, "no org id"), failure(upstream.ErrForbidden, ""),
			failure(upstream.ErrNotFound, ""), failure(upstream.ErrBadAnswer, ""), failure(upstream.ErrRateLimited, ""), failure(upstream.ErrServer, ""),
		} {
			if fix := storeFix(store, err); fix != "" {
				lines = append(lines, "    → "+sentence(fix))
			}
		}
	}
	for _, signer := range signers {
		lines = append(lines, "    → "+sentence(signer.fix))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

const troubleshooting = "../../docs/troubleshooting.md"

// What the page quotes of Save & test is what Save & test says, and the page leaves nothing out that it says here.
func TestTroubleshootingQuotesSaveAndTest(t *testing.T) {
	page, err := os.ReadFile(troubleshooting)
	require.NoError(t, err)
	var quoted []string
	for _, block := range regexp.MustCompile("(?s)```text\n(.*?)```").FindAllSubmatch(page, -1) {
		for line := range strings.Lines(string(block[1])) {
			quoted = append(quoted, strings.TrimRight(line, "\n"))
		}
	}
	slices.Sort(quoted)
	require.Equal(t, saidByCheckups(t), slices.Compact(quoted))
}

// The changes above bring about all that the diagnosis can say: each of its sentences stands on the page.
func TestEverySentenceOfTheDiagnosisIsOnThePage(t *testing.T) {
	page, err := os.ReadFile(troubleshooting)
	require.NoError(t, err)
	text := strings.ToLower(string(page))
	verbs := regexp.MustCompile(`%[a-z]`)
	checked := 0
	for _, file := range []string{"content.go", "naming.go", "stores.go"} {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			words, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			for _, part := range verbs.Split(words, -1) {
				if part = strings.Trim(part, " .;:"); strings.Count(part, " ") >= 3 {
					checked++
					require.True(t, strings.Contains(text, strings.ToLower(part)), "%s says %q, the page does not", file, part)
				}
			}
			return true
		})
	}
	require.Greater(t, checked, 30)
}
