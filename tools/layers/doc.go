// Package layers holds the order of the plugin's packages: which are pure, and which may use which. Its test reads the order from
// this file, and holds it against what the packages really import.
package layers

// Layer is a set of packages below pkg/ that may use the packages of the layers before it, and each other.
type Layer struct {
	Name     string
	Packages []string // folders below pkg/, "." is the program itself
	Pure     bool     // no network, no client of a store, no clock, no logger: neither directly nor through others
}

// Order is the order of layers, from what knows least to what knows most.
var Order = []Layer{
	{Name: "words", Pure: true, Packages: []string{"catalogue", "internal/race", "internal/typescript", "vllm", "wellformed", "slo"}},
	{Name: "evidence", Pure: true, Packages: []string{"evidence"}},
	{Name: "identity", Pure: true, Packages: []string{"servers"}},
	{Name: "language", Pure: true, Packages: []string{"promql"}},
	{Name: "computing", Pure: true, Packages: []string{"join", "figures", "attainment", "events"}},
	{Name: "question", Pure: true, Packages: []string{"query", "query/querytest"}},
	{Name: "picture", Pure: true, Packages: []string{"frames"}},
	{Name: "settings", Packages: []string{"settings", "memory", "guard"}},
	{Name: "transport", Packages: []string{"fetch/upstream", "memo"}},
	{Name: "stores", Packages: []string{"fetch/prometheus", "fetch/prometheus/prometheustest", "fetch/loki", "fetch/jaeger"}},
	{Name: "asking", Packages: []string{"fetch"}},
	{Name: "answers", Packages: []string{"answer"}},
	{Name: "services", Packages: []string{"health", "choices", "live"}},
	{Name: "Grafana", Packages: []string{"host"}},
	{Name: "program", Packages: []string{"."}},
}

// Excused are packages of others that a pure package may import although they link what is forbidden, with the reason.
var Excused = map[string]string{
	"github.com/grafana/grafana-plugin-sdk-go/data": "data frames: its text tables and Arrow link net/http, which the package itself does not call",
}
