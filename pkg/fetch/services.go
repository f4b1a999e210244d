package fetch

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// callersTTL is how long a service is believed to call engines after it was last seen doing so: a dashboard's refreshes lie
// within it, and a forgotten service is found again by the next engine span below it.
const callersTTL = 10 * time.Minute

// serviceMemory remembers which services were seen above engine spans, so that requests which left no engine span can be
// looked for at the same time as the spans instead of after them. Losing it costs time, never rows.
type serviceMemory struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (m *serviceMemory) add(services map[string]bool, configured []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[string]time.Time{}
	}
	now := time.Now()
	for s := range services {
		m.seen[s] = now
	}
	for _, s := range configured {
		m.seen[s] = now
	}
	maps.DeleteFunc(m.seen, func(_ string, at time.Time) bool { return now.Sub(at) >= callersTTL })
}

// maxCallers bounds how many services one query searches, those seen last first: each costs a call, and a service name is
// whatever a client's resource says.
const maxCallers = 50

// get lists the services still believed, sorted.
func (m *serviceMemory) get() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for s, at := range m.seen {
		if time.Since(at) < callersTTL {
			names = append(names, s)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(m.seen[b].Compare(m.seen[a]), strings.Compare(a, b)) })
	names = names[:min(len(names), maxCallers)]
	slices.Sort(names)
	return names
}

// notIn lists the services that were not among those already asked.
func (m *serviceMemory) notIn(asked []string) []string {
	return slices.DeleteFunc(m.get(), func(s string) bool { return slices.Contains(asked, s) })
}
