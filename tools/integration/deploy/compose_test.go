//go:build unix && integration

package deploy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
)

// discovery by DNS is one of those that our own build of Prometheus leaves out.
var discovery = regexp.MustCompile(`(?m)^    dns_sd_configs:\n.*\n`)

func TestPrometheusFindsTheSimulatorAndReadsTheRules(t *testing.T) {
	sim, err := simulator.New(simulator.Config{Seed: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, sim.Close())
	})
	text, err := os.ReadFile(filepath.Join(root(t), "deploy", "compose/prometheus.yml"))
	require.NoError(t, err)
	replace := []string{
		"simulator:8000", sim.ScrapeTargets()[0].Address, "interval: 10s", "interval: 1s",
		"/etc/prometheus/rules", filepath.Join(root(t), "provisioning", "prometheus"),
	}
	for _, found := range discovery.FindAllString(string(text), -1) {
		replace = append(replace, found, "")
	}
	address := addresses(t, 1)[0]
	server{
		program: program.Prometheus, file: "compose/prometheus.yml", dir: t.TempDir(), replace: replace,
		args: []string{
			"--config.file=CONFIG", "--storage.tsdb.path=DIR/data", "--web.listen-address=" + address, "--log.level=warn",
			"--enable-feature=exemplar-storage", "--web.enable-remote-write-receiver",
		},
		ready: "http://" + address + "/-/ready",
	}.start(t)
	for _, query := range []string{`vllm:num_requests_running{instance="vllm-llama-3-1-8b-0",environment="production"}`, `DCGM_FI_DEV_GPU_UTIL{pod="vllm-llama-3-1-8b-0"}`} {
		eventually(t, "http://"+address+"/api/v1/query?query="+url.QueryEscape(query), `"value":[`)
	}
	eventually(t, "http://"+address+"/api/v1/rules", `"VLLMDeploymentDown"`)
	eventually(t, "http://"+address+"/api/v1/alertmanagers", `http://alertmanager:9093/api/v2/alerts`)
}

func TestLokisRulerReadsTheRules(t *testing.T) {
	loki, address := lokiServer(t, "compose/loki.yaml")
	loki.start(t)
	eventually(t, address+"/loki/api/v1/rules", "alert: VLLMEngineDead")
}

func TestJaegerKeepsItsTracesOverARestart(t *testing.T) {
	dir := t.TempDir()
	first, at := jaegerServer(t, dir)
	stop := first.start(t)
	now := time.Now().UnixNano()
	response, err := http.Post("http://"+at.otlpHTTP+"/v1/traces", "application/json", strings.NewReader(fmt.Sprintf(
		`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"vllm"}}]},"scopeSpans":[{"spans":[{
		"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"llm_request","kind":2,
		"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`, now, now+1e6)))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	eventually(t, "http://"+at.http+"/api/services", `"vllm"`)
	stop()
	second, at := jaegerServer(t, dir)
	second.start(t)
	eventually(t, "http://"+at.http+"/api/traces/0af7651916cd43dd8448eb211c80319c", `"llm_request"`)
}

// Nobody is told of an alert before .env says where, but Alertmanager runs and shows what there is.
func TestAlertmanagerStartsWithNothingConfigured(t *testing.T) {
	address := addresses(t, 1)[0]
	server{
		program: program.Alertmanager, file: "../provisioning/alertmanager/alertmanager.yml", dir: t.TempDir(),
		replace: []string{"/run/secrets/", filepath.Join(t.TempDir(), "nothing-here") + "/"},
		args:    []string{"--config.file=CONFIG", "--storage.path=DIR/data", "--cluster.listen-address=", "--web.listen-address=" + address},
		ready:   "http://" + address + "/-/ready",
	}.start(t)
	eventually(t, "http://"+address+"/api/v2/receivers", `"slack-high"`)
}
