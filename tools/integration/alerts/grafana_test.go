//go:build integration && unix

package alerts

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/alerts/alertstest"
	"github.com/llmserving/grafana-vllm-datasource/tools/grafana"
)

// contactPoint is one of Grafana's, as it is provisioned and as its API takes it.
type contactPoint struct {
	Name      string
	Receivers []struct {
		UID, Type             string
		DisableResolveMessage bool           `yaml:"disableResolveMessage"`
		Settings              map[string]any `yaml:"settings"`
	}
}

// startGrafana starts a Grafana that is on this machine with the provisioned texts, contact points and policies, and nothing else.
func startGrafana(t *testing.T, s *sinks) *grafana.Server {
	t.Helper()
	installation, found := grafana.Find()
	if !found {
		t.Skip("there is no Grafana on this machine: GRAFANA_HOME says where one is")
	}
	root, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "dist"), 0o755)) // no data source is asked
	alerting := filepath.Join(root, "provisioning", "alerting")
	require.NoError(t, os.MkdirAll(alerting, 0o755))
	for _, name := range []string{"contact-points.yml", "mute-timings.yml", "policies.yml", "templates.yml"} {
		text, err := os.ReadFile(provisioned(t, "alerting", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(alerting, name), text, 0o600))
	}
	for name, value := range map[string]string{
		"GF_SMTP_ENABLED": "true", "GF_SMTP_HOST": s.mail.Addr().String(), "GF_SMTP_USER": "grafana@example.com", "GF_SMTP_PASSWORD": "of-smtp",
		"GF_SMTP_FROM_ADDRESS": "grafana@example.com", "GF_SMTP_SKIP_VERIFY": "true", // the sink's certificate is its own
		"VLLM_ALERTS_EMAIL": "vllm-team@example.com",
	} {
		t.Setenv(name, value)
	}
	server, err := grafana.Start(t.Context(), grafana.Options{Installation: installation, Root: root, Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

// send asks Grafana's API.
func send(t *testing.T, address string, body any) (int, string) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	response, err := http.Post(address, "application/json", bytes.NewReader(text))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(said)
}

// managedAlert is one of Grafana's own rules as it fires, with a text of somebody else's for its model and in its words.
func managedAlert(text string) (labels, annotations map[string]string) {
	const name = "VLLMRequestsFailed"
	return map[string]string{"alertname": name, "severity": "high", "component": "api", "model": text},
		map[string]string{"summary": "100% of the requests for " + text + " fail", "description": text, "runbook_url": alerts.RunbookBase + name + ".md",
			"dashboard_url": "http://grafana/d/vllm-requests?orgId=1"}
}

// The templates by Grafana's own engine, and its own notifiers.
func TestNobodyElseWritesIntoAMessageOfGrafana(t *testing.T) {
	s := newSinks(t)
	server := startGrafana(t, s)
	var file struct {
		Templates     []struct{ Name, Template string }
		ContactPoints []contactPoint `yaml:"contactPoints"`
	}
	for _, name := range []string{"templates.yml", "contact-points.yml"} {
		text, err := os.ReadFile(provisioned(t, "alerting", name))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &file))
	}
	const api = "/api/alertmanager/grafana/config/api/v1"
	slack, mail := file.ContactPoints[0].Receivers[0], file.ContactPoints[3].Receivers[0]
	require.Equal(t, "slack email", slack.Type+" "+mail.Type)
	slack.Settings = maps.Clone(slack.Settings)
	slack.Settings["url"], mail.Settings["addresses"] = s.web.URL+"/services/T/B/secret", "<vllm-team@example.com>"

	for _, text := range append([]string{"meta-llama/Llama-3.1_8B"}, alertstest.Hostile...) {
		t.Run(text[:min(len(text), 24)], func(t *testing.T) {
			labels, annotations := managedAlert(text)
			status, said := send(t, server.URL+api+"/templates/test", map[string]any{
				"name": file.Templates[0].Name, "template": file.Templates[0].Template,
				"alerts": []any{map[string]any{"labels": labels, "annotations": annotations, "startsAt": time.Unix(1e9, 0)}},
			})
			require.Equal(t, http.StatusOK, status, said)
			var answer struct {
				Results []struct{ Name, Text string }
			}
			require.NoError(t, json.Unmarshal([]byte(said), &answer))
			written := map[string]string{}
			for _, r := range answer.Results {
				written[r.Name] = r.Text
			}
			for _, name := range []string{"vllm.title", "vllm.text", "vllm.slack.title", "vllm.slack.text"} {
				require.Contains(t, written, name, said)
			}
			alertstest.RequirePlain(t, alertstest.WithoutLinks(written["vllm.title"]+"\n"+written["vllm.text"]))
			alertstest.RequireSlack(t, alertstest.WithoutLinks(written["vllm.slack.title"]+"\n"+written["vllm.slack.text"]))
			require.Contains(t, written["vllm.slack.text"], "Runbook: "+annotations["runbook_url"])

			for _, receiver := range []struct {
				Type     string
				settings map[string]any
			}{{"slack", slack.Settings}, {"email", mail.Settings}} {
				status, said := send(t, server.URL+api+"/receivers/test", map[string]any{
					"alert": map[string]any{"labels": labels, "annotations": annotations},
					"receivers": []any{map[string]any{"name": "test", "grafana_managed_receiver_configs": []any{
						map[string]any{"name": "test", "type": receiver.Type, "settings": receiver.settings, "secureSettings": map[string]any{}},
					}}},
				})
				require.Equal(t, http.StatusOK, status, said)
				require.Contains(t, said, `"status":"ok"`, said)
			}
			message := next(t, s.slack)
			require.Len(t, message.Attachments, 1)
			a := message.Attachments[0]
			require.NotContains(t, a.Title+a.Fallback, "\n")
			alertstest.RequireSlack(t, a.Title+"\n"+a.Fallback+"\n"+a.Pretext+"\n"+message.Text)
			alertstest.RequireSlack(t, alertstest.WithoutLinks(a.Text))
			got := next(t, s.email)
			subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
			require.NoError(t, err)
			alertstest.RequirePlain(t, subject)
			require.NotContains(t, subject, "\n")
			require.Contains(t, got.to, "<vllm-team@example.com>")
			for _, forbidden := range []string{"<script", "<img src=x", `href="https://evil`, "<b>"} {
				require.NotContains(t, got.html, forbidden)
			}
		})
	}
	require.Empty(t, s.slack)
	require.Empty(t, s.pagerDuty)
}
