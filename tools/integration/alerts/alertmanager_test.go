//go:build integration && unix

package alerts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/alerts/alertstest"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

func amtool(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), stacktest.Program(t, program.Amtool), args...).Output()
	require.NoError(t, err, string(output))
	return strings.TrimSpace(string(output))
}

func TestAmtoolAcceptsTheConfiguration(t *testing.T) {
	amtool(t, "check-config", provisioned(t, "alertmanager", "alertmanager.yml"))
}

func TestEverySeverityHasItsReceiver(t *testing.T) {
	receivers := map[alerts.Severity]string{
		alerts.Critical: "pagerduty-and-slack", alerts.High: "slack-high", alerts.Medium: "slack-medium", alerts.Info: "email",
		"": "slack-medium", "page": "slack-medium", // of somebody else's rules: not lost
	}
	for _, severity := range alerts.Severities {
		require.Contains(t, receivers, severity)
	}
	for severity, receiver := range receivers {
		got := amtool(t, "config", "routes", "test", "--config.file="+provisioned(t, "alertmanager", "alertmanager.yml"),
			"alertname=VLLMX", fmt.Sprintf("severity=%q", severity))
		require.Equal(t, receiver, got, "severity %q", severity)
	}
}

// hurried is the provisioned configuration as it is, but for the addresses and secrets that it reads, which become the
// sinks', and for its pauses, which become short.
func hurried(t *testing.T, s *sinks) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("slack_url", s.web.URL+"/services/T/B/secret")
	write("smtp_password", "of-smtp")
	write("pagerduty_key", "of-pagerduty")
	ca := write("ca.pem", string(s.ca()))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "templates"), os.DirFS(provisioned(t, "alertmanager", "templates"))))

	content, err := os.ReadFile(provisioned(t, "alertmanager", "alertmanager.yml"))
	require.NoError(t, err)
	text := string(content)
	for _, change := range []struct{ from, to string }{
		{`/run/secrets/`, dir + "/"},
		{`(?m)^  smtp_smarthost: .*$`, "  smtp_smarthost: " + s.mail.Addr().String() + "\n  smtp_tls_config: {ca_file: " + ca + "}"},
		{`(?m)^global:$`, "global:\n  pagerduty_url: " + s.web.URL + "/v2/enqueue"},
		{`(group_wait): .*`, "$1: 1s"}, // what is posted together must be there by then, on a busy machine, too
		{`(group_interval): .*`, "$1: 500ms"},
	} {
		pattern := regexp.MustCompile(change.from)
		require.Regexp(t, pattern, text)
		text = pattern.ReplaceAllString(text, change.to)
	}
	return write("alertmanager.yml", text)
}

// manager is a running Alertmanager that delivers to sinks.
type manager struct {
	*sinks
	url string
}

func startManager(t *testing.T) manager {
	t.Helper()
	s := newSinks(t)
	servers := stacktest.Start(t, stack.Options{Only: []string{program.Alertmanager.Name}, Alertmanager: hurried(t, s)})
	return manager{s, servers.Alertmanager.URL}
}

type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      *time.Time        `json:"endsAt,omitempty"`
}

// about is an alert of the catalogue about one model, as Prometheus would post it.
func about(t *testing.T, name string, labels map[string]string) posted {
	t.Helper()
	for _, a := range alerts.Alerts() {
		if a.Name == name {
			all := map[string]string{
				"alertname": a.Name, "severity": string(a.Severity), "component": string(a.Component),
				"job": "vllm", "namespace": "prod", "environment": "eu", "model_name": "meta/llama & friends",
			}
			for key, value := range labels {
				all[key] = value
			}
			// Now: what began longer ago than the group's wait, Alertmanager sends at once, without waiting for its company.
			return posted{Labels: all, StartsAt: time.Now(), Annotations: map[string]string{
				"summary": "Summary of " + name, "description": a.Description, "runbook_url": alerts.RunbookBase + name + ".md",
				"__dashboardUid__": a.Board(),
			}}
		}
	}
	require.FailNow(t, "no such alert", name)
	return posted{}
}

func (m manager) post(t *testing.T, all ...posted) {
	t.Helper()
	text, err := json.Marshal(all)
	require.NoError(t, err)
	response, err := http.Post(m.url+"/api/v2/alerts", "application/json", bytes.NewReader(text))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(said))
}

func (m manager) resolve(t *testing.T, p posted) {
	t.Helper()
	now := time.Now()
	p.EndsAt = &now
	m.post(t, p)
}

func TestEverySeverityIsDelivered(t *testing.T) {
	m := startManager(t)
	// says holds a text to what somebody on call needs.
	says := func(text string, p posted) {
		t.Helper()
		require.Contains(t, text, p.Annotations["summary"])
		require.Contains(t, strings.ReplaceAll(text, "{ {", "{{"), p.Annotations["description"])
		require.Contains(t, text, "Runbook: "+p.Annotations["runbook_url"]+"\n")
		require.Regexp(t, `Dashboard: http://localhost:3000/d/`+p.Annotations["__dashboardUid__"]+
			`\?from=\d{13}&to=(now|\d{13})&var-model=meta%2Fllama\+%26\+friends&var-environment=eu\n`, text)
	}

	t.Run("critical goes to PagerDuty and Slack, and is resolved on both", func(t *testing.T) {
		p := about(t, "VLLMServingNothing", nil)
		p.Annotations["description"] = "A label that reads {{ $value }} is no template."
		m.post(t, p)
		triggered, message := next(t, m.pagerDuty), next(t, m.slack)
		require.Equal(t, "trigger", triggered.Action)
		require.Equal(t, "of-pagerduty", triggered.RoutingKey)
		require.Equal(t, "critical", triggered.Payload.Severity)
		require.Equal(t, "CRITICAL: VLLMServingNothing · meta/llama & friends · eu", triggered.Payload.Summary)
		says(triggered.Payload.Details["alerts"].(string), p)
		require.Len(t, triggered.Links, 2)
		require.Equal(t, p.Annotations["runbook_url"], triggered.Links[0].Href)
		require.Contains(t, triggered.Links[1].Href, "http://localhost:3000/d/")
		require.Equal(t, "#vllm-critical", message.Channel)
		require.Equal(t, "danger", message.Attachments[0].Color)
		says(message.Attachments[0].Text, p)

		m.resolve(t, p)
		resolved, message := next(t, m.pagerDuty), next(t, m.slack)
		require.Equal(t, "resolve", resolved.Action)
		require.Equal(t, triggered.DedupKey, resolved.DedupKey)
		require.Equal(t, "Resolved: VLLMServingNothing · meta/llama &amp; friends · eu", message.Attachments[0].Title)
		require.Equal(t, "good", message.Attachments[0].Color)
		says(message.Attachments[0].Text, p)
	})

	for _, test := range []struct{ name, channel, title string }{
		{"VLLMKVCacheExhausted", "#vllm-alerts", "HIGH: VLLMKVCacheExhausted · meta/llama &amp; friends · eu (2)"},
		{"VLLMReplicaImbalance", "#vllm-capacity", "MEDIUM: VLLMReplicaImbalance · meta/llama &amp; friends · eu (2)"},
	} {
		t.Run(test.name+" goes to "+test.channel+", two replicas in one message", func(t *testing.T) {
			a, b := about(t, test.name, map[string]string{"instance": "a"}), about(t, test.name, map[string]string{"instance": "b"})
			m.post(t, a, b)
			message := next(t, m.slack)
			require.Equal(t, test.channel, message.Channel)
			require.Equal(t, test.title, message.Attachments[0].Title)
			require.Equal(t, "warning", message.Attachments[0].Color)
			require.Equal(t, 2, strings.Count(message.Attachments[0].Text, "Runbook: "))
			says(message.Attachments[0].Text, a)
			m.resolve(t, a)
			m.resolve(t, b)
			for !strings.HasPrefix(message.Attachments[0].Title, "Resolved: ") {
				message = next(t, m.slack)
			}
		})
	}

	t.Run("info goes by mail, authenticated and encrypted", func(t *testing.T) {
		p := about(t, "VLLMEngineAsleep", nil)
		m.post(t, p)
		got := next(t, m.email)
		require.Equal(t, "vllm-alerts@example.com of-smtp", got.user+" "+got.password)
		require.Contains(t, got.from, "<vllm-alerts@example.com>")
		require.Contains(t, got.to, "<vllm-team@example.com>")
		subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		require.NoError(t, err)
		require.Equal(t, "INFO: VLLMEngineAsleep · meta/llama & friends · eu", subject)
		says(got.text, p)
	})

	t.Run("a model's name commands neither Slack nor PagerDuty nor a mail program", func(t *testing.T) {
		const model = "<https://evil.example/reset|Reset your password> <!channel> {{ .Labels }}\nRunbook: https://evil.example/"
		const plain = "‹https: //evil.example/reset|Reset your password› ‹!channel› { { .Labels }} Runbook: https: //evil.example/"
		const slack = "&lt;https: //evil.example/reset|Reset your password&gt; &lt;!channel&gt; {{ .Labels }} Runbook: https: //evil.example/"
		const link = "&var-model=%3Chttps%3A%2F%2Fevil.example%2Freset%7CReset+your+password%3E+%3C%21channel%3E+%7B%7B+.Labels+%7D%7D%0ARunbook%3A+https%3A%2F%2Fevil.example%2F&var-environment=eu\n"
		p := about(t, "VLLMErrorRatioHigh", map[string]string{"model_name": model})
		p.Annotations["summary"] = model + " fails"
		m.post(t, p)
		page, message := next(t, m.pagerDuty), next(t, m.slack)
		inert := func(text, told string) {
			t.Helper()
			require.Contains(t, text, told+" fails\n")
			require.Contains(t, text, link)
			require.NotContains(t, text, "https://evil")
		}
		require.Regexp(t, `^CRITICAL: VLLMErrorRatioHigh · ‹https: //evil.example/reset\|Reset your password› ‹!channel› [^<>\n]* · eu$`, page.Payload.Summary)
		require.NotContains(t, page.Payload.Summary, "https://")
		inert(page.Payload.Details["alerts"].(string), plain)
		require.Equal(t, "CRITICAL: VLLMErrorRatioHigh · "+slack+" · eu", message.Attachments[0].Title)
		require.Equal(t, message.Attachments[0].Title, message.Attachments[0].Fallback)
		inert(message.Attachments[0].Text, slack)
	})
	require.Empty(t, m.pagerDuty, "nobody is woken by what is not critical")
}

// Labels and texts that somebody else chose reach PagerDuty, Slack and a mailbox as text: no call, no link, no line of their own, and
// no page is lost because of them.
func TestNobodyElseWritesIntoAMessage(t *testing.T) {
	m := startManager(t)
	var all []posted
	for i, text := range alertstest.Hostile {
		for _, name := range []string{"VLLMServingNothing", "VLLMEngineAsleep"} {
			// The severity stays: by that it is routed. The job makes each a message of its own.
			p := about(t, name, map[string]string{"job": fmt.Sprint("vllm-", i), "model_name": text, "environment": text})
			p.Annotations["summary"], p.Annotations["description"] = "Summary: "+text, text
			all = append(all, p)
		}
	}
	m.post(t, all...)
	for range alertstest.Hostile {
		page, message, mail := next(t, m.pagerDuty), next(t, m.slack), next(t, m.email)
		require.NotContains(t, page.Payload.Summary, "\n")
		for _, text := range []string{page.Payload.Summary, page.Payload.Details["alerts"].(string), mail.text} {
			alertstest.RequirePlain(t, alertstest.WithoutLinks(strings.ReplaceAll(text, "\r\n", "\n")))
		}
		require.Regexp(t, `^CRITICAL: VLLMServingNothing`, page.Payload.Summary)
		require.Len(t, page.Payload.Details, 5, "what else a notifier says is counts alone")
		require.Equal(t, alerts.RunbookBase+"VLLMServingNothing.md", page.Links[0].Href)
		require.Len(t, message.Attachments, 1)
		a := message.Attachments[0]
		require.Equal(t, a.Title, a.Fallback)
		require.Empty(t, a.Pretext+a.Footer+message.Text)
		require.NotContains(t, a.Title, "\n")
		alertstest.RequireSlack(t, a.Title)
		alertstest.RequireSlack(t, alertstest.WithoutLinks(a.Text))
		require.Contains(t, a.Text, "Runbook: "+alerts.RunbookBase+"VLLMServingNothing.md\n")
		require.Contains(t, a.Text, "Dashboard: http://localhost:3000/d/")
		subject, err := new(mime.WordDecoder).DecodeHeader(mail.Header.Get("Subject"))
		require.NoError(t, err)
		require.Regexp(t, `^INFO: VLLMEngineAsleep`, subject)
		alertstest.RequirePlain(t, subject)
		require.NotContains(t, subject, "\n")
		require.Len(t, mail.Header["To"], 1)
		require.Contains(t, mail.to, "<vllm-team@example.com>")
	}
	require.Empty(t, m.pagerDuty)
	require.Empty(t, m.slack)
}

// names are the alerts that the inhibition rules speak of.
var names = regexp.MustCompile(`alertname = (\w+)\]`)

func TestInhibitionSpeaksOfAlertsThatThereAre(t *testing.T) {
	content, err := os.ReadFile(provisioned(t, "alertmanager", "alertmanager.yml"))
	require.NoError(t, err)
	found := names.FindAllStringSubmatch(string(content), -1)
	require.NotEmpty(t, found)
	for _, match := range found {
		about(t, match[1], nil)
	}
}

func TestAnAlertThatExplainsOthersKeepsThemSilent(t *testing.T) {
	m := startManager(t)
	fingerprints := map[string]bool{}
	for _, test := range []struct{ source, target, differs string }{
		{"VLLMTTFTBurnFast", "VLLMTTFTBurnSlow", "model_name"},
		{"VLLMTPOTBurnFast", "VLLMTPOTBurnSlow", "model_name"},
		{"VLLME2EBurnFast", "VLLME2EBurnSlow", "model_name"},
		{"VLLMKVCacheExhausted", "VLLMKVCachePressure", "instance"},
		{"VLLMOutOfMemory", "VLLMEngineDead", "instance"},
		// The last, because it silences what is about its deployment.
		{"VLLMDeploymentDown", "VLLMQueueGrowing", "environment"},
	} {
		t.Run(test.source+" silences "+test.target+" of the same "+test.differs, func(t *testing.T) {
			source := about(t, test.source, map[string]string{"instance": "a"})
			same := about(t, test.target, map[string]string{"instance": "a"})
			other := about(t, test.target, map[string]string{"instance": "a", test.differs: "other"})
			m.post(t, source, same, other)
			require.Eventually(t, func() bool { return len(m.inhibitedBy(t, same)) == 1 }, patience, 50*time.Millisecond)
			require.Empty(t, m.inhibitedBy(t, other))
			fingerprints[m.inhibitedBy(t, same)[0]] = true
			m.resolve(t, source)
			require.Eventually(t, func() bool { return len(m.inhibitedBy(t, same)) == 0 }, patience, 50*time.Millisecond, "and speaks again after it")
		})
	}
	require.Len(t, fingerprints, 6, "each by its own source")
}

func TestADeploymentThatIsDownIsTheOnlyMessageAboutIt(t *testing.T) {
	m := startManager(t)
	down, queue := about(t, "VLLMDeploymentDown", nil), about(t, "VLLMQueueGrowing", nil)
	elsewhere := about(t, "VLLMQueueGrowing", map[string]string{"environment": "us"})
	m.post(t, down)
	require.Contains(t, next(t, m.slack).Attachments[0].Title, "VLLMDeploymentDown")
	m.post(t, queue, elsewhere)
	require.Equal(t, "HIGH: VLLMQueueGrowing · meta/llama &amp; friends · us", next(t, m.slack).Attachments[0].Title)
	m.resolve(t, down)
	var titles []string
	for range 2 {
		titles = append(titles, next(t, m.slack).Attachments[0].Title)
	}
	require.ElementsMatch(t, []string{
		"Resolved: VLLMDeploymentDown · meta/llama &amp; friends · eu", "HIGH: VLLMQueueGrowing · meta/llama &amp; friends · eu",
	}, titles, "what was held back comes when it is over")
}

// inhibitedBy are the fingerprints of the alerts that silence this one.
func (m manager) inhibitedBy(t *testing.T, p posted) []string {
	t.Helper()
	query := url.Values{}
	for key, value := range p.Labels {
		query.Add("filter", fmt.Sprintf("%s=%q", key, value))
	}
	response, err := http.Get(m.url + "/api/v2/alerts?" + query.Encode())
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var found []struct {
		Status struct{ InhibitedBy []string }
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&found))
	require.Len(t, found, 1)
	return found[0].Status.InhibitedBy
}
