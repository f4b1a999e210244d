package settings

// Limits bound what one query may take. Hitting one never fails a query: what there is stays, and the answer says what was
// not seen. Each has a default, which a data source may change up to a maximum, which nobody may.
type Limits struct {
	Requests       int // rows that one query may join
	TracesPerCall  int // Jaeger search depth
	LinesPerCall   int // Loki limit
	LogLines       int // lines that one query may read
	ConcurrentCall int // parallel calls to one store by one query
}

// Defaults and maxima, with their reasons.
const (
	// DefaultRequests is what a browser's table still scrolls through, and some 20 MB of frame.
	DefaultRequests = 50_000
	// MaxRequests is the size that the join is measured at: within 2 GiB.
	MaxRequests = 1_000_000

	// DefaultTracesPerCall keeps one answer of Jaeger near 20 MB. Elasticsearch refuses more than 10,000 hits a search
	// (index.max_result_window); a window that holds more is cut and asked again.
	DefaultTracesPerCall = 5_000
	// MaxTracesPerCall is Elasticsearch's own ceiling.
	MaxTracesPerCall = 10_000

	// DefaultLinesPerCall is Loki's own default ceiling (max_entries_limit_per_query): asking for more is refused there.
	DefaultLinesPerCall = 5_000
	// MaxLinesPerCall is for a Loki whose ceiling was raised; an answer stays below 100 MB.
	MaxLinesPerCall = 100_000

	// DefaultLogLines is four lines (received, added, generated, access) for each of DefaultRequests.
	DefaultLogLines = 200_000
	// MaxLogLines is the same for MaxRequests.
	MaxLogLines = 4_000_000

	// DefaultConcurrentCalls leaves a store free for others: Loki and Prometheus run some 16 to 20 queries at a time, and a
	// dashboard asks several panels at once.
	DefaultConcurrentCalls = 4
	// MaxConcurrentCalls is what a store behind a large query frontend can use.
	MaxConcurrentCalls = 32

	// MaxSLO is more than a fleet has models; each row looks through all of them, once per model.
	MaxSLO = 100
	// MaxSLOModel is, in bytes, more than any served model name: usually a repository's or a path.
	MaxSLOModel = 256
	// MaxGPUPrice, per hour, leaves room for the currencies with the smallest units. Beyond is a slip.
	MaxGPUPrice = 1e9
	// MaxCurrency is, in bytes, a sign or a code.
	MaxCurrency = 8

	// DefaultMaxResponse, in bytes, is ten times the largest answer that the limits above lead to: what is larger is not an
	// answer to us but a mistake, or hostile.
	DefaultMaxResponse = 256 << 20
	// MinMaxResponse still holds a label list or an error page.
	MinMaxResponse = 64 << 10
	// MaxMaxResponse is gRPC's ceiling for one message, and leaves room in the memory of a plugin process.
	MaxMaxResponse = 2<<30 - 1
)

// DefaultLimits are the limits of a data source that sets none.
func DefaultLimits() Limits {
	return Limits{
		Requests:       DefaultRequests,
		TracesPerCall:  DefaultTracesPerCall,
		LinesPerCall:   DefaultLinesPerCall,
		LogLines:       DefaultLogLines,
		ConcurrentCall: DefaultConcurrentCalls,
	}
}
