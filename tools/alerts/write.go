package alerts

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Files are the files that the catalogue writes, by their path from the repository's root.
func Files() (map[string][]byte, error) {
	out := map[string][]byte{}
	for path, content := range map[string]any{
		"provisioning/prometheus/vllm-rules.yml":       ruleFile(PromQL),
		"provisioning/prometheus/vllm-rules.test.yml":  testFile(),
		"provisioning/loki/vllm-rules.yml":             ruleFile(LogQL),
		"deploy/kubernetes/base/prometheus-rules.yaml": prometheusRule(),
	} {
		var b bytes.Buffer
		b.WriteString("# Written by: cd tools && go run ./cmd/alerts. The rules' one home is tools/alerts.\n")
		encoder := yaml.NewEncoder(&b)
		encoder.SetIndent(2)
		if err := encoder.Encode(content); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out[path] = b.Bytes()
	}
	return out, nil
}

type ruleGroup struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	KeepFiring  string            `yaml:"keep_firing_for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// ruleFile is the format of Prometheus' rule files, which Loki's ruler reads too.
func ruleFile(language Language) map[string][]ruleGroup {
	return map[string][]ruleGroup{"groups": ruleGroups(language)}
}

func ruleGroups(language Language) []ruleGroup {
	var groups []ruleGroup
	for _, g := range Groups() {
		out := ruleGroup{Name: g.Name, Interval: duration(g.Interval)}
		if language == PromQL {
			for _, r := range g.Records {
				out.Rules = append(out.Rules, rule{Record: r.Name, Expr: r.Expr})
			}
		}
		for _, a := range g.Alerts {
			if a.Language == language {
				out.Rules = append(out.Rules, rule{
					Alert: a.Name, Expr: a.Expr, For: duration(a.For), KeepFiring: duration(a.KeepFiring),
					Labels:      map[string]string{"severity": string(a.Severity), "component": string(a.Component)},
					Annotations: map[string]string{"summary": a.Summary, "description": a.Description, "runbook_url": RunbookBase + a.Name + ".md"},
				})
			}
		}
		if len(out.Rules) > 0 {
			groups = append(groups, out)
		}
	}
	return groups
}

// prometheusRule is the same for Prometheus' operator.
func prometheusRule() any {
	return struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Metadata   map[string]any `yaml:"metadata"`
		Spec       any            `yaml:"spec"`
	}{
		"monitoring.coreos.com/v1", "PrometheusRule",
		map[string]any{"name": "vllm", "labels": map[string]string{"app.kubernetes.io/part-of": "vllm"}},
		map[string]any{"groups": ruleGroups(PromQL)},
	}
}

type promtoolFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval string         `yaml:"evaluation_interval"`
	Tests              []promtoolTest `yaml:"tests"`
}

type promtoolTest struct {
	Name        string           `yaml:"name"`
	Interval    string           `yaml:"interval"`
	InputSeries []promtoolSeries `yaml:"input_series"`
	Expressions []promtoolExpr   `yaml:"promql_expr_test"`
}

type promtoolSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
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

// testFile is every case, as promtool's unit tests: how many alerts of this name fire, with every label that its words use.
func testFile() promtoolFile {
	file := promtoolFile{RuleFiles: []string{"vllm-rules.yml"}, EvaluationInterval: "1m"}
	for _, a := range Alerts() {
		for _, c := range a.Cases {
			test := promtoolTest{Name: a.Name + " " + c.Says, Interval: "1m"}
			for _, s := range c.Series {
				test.InputSeries = append(test.InputSeries, promtoolSeries{s.Name, s.Values})
			}
			selector := fmt.Sprintf("alertname=%q, alertstate=%q", a.Name, "firing")
			for _, label := range a.neededLabels() {
				selector += fmt.Sprintf(`, %s!=""`, label)
			}
			expr := promtoolExpr{Expr: "count(ALERTS{" + selector + "})", EvalTime: duration(c.At), Samples: []promtoolSample{}}
			if c.Firing > 0 {
				expr.Samples = append(expr.Samples, promtoolSample{"{}", float64(c.Firing)})
			}
			test.Expressions = []promtoolExpr{expr}
			file.Tests = append(file.Tests, test)
		}
	}
	return file
}

// duration as Prometheus writes it: whole hours, minutes or seconds.
func duration(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return strings.TrimSuffix(d.String(), "0s")
}
