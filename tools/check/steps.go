//go:build unix

package check

import (
	"cmp"
	"os"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/e2e"
	"github.com/llmserving/grafana-vllm-datasource/tools/ragapp"
)

// simulator is a module of its own, which stands alone. The steps of tools reach it by its path: one build and one cache for both.
const simulator = "github.com/llmserving/grafana-vllm-datasource/tools/simulator"

// Steps is all of it, per lane in the order in which they run: first what
// fails fast, then what everybody breaks, last what takes long.
//
// The unit tests of both modules include the fuzz tests' seeds, the drift test
// of the simulator against recorded vLLM telemetry, and the test that
// plugin.json and its links agree.
var Steps = []Step{
	{
		Name: "servers", Lane: Servers, Dir: "tools",
		Command: []string{"go", "run", "./cmd/servers"}, Timeout: 60 * time.Minute,
	},

	{Name: "format", Lane: Go, Command: []string{"gofmt", "-l", "pkg", "tools", "Magefile.go"}, Silent: true},
	{Name: "modules", Lane: Go, Command: []string{"go", "mod", "tidy", "-diff"}},
	{Name: "tools modules", Lane: Go, Dir: "tools", Command: []string{"go", "mod", "tidy", "-diff"}},
	{Name: "simulator modules", Lane: Go, Dir: "tools/simulator", Command: []string{"go", "mod", "tidy", "-diff"}},
	{Name: "vet", Lane: Go, Command: []string{"go", "vet", "./..."}},
	{Name: "tools vet", Lane: Go, Dir: "tools", Command: []string{"go", "vet", "-tags", "integration", "./...", simulator + "/..."}},
	{Name: "lint", Lane: Go, Command: staticcheck("tools/lint/go.mod", "./...")},
	{Name: "tools lint", Lane: Go, Dir: "tools", Command: staticcheck("lint/go.mod", "-tags", "integration", "./...", simulator+"/...")},
	// Before the tests, so that the editors in the other lane need not wait for them.
	{Name: "backend", Lane: Go, Command: []string{"go", "tool", "mage", "build:backend"}, Needs: "plugin.json"},
	{Name: "unit", Lane: Go, Command: []string{"go", "test", "-race", "-shuffle=on", "-json", "./..."}, Tests: goTests},
	// The attacks have a step of their own.
	{Name: "tools unit", Lane: Go, Dir: "tools", Command: []string{"go", "test", "-shuffle=on", "-skip", "^TestAttack", "-json", "./...", simulator + "/..."}, Tests: goTests},
	{
		// What runs several goroutines of its own. The others are functions of their arguments, and six times as slow under the detector.
		Name: "tools race", Lane: Go, Dir: "tools", Tests: goTests,
		Command: []string{"go", "test", "-race", "-shuffle=on", "-json", "./check", "./child", "./demo", "./grafana", "./loopback", "./pluginhost", "./program",
			simulator, simulator + "/engine", simulator + "/ship", "./sink", "./stack/..."},
	},
	// Kubernetes' types are a module of their own, so that the tools' stays lean. -shuffle also keeps Go from answering out of
	// its cache, which does not see that files outside the module have changed.
	{Name: "manifests modules", Lane: Go, Dir: "tools/manifests", Command: []string{"go", "mod", "tidy", "-diff"}},
	{Name: "manifests", Lane: Go, Dir: "tools/manifests", Command: []string{"go", "test", "-shuffle=on", "-json", "./..."}, Tests: goTests},
	// Where the size of Go's int differs: linux_arm is shipped. The race detector does not run there, so this step also runs the
	// tests of amounts that take too long under it.
	{
		Name: "unit 386", Lane: Go, Env: []string{"GOARCH=386", "CGO_ENABLED=0"}, Tests: goTests,
		Command: []string{"go", "test", "-shuffle=on", "-vet=off", "-json", "./..."},
	},
	{Name: "licences", Lane: Go, Dir: "tools", Command: []string{"go", "run", "./cmd/licences"}},
	{Name: "fuzz", Lane: Go, Dir: "tools", Command: []string{"go", "run", "./cmd/fuzz", "-time", "1s"}},
	// What was tried against the plugin, each with its outcome; in the order of its files, since the step shows the list.
	{Name: "attack", Lane: Go, Dir: "tools", Command: []string{"go", "test", "-count=1", "-json", "-run", "^TestAttack", "./attack"}, Tests: attackTests},
	{
		// Not with -race: the plugin under test is the built binary, and the race detector in the test process would
		// only slow down what is measured. Three packages at a time: they wait for servers more than they work. The two that
		// take longest go first.
		Name: "integration", Lane: Go, Dir: "tools", After: []string{"servers", "backend"},
		Command: []string{"go", "test", "-tags", "integration", "-json", "-p", "3", "-timeout", "20m", "./integration", "./integration/live", "./integration/..."},
		Tests:   goTests, Timeout: 20 * time.Minute,
	},

	{Name: "npm ci", Lane: Node, Command: []string{"npm", "ci", "--no-audit", "--no-fund"}, Needs: "package.json"},
	{Name: "typecheck", Lane: Node, Command: []string{"npm", "run", "typecheck"}, After: []string{"npm ci"}, Needs: "package.json"},
	{Name: "eslint", Lane: Node, Command: []string{"npm", "run", "lint"}, After: []string{"npm ci"}, Needs: "package.json"},
	{
		Name: "jest", Lane: Node, Command: []string{"npm", "run", "test:ci"}, Env: []string{"CI=true", timeouts("20")},
		After: []string{"npm ci"}, Needs: "package.json", Tests: jestTests,
	},
	{Name: "webpack", Lane: Node, Command: []string{"npm", "run", "build"}, After: []string{"npm ci"}, Needs: "package.json"},
	{
		// What was built, both halves: the editors in Chromium, the plugin in front of real stores.
		Name: "editors", Lane: Node, Dir: "tools", After: []string{"servers", "backend", "webpack"},
		Command: []string{"go", "run", "./cmd/editors", "-end-with-parent", "npm", "run", "--silent", "test:editors"},
		Env:     []string{timeouts("4")},
		Tests:   browserTests, Timeout: 10 * time.Minute,
	},
	{
		Name: "package", Lane: Node, Dir: "tools", After: []string{"webpack", "backend"},
		Command: []string{"go", "run", "./cmd/package", "-built"},
	},
	{
		Name: "e2e", Lane: Node, Dir: "tools", After: []string{"servers", "webpack", "backend"}, Missing: e2e.Missing,
		Command: []string{"go", "run", "./cmd/e2e", "--", "--reporter=list"}, Env: []string{timeouts("6")}, Tests: browserTests, Timeout: 30 * time.Minute,
	},

	{
		// examples/rag-app by itself; integration holds its requests in front of real stores.
		Name: "rag app", Lane: Python, Dir: "tools", Missing: ragapp.MissingHere,
		Command: []string{"go", "run", "./cmd/rag"}, Tests: pytestTests,
	},
}

// timeouts asks a step's tests for longer timeouts than their defaults, because the lanes of the check share the cores. A
// machine that sets the factor itself is obeyed.
func timeouts(factor string) string {
	const name = "TEST_TIMEOUT_FACTOR"
	return name + "=" + cmp.Or(os.Getenv(name), factor)
}

// staticcheck is pinned in a module of its own and run by Go itself: nothing
// to install. It is the part of golangci-lint that finds bugs beyond vet, in
// six modules instead of some hundreds, and under MIT instead of the GPL.
func staticcheck(modfile string, args ...string) []string {
	return append([]string{"go", "tool", "-modfile=" + modfile, "staticcheck"}, args...)
}
