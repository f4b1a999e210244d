//go:build unix

// Package program gets the executables of the real servers: from PATH, from
// the cache of an earlier build, or by building them from their pinned Go
// modules in tools/servers. It knows how a server is had, not how it is run.
package program

import (
	"cmp"
	"regexp"
	"time"
)

// Program is one server, or a tool that comes with it, that can be had.
type Program struct {
	Name    string // of the executable, and of its module's folder in tools/servers
	Module  string // the folder, where it is another server's
	Package string // main package
	Tags    string // build tags
	// CPU is what a cold build takes, user and system time together, measured
	// with an empty build cache. Only estimates of remaining time rest on it.
	CPU time.Duration

	// identify recognises the right program by its output to versionArgs. Its
	// first group is the version. Names alone do not do: Debian's `loki` is a
	// genetics program, and Jaeger 1 takes other flags than Jaeger 2.
	identify    *regexp.Regexp
	versionArgs []string
	// oldest is the first version whose flags and settings we use.
	oldest string
}

// folder is the one of the program's module in tools/servers.
func (p Program) folder() string { return cmp.Or(p.Module, p.Name) }

// The servers. Each is a module of its own below tools/servers: in one module
// they resolve, and then Jaeger does not compile.
var (
	// Prometheus is built without its cloud service discoveries, which are two
	// thirds of its cost; static, file and HTTP discovery stay.
	Prometheus = Program{
		Name: "prometheus", Package: "github.com/prometheus/prometheus/cmd/prometheus",
		Tags: "remove_all_sd", CPU: 330 * time.Second,
		identify: regexp.MustCompile(`^prometheus, version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: "2.39", // out_of_order_time_window
	}
	// Jaeger is version 2, whose main package lives in the module of version 1.
	Jaeger = Program{
		Name: "jaeger", Package: "github.com/jaegertracing/jaeger/cmd/jaeger", CPU: 742 * time.Second,
		identify: regexp.MustCompile(`"gitVersion":\s*"v?(2\.[^"]*)"`), versionArgs: []string{"version"},
		oldest: "2.0",
	}
	// Loki is all its services in one process.
	Loki = Program{
		Name: "loki", Package: "github.com/grafana/loki/v3/cmd/loki", CPU: 1060 * time.Second,
		identify: regexp.MustCompile(`^loki, version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: "3.0", // schema v13 with structured metadata
	}
	// Alertmanager is the last version whose module holds the files of its web
	// page; newer ones do not compile from the module.
	Alertmanager = Program{
		Name: "alertmanager", Package: "github.com/prometheus/alertmanager/cmd/alertmanager", CPU: 178 * time.Second,
		identify: regexp.MustCompile(`^alertmanager, version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: "0.28", // smtp_tls_config
	}
	// Collector is the OpenTelemetry Collector with the parts that deploy/ uses;
	// its module holds its main package.
	Collector = Program{
		Name: "collector", Package: ".", CPU: 235 * time.Second,
		identify: regexp.MustCompile(`^collector version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: "0.160", // file_log, otlp_grpc and otlp_http are called so
	}
)

// The tools that come with servers: no server, but the judge of what is
// written for one. CPU is what they cost after their server.
var (
	// Promtool runs the unit tests of Prometheus' rules.
	Promtool = Program{
		Name: "promtool", Module: Prometheus.Name, Package: "github.com/prometheus/prometheus/cmd/promtool",
		Tags: Prometheus.Tags, CPU: 70 * time.Second,
		identify: regexp.MustCompile(`^promtool, version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: "3.0",
	}
	// Amtool says to whom Alertmanager's configuration sends an alert.
	Amtool = Program{
		Name: "amtool", Module: Alertmanager.Name, Package: "github.com/prometheus/alertmanager/cmd/amtool", CPU: 20 * time.Second,
		identify: regexp.MustCompile(`^amtool, version (\d\S*)`), versionArgs: []string{"--version"},
		oldest: Alertmanager.oldest,
	}
)

// Pinned is all that the check uses, in the order in which it is built: what
// is needed first and costs least goes first.
func Pinned() []Program {
	return []Program{Prometheus, Promtool, Alertmanager, Amtool, Jaeger, Loki, Collector}
}

// linkFlags leave out symbols and debug information: half the size.
const linkFlags = "-s -w"

// Binary is an executable that is there.
type Binary struct {
	Path    string
	Version string // "" for our own builds: the pinned go.mod is their version
}
