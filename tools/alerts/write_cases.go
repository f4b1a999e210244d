package alerts

import (
	"fmt"
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
const longCase = time.Hour

// testFiles is every case, as promtool's unit tests: how many alerts of this name fire, with every label that its words use.
func testFiles(name string, alerts []Alert) map[string]any {
	files := map[string]any{}
	rules := []string{name + ".yml"}
	short := promtoolFile{RuleFiles: rules, EvaluationInterval: "1m"}
	long := promtoolFile{RuleFiles: rules, EvaluationInterval: "5m"}
	for _, a := range alerts {
		for _, c := range a.Cases {
			if c.At > longCase {
				long.Tests = append(long.Tests, a.promtool(c))
			} else {
				short.Tests = append(short.Tests, a.promtool(c))
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

func (a Alert) promtool(c Case) promtoolTest {
	test := promtoolTest{Name: a.Name + " " + c.Says, Interval: "1m", InputSeries: c.Series}
	selector := fmt.Sprintf("alertname=%q, alertstate=%q", a.Name, "firing")
	for _, label := range a.neededLabels() {
		selector += fmt.Sprintf(`, %s!=""`, label)
	}
	expr := promtoolExpr{Expr: "count(ALERTS{" + selector + "})", EvalTime: duration(c.At), Samples: []promtoolSample{}}
	if c.Firing > 0 {
		expr.Samples = append(expr.Samples, promtoolSample{"{}", float64(c.Firing)})
	}
	test.Expressions = []promtoolExpr{expr}
	return test
}
