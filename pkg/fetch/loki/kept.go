package loki

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// What is kept of Loki's answers.
var (
	keptWords = memo.Declare(memo.Kind{
		Name: "loki.words", Holds: "the values of a stream label in a window",
		MovedBy: "everyone who can send lines, because the shipper sets the labels; the query sets the window",
		TTL:     time.Minute, Empty: 5 * time.Second, Entries: 64, Bytes: 16 << 20,
	})
	keptLimit = memo.Declare(memo.Kind{
		Name: "loki.lines_per_call", Holds: "how many lines Loki returns at once, if fewer than requested",
		MovedBy: "only Loki, with a message of the known form and the requested number; never below 100",
		TTL:     memo.BoundTTL, Entries: 1000,
	})
	keptLength = memo.Declare(memo.Kind{
		Name: "loki.bytes_per_line", Holds: "the length of lines, so that an answer is not too large for Loki",
		MovedBy: "everyone who can send long lines: a page then has fewer lines, never below 50",
		TTL:     10 * time.Minute, Entries: 1000,
	})
)

var keptForms = memo.Declare(memo.Kind{
	Name: "loki.no_forms", Holds: "whether a gateway before Loki refuses POST",
	MovedBy: "only the gateway, if it refuses the method",
	TTL:     memo.BoundTTL, Entries: 1000,
})

// kept is all that a client keeps between queries.
type kept struct {
	words        *memo.Memo[wordsKey, []string]
	linesPerCall *memo.Bound // what Loki lets us ask for at once: our own limit, until Loki says that its limit is lower
	bytesPerLine *memo.Memo[struct{}, int64]
	noForms      *memo.Memo[struct{}, bool] // a gateway in front of Loki takes no POST
}

// wordsKey is a label and a window of whole wordsGrains.
type wordsKey struct {
	label  string
	window evidence.Window
}

func newKept(store settings.Store, limits settings.Limits) kept {
	return kept{
		words:        memo.New[wordsKey](keptWords, memo.Strings, store),
		linesPerCall: memo.NewBound(keptLimit, limits.LinesPerCall, leastLinesPerCall, store),
		bytesPerLine: memo.New[struct{}, int64](keptLength, nil, store),
		noForms:      memo.New[struct{}, bool](keptForms, nil, store),
	}
}
