//go:build unix && integration

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
)

// server is a pinned program on the file of the compose stack.
type server struct {
	program program.Program
	file    string
	// replace is what a container gives and this machine does not: host names, ports, folders.
	replace []string
	args    []string
	ready   string
}

func (s server) start(t *testing.T) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "deploy", "compose", s.file))
	require.NoError(t, err)
	dir := t.TempDir()
	config := filepath.Join(dir, s.file)
	require.NoError(t, os.WriteFile(config, []byte(strings.NewReplacer(s.replace...).Replace(string(text))), 0o644))

	cache, err := program.DefaultCacheDir()
	require.NoError(t, err)
	source := program.Source{Cache: program.Cache{Dir: cache, Modules: filepath.Join(root, "tools", "servers")}, Pinned: true}
	binary, err := source.GetAll(t.Context(), []program.Program{s.program}, func(program.Program, program.Progress) {})[0].Wait()
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(dir, "log.txt"))
	require.NoError(t, err)
	var args []string
	for _, arg := range s.args {
		args = append(args, strings.NewReplacer("CONFIG", config, "DIR", dir).Replace(arg))
	}
	process, err := child.Start(child.Spec{
		Path: binary.Path, Args: args, Dir: dir, Env: append(os.Environ(), "RETENTION=7d"), Stdout: log, Stderr: log,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, process.Stop())
		require.NoError(t, log.Close())
	})
	if err := loopback.WaitReady(t.Context(), s.ready, time.Minute, process.Done()); err != nil {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("%s: %v\n%s", s.file, err, said)
	}
}

// ports gives addresses that are free when the server takes them.
func ports(t *testing.T, n int) (addresses []string) {
	t.Helper()
	for range n {
		port, err := loopback.Reserve(0)
		require.NoError(t, err)
		addresses = append(addresses, port.Address())
		port.Release()
	}
	return addresses
}

// discovery by DNS is one of those that our own build of Prometheus leaves out.
var discovery = regexp.MustCompile(`(?m)^    dns_sd_configs:\n.*\n`)

func TestPrometheusFindsTheSimulator(t *testing.T) {
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
	root, err := repo.Root()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "deploy", "compose", "prometheus.yml"))
	require.NoError(t, err)
	address := ports(t, 1)[0]
	server{
		program: program.Prometheus, file: "prometheus.yml",
		replace: []string{"simulator:8000", sim.ScrapeTargets()[0].Address, discovery.FindString(string(text)), "", "interval: 10s", "interval: 1s"},
		args: []string{
			"--config.file=CONFIG", "--storage.tsdb.path=DIR/data", "--web.listen-address=" + address, "--log.level=warn",
			"--enable-feature=exemplar-storage", "--web.enable-remote-write-receiver",
		},
		ready: "http://" + address + "/-/ready",
	}.start(t)
	for _, query := range []string{`vllm:num_requests_running{instance="vllm-llama-3-1-8b-0",environment="production"}`, `DCGM_FI_DEV_GPU_UTIL{pod="vllm-llama-3-1-8b-0"}`} {
		eventually(t, "http://"+address+"/api/v1/query?query="+url.QueryEscape(query), `"value":[`)
	}
}

func TestLokiNamesTheCollectorsLinesAsTheDataSourceDoes(t *testing.T) {
	http1, grpc := ports(t, 1)[0], ports(t, 1)[0]
	_, httpPort, _ := strings.Cut(http1, ":")
	_, grpcPort, _ := strings.Cut(grpc, ":")
	dir := t.TempDir()
	server{
		program: program.Loki, file: "loki.yaml", replace: []string{"/loki", dir, "3100", httpPort, "9095", grpcPort},
		args: []string{
			"-config.file=CONFIG", "-config.expand-env=true",
			"-server.http-listen-address=127.0.0.1", "-server.grpc-listen-address=127.0.0.1",
		},
		ready: "http://" + http1 + "/ready",
	}.start(t)
	attribute := func(key, value string) map[string]any {
		return map[string]any{"key": key, "value": map[string]any{"stringValue": value}}
	}
	body, err := json.Marshal(map[string]any{"resourceLogs": []any{map[string]any{
		"resource": map[string]any{"attributes": []any{
			attribute("service.name", "vllm"), attribute("instance", "vllm-0"), attribute("pod", "vllm-0"),
			attribute("namespace", "compose"), attribute("environment", "development"),
		}},
		"scopeLogs": []any{map[string]any{"logRecords": []any{map[string]any{
			"timeUnixNano": fmt.Sprint(time.Now().UnixNano()), "body": map[string]any{"stringValue": "Added request chatcmpl-1."},
		}}}},
	}}})
	require.NoError(t, err)
	response, err := http.Post("http://"+http1+"/otlp/v1/logs", "application/json", strings.NewReader(string(body)))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	selector := `{service_name="vllm",instance="vllm-0",pod="vllm-0",namespace="compose",environment="development"}`
	eventually(t, "http://"+http1+"/loki/api/v1/query_range?query="+url.QueryEscape(selector), "Added request chatcmpl-1.")
}

func TestJaegerTakesSpans(t *testing.T) {
	addresses := ports(t, 4)
	server{
		program: program.Jaeger, file: "jaeger.yaml",
		replace: []string{
			"0.0.0.0:16685", addresses[0], "0.0.0.0:16686", addresses[1], "0.0.0.0:4317", addresses[2], "0.0.0.0:4318", addresses[3],
		},
		args: []string{"--config", "CONFIG"}, ready: "http://" + addresses[1] + "/api/services",
	}.start(t)
	now := time.Now().UnixNano()
	response, err := http.Post("http://"+addresses[3]+"/v1/traces", "application/json", strings.NewReader(fmt.Sprintf(
		`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"vllm"}}]},"scopeSpans":[{"spans":[{
		"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"llm_request","kind":2,
		"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`, now, now+1e6)))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	eventually(t, "http://"+addresses[1]+"/api/services", `"vllm"`)
}

// eventually asks until the answer holds the text: stores show what they have taken within a second or two.
func eventually(t *testing.T, address, text string) {
	t.Helper()
	var last string
	holds := func() bool {
		response, err := http.Get(address)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		last = string(body)
		return err == nil && strings.Contains(last, text)
	}
	if !assert.Eventually(t, holds, 30*time.Second, 100*time.Millisecond) {
		t.Fatalf("%s has no %s: %s", address, text, last)
	}
}
