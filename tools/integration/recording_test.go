//go:build integration && unix

package integration_test

import (
	"net/http"
	"net/url"
	"io"
	"strconv"
	"testing"
	"time"
)

func TestRecordDump(t *testing.T) {
	r := replay(t, readRecording(t, "vllm-0.32.0"))
	r.requests(t)
	for _, q := range []string{
		`{container="vllm"} |= "chatcmpl-basic-chat-stream" |~ "finish_reason: [ls]"`,
		`{container="vllm"} |= "chatcmpl-basic-chat-stream" |~ "finish_reason: [ls]" !~ "Generated response [^ ]+ \\(streaming delta\\)(?: details: |: .*finish_reason: None(?:\"|\\s*$))"`,
		`{container="vllm"} |= "chatcmpl-basic-chat-stream" |~ "finish_reason: [ls]" !~ "Generated response [^ ]+ \\(streaming delta\\)(?: details: |: .*finish_reason: None)"`,
		`{container="vllm"} |= "chatcmpl-basic-chat-stream" |~ "finish_reason: [ls]" !~ "Generated response [^ ]+ \\(streaming delta\\): .*finish_reason: None"`,
		`{container="vllm"} |= "chatcmpl-basic-chat-stream" |~ "finish_reason: [ls]" !~ "Generated response [^ ]+ \\(streaming delta\\): .*None"`,
		`{container="vllm"} |= "chatcmpl-basic-chat-stream" |~ "finish_reason: [ls]" |~ "Received request |Added request |Generated response |Aborted request|Finished request |cmpl-|embd-|resp_| aborted\\.| failed|Request id: |request_id="`,
	} {
		res, err := http.Get(r.deployment.stores.Loki.URL + "/loki/api/v1/query_range?" + url.Values{"query": {q}, "start": {strconv.FormatInt(time.Now().Add(-time.Hour).UnixNano(), 10)}, "end": {strconv.FormatInt(time.Now().UnixNano(), 10)}}.Encode())
		if err != nil { t.Fatal(err) }
		b, _ := io.ReadAll(res.Body)
		t.Logf("%s\n %.900s", q, b)
	}
}
