package alerts

import (
	"fmt"
	"slices"
	"time"
)

type promtoolFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval string         `yaml:"evaluation_interval"`
	Tests              []promtoolTest `yaml:"tests"`
}

type promtoolTest struct {
	Name        string         `yaml:"name"`
	Interval    string         `yaml:"interval"`
	InputSeries []Series       `yaml:"input_series"`
	Expressions []promtoolExpr `yaml:"promql_expr_test"`
}

type promtoolExpr struct {
	Expr     string           `yaml:"expr"`
	EvalTime string           `yaml:"eval_time"`
	Samples  []promtoolSample `yaml:"exp_samples"`
}

type promtoolSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// longCase is from where on a case's rules are evaluated every five minutes instead of every minute: promtool's time goes
// into evaluating all rules at every step, and nothing that takes hours turns on a minute.
const (
	longCase              = time.Hour
	shortStep, longerStep = time.Minute, 5 * time.Minute
)

// Step is how often promtool evaluates the rules of a case.
func (c Case) Step() time.Duration {
	if c.At > longCase {
		return longerStep
	}
	return shortStep
}

// testFiles is every case, as promtool's unit tests.
func testFiles(name string, alerts []Alert) map[string]any {
	files := map[string]any{}
	rules := []string{name + ".yml"}
	short := promtoolFile{RuleFiles: rules, EvaluationInterval: duration(shortStep)}
	long := promtoolFile{RuleFiles: rules, EvaluationInterval: duration(longerStep)}
	for _, a := range alerts {
		begins := a.Begins()
		for i, c := range a.Cases {
			test := a.promtool(c, i == begins && a.For > 0)
			if c.Step() == longerStep {
				long.Tests = append(long.Tests, test)
			} else {
				short.Tests = append(short.Tests, test)
			}
		}
	}
	if len(short.Tests) > 0 {
		files[name+".test.yml"] = short
	}
	if len(long.Tests) > 0 {
		files[name+".hours.test.yml"] = long
	}
	return files
}

// Begins is the index of the case that shows when the alert begins to fire: the first that does.
func (a Alert) Begins() int {
	return slices.IndexFunc(a.Cases, func(c Case) bool { return c.Firing > 0 })
}

// promtool is how many alerts of this name fire; and if they have waited until then, that at the step before all of them
// were pending and none fired.
func (a Alert) promtool(c Case, waited bool) promtoolTest {
	expressions := []promtoolExpr{a.count("firing", c.At, c.Firing)}
	if waited {
		before := c.At - c.Step()
		expressions = []promtoolExpr{a.count("pending", before, c.Firing), a.count("firing", before, 0), expressions[0]}
	}
	return promtoolTest{Name: a.Name + " " + c.Says, Interval: "1m", InputSeries: c.Series, Expressions: expressions}
}

// count expects so many alerts of this name in a state, each with every label that its words use.
func (a Alert) count(state string, at time.Duration, want int) promtoolExpr {
	selector := fmt.Sprintf("alertname=%q, alertstate=%q", a.Name, state)
	for _, label := range a.neededLabels() {
		selector += fmt.Sprintf(`, %s!=""`, label)
	}
	expr := promtoolExpr{Expr: "count(ALERTS{" + selector + "})", EvalTime: duration(at), Samples: []promtoolSample{}}
	if want > 0 {
		expr.Samples = append(expr.Samples, promtoolSample{"{}", float64(want)})
	}
	return expr
}
