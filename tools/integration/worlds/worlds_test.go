//go:build integration && unix

package worlds_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
)

// together are worlds at once, as they come in practice.
var together = []string{
	"lines_twice+log_clock_late_7s",
	"traces_head_10+lines_late_60s",
	"two_clusters+lines_twice",
	"ids_hex+lines_half_twice",
	"wrapped_docker+lines_twice_metadata",
	"clean_0_13+lines_late_30s",
	"ids_reused+log_clock_early_3s",
	"lossy+lines_moved_to_otlp",
}

// TestWorlds is the table of issue 9: in each world no row is missed or invented, no cell is wrong, none is null where the evidence
// for it was there, and Save & test names what is odd and nothing else.
func TestWorlds(t *testing.T) {
	names := append(world.Names(), together...)
	if chosen := os.Getenv("VLLM_WORLDS"); chosen != "" {
		names = strings.Split(chosen, ",")
	}
	var mu sync.Mutex
	var outcomes []outcome
	t.Cleanup(func() { printTable(t, outcomes) })
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := world.Named(name)
			require.NoError(t, err)
			began := time.Now()
			s := stage(t, w)
			filled := time.Since(began)
			o := s.judge(t)
			mu.Lock()
			outcomes = append(outcomes, o)
			mu.Unlock()
			t.Logf("%d requests, %d rows; filled in %s, judged in %s", o.report.Requests, o.report.Rows,
				filled.Round(10*time.Millisecond), (time.Since(began) - filled).Round(10*time.Millisecond))
			for _, c := range o.report.Complaints {
				t.Log(c.Text)
			}
			for why, n := range o.report.Undecided {
				t.Logf("%d undecidable: %s", n, why)
			}
			if len(o.faults) > 0 {
				t.Errorf("%s", strings.Join(o.faults, "; "))
			}
		})
	}
}
