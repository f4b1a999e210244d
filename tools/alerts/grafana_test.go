package alerts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/links"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestEveryManagedRuleSaysWhoIsToldAndWhatToDo(t *testing.T) {
	seen, told := map[string]bool{}, map[Severity]bool{}
	for _, a := range Alerts() {
		seen[a.Name] = true
	}
	for _, m := range ManagedAlerts() {
		require.False(t, seen[m.Name], "%s is there twice", m.Name)
		seen[m.Name], told[m.Severity] = true, true
		require.Regexp(t, `^VLLM[A-Z]\w+$`, m.Name)
		require.LessOrEqual(t, len(m.Name), 40, "%s: its uid must not be longer", m.Name)
		require.Contains(t, Severities, m.Severity, m.Name)
		require.NotEmpty(t, m.Component, m.Name)
		require.NotEmpty(t, m.Description, m.Name)
		require.NotContains(t, m.Summary, "\n", m.Name)
		require.FileExists(t, filepath.Join(root(t), "dashboards", m.Dashboard+".json"), m.Name)
	}
	require.Len(t, told, len(Severities), "each severity has a rule, so that each route is used")
}

// The plugin's own parser, as an alert rule calls it: integration asks real stores.
func TestEveryQuestionCanBeAskedByAnAlertRule(t *testing.T) {
	for _, m := range ManagedAlerts() {
		for i, q := range m.Ask {
			parsed, err := query.Parse(query.Sent{
				RefID: "A", JSON: []byte(mustJSON(q)),
				TimeRange: evidence.Window{From: time.Now().Add(-q.Over), To: time.Now()},
			}, true, 50_000)
			require.NoError(t, err, m.Name)
			require.Equal(t, q.QueryType, parsed.Kind)
			require.Contains(t, m.Condition, fmt.Sprintf("$%c", 'A'+i), "%s asks what it does not compare", m.Name)
		}
		require.NotContains(t, m.Condition, fmt.Sprintf("$%c", 'A'+len(m.Ask)), "%s compares what it does not ask", m.Name)
	}
}

// A model is what a client wrote: whatever it is, the link stays the same link, with the model whole in its own parameter.
func TestLinksOfRulesKeepTheModelInItsParameter(t *testing.T) {
	for _, m := range ManagedAlerts() {
		annotations := m.rule().Annotations
		for _, model := range append(links.Hostile, `org/Model "7B" & more`) {
			parameters := map[string][]string{"orgId": {"1"}, "var-datasource": {DatasourceUID}}
			if !m.All {
				parameters["var-model"] = []string{model}
			}
			require.NoError(t, links.Meant{Site: "http://grafana", Path: "/d/" + m.Dashboard, Parameters: parameters}.
				Check(expand(t, annotations["dashboard_url"], model)), m.Name)
			if m.Worst == nil {
				require.NotContains(t, annotations, "requests_url")
				continue
			}
			for _, f := range m.Worst {
				parameters["var-filters"] = append(parameters["var-filters"], adHoc(f))
			}
			parameters["from"], parameters["to"] = []string{"now-" + duration(m.Ask[0].Over)}, []string{"now"}
			require.NoError(t, links.Meant{Site: "http://grafana", Path: "/d/vllm-requests", Parameters: parameters}.
				Check(expand(t, annotations["requests_url"], model)), m.Name)
		}
	}
}

// The dashboard takes the filters of a link by the name of its variable; src/links.test.ts reads them as Grafana does.
func TestTheDashboardOfRequestsTakesFilters(t *testing.T) {
	boards, err := dashboards.Load(root(t))
	require.NoError(t, err)
	for _, d := range boards {
		for _, v := range d.Templating.List {
			if d.UID == requestsDashboard && v.Type == "adhoc" {
				require.Equal(t, "filters", v.Name)
				return
			}
		}
	}
	require.Fail(t, "no variable for filters")
}

func TestAFilterIsWrittenAsGrafanaWritesIt(t *testing.T) {
	for want, f := range map[string]join.Filter{
		"slo_met|=|false":              missedLimits,
		"status|=~|error__gfp__reject": {Column: "status", Op: join.Match, Value: "error|reject"},
		"a|=|b__gfc__c__gfh__d":        {Column: "a", Op: join.Equal, Value: "b,c#d"},
	} {
		require.Equal(t, want, adHoc(f))
	}
	for _, m := range ManagedAlerts() {
		for _, f := range m.Worst {
			require.Empty(t, f.Values, "%s: a link has one value a filter", m.Name)
		}
	}
}

// What Prometheus' rules tell is told by Grafana's only where somebody wants that: compose loads all files of both.
func TestNothingIsToldTwice(t *testing.T) {
	loaded, sample := provisioned(t, "rules.yml"), provisioned(t, "rules-without-prometheus.yml.sample")
	for _, g := range ManagedGroups() {
		for _, m := range g.Rules {
			require.Equal(t, !g.Instead, strings.Contains(loaded, "title: "+m.Name+"\n"), m.Name)
			require.Equal(t, g.Instead, strings.Contains(sample, "title: "+m.Name+"\n"), m.Name)
		}
	}
}

// A message writes the time of the alert into the link; it knows only the windows that stand in the template.
func TestMessagesKnowTheWindowOfEveryRule(t *testing.T) {
	messages := provisioned(t, "templates.yml")
	for _, m := range ManagedAlerts() {
		if m.Worst == nil {
			continue
		}
		over := m.Ask[0].Over
		require.Contains(t, messages, fmt.Sprintf(`"&from=now-%s&to=now$" (print "&from=" ($at.Add -%d).UnixMilli)`, duration(over), over.Nanoseconds()), m.Name)
	}
}

// Both Alertmanagers tell the same severities to the same kind of place, whatever the contact points are called.
func TestEverySeverityHasARouteToItsContactPoint(t *testing.T) {
	var policies struct {
		Policies []struct {
			Receiver string
			Routes   []struct {
				Matchers [][]string `yaml:"object_matchers"`
				Receiver string
				Mute     []string `yaml:"mute_time_intervals"`
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(provisioned(t, "policies.yml")), &policies))
	var contacts struct {
		ContactPoints []struct{ Name string } `yaml:"contactPoints"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(provisioned(t, "contact-points.yml")), &contacts))
	names := map[string]bool{}
	for _, c := range contacts.ContactPoints {
		names[c.Name] = true
	}
	require.Len(t, policies.Policies, 1)
	require.True(t, names[policies.Policies[0].Receiver])
	routes := policies.Policies[0].Routes
	require.Len(t, routes, len(Severities))
	mutes := provisioned(t, "mute-timings.yml")
	for i, severity := range Severities {
		require.Equal(t, [][]string{{"severity", "=", string(severity)}}, routes[i].Matchers)
		require.Equal(t, "vllm-"+string(severity), routes[i].Receiver)
		require.True(t, names[routes[i].Receiver])
		for _, mute := range routes[i].Mute {
			require.Contains(t, mutes, "name: "+mute+"\n")
		}
		require.Equal(t, severity == Medium || severity == Info, len(routes[i].Mute) > 0, "who is woken at night: %s", severity)
	}
}

// Grafana refuses a contact point without its address or key, and then does not start: so no setting may be a variable alone.
func TestAnUnsetSecretLetsGrafanaStart(t *testing.T) {
	whole := regexp.MustCompile(`(?m)[:,{]\s*['"]?\$\{?\w+\}?['"]?\s*[,}]?$`)
	require.NotRegexp(t, whole, provisioned(t, "contact-points.yml"))
	require.Regexp(t, whole, provisioned(t, "pagerduty.yml.sample"), "which is why that one is not loaded")
}

func provisioned(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "provisioning", "alerting", name))
	require.NoError(t, err)
	return string(text)
}

func root(t *testing.T) string {
	t.Helper()
	path, err := repo.Root()
	require.NoError(t, err)
	return path
}

// expand fills a template as Grafana does, with functions of its names.
func expand(t *testing.T, text, model string) string {
	t.Helper()
	type value struct{ Value float64 }
	parsed, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"externalURL":        func() string { return "http://grafana/" },
		"humanizePercentage": func(v float64) string { return fmt.Sprint(100*v, "%") },
		"humanizeDuration":   func(v float64) string { return fmt.Sprint(v, "s") },
	}).Parse("{{- $labels := .Labels -}}{{- $values := .Values -}}" + text)
	require.NoError(t, err, text)
	var b strings.Builder
	require.NoError(t, parsed.Execute(&b, map[string]any{
		"Labels": map[string]string{"model": model, "instance": "a"}, "Values": map[string]value{"A": {0.5}, "B": {7}},
	}), text)
	return b.String()
}
