package prometheus_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	runningSeries  = `vllm:num_requests_running{model_name!=""}`
	intervalsQuery = `count_values ("seconds", round((timestamp(` + runningSeries + `) - timestamp(` + runningSeries + ` offset 10m)) / count_over_time(` + runningSeries + `[10m]), 0.1))`
)

// measured leaves the interval to be measured.
func measured(_ *settings.Store, engines *settings.VLLM) { engines.ScrapeInterval = 0 }

func TestTheScrapeIntervalIsMeasured(t *testing.T) {
	for name, tc := range map[string]struct {
		answers map[string]string
		want    time.Duration
	}{
		"all engines alike, a scrape of some failed": {map[string]string{intervalsQuery: `[
			{"metric":{"seconds":"60"},"values":[[1790000000,"40"],[1790000900,"40"]]},
			{"metric":{"seconds":"66.7"},"values":[[1790000000,"2"]]}]`}, time.Minute},
		"two jobs: rates need the slower one": {map[string]string{intervalsQuery: `[
			{"metric":{"seconds":"15"},"values":[[1790000000,"30"]]},{"metric":{"seconds":"30.1"},"values":[[1790000000,"10"]]}]`}, 30 * time.Second},
		"one engine in twenty fails half of its scrapes": {map[string]string{intervalsQuery: `[
			{"metric":{"seconds":"15"},"values":[[1790000000,"19"]]},{"metric":{"seconds":"30"},"values":[[1790000000,"1"]]}]`}, 15 * time.Second},
		"an interval that nobody else has": {map[string]string{intervalsQuery: `[{"metric":{"seconds":"42.3"},"values":[[1790000000,"3"]]}]`}, 43 * time.Second},
		"the only engine restarts, which takes a scrape or two": {map[string]string{
			intervalsQuery:          `[{"metric":{"seconds":"60"},"values":[[1790000000,"1"]]},{"metric":{"seconds":"66.7"},"values":[[1790000900,"1"]]}]`,
			runningSeries + "[70m]": `[{"metric":{"instance":"a"},"values":[[1790000000,"1"],[1790000060,"1"],[1790000120,"1"],[1790000300,"1"],[1790000360,"1"]]}]`,
		}, time.Minute},
		"and when it was never seen otherwise": {map[string]string{
			intervalsQuery:          `[{"metric":{"seconds":"66.7"},"values":[[1790000900,"1"]]}]`,
			runningSeries + "[70m]": `[{"metric":{"instance":"a"},"values":[[1790000000,"1"],[1790000060.5,"1"],[1790000179.9,"1"],[1790000240,"1"]]}]`,
		}, time.Minute},
		"a restart of minutes does not make 15 s into 20 s": {map[string]string{
			intervalsQuery:          `[{"metric":{"seconds":"15"},"values":[[1790000000,"1"]]},{"metric":{"seconds":"20"},"values":[[1790000900,"1"]]}]`,
			runningSeries + "[70m]": `[{"metric":{"instance":"a"},"values":[[1790000000,"1"],[1790000015,"1"],[1790000165,"1"],[1790000180,"1"]]}]`,
		}, 15 * time.Second},
		"two jobs, looked at closely": {map[string]string{
			intervalsQuery: `[{"metric":{"seconds":"15"},"values":[[1790000000,"1"]]},{"metric":{"seconds":"60"},"values":[[1790000900,"1"]]}]`,
			runningSeries + "[70m]": `[{"metric":{"instance":"a"},"values":[[1790000000,"1"],[1790000015,"1"],[1790000030,"1"]]},
				{"metric":{"instance":"b"},"values":[[1790000000,"1"],[1790000060,"1"],[1790000120,"1"]]}]`,
		}, time.Minute},
		"engines that have just begun": {map[string]string{runningSeries + "[10m]": `[
			{"metric":{"instance":"a"},"values":[[1790000540,"1"],[1790000600,"1"]]},{"metric":{"instance":"b"},"values":[[1790000590,"1"]]}]`}, time.Minute},
		"nothing to measure": {nil, prometheus.DefaultScrapeInterval},
		"answers that nobody can read": {map[string]string{intervalsQuery: `[{"metric":{"seconds":"NaN"},"values":[[1790000000,"3"]]},
			{"metric":{"seconds":"-5"},"values":[[1790000000,"3"]]},{"metric":{"seconds":"1e9"},"values":[[1790000000,"3"]]}]`}, prometheus.DefaultScrapeInterval},
	} {
		t.Run(name, func(t *testing.T) {
			store := &prometheustest.Store{Names: []string{"vllm:num_requests_running"}, Answers: tc.answers}
			client := store.Start(t, measured)
			got, _ := client.ScrapeInterval(t.Context(), window)
			require.Equal(t, tc.want, got)
			asked := len(store.Asked())
			again, calls := client.ScrapeInterval(t.Context(), evidence.Window{From: window.From.Add(time.Second), To: window.To.Add(time.Second)})
			require.Equal(t, got, again)
			if tc.want != prometheus.DefaultScrapeInterval || tc.answers[intervalsQuery] != "" && got != prometheus.DefaultScrapeInterval {
				require.Empty(t, calls, "the next refresh of the same panel asks nothing")
				require.Len(t, store.Asked(), asked)
			}
		})
	}
}

func TestASetScrapeIntervalIsNotMeasured(t *testing.T) {
	store := &prometheustest.Store{Names: []string{"vllm:num_requests_running"}}
	interval, calls := store.Start(t).ScrapeInterval(t.Context(), window)
	require.Equal(t, prometheustest.ScrapeInterval, interval)
	require.Empty(t, calls)
	require.Empty(t, store.Asked())
}

func TestAStoreThatFailsIsNotMeasuredByEveryQuery(t *testing.T) {
	store := &prometheustest.Store{Names: []string{"vllm:num_requests_running"}, Fail: func(w http.ResponseWriter, query string) bool {
		return strings.HasPrefix(query, "count_values") && prometheustest.Refuse(w, http.StatusServiceUnavailable, "busy")
	}}
	client := store.Start(t, measured)
	for range 3 {
		interval, _ := client.ScrapeInterval(context.Background(), window)
		require.Equal(t, prometheus.DefaultScrapeInterval, interval)
	}
	require.Len(t, store.Queries(), 1)
}

func TestStateAndItsStalenessFollowTheMeasuredInterval(t *testing.T) {
	store := &prometheustest.Store{Names: []string{"vllm:num_requests_running"}, Answers: map[string]string{
		intervalsQuery: `[{"metric":{"seconds":"60"},"values":[[1790000000,"40"]]}]`,
	}}
	client := store.Start(t, measured)
	at := func(minutes int) evidence.Window {
		return evidence.Window{From: noon.Add(time.Duration(minutes) * time.Minute), To: noon.Add(time.Duration(minutes+1) * time.Minute)}
	}
	_, _, err := client.EngineState(t.Context(), []evidence.Window{at(0), at(15)}, vllm.Scope{}, []string{vllm.NumRequestsRunning})
	require.NoError(t, err)
	require.Contains(t, store.Queries(), runningSeries+"[16m]", "windows a few scrapes apart are read as one")
	require.Equal(t, 150*time.Second, promql.StaleAfter(time.Minute))
}

func TestAScrapeIntervalThatDoesNotFitIsAFinding(t *testing.T) {
	for name, tc := range map[string]struct {
		set, measured time.Duration
		found         string
	}{
		"the default of Prometheus beside ours": {15 * time.Second, time.Minute, "The engines are scraped every 1m and the data source's scrape interval says 15s: rates are taken over so few"},
		"scraped much more often":               {time.Minute, 5 * time.Second, "The engines are scraped every 5s and the data source's scrape interval says 1m: rates are taken over longer"},
		"it fits":                               {15 * time.Second, 15 * time.Second, ""},
		"a little slower still serves":          {15 * time.Second, 20 * time.Second, ""},
		"twice as often still serves":           {30 * time.Second, 15 * time.Second, ""},
		"nothing is set":                        {0, time.Minute, ""},
		"nothing can be measured":               {time.Minute, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			finding, ok := prometheus.ScrapeFinding(tc.set, tc.measured)
			require.Equal(t, tc.found != "", ok)
			if ok {
				require.Contains(t, finding.Found, tc.found)
				require.Equal(t, "scrape_interval", finding.Check)
				require.InDelta(t, tc.measured.Seconds(), finding.Value, 0)
			}
		})
	}
}
