//go:build unix

package check

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// counter reads a test runner's output line by line: it counts tests, and
// gives the lines that a person wants to see.
type counter interface {
	line(text string) (show []string)
	counts() (passed, failed int)
	// failures tells again what failed, in few lines; nil where the output's own end does.
	failures() []string
}

// goTests reads `go test -json`. It shows what failed in full, and a line for
// each package.
func goTests() counter { return &goCounter{output: map[string][]string{}} }

// attackTests is goTests that also shows the list with which tools/attack ends: what was tried, each with its outcome.
func attackTests() counter { return &goCounter{output: map[string][]string{}, show: "attacks: "} }

type goCounter struct {
	show           string // what lines begin with that are shown even where all is well; "" for none
	passed, failed int
	output         map[string][]string // of tests that still run, by package and test
	recap          []string
}

// goEvent is what we read of test2json's events.
type goEvent struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

func (c *goCounter) line(text string) []string {
	var e goEvent
	if json.Unmarshal([]byte(text), &e) != nil {
		return []string{text} // from the go command itself, such as a download
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		text := strings.TrimSuffix(e.Output, "\n")
		if c.show != "" && e.Test == "" && strings.HasPrefix(text, c.show) {
			return []string{text}
		}
		c.output[key] = append(c.output[key], text)
		return nil
	case "build-output":
		return []string{strings.TrimSuffix(e.Output, "\n")}
	case "pass", "skip", "fail":
		return c.ended(e, key)
	default:
		return nil
	}
}

func (c *goCounter) ended(e goEvent, key string) []string {
	output := c.output[key]
	delete(c.output, key)
	if e.Test != "" {
		switch e.Action {
		case "pass":
			c.passed++
			return nil
		case "fail":
			c.failed++
			c.remember(e.Package+" "+e.Test, output)
			return output
		default:
			return nil
		}
	}
	if e.Action == "fail" {
		output = append(output, fmt.Sprintf("FAIL %s", e.Package))
		c.remember(e.Package, output) // such as a panic, or a package that does not compile
		return output
	}
	if e.Action == "skip" { // no test files
		return nil
	}
	return []string{fmt.Sprintf("ok   %s %.1fs", e.Package, e.Elapsed)}
}

func (c *goCounter) remember(name string, output []string) {
	var end tail
	end.keep(output...)
	c.recap = append(append(c.recap, "-- "+name), end.lines...)
}

func (c *goCounter) counts() (passed, failed int) { return c.passed, c.failed }

func (c *goCounter) failures() []string { return c.recap }

// jestTests reads jest's closing summary.
func jestTests() counter { return &jestCounter{} }

type jestCounter struct{ passed, failed int }

var (
	jestSummary = regexp.MustCompile(`^Tests:\s`)
	jestPassed  = regexp.MustCompile(`(\d+) passed`)
	jestFailed  = regexp.MustCompile(`(\d+) failed`)
)

func (c *jestCounter) line(text string) []string {
	if jestSummary.MatchString(text) {
		c.passed, c.failed = firstNumber(jestPassed, text), firstNumber(jestFailed, text)
	}
	return []string{text}
}

func (c *jestCounter) counts() (passed, failed int) { return c.passed, c.failed }

func (c *jestCounter) failures() []string { return nil }

// browserTests reads the summary of Playwright's list: a line per outcome, and in the end those that passed.
func browserTests() counter { return &browserCounter{} }

type browserCounter struct{ passed, failed int }

// browserOutcome is such a line. What was interrupted or did not run is not proven, so it counts as failed; what passed
// when tried again has passed, as Playwright itself sees it.
var browserOutcome = regexp.MustCompile(`^  (\d+) (passed|failed|flaky|interrupted|did not run)\b`)

func (c *browserCounter) line(text string) []string {
	if found := browserOutcome.FindStringSubmatch(text); found != nil {
		n, _ := strconv.Atoi(found[1]) // digits
		if found[2] == "passed" || found[2] == "flaky" {
			c.passed += n
		} else {
			c.failed += n
		}
	}
	return []string{text}
}

func (c *browserCounter) counts() (passed, failed int) { return c.passed, c.failed }

func (c *browserCounter) failures() []string { return nil }

// pytestTests reads pytest's closing line, such as "1 failed, 54 passed in 12.34s".
func pytestTests() counter { return &pytestCounter{} }

type pytestCounter struct{ passed, failed int }

var (
	pytestSummary = regexp.MustCompile(`\b(passed|failed|errors?)\b.* in [0-9.]+s`)
	pytestError   = regexp.MustCompile(`(\d+) error`)
)

func (c *pytestCounter) line(text string) []string {
	if pytestSummary.MatchString(text) {
		c.passed = firstNumber(jestPassed, text)
		c.failed = firstNumber(jestFailed, text) + firstNumber(pytestError, text)
	}
	return []string{text}
}

func (c *pytestCounter) counts() (passed, failed int) { return c.passed, c.failed }

func (c *pytestCounter) failures() []string { return nil }

func firstNumber(pattern *regexp.Regexp, text string) int {
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return n
}
