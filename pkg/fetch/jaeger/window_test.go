package jaeger

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

func TestAPlanCoversTheWindowWithoutGaps(t *testing.T) {
	odd := evidence.Window{From: noon.Add(1234567), To: noon.Add(time.Hour + 89)}
	for name, c := range map[string]struct {
		window          evidence.Window
		services        []string
		expected, depth int
		pieces          int
	}{
		"unknown: one piece a service":     {hour, []string{"a", "b"}, 0, 100, 2},
		"few: one piece":                   {hour, []string{"a"}, 60, 100, 1},
		"with headroom over the depth":     {hour, []string{"a"}, 70, 100, 2},
		"five times the depth":             {hour, []string{"a"}, 500, 100, 8},
		"shared by two services":           {hour, []string{"a", "b"}, 1000, 100, 16},
		"nanoseconds are rounded outwards": {odd, []string{"a"}, 1000, 100, 15},
		"no finer than a microsecond":      {evidence.Window{From: noon, To: noon.Add(3 * time.Microsecond)}, []string{"a"}, 1000, 100, 3},
		"an absurd expectation is bounded": {hour, []string{"a"}, math.MaxInt, 100, maxParts},
		"no window":                        {evidence.Window{From: noon, To: noon}, []string{"a"}, 0, 100, 0},
		"no service":                       {hour, nil, 100, 100, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var subjects []*subject
			for _, service := range c.services {
				subjects = append(subjects, &subject{service: service})
			}
			pieces := plan(subjects, c.window, c.expected, c.depth, evidence.Load{})
			require.Len(t, pieces, c.pieces)
			for _, service := range c.services {
				to := ceil(c.window.To) // newest first
				for _, p := range pieces {
					if p.service == service {
						require.Equal(t, to, p.window.To)
						require.True(t, p.window.From.Before(p.window.To))
						to = p.window.From
					}
				}
				if c.pieces > 0 {
					require.Equal(t, c.window.From.Truncate(time.Microsecond), to)
				}
			}
		})
	}
}

func TestCompleteFrom(t *testing.T) {
	subjects := map[string]*subject{"a": {service: "a"}, "b": {service: "b"}}
	part := func(service string, from, to int) piece {
		return piece{subjects[service], evidence.Window{
			From: noon.Add(time.Duration(from) * time.Minute), To: noon.Add(time.Duration(to) * time.Minute),
		}, 0, 0, 0}
	}
	for name, c := range map[string]struct {
		complete []piece
		want     int // minutes after noon
	}{
		"nothing":                        {nil, 60},
		"the newest part":                {[]piece{part("a", 45, 60), part("b", 45, 60)}, 45},
		"the slower service decides":     {[]piece{part("a", 15, 60), part("b", 45, 60)}, 45},
		"one service has nothing":        {[]piece{part("a", 0, 60)}, 60},
		"a gap ends it":                  {[]piece{part("a", 45, 60), part("a", 0, 30), part("b", 0, 60)}, 45},
		"parts in any order and overlap": {[]piece{part("a", 0, 30), part("b", 0, 60), part("a", 30, 60), part("a", 40, 50)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, noon.Add(time.Duration(c.want)*time.Minute), completeFrom([]*subject{subjects["a"], subjects["b"]}, hour, c.complete))
		})
	}
}
