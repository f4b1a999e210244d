package loki

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// selector is a LogQL stream selector: what Loki's index finds streams by.
type selector []matcher

// matcher compares one label with a value; op is one of = != =~ !~.
type matcher struct{ label, op, value string }

func (s selector) String() string {
	parts := make([]string, len(s))
	for i, m := range s {
		parts[i] = m.label + m.op + quote(m.value)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// quote writes a LogQL string, which is a Go string: with every quote, backslash and control character escaped, nothing in
// a value ends the string.
func quote(s string) string { return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD")) }

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// baseSelector is what all queries start from: the configured selector, or else the streams that have the label which
// names services. Loki refuses a selector that could match streams without any label.
func baseSelector(labels vllm.LabelNames, configured string) (selector, error) {
	for _, name := range labelsOf(labels) {
		if name != "" && !labelName.MatchString(name) {
			return nil, fmt.Errorf("%q is not a label name", name)
		}
	}
	if strings.TrimSpace(configured) != "" {
		return parseSelector(configured)
	}
	for _, name := range []string{labels.Service, labels.Pod, labels.Instance, labels.Namespace, labels.Environment, labels.Cluster} {
		if name != "" {
			return selector{{name, "=~", ".+"}}, nil
		}
	}
	return nil, errors.New(`none is set, and no label is known to find logs by: set one, such as {container="vllm"}`)
}

func labelsOf(l vllm.LabelNames) []string {
	return []string{l.Model, l.Environment, l.Cluster, l.Namespace, l.Pod, l.Instance, l.Engine, l.Service}
}

// parseSelector reads a stream selector as users write it.
func parseSelector(text string) (selector, error) {
	s := strings.TrimSpace(text)
	if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
		return nil, fmt.Errorf(`%s does not look like {label="value"}`, quote(text))
	}
	s = strings.TrimSpace(s[1 : len(s)-1])
	var out selector
	for s != "" {
		m, rest, err := parseMatcher(s)
		if err != nil {
			return nil, fmt.Errorf("%w in %s", err, quote(text))
		}
		out = append(out, m)
		rest = strings.TrimSpace(rest)
		if rest == "" {
			break
		}
		after, ok := strings.CutPrefix(rest, ",")
		if !ok {
			return nil, fmt.Errorf("a comma is missing before %s in %s", quote(rest), quote(text))
		}
		s = strings.TrimSpace(after)
	}
	if !slices.ContainsFunc(out, matcher.needsValue) {
		return nil, fmt.Errorf("%s finds every stream: Loki wants one matcher that no empty value passes", quote(text))
	}
	return out, nil
}

func parseMatcher(s string) (m matcher, rest string, err error) {
	end := strings.IndexAny(s, "=!")
	if end < 0 {
		return m, "", errors.New("a comparison is missing")
	}
	m.label, s = strings.TrimSpace(s[:end]), s[end:]
	if !labelName.MatchString(m.label) {
		return m, "", fmt.Errorf("%s is not a label name", quote(m.label))
	}
	for _, op := range []string{"=~", "!~", "!=", "="} {
		if after, ok := strings.CutPrefix(s, op); ok {
			m.op, s = op, strings.TrimSpace(after)
			break
		}
	}
	literal, err := strconv.QuotedPrefix(s)
	if m.op == "" || err != nil || literal[0] == '\'' {
		return m, "", fmt.Errorf("the value of %s is not a string in quotes", m.label)
	}
	if m.value, err = strconv.Unquote(literal); err != nil {
		return m, "", fmt.Errorf("the value of %s: %w", m.label, err)
	}
	if m.op == "=~" || m.op == "!~" {
		if _, err := regexp.Compile(m.value); err != nil {
			return m, "", fmt.Errorf("the expression of %s: %w", m.label, err)
		}
	}
	return m, s[len(literal):], nil
}

// needsValue reports whether an empty label fails the matcher.
func (m matcher) needsValue() bool {
	switch m.op {
	case "=":
		return m.value != ""
	case "!=":
		return m.value == ""
	}
	re, err := regexp.Compile("^(?:" + m.value + ")$")
	return err == nil && re.MatchString("") == (m.op == "!~")
}

// within narrows the selector to a scope, as far as streams have labels for it. Models and engines often have none: then
// the join narrows, which knows more than the labels.
func (s selector) within(scope vllm.Scope, labels vllm.LabelNames) selector {
	out := slices.Clip(s)
	for _, place := range vllm.Places {
		if label := labels.Of(place); label != "" {
			for _, c := range scope.Of(place) {
				out = out.and(label, c)
			}
		}
	}
	return out
}

// of narrows the selector to streams with these labels.
func (s selector) of(stream map[string]string) selector {
	out := slices.Clip(s)
	for _, label := range slices.Sorted(maps.Keys(stream)) {
		out = append(out, matcher{label, "=", stream[label]})
	}
	return out
}

// and adds a condition on a label. A stream that does not have the label is not known to be what a negative one leaves in.
func (s selector) and(label string, c vllm.Condition) selector {
	op, text := c.Matcher()
	s = append(s, matcher{label, op, text})
	if c.HoldsWithout() {
		s = append(s, matcher{label, "!=", ""})
	}
	return s
}
