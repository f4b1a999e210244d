//go:build unix

// Package demo shows the product on one machine: real stores filled by a
// simulated or real vLLM, asked by the built plugin over go-plugin as Grafana
// asks it, drawn into a terminal.
//
// Parts come up in their own time and the picture shows what there is:
//
//	demo      starts the parts and ends them (run.go, parts.go)
//	answers   asks the plugin, as panels would (answers.go)
//	snapshot  what is known at one moment, a plain value (snapshot.go)
//	draw      a snapshot as text, pure (draw.go, table.go, columns.go)
//	screen    text onto a terminal or into a log (screen.go)
package demo
