package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

func init() {
	for _, off := range []time.Duration{
		-1500 * time.Millisecond, 1500 * time.Millisecond, -3 * time.Second, 3 * time.Second, 7 * time.Second, -120 * time.Second, 120 * time.Second,
	} {
		way := "late"
		if off < 0 {
			way = "early"
		}
		Add(World{
			Name:  "log_clock_" + way + "_" + short(off.Abs()),
			Doc:   fmt.Sprintf("The clock that stamps the lines is %s by %s.", way, off.Abs()),
			Names: clockChecks(off), Delay: max(off, 0),
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				return func(l line, ship ship) {
					l.Time = l.Time.Add(off)
					ship(l)
				}
			}),
		})
	}
	for _, late := range []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute} {
		Add(World{
			Name:  "lines_late_" + short(late),
			Doc:   fmt.Sprintf("The agent stamps lines when it ships them, up to %s after they were written.", late),
			Names: []string{"log_delay|log_skew"}, Delay: late,
			Pipeline: onLines(func(random *rand.Rand) func(line, ship) {
				last := map[*telemetry.LogStream]time.Time{}
				return func(l line, ship ship) { // the order within a stream stays
					l.Time = l.Time.Add(late*9/10 + time.Duration(random.Int64N(int64(late/10))))
					if before := last[l.Stream]; !l.Time.After(before) {
						l.Time = before.Add(time.Microsecond)
					}
					last[l.Stream] = l.Time
					ship(l)
				}
			}),
		})
	}
}

// clockChecks is what must be named: seconds are, what a busy shipper needs anyway is not.
func clockChecks(off time.Duration) []string {
	if off.Abs() < 2*time.Second {
		return nil
	}
	return []string{"log_skew"}
}

// short is 1500ms, 3s, 5m.
func short(d time.Duration) string {
	switch {
	case d%time.Second != 0:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d%time.Minute != 0 || d == time.Minute || d == 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return strings.TrimSuffix(d.String(), "0s")
}
