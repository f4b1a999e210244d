//go:build unix

package attack

import "testing"

func TestAttackCalls(t *testing.T) {
	try(t, "calls",
		attack{
			name:  "thirty panels that ask at once",
			tried: "30 look-ups of metric names at the same time",
			holds: "one call",
			test:  "pkg/fetch/prometheus.TestThirtyLookUpsOfNamesAreOneCall",
		},
		attack{
			name:  "spans of hundreds of services",
			tried: "200 services in Jaeger, ten panels at once, again after half a minute, and the same without any engine or service",
			holds: "201 calls at first instead of 2,010, one after half a minute, none in between",
			test:  "pkg/fetch/jaeger.TestLookUpsOfServicesAreBoundedHoweverManyPanelsAsk",
		},
		attack{
			name:  "a store that does not answer",
			tried: "five calls within one query to a store that lets each run into its timeout",
			holds: "one call",
			test:  "pkg/fetch/upstream.TestAStoreThatWasSilentIsNotAskedAgainInTheSameQuestion",
		},
		attack{
			name:  "menus that join hours",
			tried: "recent requests of a day, in front of a busy fleet and of an idle one",
			holds: "one step where there are enough requests, four small ones at most",
			test:  "pkg/fetch.TestRecentRequestsAreLookedForStepByStep",
		},
		attack{
			name:  "one viewer takes all live places",
			tried: "alice subscribes to one different live query after the other",
			holds: "five are hers at most, she is told, and others have room",
			test:  "pkg/live.TestNobodyHoldsAllLivePlacesAlone",
		},
		attack{
			name:  "streams that outlive their settings",
			tried: "a live query runs while the data source is saved anew",
			holds: "the stream ends, and none begins on what was replaced",
			test:  "pkg/host.TestStreamsEndWhenTheDataSourceIsDisposedOf",
		},
	)
}
