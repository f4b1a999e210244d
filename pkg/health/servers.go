package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// table files the servers that the metrics know.
func (d diagnosis) table() *servers.Table {
	origins := make([]*evidence.Origin, len(d.targets))
	for i := range d.targets {
		origins[i] = &d.targets[i].Origin
	}
	return servers.NewTable(origins)
}

// engines counts the engines that the metrics know, each once, however many scrape jobs see it.
func (d diagnosis) engines() int {
	type engine struct {
		server      int32
		model, rank string
	}
	table, known := d.table(), map[engine]bool{}
	for i := range d.targets {
		o := &d.targets[i].Origin
		known[engine{table.Of(o), o.Model, o.Engine}] = true
	}
	return len(known)
}

// sharedNames says which environments and clusters have servers of the same names. They are told apart as long as all stores say
// which is meant; where one does not, the trial join has found it.
func (d diagnosis) sharedNames() (contentCheck, bool) {
	type name struct{ namespace, server string }
	areas := map[name][]string{}
	for _, s := range d.table().Servers {
		n := name{s.Origin.Namespace, cmp.Or(s.Origin.Pod, s.Origin.Instance)}
		area := strings.Trim(s.Origin.Environment+" "+s.Origin.Cluster, " ")
		if n.server != "" && area != "" && !slices.Contains(areas[n], area) {
			areas[n] = append(areas[n], area)
		}
	}
	var shared, of []string
	for n, list := range areas {
		if len(list) > 1 {
			shared = append(shared, n.server)
			of = append(of, list...)
		}
	}
	slices.Sort(of)
	return contentCheck{
		Check: servers.CheckSharedNames, OK: true,
		Found: fmt.Sprintf("%s share %s, and are told apart by environment and cluster", inWords(shortened(slices.Compact(of))), fmt.Sprintf("the names of %s", count(len(shared), "server"))),
	}, len(shared) > 0
}
