package fetch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// callersTTL is how long a service is believed to call engines after it was last seen doing so: a dashboard's refreshes lie
// within it, and a forgotten service is found again by the next engine span below it.
const callersTTL = 10 * time.Minute

// sawCallers notes services that were seen above engine spans, so that requests which left no engine span can be
// looked for at the same time as the spans instead of after them. Losing it costs time, never rows.
func (k *kept) sawCallers(ctx context.Context, services map[string]bool, configured []string) {
	now := time.Now()
	k.callers.Update(ctx, struct{}{}, func(old seenServices, _ bool) seenServices {
		seen := make(seenServices, len(old)+len(services))
		maps.Copy(seen, old)
		for s := range services {
			seen[s] = now
		}
		for _, s := range configured {
			seen[s] = now
		}
		maps.DeleteFunc(seen, func(_ string, at time.Time) bool { return now.Sub(at) >= callersTTL })
		return seen.newest(maxSeen)
	})
}

// newest leaves the services that were seen last.
func (s seenServices) newest(most int) seenServices {
	for _, name := range s.byAge()[min(len(s), most):] {
		delete(s, name)
	}
	return s
}

// byAge lists the services, those seen last first.
func (s seenServices) byAge() []string {
	return slices.SortedFunc(maps.Keys(s), func(a, b string) int { return cmp.Or(s[b].Compare(s[a]), strings.Compare(a, b)) })
}

// maxSeen bounds how many services are remembered.
const maxSeen = 1000

// maxCallers bounds how many services one query searches, those seen last first: each costs a call, and a service name is
// whatever a client's resource says.
const maxCallers = 50

// knownCallers lists the services still believed to call engines, sorted.
func (k *kept) knownCallers(ctx context.Context) []string {
	seen, _ := k.callers.Peek(ctx, struct{}{})
	names := seen.byAge()
	names = slices.DeleteFunc(names, func(s string) bool { return time.Since(seen[s]) >= callersTTL })
	names = names[:min(len(names), maxCallers)]
	slices.Sort(names)
	return names
}

// notIn lists the services that were not among those already asked.
func notIn(services, asked []string) []string {
	return slices.DeleteFunc(services, func(s string) bool { return slices.Contains(asked, s) })
}
