//go:build unix

package attack

import "testing"

func TestAttackTraces(t *testing.T) {
	try(t, "traces",
		attack{
			name:  "a trace of a shape that is slow to walk",
			tried: "traces of 1,000 and of 20,000 spans in fifteen shapes: wide, chains of engine spans and of calls, circles of parents, one span id for all, parents that are not there, calls beside engines, stale contexts",
			holds: "a span of a large one costs the CPU no more than a few times what one of a small one does",
			test:  "pkg/fetch/jaeger.TestASpanOfALargeTraceCostsWhatOneOfASmallTraceDoes",
		},
		attack{
			name:  "a chain of calls beyond all reason",
			tried: "2,000 calls within one another, and 2,000 requests below the last",
			holds: "what is not looked at is null, noted on the row and counted",
			test:  "pkg/fetch/jaeger.TestAChainBeyondAllReasonLeavesUnknownWhatItHides",
		},
		attack{
			name:  "more spans in one trace than anybody reads",
			tried: "a trace of 50,007 spans, over both protocols",
			holds: "50,000 are read, and the notice says how many were not",
			test:  "pkg/fetch/jaeger.TestSpansOfOneTraceAreBoundedInASearchAndTheRestIsCounted",
		},
		attack{
			name:  "a large trace is read again for each part of a window",
			tried: "one trace of 16,000 engine spans over an hour",
			holds: "it is read a few times",
			test:  "pkg/fetch/jaeger.TestALargeTraceIsReadAFewTimes",
		},
		attack{
			name:  "values within values",
			tried: "lists of 2,000 levels in an attribute of OTLP",
			holds: "nothing recurses",
			test:  "pkg/fetch/jaeger.TestListsWithinListsDoNotRecurse",
		},
	)
}
