package alerts

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Files are the files that the catalogue writes, by their path from the repository's root. prefix is what vLLM's metrics begin
// with in the Prometheus that evaluates the rules: vllm.DefaultMetricPrefix unless a collector renames them.
func Files(prefix string) (map[string][]byte, error) {
	groups := withPrefix(Groups(), prefix)
	contents := map[string]any{
		"provisioning/prometheus/vllm-rules.yml":                                 ruleFile(PromQL, groups),
		"provisioning/loki/vllm-rules.yml":                                       ruleFile(LogQL, groups),
		"deploy/kubernetes/components/prometheus-operator/prometheus-rules.yaml": prometheusRule(groups),
		"provisioning/alerting/rules.yml":                                        managedRules(false),
		"provisioning/alerting/rules-without-prometheus.yml.sample":              managedRules(true), // Grafana reads no such name
	}
	for name, content := range testFiles("vllm-rules", alertsOf(groups)) {
		contents["provisioning/prometheus/"+name] = content
	}
	return marshal(contents)
}

// PrometheusFiles is the rule file of one group and the test files of these alerts' cases, by their names: NAME.yml,
// NAME.test.yml and so on.
func PrometheusFiles(name string, g Group, tested []Alert) (map[string][]byte, error) {
	contents := testFiles(name, tested)
	contents[name+".yml"] = ruleFile(PromQL, []Group{g})
	return marshal(contents)
}

// RuleFile is the file of some rules in one language.
func RuleFile(language Language, groups []Group) ([]byte, error) {
	const name = "rules"
	files, err := marshal(map[string]any{name: ruleFile(language, groups)})
	return files[name], err
}

func marshal(contents map[string]any) (map[string][]byte, error) {
	out := map[string][]byte{}
	for path, content := range contents {
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
func ruleFile(language Language, groups []Group) map[string][]ruleGroup {
	return map[string][]ruleGroup{"groups": ruleGroups(language, groups)}
}

func ruleGroups(language Language, from []Group) []ruleGroup {
	var groups []ruleGroup
	for _, g := range from {
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
					Labels: map[string]string{"severity": string(a.Severity), "component": string(a.Component)},
					Annotations: map[string]string{
						"summary": a.Summary, "description": a.Description, "runbook_url": RunbookBase + a.Name + ".md",
						"__dashboardUid__": a.Board(),
					},
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
func prometheusRule(groups []Group) any {
	return struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Metadata   map[string]any `yaml:"metadata"`
		Spec       any            `yaml:"spec"`
	}{
		"monitoring.coreos.com/v1", "PrometheusRule",
		map[string]any{"name": "vllm", "labels": map[string]string{"app.kubernetes.io/part-of": "vllm"}},
		map[string]any{"groups": ruleGroups(PromQL, groups)},
	}
}

// duration as Prometheus writes it, in the largest unit of which it is a whole number.
func duration(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d%time.Second == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}
