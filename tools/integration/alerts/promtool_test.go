//go:build integration && unix

package alerts

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

func provisioned(t *testing.T, path ...string) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return filepath.Join(append([]string{root, "provisioning"}, path...)...)
}

func TestPromtoolAcceptsTheRules(t *testing.T) {
	promtool := stacktest.Program(t, program.Promtool)
	output, err := exec.CommandContext(t.Context(), promtool, "check", "rules", "--lint=all", "--lint-fatal", provisioned(t, "prometheus", "vllm-rules.yml")).CombinedOutput()
	require.NoError(t, err, string(output))
}

func TestEveryCaseIsAsItSays(t *testing.T) {
	t.Parallel()
	promtool := stacktest.Program(t, program.Promtool)
	files, err := filepath.Glob(provisioned(t, "prometheus", "*.test.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	output, err := exec.CommandContext(t.Context(), promtool, append([]string{"test", "rules"}, files...)...).CombinedOutput()
	require.NoError(t, err, string(output))
}

// A case that stands far from a threshold holds it to nothing. So each threshold is moved a little to either side, each
// condition is left out in its turn, and each alert waits one step less and one more: some case of it must then fail.
func TestTheCasesHoldEveryThresholdAndWaitFromBothSides(t *testing.T) {
	t.Parallel()
	promtool, dir := stacktest.Program(t, program.Promtool), t.TempDir()
	var ruleFiles, testFiles []string
	changes := map[string]string{} // by the name of their files
	for _, g := range alerts.Groups() {
		for _, a := range g.Alerts {
			if a.Language != alerts.PromQL {
				continue
			}
			for i, m := range append(mutants(a.Expr), waits(a)...) {
				mutant := a
				mutant.For += m.wait
				if m.expr != "" {
					mutant.Expr = m.expr
				}
				name := fmt.Sprintf("%s-%d", a.Name, i)
				rules := alerts.Group{Name: g.Name, Records: used(g.Records, a.Expr), Alerts: []alerts.Alert{mutant}}
				files, err := alerts.PrometheusFiles(name, rules, []alerts.Alert{a})
				require.NoError(t, err)
				for file, content := range files {
					path := filepath.Join(dir, file)
					require.NoError(t, os.WriteFile(path, content, 0o600))
					if testSuffix.MatchString(file) {
						testFiles = append(testFiles, path)
					} else {
						ruleFiles = append(ruleFiles, path)
					}
				}
				changes[name] = a.Name + ": " + m.says
			}
		}
	}
	require.Greater(t, len(changes), 100)
	output, err := exec.CommandContext(t.Context(), promtool, append([]string{"check", "rules"}, ruleFiles...)...).CombinedOutput()
	require.NoError(t, err, string(output)) // else it would fail for another reason
	report := filepath.Join(dir, "report.xml")
	output, _ = exec.CommandContext(t.Context(), promtool, append([]string{"test", "rules", "--junit=" + report}, testFiles...)...).CombinedOutput()
	for _, name := range failed(t, report, string(output)) {
		delete(changes, name)
	}
	for _, says := range changes {
		t.Errorf("no case minds %s", says)
	}
}

var (
	comparison = regexp.MustCompile(`(==|!=|>=|<=|>|<) (\d[\d.]*)`)
	condition  = regexp.MustCompile(`\n(?:and|or|unless) `)
	testSuffix = regexp.MustCompile(`(\.hours)?\.test\.yml$`)
)

// used are the recording rules that an expression reads.
func used(records []alerts.Record, expr string) []alerts.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r alerts.Record) bool { return !strings.Contains(expr, r.Name) })
}

// mutant is an alert with another expression, or one that waits so much longer.
type mutant struct {
	says, expr string
	wait       time.Duration
}

// waits are the alert that waits one of its cases' steps less, and one more.
func waits(a alerts.Alert) (out []mutant) {
	if a.For == 0 {
		return nil
	}
	step := a.Cases[a.Begins()].Step()
	for _, wait := range []time.Duration{-step, step} {
		out = append(out, mutant{says: fmt.Sprintf("waiting %s instead of %s", a.For+wait, a.For), wait: wait})
	}
	return out
}

// mutants are the expressions that are almost this one.
func mutants(expr string) (out []mutant) {
	for _, at := range comparison.FindAllStringSubmatchIndex(expr, -1) {
		operator, text := expr[at[2]:at[3]], expr[at[4]:at[5]]
		replace := func(operator, number string) {
			with := operator + " " + number
			out = append(out, mutant{says: fmt.Sprintf("%s instead of %s", with, expr[at[0]:at[1]]), expr: expr[:at[0]] + with + expr[at[1]:]})
		}
		value, _ := strconv.ParseFloat(text, 64)
		if value == 0 {
			replace(map[string]string{">": ">=", "==": ">="}[operator], text)
			continue
		}
		// A tenth; counts of a few are held to the next one.
		step := value / 10
		if value > 2 && !strings.Contains(text, ".") {
			step = max(step, 1)
		}
		replace(operator, fmt.Sprintf("%g", value-step))
		replace(operator, fmt.Sprintf("%g", value+step))
	}
	ends := condition.FindAllStringIndex(expr, -1)
	for i, end := range ends {
		next := len(expr)
		if i+1 < len(ends) {
			next = ends[i+1][0]
		}
		left := expr[end[0]:next]
		out = append(out, mutant{says: "leaving out " + strings.TrimSpace(left), expr: expr[:end[0]] + expr[next:]})
	}
	if len(ends) > 0 && !strings.HasPrefix(expr[ends[0][0]:], "\nunless ") && !strings.HasPrefix(expr[ends[0][1]:], "on ") {
		out = append(out, mutant{says: "leaving out " + expr[:ends[0][0]], expr: expr[ends[0][1]:]})
	}
	return out
}

// failed are the names of the test files that did, as promtool reports them in JUnit's format.
func failed(t *testing.T, report, output string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(report)
	require.NoError(t, err, output)
	var suites struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Failures int    `xml:"failures,attr"`
			Errors   int    `xml:"errors,attr"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(text, &suites))
	for _, s := range suites.Suites {
		require.Zero(t, s.Errors, "%s: %s", s.Name, output)
		if s.Failures > 0 {
			names = append(names, testSuffix.ReplaceAllString(filepath.Base(s.Name), ""))
		}
	}
	return names
}
