package servers

import (
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Verdict is what two names of servers tell about each other.
type Verdict uint8

// The verdicts.
const (
	Unsure Verdict = iota // the words cannot be compared, or prove nothing
	Same                  // both mean one server
	Other                 // they mean two
)

// Compare compares what two signals say about where they come from.
func Compare(a, b *evidence.Origin) Verdict {
	if a == nil || b == nil {
		return Unsure
	}
	if a == b {
		return Same
	}
	if a.Pod != "" && a.Pod == b.Pod && a.Namespace == b.Namespace && a.Cluster == b.Cluster && a.Environment == b.Environment &&
		(a.Instance == b.Instance || a.Instance == "" || b.Instance == "") {
		return Same // the usual case, without reading the names
	}
	return compare(NameOf(a), NameOf(b))
}

// Meet reports whether the names that two stores have for a server have one in common: the host alone is enough, where nothing
// else says that two are meant.
func Meet(a, b *evidence.Origin) bool {
	switch Compare(a, b) {
	case Same:
		return true
	case Other:
		return false
	}
	n, m := NameOf(a), NameOf(b)
	return slices.ContainsFunc(n.aliases(), func(name string) bool { return slices.Contains(m.aliases(), name) })
}

// compare is Compare of names that were read.
func compare(a, b Name) Verdict {
	if Apart(a, b) {
		return Other
	}
	switch v := compareHosts(a, b); {
	case a.Pod != "" && b.Pod != "":
		switch {
		case a.Pod != b.Pod:
			return Other
		case v == Other && a.Host == b.Host: // two ports of one pod are two API servers
			return Other
		}
		return Same // under another address the pod came back
	case a.Container != "" && b.Container != "":
		if a.Container != b.Container {
			return Other
		}
		return Same
	// service.instance.id=$(POD_NAME) is the naming we recommend, whatever a log shipper calls the instance besides.
	case a.Pod != "" && a.Pod == b.Host, b.Pod != "" && b.Pod == a.Host:
		return Same
	default:
		return v
	}
}

// Apart reports whether two names lie in different environments, clusters or namespaces.
func Apart(a, b Name) bool {
	return differ(a.Environment, b.Environment) || differ(a.Cluster, b.Cluster) || differ(a.Namespace, b.Namespace)
}

func compareHosts(a, b Name) Verdict {
	switch {
	case a.Host == "" || b.Host == "", a.Random != b.Random, a.IP != b.IP:
		return Unsure // one is made up or an address, the other is not: they may be the same
	case a.Host != b.Host && !short(a.Host, b.Host) && !short(b.Host, a.Host):
		return Other
	case differ(a.Port, b.Port):
		return Other
	case a.Port != b.Port:
		return Unsure // a host alone may mean each of its servers
	}
	return Same
}

// short reports whether a is the first part of the host's name b.
func short(a, b string) bool {
	rest, ok := strings.CutPrefix(b, a)
	return ok && a != "" && strings.HasPrefix(rest, ".") && !strings.Contains(a, ".")
}

func differ(a, b string) bool { return a != "" && b != "" && a != b }

// Comparer is Compare with a memory: origins are shared by all signals of a process or stream, so that a million lines have a
// handful of pairs.
type Comparer struct {
	known map[[2]*evidence.Origin]Verdict
}

// Compare compares two origins, which must not change any more.
func (c *Comparer) Compare(a, b *evidence.Origin) Verdict {
	if a == nil || b == nil || a == b {
		return Compare(a, b)
	}
	pair := [2]*evidence.Origin{a, b}
	if v, ok := c.known[pair]; ok {
		return v
	}
	v := Compare(a, b)
	if c.known == nil {
		c.known = map[[2]*evidence.Origin]Verdict{}
	}
	c.known[pair] = v
	return v
}
