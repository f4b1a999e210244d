package vllm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestALineTellsTheTimeOfItsOwnClock(t *testing.T) {
	newYear := time.Date(2027, 1, 1, 0, 0, 3, 0, time.UTC)
	for _, test := range []struct {
		name, text string
		near       time.Time
		want       string // empty: not a clock
	}{
		{"vLLM's own head has no year", "08-20 10:00:02", newYear, "2026-08-20T10:00:02Z"},
		{"a line of the old year that is read in the new one", "12-31 23:59:59", newYear, "2026-12-31T23:59:59Z"},
		{"a clock ahead of the reader's, over the new year", "01-01 00:00:01", newYear.Add(-10 * time.Second), "2027-01-01T00:00:01Z"},
		{"a leap day", "02-29 12:00:00", time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC), "2028-02-29T12:00:00Z"},
		{"Python's asctime", "2026-11-21 20:54:04,378", newYear, "2026-11-21T20:54:04Z"},
		{"RFC 3339 in UTC", "2026-11-21T20:54:04.378912Z", newYear, "2026-11-21T20:54:04Z"},
		{"RFC 3339 with a zone", "2026-11-21T20:54:04+02:00", newYear, "2026-11-21T18:54:04Z"},
		{"a zone without its colon", "2026-11-21 20:54:04.1 -0330", newYear, "2026-11-22T00:24:04Z"},
		{"slashes", "2026/11/21 20:54:04", newYear, "2026-11-21T20:54:04Z"},
		{"a month that is none", "13-01 10:00:00", newYear, ""},
		{"a date alone", "2026-11-21", newYear, ""},
		{"a time that is cut off", "2026-11-21 20:54", newYear, ""},
		{"a zone that is cut off", "2026-11-21T20:54:04+02", newYear, "2026-11-21T20:54:04Z"},
		{"words", "yesterday at noon", newYear, ""},
		{"nothing", "", newYear, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			seconds, ok := vllm.ClockSeconds(test.text, test.near)
			require.Equal(t, test.want != "", ok)
			if ok {
				require.Equal(t, test.want, time.Unix(seconds, 0).UTC().Format(time.RFC3339))
			}
		})
	}
}

func TestTheClockOfALineIsFoundInItsHead(t *testing.T) {
	for line, want := range map[string]string{
		"(APIServer pid=1) INFO 08-20 10:00:00 [async_llm.py:439] Added request chatcmpl-1-9f3c1a7e.":                         "08-20 10:00:00",
		"INFO 08-20 10:00:00 async_llm_engine.py:208] Added request chatcmpl-1.":                                              "08-20 10:00:00",
		`{"asctime": "2026-11-21 20:54:04,378", "levelname": "INFO", "message": "Added request chatcmpl-1-9f3c1a7e."}`:        "2026-11-21 20:54:04,378",
		`{"message": "Added request chatcmpl-1-9f3c1a7e."}`:                                                                   "",
		`{"log": "INFO 08-20 10:00:00 [async_llm.py:439] Added request chatcmpl-1.", "time": "2026-11-21T20:54:04.3789123Z"}`: "08-20 10:00:00",
		`INFO:     10.0.0.7:50122 - "POST /v1/chat/completions HTTP/1.1" 200 OK`:                                              "",
	} {
		require.Equal(t, want, vllm.ParseLogLine(line).Clock, line)
	}
}
