package fetch

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// What is learnt from one query for the next. Losing it costs time, never rows.
var (
	keptCallers = memo.Declare(memo.Kind{
		Name: "fetch.callers", Holds: "services with spans above engine spans, so that the plugin asks for their calls at once",
		MovedBy: "everyone who can send spans; the caller services in the settings",
		TTL:     callersTTL, Entries: 1000, Bytes: 4 << 20,
	})
	keptLateness = memo.Declare(memo.Kind{
		Name: "fetch.lateness", Holds: "how much the times of lines and spans differ",
		MovedBy: "everyone who can send spans and lines, by at most one hour",
		TTL:     latenessTTL, Entries: 1000,
	})
	keptSilent = memo.Declare(memo.Kind{
		Name: "fetch.places_without_lines", Holds: "places of spans for which no lines were found",
		MovedBy: "everyone who can send spans and lines",
		TTL:     5 * time.Minute, Entries: 1000,
	})
	keptLoss = memo.Declare(memo.Kind{
		Name: "fetch.spans_lost", Holds: "whether the storage loses spans in a search",
		MovedBy: "everyone who can send spans and lines, by lines of requests without a span",
		TTL:     10 * time.Minute, Entries: 1000,
	})
	keptTargets = memo.Declare(memo.Kind{
		Name: "fetch.live_targets", Holds: "the places of each model, for one live query",
		MovedBy: "only the store",
		TTL:     30 * time.Second, // that changes with a deployment, not with a request
		Empty:   5 * time.Second, Entries: 1,
	})
)

// kept is all that a fetcher keeps between queries.
type kept struct {
	callers  *memo.Memo[struct{}, seenServices]
	lateness *memo.Memo[side, time.Duration]
	silent   *memo.Memo[evidence.Origin, bool]
	loses    *memo.Memo[struct{}, bool]
	stores   []settings.Store
}

// seenServices are services with the time at which they were seen last. A value that others may have is not changed.
type seenServices map[string]time.Time

func newKept(stores []settings.Store) kept {
	return kept{
		callers: memo.New[struct{}](keptCallers, func(s seenServices) memo.Weight {
			w := memo.Weight{}
			for name := range s {
				w.Bytes += len(name) + 64
			}
			return w
		}, stores...),
		lateness: memo.New[side, time.Duration](keptLateness, nil, stores...),
		silent:   memo.New[evidence.Origin, bool](keptSilent, nil, stores...),
		loses:    memo.New[struct{}, bool](keptLoss, nil, stores...),
		stores:   stores,
	}
}
