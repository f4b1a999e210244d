package evidence_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

func TestMergeWindows(t *testing.T) {
	noon := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	// A window is written as the seconds after noon of its beginning and its end.
	windows := func(pairs ...[2]int) []evidence.Window {
		out := make([]evidence.Window, 0, len(pairs))
		for _, p := range pairs {
			out = append(out, evidence.Window{
				From: noon.Add(time.Duration(p[0]) * time.Second), To: noon.Add(time.Duration(p[1]) * time.Second),
			})
		}
		return out
	}
	for _, test := range []struct {
		name string
		in   []evidence.Window
		gap  time.Duration
		want []evidence.Window
	}{
		{"nothing stays nothing", windows(), time.Minute, windows()},
		{"one stays itself", windows([2]int{0, 5}), 0, windows([2]int{0, 5})},
		{"overlapping windows become one", windows([2]int{0, 5}, [2]int{3, 9}), 0, windows([2]int{0, 9})},
		{"touching windows become one", windows([2]int{0, 5}, [2]int{5, 9}), 0, windows([2]int{0, 9})},
		{"a window inside another adds nothing", windows([2]int{0, 9}, [2]int{3, 5}), 0, windows([2]int{0, 9})},
		{"the order does not matter", windows([2]int{7, 9}, [2]int{0, 2}, [2]int{1, 8}), 0, windows([2]int{0, 9})},
		{"a gap as wide as allowed is bridged", windows([2]int{0, 5}, [2]int{15, 20}), 10 * time.Second, windows([2]int{0, 20})},
		{"a wider gap stays", windows([2]int{0, 5}, [2]int{16, 20}), 10 * time.Second, windows([2]int{0, 5}, [2]int{16, 20})},
		{"empty and backward windows are left out", windows([2]int{4, 4}, [2]int{9, 3}, [2]int{1, 2}), 0, windows([2]int{1, 2})},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.in)
			require.Equal(t, test.want, evidence.MergeWindows(test.in, test.gap))
			require.Equal(t, before, test.in, "the caller's windows are not changed")
		})
	}
}
