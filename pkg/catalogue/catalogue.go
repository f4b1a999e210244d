// Package catalogue is a table of what a query may name: figures, numbers of coverage, events, metrics. Entries are saved by their
// names, in dashboards and alert rules, and shown in the table's order.
package catalogue

import "slices"

// Of is a table of entries E, each with a key K of its own.
type Of[K comparable, E interface{ Key() K }] []E

// Find gives the entry with a key; ok is false, and the entry empty, where there is none.
func (c Of[K, E]) Find(key K) (entry E, ok bool) {
	if i := slices.IndexFunc(c, func(e E) bool { return e.Key() == key }); i >= 0 {
		return c[i], true
	}
	return entry, false
}

// Keys lists the keys in the table's order.
func (c Of[K, E]) Keys() []K {
	keys := make([]K, len(c))
	for i, e := range c {
		keys[i] = e.Key()
	}
	return keys
}
