//go:build unix

package attack

import "testing"

func TestAttackTransport(t *testing.T) {
	try(t, "transport",
		attack{
			name:  "a store with another authority's certificate",
			tried: "the store shows a certificate of an authority that the settings do not name, for another name, or wants one of ours and gets none",
			holds: "nothing is sent to it",
			test:  "pkg/fetch/upstream.TestTLSByTheStoresOwnAuthorityAndCertificates",
		},
		attack{
			name:  "a store that speaks plain text where TLS is set",
			tried: "https:// leads to a plain server, http:// to one with TLS",
			holds: "the call fails as TLS' own error",
			test:  "pkg/fetch/upstream.TestTLSAndPlaintextDoNotMix",
		},
		attack{
			name:  "the same over gRPC",
			tried: "Jaeger with certificates of others",
			holds: "nothing is sent to it",
			test:  "pkg/fetch/jaeger.TestTLS",
		},
		attack{
			name:  "an answer without end",
			tried: "a store sends more than the settings allow, as one answer",
			holds: "it is cut off at the ceiling, and the query says so",
			test:  "pkg/fetch/upstream.TestAnAnswerAboveTheCeilingIsCutOff",
		},
		attack{
			name:  "a store that quotes what it was sent",
			tried: "each way to fail, with every header, token and URL in the error's text",
			holds: "no secret is in an answer, an error or a notice",
			test:  "pkg/host.TestOneStoreFailsAndTheRestIsKept",
		},
	)
}
