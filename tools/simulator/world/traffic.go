package world

import (
	"regexp"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

var abortWords = regexp.MustCompile(`Aborted request|Request .* aborted\.`)

// then lets a world change calls after those that change them already.
func then(c *simulator.Config, change func(*traffic.Call)) func(*traffic.Call) {
	before := c.Calls
	return func(call *traffic.Call) {
		if before != nil {
			before(call)
		}
		change(call)
	}
}

// impatient makes one call in six give up within two seconds and try again with the same id.
func impatient(c *simulator.Config) func(*traffic.Call) {
	n := 0
	return then(c, func(call *traffic.Call) {
		if n++; n%6 == 0 && call.Rejection == nil {
			call.Patience, call.Retries = time.Duration(300+n%1700)*time.Millisecond, 1
		}
	})
}

// withoutLines ships no line; the lines that are about many requests are in the truth too.
func withoutLines() simulator.Pipeline {
	return simulator.Pipeline{
		Line: func(line, ship) {},
		Truth: func(r *truth.Record) {
			r.Evidence.LogLinesLost += r.Evidence.LogLines
			r.Evidence.LogLines, r.Evidence.ErrorLines = 0, 0
		},
	}
}
