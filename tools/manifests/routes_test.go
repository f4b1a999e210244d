package manifests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// The operator's kind cannot load templates, so what leads to an alert's dashboard stands in each of its texts.
func TestTheOperatorsMessagesLeadToTheDashboard(t *testing.T) {
	texts := 0
	leads := func(message string) {
		t.Helper()
		texts++
		require.Contains(t, message, "/d/{{ .Annotations.__dashboardUid__ }}?from=")
		require.Contains(t, message, "&var-model={{ urlquery . }}")
		require.Contains(t, message, "&var-environment={{ urlquery . }}")
	}
	for _, receiver := range of[monitoringalpha.AlertmanagerConfig](build(t, "deploy/kubernetes/overlays/operator"))[0].Spec.Receivers {
		for _, slack := range receiver.SlackConfigs {
			leads(slack.Text)
		}
		for _, page := range receiver.PagerDutyConfigs {
			leads(page.Details[0].Value)
		}
		for _, mail := range receiver.EmailConfigs {
			leads(*mail.Text)
			require.Empty(t, *mail.HTML)
		}
	}
	require.Equal(t, 5, texts)
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
