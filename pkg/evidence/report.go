package evidence

import (
	"slices"
	"strings"
	"time"
)

// Call is one request to a store: what was asked, what it cost, what came back. Text holds no secret and no URL.
type Call struct {
	Store    Store
	Text     string // PromQL, LogQL, or the trace search in words
	Duration time.Duration
	Bytes    int64 // as received (after decompression where the client hides the wire); 0 when not known
	Rows     int   // series, lines or traces
	// Partial are the store's own words when it answered without a part of what it keeps; empty on a whole answer.
	Partial string
	Err     string
}

// StoreReport says what one store contributed to an answer.
type StoreReport struct {
	Store      Store
	Configured bool
	Calls      []Call
	// Truncated is set when a limit of the store or of ours cut the answer; Seen is what came, Reason says which limit
	// and what was not seen, as a sentence for the user.
	Truncated bool
	Seen      int
	Reason    string
	// Nothing says that the store was asked for all of the window, answered, and had nothing in it.
	Nothing bool
	// Lines counts how many of the lines that were looked at could be read; zero for stores without lines.
	Lines LineReading
	// Findings are what was measured about the store's telemetry on the way.
	Findings []Finding
	// Err is why the store contributed nothing (or not all). Nil for a store that is not configured.
	Err error
}

// Partial are the words of a store that answered without a part of what it keeps, each once; empty when all is there.
func (r StoreReport) Partial() string {
	var words []string
	for _, c := range r.Calls {
		if c.Partial != "" && !slices.Contains(words, c.Partial) {
			words = append(words, c.Partial)
		}
	}
	return strings.Join(words, "; ")
}

// PartlyAnswered completes the sentence that begins with the name of a store of which a part did not answer.
const PartlyAnswered = "answered only in part"

// Trouble is in words what keeps a store's answer from being whole, apart from limits: its failure, and what it says itself that
// is missing, one a line. Empty when nothing does.
func (r StoreReport) Trouble() string {
	text := ""
	if r.Err != nil {
		text = r.Err.Error()
	}
	partial := r.Partial()
	if partial == "" {
		return text
	}
	if partial = r.Store.Title() + " " + PartlyAnswered + ": " + partial; text == "" || text == partial {
		return partial
	}
	return text + "\n" + partial
}

// Cost sums the calls.
func (r StoreReport) Cost() (calls int, total time.Duration, bytes int64, rows int) {
	for _, c := range r.Calls {
		total += c.Duration
		bytes += c.Bytes
		rows += c.Rows
	}
	return len(r.Calls), total, bytes, rows
}
