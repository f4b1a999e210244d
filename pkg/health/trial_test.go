package health

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

func TestHealthShowsWhatATrialJoinMeasures(t *testing.T) {
	copies := evidence.Finding{Check: "duplicate_lines", Found: "12 % of the log lines come twice.", Fix: "Stop one of the two shippers."}
	for _, test := range []struct {
		name  string
		rows  map[time.Duration]int // by the length of the window; a negative number is an error
		asked []time.Duration
		want  string
	}{
		{"a busy fleet is measured by its last minute", map[time.Duration]int{time.Minute: 500}, []time.Duration{time.Minute},
			"✗ 12 % of the log lines come twice.\n    → Stop one of the two shippers."},
		{"a quiet fleet is measured by its last hour", map[time.Duration]int{time.Minute: 1, 10 * time.Minute: 10, time.Hour: 60}, trialWindows,
			"✗ 12 % of the log lines come twice."},
		{"a wider window that fails leaves what the one before measured", map[time.Duration]int{time.Minute: 1, 10 * time.Minute: -1},
			[]time.Duration{time.Minute, 10 * time.Minute}, "✗ 12 % of the log lines come twice."},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := fullStores().checkup(t)
			noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
			var asked []time.Duration
			c.now = func() time.Time { return noon }
			c.trial = func(_ context.Context, w evidence.Window) (join.Report, error) {
				length := noon.Sub(w.From)
				asked = append(asked, length)
				require.Equal(t, trialRecent, noon.Sub(w.To), "spans of the last seconds are still on their way")
				if test.rows[length] < 0 {
					return join.Report{}, errors.New("too slow")
				}
				return join.Report{Rows: test.rows[length], Findings: []evidence.Finding{copies}}, nil
			}
			require.Contains(t, reportOf(t, c.run(t.Context()).result()).Verbose, test.want)
			require.Equal(t, test.asked, asked)
		})
	}
}
