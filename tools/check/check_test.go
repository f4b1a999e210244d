//go:build unix

package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// run lets steps say their command's words as lines; "fail" fails.
func run(_ context.Context, step Step, _ string, line func(string)) error {
	for _, word := range step.Command {
		if word == "fail" {
			return errors.New("exit status 1")
		}
		line(word)
	}
	return nil
}

func check(t *testing.T, steps ...Step) (output string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = (&Runner{Root: t.TempDir(), Out: &out, Run: run}).Check(t.Context(), steps)
	return out.String(), err
}

func lastLineOf(output string) string {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestItGoesOnAfterAFailureAndCountsBoth(t *testing.T) {
	output, err := check(t,
		Step{Name: "a", Lane: Go, Command: []string{"fail"}},
		Step{Name: "b", Lane: Go, Command: []string{"fine"}},
		Step{Name: "c", Lane: Node, Command: []string{"fine"}},
	)
	require.ErrorIs(t, err, ErrNotPassed)
	require.Equal(t, "2 passed, 1 failed", lastLineOf(output))
	require.Contains(t, output, "b             | fine")
}

func TestWhatCannotRunIsNotProven(t *testing.T) {
	output, err := check(t,
		Step{Name: "build", Lane: Go, Command: []string{"fail"}},
		Step{Name: "use", Lane: Node, Command: []string{"fine"}, After: []string{"build"}},
	)
	require.ErrorIs(t, err, ErrNotPassed)
	require.Equal(t, "0 passed, 2 failed", lastLineOf(output))
	require.Contains(t, output, "NOT RUN: build: FAILED")
}

func TestAStepWithoutItsSubjectIsSkippedLoudly(t *testing.T) {
	output, err := check(t,
		Step{Name: "install", Lane: Node, Command: []string{"fail"}, Needs: "package.json"},
		Step{Name: "jest", Lane: Node, Command: []string{"fail"}, After: []string{"install"}},
	)
	require.NoError(t, err)
	require.Equal(t, "0 passed, 0 failed", lastLineOf(output))
	require.Contains(t, output, "SKIPPED: there is no package.json")
	require.Contains(t, output, "SKIPPED: install: SKIPPED")
}

func TestAStepThatThisMachineCannotRunIsSkippedLoudly(t *testing.T) {
	output, err := check(t,
		Step{Name: "e2e", Lane: Node, Command: []string{"fail"}, Missing: func() string { return "no Grafana found" }},
		Step{Name: "other", Lane: Node, Command: []string{"fine"}, Missing: func() string { return "" }},
	)
	require.NoError(t, err)
	require.Equal(t, "1 passed, 0 failed", lastLineOf(output))
	require.Contains(t, output, "SKIPPED: no Grafana found")
}

func TestWhatFailedIsToldAgainInTheEnd(t *testing.T) {
	var noise []string
	for i := range 2 * recapLines {
		noise = append(noise, fmt.Sprintf("noise %d", i))
	}
	output, err := check(t,
		Step{Name: "a", Lane: Go, Command: []string{strings.Repeat("é", recapWidth), "broken here", "fail"}},
		Step{Name: "b", Lane: Go, Command: append(noise, "broken there", "fail")},
		Step{Name: "c", Lane: Go, Command: []string{"all is well"}},
	)
	require.ErrorIs(t, err, ErrNotPassed)
	_, end, _ := strings.Cut(output, "\na FAILED: exit status 1\n")
	require.Contains(t, end, "  broken here\n")
	require.Contains(t, end, "  "+strings.Repeat("é", recapWidth/2)+"…\n")
	require.Contains(t, end, "b FAILED: exit status 1\n")
	require.Contains(t, end, "  broken there\n")
	require.NotContains(t, end, "noise 0\n", "only its end")
	require.NotContains(t, end, "all is well")
	require.Less(t, strings.Index(end, "broken there"), strings.Index(end, "step "), "above the table, which stays last")
}

func TestASilentStepMustBeSilent(t *testing.T) {
	output, err := check(t, Step{Name: "format", Lane: Go, Command: []string{"pkg/a.go"}, Silent: true})
	require.ErrorIs(t, err, ErrNotPassed)
	require.Contains(t, output, "pkg/a.go")
}

func TestAStopIsNotASuccess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	err := (&Runner{Root: t.TempDir(), Out: &out, Run: run}).Check(ctx, []Step{{Name: "a", Lane: Go, Command: []string{"fine"}}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "0 passed, 1 failed", lastLineOf(out.String()))
}

func TestRealCommandsAreRunAndRead(t *testing.T) {
	var out bytes.Buffer
	err := NewRunner(t.TempDir(), &out).Check(t.Context(), []Step{
		{Name: "says", Lane: Go, Command: []string{"sh", "-c", `echo "$WORD"; printf unfinished >&2`}, Env: []string{"WORD=hello"}},
		{Name: "fails", Lane: Go, Command: []string{"sh", "-c", "exit 3"}},
	})
	require.ErrorIs(t, err, ErrNotPassed)
	require.Contains(t, out.String(), "| hello\n")
	require.Contains(t, out.String(), "| unfinished\n")
	require.Contains(t, out.String(), "FAILED: exit status 3")
}

func TestGoTestsAreCounted(t *testing.T) {
	c := goTests()
	var shown []string
	for _, line := range []string{
		`go: downloading example.com v1`,
		`{"Action":"start","Package":"p"}`,
		`{"Action":"output","Package":"p","Test":"TestGood","Output":"=== RUN TestGood\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0.1}`,
		`{"Action":"output","Package":"p","Test":"TestBad","Output":"bad_test.go:7: no\n"}`,
		`{"Action":"fail","Package":"p","Test":"TestBad","Elapsed":0.1}`,
		`{"Action":"skip","Package":"p","Test":"TestLater"}`,
		`{"Action":"fail","Package":"p","Elapsed":0.2}`,
		`{"Action":"pass","Package":"q","Elapsed":1.25}`,
		`{"Action":"skip","Package":"r"}`,
	} {
		shown = append(shown, c.line(line)...)
	}
	passes, failures := c.counts()
	require.Equal(t, [2]int{1, 1}, [2]int{passes, failures})
	require.Equal(t, []string{"go: downloading example.com v1", "bad_test.go:7: no", "FAIL p", "ok   q 1.2s"}, shown)
	require.Equal(t, []string{"-- p TestBad", "bad_test.go:7: no", "-- p", "FAIL p"}, c.failures())
}

func TestTheListOfAttacksIsShown(t *testing.T) {
	c := attackTests()
	var shown []string
	for _, line := range []string{
		`{"Action":"output","Package":"p","Test":"TestAttack","Output":"attacks: not the list\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestAttack","Elapsed":0.1}`,
		`{"Action":"output","Package":"p","Output":"attacks:   a redirect   held\n"}`,
		`{"Action":"output","Package":"p","Output":"ok\n"}`,
		`{"Action":"pass","Package":"p","Elapsed":1}`,
	} {
		shown = append(shown, c.line(line)...)
	}
	require.Equal(t, []string{"attacks:   a redirect   held", "ok   p 1.0s"}, shown)
}

func TestJestTestsAreCounted(t *testing.T) {
	c := jestTests()
	c.line("Test Suites: 3 passed, 3 total")
	c.line("Tests:       1 failed, 2 skipped, 40 passed, 43 total")
	passes, failures := c.counts()
	require.Equal(t, [2]int{40, 1}, [2]int{passes, failures})
}

func TestBrowserTestsAreCounted(t *testing.T) {
	c := browserTests()
	for _, line := range []string{
		"  ✓  1 query.spec.ts:14:1 › 3 failed requests are shown (4.0s)",
		"  1) config.spec.ts:9:1 › a secret is saved",
		"  2 failed",
		"    config.spec.ts:9:1 › a secret is saved",
		"  1 did not run",
		"  19 passed (3.9m)",
	} {
		require.Equal(t, []string{line}, c.line(line))
	}
	passes, failures := c.counts()
	require.Equal(t, [2]int{19, 3}, [2]int{passes, failures})
}

func TestPytestsAreCounted(t *testing.T) {
	for line, want := range map[string][2]int{
		"55 passed in 33.01s":                                   {55, 0},
		"3 failed, 52 passed, 1 error in 1.20s":                 {52, 4},
		"= 1 failed, 2 passed, 1 warning in 61.20s (0:01:01) =": {2, 1},
		"tests/test_ask.py .......... [ 40%]":                   {0, 0},
	} {
		c := pytestTests()
		require.Equal(t, []string{line}, c.line(line))
		passes, failures := c.counts()
		require.Equal(t, want, [2]int{passes, failures}, line)
	}
}

func TestStepsAreInAnOrderThatCanRun(t *testing.T) {
	seen := map[string]bool{}
	for _, step := range Steps {
		require.False(t, seen[step.Name], "two steps are named %s", step.Name)
		for _, name := range step.After {
			require.True(t, seen[name], "%s waits for %s, which comes later or never", step.Name, name)
		}
		seen[step.Name] = true
	}
}

func TestSelect(t *testing.T) {
	picked, err := Select(Steps, []string{"vet", "format"})
	require.NoError(t, err)
	require.Equal(t, []string{"format", "vet"}, []string{picked[0].Name, picked[1].Name})
	_, err = Select(Steps, []string{"tpyo"})
	require.ErrorContains(t, err, `"tpyo"`)
}
