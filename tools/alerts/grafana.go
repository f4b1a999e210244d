package alerts

import (
	"net/url"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// Managed is one rule that Grafana evaluates on the frames of our own data source: what no store alone can tell.
type Managed struct {
	Name      string
	Severity  Severity
	Component Component
	// Ask are the questions, $A, $B and so on of Condition, each over its own window up to now.
	Ask []Question
	// Condition is a math expression; anything but 0 fires.
	Condition string
	// For is how long it must hold before anybody is told.
	For time.Duration
	// Blind is what a rule whose questions fail says. Empty keeps its last state, since a store that does not answer is told by
	// a rule of its own.
	Blind string
	// Summary and Description are templates of Grafana's.
	Summary, Description string
	// Dashboard is the uid of the one to look at.
	Dashboard string
	// Worst are the requests to look at, those of Ask's first window, the slowest first. Nil when no request tells anything.
	Worst []join.Filter
	// All says that Worst is about all models.
	All bool
}

// Question is a query as a rule saves it, over so much time.
type Question struct {
	Over time.Duration `json:"-"`

	QueryType query.Kind          `json:"queryType"`
	Version   int                 `json:"version"`
	Models    *figures.Spec       `json:"models,omitempty"`
	SLO       *attainment.Spec    `json:"slo,omitempty"`
	Requests  *query.RequestsSpec `json:"requests,omitempty"`
	Coverage  *query.CoverageSpec `json:"coverage,omitempty"`
}

// ManagedGroup is rules that are evaluated together.
type ManagedGroup struct {
	Name     string
	Interval time.Duration
	// Instead says that these rules stand for rules of Prometheus: with both, everything would be told twice.
	Instead bool
	Rules   []Managed
}

func aboutModels(figure string, over time.Duration, quantiles ...float64) Question {
	return Question{Over: over, Version: query.Version, QueryType: query.Models, Models: &figures.Spec{
		Metrics: []string{figure}, GroupBy: []string{figures.ByModel}, Quantiles: quantiles, Form: figures.Numeric,
	}}
}

func aboutSLO(figure string, over time.Duration) Question {
	return Question{Over: over, Version: query.Version, QueryType: query.SLO, SLO: &attainment.Spec{
		Metrics: []string{figure}, GroupBy: []string{figures.ByModel}, Target: Objectives[0].Target, Form: figures.Numeric,
	}}
}

// shareOf asks for the share of requests that pass.
func shareOf(over time.Duration, filters ...join.Filter) Question {
	return Question{Over: over, Version: query.Version, QueryType: query.Requests, Requests: &query.RequestsSpec{
		Filters: filters, GroupBy: []string{figures.ByModel}, Form: figures.Numeric,
	}}
}

// passing asks how many requests pass.
func passing(over time.Duration, filters ...join.Filter) Question {
	q := shareOf(over, filters...)
	q.Requests.Metric = attainment.PassedFigure
	return q
}

func aboutCoverage(metric string, over time.Duration) Question {
	return Question{Over: over, Version: query.Version, QueryType: query.Coverage, Coverage: &query.CoverageSpec{
		Metric: metric, Form: figures.Numeric,
	}}
}

// DatasourceUID is that of provisioning/datasources.
const DatasourceUID = "vllm"

// DashboardURL is the template of the link to the rule's dashboard, for its model. A message adds the time of the alert.
func (m Managed) DashboardURL() string { return m.boardURL(m.Dashboard) }

// RequestsURL is the template of the link to the requests to look at: the dashboard of requests, whose tables show the slowest
// first, with Worst as its filters, over the rule's window. A message puts the time of the alert in place of the window, which
// therefore stands at the end. "" when no request tells anything.
func (m Managed) RequestsURL() string {
	if m.Worst == nil {
		return ""
	}
	address := m.boardURL(requestsDashboard)
	for _, f := range m.Worst {
		address += "&var-filters=" + url.QueryEscape(adHoc(f))
	}
	return address + "&from=now-" + duration(m.Ask[0].Over) + "&to=now"
}

// requestsDashboard is the uid of the dashboard that lists requests, and has a variable "filters".
const requestsDashboard = "vllm-requests"

// boardURL is the template of a link to a dashboard. The model is a client's text: it becomes the value of a parameter of its
// own, escaped by the template, and stands in no other text of the link.
func (m Managed) boardURL(uid string) string {
	address := "{{ externalURL }}d/" + uid + "?orgId=1&var-datasource=" + DatasourceUID
	if !m.All {
		address += "&var-model={{ urlquery $labels.model }}"
	}
	return address
}

// adHoc is a filter as Grafana writes it into a link.
func adHoc(f join.Filter) string {
	escape := strings.NewReplacer("|", "__gfp__", ",", "__gfc__", "#", "__gfh__").Replace
	return strings.Join([]string{escape(f.Column), escape(string(f.Op)), escape(f.Value)}, "|")
}
