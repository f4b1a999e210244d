package manifests

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	monitoringalpha "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// alertmanager is as much of Alertmanager's own file as both forms have.
type alertmanager struct {
	Route        route
	InhibitRules []struct {
		SourceMatchers []string `json:"source_matchers"`
		TargetMatchers []string `json:"target_matchers"`
		Equal          []string
	} `json:"inhibit_rules"`
	Receivers []struct{ Name string }
}

type route struct {
	Receiver       string
	Matchers       []string
	GroupBy        []string `json:"group_by"`
	GroupWait      string   `json:"group_wait"`
	GroupInterval  string   `json:"group_interval"`
	RepeatInterval string   `json:"repeat_interval"`
	Routes         []route
}

// Who is told of what is said twice, in two languages; it must be the same.
func TestTheOperatorsRoutesAreAlertmanagers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "provisioning/alertmanager/alertmanager.yml"))
	require.NoError(t, err)
	var file alertmanager
	require.NoError(t, yaml.Unmarshal(text, &file))
	config := of[monitoringalpha.AlertmanagerConfig](build(t, "deploy/kubernetes/overlays/operator"))[0].Spec

	require.Equal(t, file.Route, routeOf(t, *config.Route))
	require.Len(t, config.InhibitRules, len(file.InhibitRules))
	for i, rule := range config.InhibitRules {
		require.Equal(t, file.InhibitRules[i].SourceMatchers, written(rule.SourceMatch))
		require.Equal(t, file.InhibitRules[i].TargetMatchers, written(rule.TargetMatch))
		require.Equal(t, file.InhibitRules[i].Equal, rule.Equal)
	}
	require.Len(t, config.Receivers, len(file.Receivers))
	for i, receiver := range config.Receivers {
		require.Equal(t, file.Receivers[i].Name, receiver.Name)
	}
}

// definitions are the templates of a text, by name; its own is "".
func definitions(t *testing.T, text string) map[string]string {
	t.Helper()
	other := func(...string) string { return "" }
	parsed, err := template.New("").Funcs(template.FuncMap{
		"toUpper": other, "reReplaceAll": other, "match": func(string, string) bool { return false },
	}).Parse(text)
	require.NoError(t, err)
	found := map[string]string{}
	for _, defined := range parsed.Templates() {
		found[defined.Name()] = strings.TrimSpace(defined.Root.String())
	}
	return found
}

// The operator's kind cannot load templates, so each text begins with the definitions that it needs; they are Alertmanager's, to the
// letter, and each text uses the one for its channel.
func TestTheOperatorsMessagesAreAlertmanagers(t *testing.T) {
	want := map[string]string{}
	for _, name := range []string{"vllm.tmpl", "grafana.tmpl"} {
		text, err := os.ReadFile(filepath.Join(root, "provisioning/alertmanager/templates", name))
		require.NoError(t, err)
		maps.Copy(want, definitions(t, string(text)))
	}
	texts := 0
	is := func(text, uses string) {
		t.Helper()
		texts++
		found := definitions(t, text)
		require.Equal(t, `{{template "`+uses+`" .}}`, found[""])
		for name, body := range found {
			if name != "" {
				require.Equal(t, want[name], body, name)
			}
			for _, match := range regexp.MustCompile(`template "([^"]+)"`).FindAllStringSubmatch(body, -1) {
				require.Contains(t, found, match[1], "%s needs it", name)
			}
		}
	}
	for _, receiver := range of[monitoringalpha.AlertmanagerConfig](build(t, "deploy/kubernetes/overlays/operator"))[0].Spec.Receivers {
		for _, slack := range receiver.SlackConfigs {
			is(slack.Title, "vllm.slack.title")
			is(slack.Fallback, "vllm.slack.title")
			is(slack.Text, "vllm.slack.text")
		}
		for _, page := range receiver.PagerDutyConfigs {
			is(page.Description, "vllm.title")
			is(page.Details[0].Value, "vllm.details")
		}
		for _, mail := range receiver.EmailConfigs {
			is(mail.Headers[0].Value, "vllm.title")
			is(*mail.Text, "vllm.text")
			require.Empty(t, *mail.HTML)
		}
	}
	require.Equal(t, 3*3+2+2, texts)
}

func routeOf(t *testing.T, from monitoringalpha.Route) route {
	t.Helper()
	to := route{
		Receiver: from.Receiver, Matchers: written(from.Matchers), GroupBy: from.GroupBy,
		GroupWait: from.GroupWait, GroupInterval: from.GroupInterval, RepeatInterval: from.RepeatInterval,
	}
	for _, child := range from.Routes {
		var below monitoringalpha.Route
		require.NoError(t, yaml.UnmarshalStrict(child.Raw, &below))
		to.Routes = append(to.Routes, routeOf(t, below))
	}
	return to
}

// written is how Alertmanager's file writes matchers.
func written(matchers []monitoringalpha.Matcher) (all []string) {
	for _, m := range matchers {
		operator, value := string(m.MatchType), m.Value
		if operator == "" {
			operator = "="
		}
		if strings.ContainsAny(value, ".+*") {
			value = `"` + value + `"`
		}
		all = append(all, m.Name+" "+operator+" "+value)
	}
	return all
}
