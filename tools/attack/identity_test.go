//go:build unix

package attack

import "testing"

func TestAttackIdentity(t *testing.T) {
	try(t, "identity",
		attack{
			name:  "a user who may see nothing looks before an alert rule does",
			tried: "alice, to whom Prometheus shows no metric, asks for a window; then a rule asks for the same window",
			holds: "the rule finds its metrics, and alice still none",
			test:  "pkg/fetch/prometheus.TestARuleFindsItsMetricsAfterAUserLookedWhoMaySeeNone",
		},
		attack{
			name:  "the services of another user",
			tried: "alice looks at a service of a secret project; bob asks for the services that call models",
			holds: "bob and a rule hear nothing of it",
			test:  "pkg/fetch/jaeger.TestNobodySeesTheServicesThatAnotherMaySee",
		},
		attack{
			name:  "the services of another user, in the query inspector",
			tried: "alice's query learns which services call engines; bob's query lists what it asked",
			holds: "the secret service is not among what is asked for bob",
			test:  "pkg/fetch.TestCallersThatOneUserSawAreNotSearchedForAnother",
		},
		attack{
			name:  "an identity that resembles another",
			tried: "OAuth tokens, id tokens, Grafana ids, cookies, both at once, and one header that holds the text of two",
			holds: "each has an answer of its own; headers that no store is sent make no difference",
			test:  "pkg/memo.TestIdentitiesNeverShareWhatAStoreWasAskedInTheirName",
		},
		attack{
			name:  "a call that does not say who asks",
			tried: "a store that is sent the user's identity is asked without any",
			holds: "nothing is kept of the answer, and nobody shares it",
			test:  "pkg/memo.TestWithoutAKnownIdentityNothingIsKeptOrShared",
		},
		attack{
			name:  "a refusal that one user meets lowers what others may ask",
			tried: "a store refuses alice a number of lines",
			holds: "bob asks for as many as before",
			test:  "pkg/memo.TestABoundIsOfTheIdentityThatMetIt",
		},
		attack{
			name:  "a cache that is written by hand",
			tried: "each way in which Go can keep something between queries without the one type that keeps identities apart",
			holds: "the build fails",
			test:  "pkg/memo.TestWhatIsKeptBetweenQueriesIsKeptByMemo",
		},
	)
}
