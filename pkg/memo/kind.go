package memo

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Kind describes one thing that is kept. A package declares its kinds once, as variables.
type Kind struct {
	Name string // unique, such as "prometheus.names"
	// Holds says in a few words what is kept, and MovedBy whose doing can change it: both stand in docs/security.md.
	Holds, MovedBy string
	// TTL is how long a value is kept, Empty how long an empty one (0 = TTL), Failed how long an error (0 = not at all).
	TTL, Empty, Failed time.Duration
	// Entries and Bytes bound one Memo of this kind, all identities together. The entry that was used last the longest ago goes first.
	// Bytes are of the values, as their Weight says; 0 = only Entries bound them.
	Entries, Bytes int
}

var declared struct {
	mu    sync.Mutex
	kinds []*Kind
}

// Declare registers a kind. It panics when the name is taken, or when the kind has no bound or words: both are mistakes in the program.
func Declare(k Kind) *Kind {
	declared.mu.Lock()
	defer declared.mu.Unlock()
	if k.Name == "" || k.Holds == "" || k.MovedBy == "" || k.TTL <= 0 || k.Entries <= 0 {
		panic("memo: the kind " + k.Name + " is without a name, words, time to live or bound")
	}
	if slices.ContainsFunc(declared.kinds, func(other *Kind) bool { return other.Name == k.Name }) {
		panic("memo: the kind " + k.Name + " is declared twice")
	}
	declared.kinds = append(declared.kinds, &k)
	return &k
}

// Kinds lists what the linked packages declared, by name.
func Kinds() []Kind {
	declared.mu.Lock()
	defer declared.mu.Unlock()
	out := make([]Kind, len(declared.kinds))
	for i, k := range declared.kinds {
		out[i] = *k
	}
	slices.SortFunc(out, func(a, b Kind) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
