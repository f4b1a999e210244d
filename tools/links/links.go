// Package links asks whether a link of ours can be made into another one by what a store said: a client chooses its own request
// id, its model, its service. It has texts that try, fills them into links as Grafana does, and holds what comes out to what was
// meant. Tests of dashboards, frames, alert rules and messages use it. It must not know where a link comes from.
package links

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hostile.json also serves the tests of src/ and those in a browser.
//
//go:embed hostile.json
var hostile []byte

// Hostile are texts that a client can choose, each with what it tries to end or to begin: a JSON string, a parameter, a path, a
// scheme, markup, a mention, a variable of Grafana's, a Go template, a line.
var Hostile = func() (texts []string) {
	if err := json.Unmarshal(hostile, &texts); err != nil {
		panic(err) // the file is ours
	}
	return texts
}()

// PercentEncode is Grafana's format percentencode: JavaScript's encodeURIComponent, and what that leaves of ! ' ( ) *.
func PercentEncode(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// Variable is one that a link of Grafana's names: ${name:format}, or without a format.
type Variable struct{ Name, Format string }

// FromStore tells whether a variable holds what a store said; all others hold what the reader chose, or Grafana's own.
func (v Variable) FromStore() bool {
	return strings.HasPrefix(v.Name, "__value") || strings.HasPrefix(v.Name, "__data") || strings.HasPrefix(v.Name, "__field") ||
		strings.HasPrefix(v.Name, "__series")
}

// variable finds all three forms in which Grafana reads a variable.
var variable = regexp.MustCompile(`\$\{([\w.]+|__[\w.]+(?:\["[^"]*"\])*)(?::([^}]*))?\}|\$(\w+)|\[\[([\w.]+)(?::(\w+))?\]\]`)

// Fill replaces a link's variables in one go, as Grafana does: what stands in a value is not read again.
func Fill(link string, fill func(Variable) (string, error)) (string, error) {
	var failed error
	filled := variable.ReplaceAllStringFunc(link, func(whole string) string {
		m := variable.FindStringSubmatch(whole)
		value, err := fill(Variable{Name: m[1] + m[3] + m[4], Format: m[2] + m[5]})
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", whole, err)
		}
		return value
	})
	return filled, failed
}

// Meant is what a link has to be, whatever was filled into it.
type Meant struct {
	Site       string // such as http://grafana:3000; "" for a link within the page's own site
	Path       string
	Parameters map[string][]string
}

// plain is a link in which a browser has nothing to repair: no space, quote, backslash, control or letter beyond ASCII.
var plain = regexp.MustCompile(`^[-A-Za-z0-9._~:/?@!$&()*+,;=%|]*$`)

// Check says in what a link differs from what was meant.
func (m Meant) Check(address string) error {
	if !plain.MatchString(address) {
		return fmt.Errorf("%q has what is not escaped", address)
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	site := ""
	if u.Scheme != "" || u.Host != "" {
		site = u.Scheme + "://" + u.Host
	}
	switch {
	case m.Site != "" && !strings.HasPrefix(m.Site, "http://") && !strings.HasPrefix(m.Site, "https://"):
		return fmt.Errorf("%q is no site", m.Site)
	case site != m.Site || u.User != nil || u.Opaque != "":
		return fmt.Errorf("%q leads to another site than %q", address, m.Site)
	case u.Path != m.Path || u.EscapedPath() != m.Path:
		return fmt.Errorf("%q leads to %q, not to %q", address, u.EscapedPath(), m.Path)
	case u.Fragment != "" || strings.Contains(address, "#"):
		return fmt.Errorf("%q has a fragment", address)
	}
	got, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("%q: %w", address, err)
	}
	if !maps.EqualFunc(got, m.Parameters, slices.Equal) {
		return fmt.Errorf("%q has the parameters %q, not %q", address, got, m.Parameters)
	}
	return nil
}

// address is what a channel of messages, a mail program or a terminal takes for a link within a text.
var address = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^\s<>"|]*`)

// InText finds the addresses in a text.
func InText(text string) []string { return address.FindAllString(text, -1) }
