package world

import (
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// ownHead is vLLM's head of a line, up to the message.
var ownHead = regexp.MustCompile(`^(\([A-Za-z_0-9]+ pid=\d+\) )?([A-Z]+) \d\d-\d\d \d\d:\d\d:\d\d \[([^\]]+)\] `)

func init() {
	Add(
		World{Name: "lines_twice_two_handlers", Doc: "A second logging handler writes each line again with a head of its own, without a time.",
			Source: "vllm-project/vllm#1494", Names: []string{"duplicate_lines"},
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				return func(l line, ship ship) {
					ship(l)
					if ownHead.MatchString(l.Text) {
						l.Text = ownHead.ReplaceAllString(l.Text, "${1}${2}:vllm.v1.engine.async_llm:")
						l.Time = l.Time.Add(300 * time.Nanosecond)
						ship(l)
					}
				}
			})},
		World{Name: "lines_twice_0_13", Doc: "Each line comes again 40 ms to 1 s later in another stream, and ids have no random end.",
			Config: func(c *simulator.Config) { c.VLLMVersion = "0.13.0" }, Names: []string{"duplicate_lines"},
			Pipeline: onLines(func(random *rand.Rand) func(line, ship) {
				other := streams(func(from *telemetry.LogStream) *telemetry.LogStream {
					return relabelled(from, map[string]string{"app": "", "job": "llm/vllm"})
				})
				return func(l line, ship ship) {
					ship(l)
					l.Stream = other(l.Stream)
					l.Time = l.Time.Add(40*time.Millisecond + time.Duration(random.Int64N(int64(960*time.Millisecond))))
					ship(l)
				}
			})},
	)
}
