package alerts

import (
	"encoding/json"
	"strings"
)

type managedFile struct {
	APIVersion int            `yaml:"apiVersion"`
	Groups     []managedGroup `yaml:"groups"`
}

type managedGroup struct {
	OrgID    int           `yaml:"orgId"`
	Name     string        `yaml:"name"`
	Folder   string        `yaml:"folder"`
	Interval string        `yaml:"interval"`
	Rules    []managedRule `yaml:"rules"`
}

type managedRule struct {
	UID          string            `yaml:"uid"`
	Title        string            `yaml:"title"`
	Condition    string            `yaml:"condition"`
	Data         []managedQuery    `yaml:"data"`
	NoDataState  string            `yaml:"noDataState"`
	ExecErrState string            `yaml:"execErrState"`
	For          string            `yaml:"for"`
	DashboardUID string            `yaml:"dashboardUid,omitempty"`
	Labels       map[string]string `yaml:"labels"`
	Annotations  map[string]string `yaml:"annotations"`
}

type managedQuery struct {
	RefID      string         `yaml:"refId"`
	Range      relativeRange  `yaml:"relativeTimeRange"`
	Datasource string         `yaml:"datasourceUid"`
	Model      map[string]any `yaml:"model"`
}

// relativeRange is seconds before the evaluation.
type relativeRange struct {
	From int `yaml:"from"`
	To   int `yaml:"to"`
}

// expressions is the uid of Grafana's own computations.
const expressions = "__expr__"

// managedRules is the file that Grafana reads, or the one with what stands for rules of Prometheus.
func managedRules(instead bool) managedFile {
	out := managedFile{APIVersion: 1}
	for _, g := range ManagedGroups() {
		if g.Instead != instead {
			continue
		}
		group := managedGroup{OrgID: 1, Name: g.Name, Folder: "vLLM", Interval: duration(g.Interval)}
		for _, m := range g.Rules {
			group.Rules = append(group.Rules, m.rule())
		}
		out.Groups = append(out.Groups, group)
	}
	return out
}

func (m Managed) rule() managedRule {
	r := managedRule{
		UID: strings.ToLower(m.Name), Title: m.Name, Condition: "condition", NoDataState: "OK", ExecErrState: "KeepLast",
		For: "0s", DashboardUID: m.Dashboard,
		Labels: map[string]string{"severity": string(m.Severity), "component": string(m.Component)},
		Annotations: map[string]string{
			"summary": m.Summary, "description": m.Description, "runbook_url": RunbookBase + m.Name + ".md",
			"dashboard_url": m.DashboardURL(),
		},
	}
	if m.For > 0 {
		r.For = duration(m.For)
	}
	if m.Blind != "" {
		r.ExecErrState = m.Blind
	}
	if link := m.RequestsURL(); link != "" {
		r.Annotations["requests_url"] = link
	}
	for i, q := range m.Ask {
		ref := string(rune('A' + i))
		model := asMap(q)
		model["refId"] = ref
		r.Data = append(r.Data, managedQuery{RefID: ref, Range: relativeRange{From: int(q.Over.Seconds())}, Datasource: DatasourceUID, Model: model})
	}
	r.Data = append(r.Data, managedQuery{
		RefID: r.Condition, Datasource: expressions,
		Model: map[string]any{"refId": r.Condition, "type": "math", "expression": m.Condition},
	})
	return r
}

// asMap is a question by the names of its JSON, which YAML writes like any other.
func asMap(q Question) (model map[string]any) {
	if err := json.Unmarshal([]byte(mustJSON(q)), &model); err != nil {
		panic(err) // it was just written
	}
	return model
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs
	}
	return string(text)
}
