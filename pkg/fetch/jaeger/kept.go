package jaeger

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// What is kept of Jaeger's answers.
var (
	keptServices = memo.Declare(memo.Kind{
		Name: "jaeger.services", Holds: "the services in Jaeger",
		MovedBy: "everyone who can send spans, because the sender sets the name",
		TTL:     directoryTTL, Empty: 5 * time.Second, Entries: 1000, Bytes: 32 << 20,
	})
	keptOperations = memo.Declare(memo.Kind{
		Name: "jaeger.operations", Holds: "the names of the spans of one service",
		MovedBy: "everyone who can send spans, because the sender sets the name",
		TTL:     directoryTTL, Entries: 10_000, Bytes: 32 << 20,
	})
	keptProtocol = memo.Declare(memo.Kind{
		Name: "jaeger.protocol", Holds: "the protocol that the server supports",
		MovedBy: "only the server, if it does not implement or forbids the newer one",
		TTL:     10 * time.Minute, Entries: 1000,
	})
	keptDepth = memo.Declare(memo.Kind{
		Name: "jaeger.search_depth", Holds: "how many traces the storage returns at once, if fewer than requested",
		MovedBy: "only the storage, with a message of the known form and the requested number; never below 20",
		TTL:     memo.BoundTTL, Entries: 1000,
	})
)

const (
	// directoryTTL is how long the names of services and their spans are believed: short enough that a new deployment shows up
	// while one watches, long enough that the panels of a dashboard ask once.
	directoryTTL = 30 * time.Second
	// fewServices is up to how many services have their spans' names asked for that often: each costs a call. Those of more are
	// believed for longer, up to operationsTTL, so that as many calls a minute are made.
	fewServices   = 20
	operationsTTL = 5 * time.Minute
)

// kept is all that a client keeps between queries, besides the search depth.
type kept struct {
	services   *memo.Memo[struct{}, []string]
	operations *memo.Memo[string, operations]
	protocol   *memo.Memo[struct{}, protocol]
}

// operations are the names of a service's spans, and of how many services it is one.
type operations struct {
	list []operation
	of   int
}

func newKept(store settings.Store) kept {
	return kept{
		services:   memo.New[struct{}](keptServices, memo.Strings, store),
		operations: memo.New[string](keptOperations, operations.weight, store),
		protocol:   memo.New[struct{}, protocol](keptProtocol, nil, store),
	}
}

func (o operations) weight() memo.Weight {
	w := memo.Weight{Bytes: 64, TTL: min(directoryTTL*time.Duration(max(1, o.of/fewServices)), operationsTTL)}
	for _, op := range o.list {
		w.Bytes += 32 + len(op.name) + len(op.kind)
	}
	return w
}
