package alerts

import (
	"bytes"
	"fmt"
	"time"
)

// Page is where people read which alerts there are.
const Page = "docs/alerts.md"

var tableBegins, tableEnds = []byte("<!-- the catalogue, written by go run ./cmd/alerts -->\n"), []byte("<!-- end of the catalogue -->\n")

// WithTable is the page with the table of alerts as the catalogue has it now.
func WithTable(page []byte) ([]byte, error) {
	before, rest, begins := bytes.Cut(page, tableBegins)
	_, after, ends := bytes.Cut(rest, tableEnds)
	if !begins || !ends {
		return nil, fmt.Errorf("%s has no place for the table", Page)
	}
	return bytes.Join([][]byte{before, tableBegins, table(), tableEnds, after}, nil), nil
}

func table() []byte {
	var b bytes.Buffer
	b.WriteString("\n| severity | alert | about | after | evaluated by |\n|---|---|---|---|---|\n")
	row := func(severity Severity, name string, about Component, wait time.Duration, by string) {
		after := "at once"
		if wait > 0 {
			after = duration(wait)
		}
		fmt.Fprintf(&b, "| %s | [%s](runbooks/%[2]s.md) | %s | %s | %s |\n", severity, name, about, after, by)
	}
	for _, severity := range Severities {
		for _, a := range Alerts() {
			if a.Severity == severity {
				row(severity, a.Name, a.Component, a.For, map[Language]string{PromQL: "Prometheus", LogQL: "Loki"}[a.Language])
			}
		}
		for _, g := range ManagedGroups() {
			for _, m := range g.Rules {
				if m.Severity == severity {
					row(severity, m.Name, m.Component, m.For, map[bool]string{false: "Grafana", true: "Grafana, without Prometheus' rules"}[g.Instead])
				}
			}
		}
	}
	b.WriteString("\n")
	return b.Bytes()
}
