package world

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

type (
	line = telemetry.LogLine
	ship = func(telemetry.LogLine)
)

// onLines is a world's pipeline that changes lines alone.
func onLines(change func(random *rand.Rand) func(line, ship)) func(*rand.Rand) simulator.Pipeline {
	return func(random *rand.Rand) simulator.Pipeline { return simulator.Pipeline{Line: change(random)} }
}

func init() {
	Add(
		World{Name: "lines_twice", Doc: "Two agents read the same files while one replaces the other: each line is in two streams, with other labels, at the same nanosecond.",
			Source: "grafana/loki#7141", Names: []string{"duplicate_lines"},
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				other := streams(func(from *telemetry.LogStream) *telemetry.LogStream {
					return relabelled(from, map[string]string{"app": "", "job": "llm/vllm", "filename": "/var/log/pods/" + label(from, "pod") + "/vllm/0.log"})
				})
				return func(l line, ship ship) {
					ship(l)
					l.Stream = other(l.Stream)
					ship(l)
				}
			})},
		World{Name: "lines_twice_metadata", Doc: "A collector sends a batch again: the same stream and nanosecond, another observed_timestamp.",
			Source: "grafana/loki#1948", Names: []string{"duplicate_lines"},
			Pipeline: onLines(func(random *rand.Rand) func(line, ship) {
				observed := func(l line, d time.Duration) line {
					l.Metadata = append(l.Metadata[:len(l.Metadata):len(l.Metadata)], telemetry.Label{Name: "observed_timestamp", Value: fmt.Sprint(l.Time.Add(d).UnixNano())})
					return l
				}
				return func(l line, ship ship) {
					ship(observed(l, 3*time.Millisecond))
					ship(observed(l, 5*time.Second+time.Duration(random.Int64N(int64(time.Second)))))
				}
			})},
		World{Name: "lines_twice_soon", Doc: "Two agents stamp the lines themselves: each comes again 40 ms to 1 s later, in another stream.",
			Source: "vllm-project/vllm#1494", Names: []string{"duplicate_lines"},
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
		World{Name: "lines_read_again", Doc: "An agent lost its position and read the last minutes of each file again: those lines come a second time, minutes later.",
			Source: "grafana/loki#1948", Names: []string{"duplicate_lines"}, Delay: 3 * time.Minute,
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				var began time.Time
				return func(l line, ship ship) {
					if began.IsZero() {
						began = l.Time
					}
					ship(l)
					if since := l.Time.Sub(began); since > 6*time.Minute && since < 9*time.Minute {
						l.Time = l.Time.Add(2*time.Minute + 13*time.Millisecond)
						ship(l)
					}
				}
			})},
		World{Name: "lines_half_twice", Doc: "Every second line of each stream comes again at the same nanosecond in a stream with one label more.",
			Names: []string{"duplicate_lines"},
			Pipeline: onLines(func(random *rand.Rand) func(line, ship) {
				other := streams(func(from *telemetry.LogStream) *telemetry.LogStream {
					return relabelled(from, map[string]string{"stream": "stderr"})
				})
				return func(l line, ship ship) {
					ship(l)
					if random.IntN(2) == 0 {
						l.Stream = other(l.Stream)
						ship(l)
					}
				}
			})},
		World{Name: "no_logs", Doc: "Nobody ships logs; the Loki is there for others.",
			Names:    []string{"request_ids_in_logs", "store_blind"},
			Pipeline: func(*rand.Rand) simulator.Pipeline { return withoutLines() }},
		World{Name: "end_not_logged", Doc: "The lines about aborts are dropped by a filter on their level or text; tries of the same id follow.",
			Config: func(c *simulator.Config) { c.Calls = impatient(c) },
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				return func(l line, ship ship) {
					if l.About == nil || !abortWords.MatchString(l.Text) {
						ship(l)
					}
				}
			})},
	)
}
