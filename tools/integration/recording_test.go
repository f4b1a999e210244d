//go:build integration && unix

package integration_test

import "testing"

func TestRecordDump(t *testing.T) {
	for _, n := range []string{"vllm-0.32.0", "vllm-0.13.0"} {
		t.Run(n, func(t *testing.T) {
			r := replay(t, readRecording(t, n))
			for _, x := range r.requests(t) {
				ll, _ := x.number("log_lines")
				ru, ok := x.number("running")
				t.Logf("%s %.60s c=%.20s tr=%.6s sp=%.4s %s %s st=%s fin=%s err=%.60s ll=%v run=%v,%v sig=%s m=%s", x.time().Format(clock), x.text("request_id"), x.text("client_request_id"), x.text("trace_id"), x.text("span_id"), x.text("instance"), x.text("pod"), x.text("status"), x.text("finish_reason"), x.text("error"), ll, ru, ok, x.text("signals"), x.text("model"))
			}
			f := r.ask(t, requestsQuery(10000))[0]
			for _, n := range f.Meta.Notices {
				t.Log("NOTICE", n.Text)
			}
		})
	}
}
