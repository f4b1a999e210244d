package alerts

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/template"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts/alertstest"
)

// engines are Alertmanager's and Grafana's templates, each by the engine of the first: the functions that they use are in both.
func engines(t *testing.T) map[string]*template.Template {
	t.Helper()
	var file struct {
		Templates []struct{ Template string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(provisioned(t, "templates.yml")), &file))
	grafana, err := template.New()
	require.NoError(t, err)
	require.NoError(t, grafana.Parse(strings.NewReader(file.Templates[0].Template)))
	manager, err := template.FromGlobs([]string{filepath.Join(root(t), "provisioning", "alertmanager", "templates", "*.tmpl")})
	require.NoError(t, err)
	return map[string]*template.Template{"Grafana": grafana, "Alertmanager": manager}
}

// message is of one alert, all of whose labels and texts are somebody else's.
func message(text string) *template.Data {
	kv := template.KV{"alertname": text, "severity": text, "model": text, "model_name": text, "environment": text}
	return &template.Data{
		Status: "firing", GroupLabels: kv, CommonLabels: kv,
		Alerts: template.Alerts{{Status: "firing", Labels: kv, StartsAt: time.Unix(1e9, 0), Annotations: template.KV{
			"summary": text, "description": text, "runbook_url": text, "dashboard_url": text, "requests_url": "", "__dashboardUid__": "vllm-slo",
		}}},
	}
}

func TestAMessageHasNothingThatItsChannelTakesForMoreThanText(t *testing.T) {
	for name, engine := range engines(t) {
		for _, text := range alertstest.Hostile {
			t.Run(name+"/"+text[:min(len(text), 24)], func(t *testing.T) {
				written := func(template string) string {
					out, err := engine.ExecuteTextString(`{{ template "`+template+`" . }}`, message(text))
					require.NoError(t, err)
					require.True(t, utf8.ValidString(out) || !utf8.ValidString(text))
					require.Less(t, len(alertstest.WithoutLinks(out)), 8000, "a long text is cut; a link keeps its whole parameter")
					return out
				}
				for _, title := range []string{written("vllm.title"), written("vllm.slack.title")} {
					require.NotContains(t, title, "\n")
				}
				plain := written("vllm.title") + "\n" + written("vllm.text")
				require.NotContains(t, plain, "{{")
				slack := written("vllm.slack.title") + "\n" + alertstest.WithoutLinks(written("vllm.slack.text"))
				alertstest.RequirePlain(t, alertstest.WithoutLinks(plain))
				alertstest.RequireSlack(t, slack)
			})
		}
	}
}

func TestALinkIsARulesOwnAddress(t *testing.T) {
	for name, engine := range engines(t) {
		for _, text := range append(alertstest.Hostile, "javascript:alert(1)", "https://evil.example/|x>", "http://a b", "//evil.example") {
			if text == "https://evil.example/login" {
				continue // a rule's own annotation: whoever writes rules may link to anything
			}
			data := message("x")
			data.Alerts[0].Annotations["runbook_url"] = text
			data.Alerts[0].Labels = template.KV{"model_name": text, "environment": text}
			for _, written := range []string{"vllm.text", "vllm.slack.text"} {
				out, err := engine.ExecuteTextString(`{{ template "`+written+`" . }}`, data)
				require.NoError(t, err)
				if strings.TrimSpace(text) != "" {
					require.Regexp(t, `(?m)^Runbook: $`, out, name)
				}
				if name != "Alertmanager" {
					continue // Grafana's are made by the rules, where TestLinksLeadToTheModelAndItsRequests looks
				}
				link := regexp.MustCompile(`(?m)^Dashboard: (\S+)$`).FindStringSubmatch(out)
				require.NotNil(t, link, "%q", out)
				require.NotRegexp(t, "[<>|`*{}]", link[1])
				at, err := url.Parse(link[1])
				require.NoError(t, err)
				query := at.Query()
				if text != "" {
					require.Equal(t, []string{text}, query["var-model"], "it is one parameter, whatever it holds")
				}
				require.Equal(t, []string{"now"}, query["to"])
			}
		}
		good, err := engine.ExecuteTextString(`{{ template "vllm.link" . }}`, RunbookBase+"VLLMRequestsFailed.md")
		require.NoError(t, err)
		require.Equal(t, RunbookBase+"VLLMRequestsFailed.md", good)
	}
}

func TestWhatIsHarmlessStaysAsItIs(t *testing.T) {
	for name, engine := range engines(t) {
		for _, c := range []struct{ text, plain, slack string }{
			{"meta-llama/Llama-3.1_8B", "meta-llama/Llama-3.1_8B", "meta-llama/Llama-3.1_8B"},
			{"模型 é (2)", "模型 é (2)", "模型 é (2)"},
			{"5 % of <b> & more", "5 % of ‹b› & more", "5 % of &lt;b&gt; &amp; more"},
			{"_a_ *b*", "_a_ *b*", "＿a_ ∗b∗"},
		} {
			for template, want := range map[string]string{"vllm.plain": c.plain, "vllm.slack": c.slack} {
				got, err := engine.ExecuteTextString(`{{ template "`+template+`" . }}`, c.text)
				require.NoError(t, err)
				require.Equal(t, want, got, name)
			}
		}
	}
	longest := 0
	for _, a := range Alerts() {
		longest = max(longest, utf8.RuneCountInString(a.Description))
	}
	for _, m := range ManagedAlerts() {
		longest = max(longest, utf8.RuneCountInString(m.Description))
	}
	require.LessOrEqual(t, longest, 300, "no description of ours is cut")
}

func TestAMessageTellsOfTenAlertsAndHowManyMore(t *testing.T) {
	for name, engine := range engines(t) {
		data := message("x")
		for range 499 {
			data.Alerts = append(data.Alerts, data.Alerts[0])
		}
		for _, written := range []string{"vllm.text", "vllm.slack.text"} {
			out, err := engine.ExecuteTextString(`{{ template "`+written+`" . }}`, data)
			require.NoError(t, err)
			require.Contains(t, out, "490 more: see ", name)
			require.Less(t, len(out), 10_000)
		}
	}
}

// Grafana's and Alertmanager's texts pass the same filters.
func TestBothHaveTheSameEscapes(t *testing.T) {
	of := func(text string) (found []string) {
		for _, name := range []string{"vllm.plain", "vllm.slack", "vllm.link"} {
			match := regexp.MustCompile(`(?s)\{\{ define "` + regexp.QuoteMeta(name) + `" -\}\}\s*(.*?)\s*\{\{- end \}\}`).FindStringSubmatch(text)
			require.NotNil(t, match, name)
			found = append(found, match[1])
		}
		return found
	}
	text, err := os.ReadFile(filepath.Join(root(t), "provisioning", "alertmanager", "templates", "vllm.tmpl"))
	require.NoError(t, err)
	require.Equal(t, of(string(text)), of(provisioned(t, "templates.yml")))
}

// Slack's receivers take the texts that are escaped for Slack, and all others the plain ones: every field that a notifier would
// otherwise fill with labels as they are is set.
func TestEveryChannelTakesItsOwnTexts(t *testing.T) {
	for _, name := range []string{"alertmanager/alertmanager.yml", "alerting/contact-points.yml", "alerting/pagerduty.yml.sample"} {
		content, err := os.ReadFile(filepath.Join(root(t), "provisioning", filepath.FromSlash(name)))
		require.NoError(t, err)
		var file yaml.Node
		require.NoError(t, yaml.Unmarshal(content, &file))
		var texts bytes.Buffer
		walk(&file, "", func(path, value string) {
			for _, match := range regexp.MustCompile(`template "([^"]+)"`).FindAllStringSubmatch(value, -1) {
				forSlack := strings.Contains(path, "slack")
				if match[1] == "vllm.color" || match[1] == "vllm.link" || match[1] == "vllm.dashboard" {
					continue
				}
				texts.WriteString(match[1])
				require.Equal(t, forSlack, strings.HasPrefix(match[1], "vllm.slack."), "%s: %s takes %s", name, path, match[1])
			}
			require.NotRegexp(t, `\{\{[^}]*\.(Labels|CommonLabels|GroupLabels|Annotations|CommonAnnotations)\b[^}]*\}\}`,
				regexp.MustCompile(`template "[^"]+" [^}]*`).ReplaceAllString(value, ""), "%s: %s writes a text as it is", name, path)
		})
		require.NotEmpty(t, texts.String(), name)
	}
}

// walk gives all scalars with their path; the kind of a Grafana contact point is part of it.
func walk(n *yaml.Node, path string, visit func(path, value string)) {
	switch n.Kind {
	case yaml.ScalarNode:
		visit(path, n.Value)
	case yaml.AliasNode:
		walk(n.Alias, path, visit)
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == "type" {
				path += "/" + n.Content[i+1].Value
			}
		}
		for i := 0; i < len(n.Content); i += 2 {
			walk(n.Content[i+1], path+"/"+n.Content[i].Value, visit)
		}
	default:
		for _, c := range n.Content {
			walk(c, path, visit)
		}
	}
}
