// Package attack is the list of what was tried against the built plugin, each with its outcome. Its tests start the plugin as
// Grafana does, give it hostile queries, settings, stores and viewers, and say what held:
//
//	cd tools/attack && go test
//
// prints the list. README.md says how a row is added. The package must not know how the plugin is made: it sees what Grafana and
// the stores see.
package attack
