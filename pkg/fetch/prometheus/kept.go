package prometheus

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// What is kept of a store's answers. A dashboard of 30 panels would otherwise ask each of these 30 times.
var (
	keptNames = memo.Declare(memo.Kind{
		Name: "prometheus.names", Holds: "which metrics of vLLM the store has in a window",
		MovedBy: "only the store; the query sets the window",
		TTL:     time.Minute, // a new vLLM version should show within a minute of its first scrape
		Empty:   5 * time.Second, Entries: 64, Bytes: 16 << 20,
	})
	keptExact = memo.Declare(memo.Kind{
		Name: "prometheus.exact_names", Holds: "whether the store refuses a pattern for a metric's name",
		MovedBy: "only the store, if it refuses the plugin's look-up of names",
		TTL:     exactNameTTL, Entries: 1000,
	})
	keptCopies = memo.Declare(memo.Kind{
		Name: "prometheus.copies", Holds: "which series of engines are copies of others in a window",
		MovedBy: "only the store; the query sets the window",
		TTL:     time.Minute, Entries: 64, Bytes: 16 << 20,
	})
	keptScrapes = memo.Declare(memo.Kind{
		Name: "prometheus.scrape_interval", Holds: "how often the engines are scraped at the end of a window",
		MovedBy: "only the store; the query sets the window",
		TTL:     5 * time.Minute, // scrape jobs change seldom
		Empty:   scrapeRetry, Entries: 64,
	})
	keptUneven = memo.Declare(memo.Kind{
		Name: "prometheus.uneven_buckets", Holds: "which histograms have replicas with different buckets in a window",
		MovedBy: "only the store; the query sets the window and the histograms",
		TTL:     5 * time.Minute, // they change with a roll-out
		Entries: 256,
	})
)

const (
	// nameGrain widens a window before it is looked up, so that the refreshes of a panel share an entry.
	nameGrain = 10 * time.Minute
	// exactNameTTL is longer than that of other names, since names that are asked one by one cost some fifty small calls.
	exactNameTTL = 10 * time.Minute
	// scrapeRetry is how long the default interval is taken after it could not be measured.
	scrapeRetry = 15 * time.Second
)

// kept is all that a client keeps between queries.
type kept struct {
	names   *memo.Memo[evidence.Window, promql.Names]
	exact   *memo.Memo[struct{}, bool] // the store refuses a pattern for a metric's name
	copies  *memo.Memo[evidence.Window, promql.Copies]
	scrapes *memo.Memo[time.Time, time.Duration]
	uneven  *memo.Memo[unevenKey, map[string]bool]
}

func newKept(store settings.Store) kept {
	return kept{
		names:   memo.New[evidence.Window](keptNames, weightOfNames, store),
		exact:   memo.New[struct{}, bool](keptExact, nil, store),
		copies:  memo.New[evidence.Window](keptCopies, weightOf, store),
		scrapes: memo.New[time.Time](keptScrapes, func(d time.Duration) memo.Weight { return memo.Weight{Empty: d == 0} }, store),
		uneven:  memo.New[unevenKey, map[string]bool](keptUneven, nil, store),
	}
}

// takesNoPattern reports whether the store is known to refuse a pattern for a metric's name.
func (c *Client) takesNoPattern(ctx context.Context) bool {
	exact, _ := c.exact.Peek(ctx, struct{}{})
	return exact
}

// grained is a window that the refreshes of a panel share.
func grained(w evidence.Window) evidence.Window {
	return evidence.Window{From: promql.Floor(w.From, nameGrain), To: promql.Floor(w.To, nameGrain).Add(nameGrain)}
}

func weightOfNames(n promql.Names) memo.Weight {
	w := memo.Weight{Empty: n.Empty()}
	for name := range n.Have {
		w.Bytes += 32 + len(name)
	}
	if n.Exact {
		w.TTL = exactNameTTL
	}
	return w
}
