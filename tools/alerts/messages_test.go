package alerts

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	alertmanager "github.com/prometheus/alertmanager/template"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/tools/links"
)

// written is a file's text that a notifier fills in, by where it stands.
type written struct{ at, text string }

// messages are the texts of one Alertmanager or Grafana, and what fills them in.
type messages struct {
	by    *alertmanager.Template
	texts []written
}

// textsBelow are the templates in the values of files.
func textsBelow(t *testing.T, keep func(at string) bool, folders ...string) (found []written) {
	t.Helper()
	all, err := links.Shipped(root(t), folders...)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, text := range all {
		if strings.Contains(text.Value, "{{") && keep(text.At) && !seen[text.Value] {
			seen[text.Value] = true // channels share texts
			found = append(found, written{text.At, text.Value})
		}
	}
	require.NotEmpty(t, found)
	return found
}

func ofAlertmanager(t *testing.T) messages {
	t.Helper()
	by, err := alertmanager.FromGlobs([]string{filepath.Join(root(t), "provisioning/alertmanager/templates/*.tmpl")})
	require.NoError(t, err)
	return messages{by, append(
		textsBelow(t, func(at string) bool { return strings.HasPrefix(at, "provisioning/alertmanager/alertmanager.yml/") }, "provisioning/alertmanager"),
		textsBelow(t, func(at string) bool { return strings.Contains(at, "/alertmanager.yaml/") }, "deploy")...)}
}

// ofGrafana is Grafana's own Alertmanager, whose templates have the functions of Prometheus'.
func ofGrafana(t *testing.T) messages {
	t.Helper()
	var file struct{ Templates []struct{ Template string } }
	require.NoError(t, yaml.Unmarshal([]byte(provisioned(t, "templates.yml")), &file))
	by, err := alertmanager.FromGlobs(nil)
	require.NoError(t, err)
	for _, one := range file.Templates {
		require.NoError(t, by.Parse(strings.NewReader(one.Template)))
	}
	return messages{by, textsBelow(t, func(at string) bool {
		return strings.Contains(at, "/contact-points.yml/") || strings.Contains(at, "/pagerduty.yml.sample/")
	}, "provisioning/alerting")}
}

// told is one alert, by its name: its annotations are templates of labels, values and the site's address.
type told struct {
	name        string
	annotations map[string]string
}

func (a told) fired(t *testing.T, said string) alertmanager.Alert {
	t.Helper()
	at := time.UnixMilli(1_780_000_000_000)
	out := alertmanager.Alert{Status: "firing", StartsAt: at, EndsAt: at.Add(time.Hour), Labels: labelsOf(a.name, said), Annotations: alertmanager.KV{}}
	for name, text := range a.annotations {
		out.Annotations[name] = expandLabels(t, text, out.Labels)
	}
	return out
}

// firedAll is all of them in one message.
func firedAll(t *testing.T, all []told, said string) (fired []alertmanager.Alert) {
	t.Helper()
	for _, a := range all {
		fired = append(fired, a.fired(t, said))
	}
	return fired
}

// labelsOf is every label that a rule or a message names, all of them a client's text but those that the rule itself sets.
func labelsOf(alert, said string) alertmanager.KV {
	labels := alertmanager.KV{"alertname": alert, "severity": "critical"}
	for _, name := range []string{
		"model", "model_name", "environment", "namespace", "job", "instance", "pod", "service_name", "gpu", "Hostname", "hostname", "exporter", "objective",
	} {
		labels[name] = said
	}
	return labels
}

// expandLabels fills a rule's annotation in as Prometheus, Loki and Grafana do.
func expandLabels(t *testing.T, text string, labels map[string]string) string {
	t.Helper()
	number := func(v float64) string { return fmt.Sprint(v) }
	type value struct{ Value float64 }
	parsed, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"externalURL": func() string { return "http://grafana/" }, "humanize": number, "humanizePercentage": number, "humanizeDuration": number,
	}).Parse("{{- $labels := .Labels -}}{{- $value := .Value -}}{{- $values := .Values -}}" + text)
	require.NoError(t, err, text)
	var b strings.Builder
	require.NoError(t, parsed.Execute(&b, map[string]any{"Labels": labels, "Value": 0.5, "Values": map[string]value{"A": {0.5}, "B": {7}}}), text)
	return b.String()
}

func managedTold() (all []told) {
	for _, m := range ManagedAlerts() {
		all = append(all, told{m.Name, m.rule().Annotations})
	}
	return all
}

func prometheusTold() (all []told) {
	for _, language := range []Language{PromQL, LogQL} {
		for _, g := range ruleGroups(language, Groups()) {
			for _, r := range g.Rules {
				if r.Alert != "" {
					all = append(all, told{r.Alert, r.Annotations})
				}
			}
		}
	}
	return all
}

// write is what a message says of some alerts.
func (m messages) write(t *testing.T, text written, status string, alerts ...alertmanager.Alert) string {
	t.Helper()
	data := &alertmanager.Data{
		Receiver: "r", Status: status, Alerts: alerts, CommonLabels: alerts[0].Labels, CommonAnnotations: alerts[0].Annotations,
		GroupLabels: alertmanager.KV{"alertname": alerts[0].Labels["alertname"]}, ExternalURL: "http://alertmanager",
	}
	got, err := m.by.ExecuteTextString(text.text, data)
	require.NoError(t, err, text.at)
	return got
}

// marker is a label's value that tries nothing, and is found again.
const marker = "MARKED"

// meant is a link as it stands in a message about a marked label, with another value in the label's place.
func meant(t *testing.T, address, said string) links.Meant {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	parameters := u.Query()
	for name, values := range parameters {
		for i, value := range values {
			if value == marker {
				parameters[name][i] = said
			}
			require.NotContains(t, strings.ReplaceAll(value, marker, ""), "MARK", "a label is a whole parameter or none of it")
		}
	}
	return links.Meant{Site: u.Scheme + "://" + u.Host, Path: u.Path, Parameters: parameters}
}

// commanding are what Slack, mail programs and terminals read as more than text.
var commanding = regexp.MustCompile(`[<>\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{2028}\x{2029}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{200b}\x{feff}]`)

// kindOfMessages are the messages of one notifier, and the alerts that it tells.
type kindOfMessages struct {
	messages
	told []told
}

func bothKinds(t *testing.T) map[string]kindOfMessages {
	t.Helper()
	return map[string]kindOfMessages{
		"Alertmanager": {ofAlertmanager(t), prometheusTold()},
		"Grafana":      {ofGrafana(t), managedTold()},
	}
}

// Every message of every alert, about labels that are a client's texts: it has the lines, and the links, of a message about
// labels that try nothing; each link keeps the text whole in its own parameter; and what else there is of it is plain text.
func TestMessagesHoldWhatClientsWroteAsTextAlone(t *testing.T) {
	for name, test := range bothKinds(t) {
		t.Run(name, func(t *testing.T) {
			followed := 0
			for turn, said := range links.Hostile {
				// A few alerts per text and a few texts per alert: the templates do not tell one alert from another.
				var some []told
				for i := turn % 13; i < len(test.told); i += 13 {
					some = append(some, test.told[i])
				}
				some = append(some, test.told[turn%len(test.told)])
				tried, fired := firedAll(t, some, marker), firedAll(t, some, said)
				for _, text := range test.texts {
					for _, status := range []string{"firing", "resolved"} {
						plain, got := test.write(t, text, status, tried...), test.write(t, text, status, fired...)
						about := fmt.Sprintf("%s about %q:\n%s", text.at, said, got)
						if commanding.MatchString(got) || strings.Count(plain, "\n") != strings.Count(got, "\n") {
							require.Fail(t, about)
						}
						wanted, found := links.InText(plain), links.InText(got)
						require.Len(t, found, len(wanted), about)
						for i, address := range found {
							require.NoError(t, meant(t, wanted[i], said).Check(address), about)
							followed++
						}
					}
				}
			}
			require.Greater(t, followed, 500)
		})
	}
}

// What a rule's words and a label are cut to must not cut what we wrote ourselves.
func TestMessagesAreWholeWhereLabelsAreOrdinary(t *testing.T) {
	for name, test := range bothKinds(t) {
		t.Run(name, func(t *testing.T) {
			whole := 0
			for _, a := range test.told {
				fired := a.fired(t, "meta-llama/Llama-3.1-70B-Instruct & friends")
				for _, text := range test.texts {
					got := strings.ReplaceAll(test.write(t, text, "firing", fired), "&amp;", "&") // Slack's escape
					if strings.Contains(got, "\nRunbook: ") {
						require.Contains(t, got, fired.Annotations["summary"]+"\n"+fired.Annotations["description"]+"\n", text.at)
						whole++
					}
				}
			}
			require.NotZero(t, whole)
		})
	}
}

// An Alertmanager reads a detail that is YAML as a structure, and fills its parts in once more.
func TestNoDetailOfAPageIsYAML(t *testing.T) {
	m, details := ofAlertmanager(t), 0
	for _, text := range m.texts {
		if !strings.Contains(text.at, "/details/") {
			continue
		}
		for _, said := range links.Hostile {
			for _, status := range []string{"firing", "resolved"} {
				var as any
				require.Error(t, yaml.Unmarshal([]byte(m.write(t, text, status, prometheusTold()[0].fired(t, said))), &as), "%s: %q", text.at, said)
				details++
			}
		}
	}
	require.NotZero(t, details)
}

// What a notifier says of itself where nothing else is set quotes labels as they are. These are the parts that do.
func TestNoNotifierIsLeftToItsOwnWords(t *testing.T) {
	own := map[string][]string{
		"slack":     {"title", "text", "fallback"},
		"pagerduty": {"description", "details"},
		"email":     {"headers", "html", "text"},
	}
	var file struct {
		Receivers []map[string]any
	}
	content, err := os.ReadFile(filepath.Join(root(t), "provisioning/alertmanager/alertmanager.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &file))
	var operator struct {
		Spec struct{ Receivers []map[string]any }
	}
	content, err = os.ReadFile(filepath.Join(root(t), "deploy/kubernetes/components/prometheus-operator/alertmanager.yaml"))
	require.NoError(t, err)
	for _, document := range strings.Split(string(content), "\n---\n") {
		if strings.Contains(document, "kind: AlertmanagerConfig") {
			require.NoError(t, yaml.Unmarshal([]byte(document), &operator))
		}
	}
	for suffix, receivers := range map[string][]map[string]any{"_configs": file.Receivers, "Configs": operator.Spec.Receivers} {
		told := 0
		for _, receiver := range receivers {
			for key, configs := range receiver {
				if key == "name" {
					continue
				}
				kind := strings.TrimSuffix(key, suffix)
				require.Contains(t, own, kind, "what does this notifier say of itself?")
				for _, config := range configs.([]any) {
					told++
					for _, part := range own[kind] {
						require.Contains(t, slices.Collect(maps.Keys(config.(map[string]any))), part, "%s of %s", kind, receiver["name"])
					}
					if kind == "pagerduty" {
						text, err := yaml.Marshal(config.(map[string]any)["details"])
						require.NoError(t, err)
						require.Regexp(t, `firing`, string(text))
						require.Regexp(t, `resolved`, string(text))
					}
				}
			}
		}
		require.Greater(t, told, 3, suffix)
	}
}

// ruleText is a template of a rule, as opposed to that of a message.
var ruleText = regexp.MustCompile(`\$(?:labels|values?)\b|externalURL`)

// action is one {{ … }} of a template.
var action = regexp.MustCompile(`\{\{.*?\}\}`)

// Whatever file it stands in, a template that makes a link fills it with nothing but the site's address and whole, escaped
// values of parameters; and none writes anything else that is more than text.
func TestNoTemplateWritesALabelIntoStructuredText(t *testing.T) {
	texts, linking := textsBelow(t, func(string) bool { return true }, "provisioning", "deploy", "dashboards"), 0
	address := regexp.MustCompile(`\S*(?:://|externalURL \}\}|/d/|\?[\w-]+=)\S*(?: [^{}]*\}\}\S*)*`)
	for _, text := range texts {
		for line := range strings.Lines(text.text) {
			require.NotContains(t, line, "/explore", text.at)
			if !ruleText.MatchString(line) {
				continue
			}
			require.NotRegexp(t, `<[a-z!/]|\]\(|\{"`, line, "%s: markup or JSON", text.at)
			for _, link := range address.FindAllString(line, -1) {
				linking++
				for _, filled := range action.FindAllStringIndex(link, -1) {
					before, this := link[:filled[0]], link[filled[0]:filled[1]]
					if this == "{{ externalURL }}" {
						require.Empty(t, before, text.at)
						continue
					}
					require.Regexp(t, `^\{\{ urlquery \$labels\.\w+ \}\}$`, this, text.at)
					require.Regexp(t, `[?&][\w-]+=$`, before, text.at)
				}
			}
		}
	}
	require.Greater(t, linking, 10)
}
