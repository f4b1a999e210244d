package health

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// diagnosis is what a check-up found. What follows from it is said by pure functions: same findings, same words.
type diagnosis struct {
	settings              settings.Settings
	metrics, logs, traces storeState

	targets  []evidence.Target      // engines that the metrics know
	sample   loki.Sample            // of the newest log lines
	services []string               // Jaeger's services that have the request span
	spans    []evidence.RequestSpan // some of the newest
	findings []evidence.Finding     // of a trial join of recent requests
	measured []evidence.Finding     // in the metrics alone
}

// report is a diagnosis in words: the details that the settings page shows (src/health.ts), and a script can read. Grafana
// itself shows Message and, below it and folded, Verbose; and only when the check-up ends in an error.
type report struct {
	Message string         `json:"message"`
	Verbose string         `json:"verboseMessage"`
	Stores  []storeLine    `json:"stores"`
	Content []contentCheck `json:"content"`
}

// result is ERROR when a configured store cannot be asked, when none is configured, and when there is nothing of vLLM in
// any of them. With part of the content missing the data source works with what it has, and says what is missing.
//
// Its message is one line, since Grafana shows it as a title, which knows no line breaks.
func (d diagnosis) result() *backend.CheckHealthResult {
	r := report{Stores: d.stores(), Content: d.content()}
	status, line, advice := r.verdict()
	r.Message, r.Verbose = advice, r.lines()
	details, err := json.Marshal(r)
	if err != nil { // strings and bools always encode
		details = nil
	}
	return &backend.CheckHealthResult{Status: status, Message: line, JSONDetails: details}
}

// verdict is the check-up in one line, and what to do first where that is called for.
func (r report) verdict() (status backend.HealthStatus, line, advice string) {
	var answering, broken, fixes, gaps, gapFixes []string
	var configured []evidence.Store
	for _, s := range r.Stores {
		if s.Configured {
			configured = append(configured, s.Store)
		}
		switch title := s.Store.Title(); {
		case !s.Configured: // which kinds of query lack it is said below
		case s.OK:
			answering = append(answering, title)
		default:
			broken = append(broken, title+" "+s.Error)
			fixes = append(fixes, sentence(title+": "+s.Fix))
		}
	}
	found := 0
	for _, c := range r.Content {
		if c.OK {
			found++
			continue
		}
		gaps = append(gaps, sentence(c.Found))
		if c.Fix != "" {
			gapFixes = append(gapFixes, sentence(c.Fix))
		}
	}
	switch {
	case len(answering)+len(broken) == 0:
		return backend.HealthStatusError, "No store is configured.", "Set the URL of at least one: Prometheus, Loki or Jaeger."
	case len(broken) > 0:
		return backend.HealthStatusError, sentence(strings.Join(broken, "; ")), strings.Join(fixes, " ")
	case found == 0:
		return backend.HealthStatusError, fmt.Sprintf("Nothing of vLLM was found in %s.", inWords(answering)), strings.Join(gaps, " ")
	case len(gaps) > 0:
		line = inWords(answering) + " " + plural(len(answering), "answers", "answer") + ", with " + count(len(gaps), "gap") + ". "
		return backend.HealthStatusOk, strings.TrimSpace(line + strings.Join(gaps, " ") + " " + kinds(configured)), strings.Join(gapFixes, " ")
	}
	if some := kinds(configured); some != "" {
		return backend.HealthStatusOk, inWords(answering) + " " + plural(len(answering), "answers", "answer") + ". " + some, ""
	}
	line = "All is well: " + inWords(answering) + " " + plural(len(answering), "answers and has", "answer and have") + " what the data source needs."
	return backend.HealthStatusOk, line, ""
}

// lines is the report as text, a line for each store and each check, and below it what to do.
func (r report) lines() string {
	var b strings.Builder
	line := func(mark, text, fix string) {
		b.WriteString(mark + " " + text + "\n")
		if fix != "" {
			b.WriteString("    → " + sentence(fix) + "\n")
		}
	}
	for _, s := range r.Stores {
		line(s.mark(), s.Found, s.Fix)
	}
	for _, c := range r.Content {
		if c.OK {
			line("✓", c.Found, "")
		} else {
			line("✗", c.Found, c.Fix)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// sentence begins with a capital and ends with a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// inWords puts words in a row: a, b and c.
func inWords(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// count says a number with its noun.
func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s")) }
