//go:build unix && integration

package deploy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

// The pod whose telemetry these tests make up, as the vLLM of deploy/kubernetes/base would be called.
const (
	podName = "vllm-5d8f7c9b4-x2x7q"
	podUID  = "0a1b2c3d-1111-2222-3333-444455556666"
)

// pod is what Kubernetes says of it.
var pod = map[string]any{
	"apiVersion": "v1", "kind": "Pod",
	"metadata": map[string]any{
		"name": podName, "namespace": "vllm", "uid": podUID, "resourceVersion": "1",
		"labels":      map[string]any{"app.kubernetes.io/name": "vllm", "app.kubernetes.io/component": "engine"},
		"annotations": map[string]any{"model": "Qwen/Qwen3-0.6B", "environment": "production"},
	},
	"spec": map[string]any{"nodeName": "node-1", "containers": []any{map[string]any{"name": "vllm"}}}, "status": map[string]any{"phase": "Running"},
}

// kubernetes plays as much of the API as a watcher of one node's pods asks for, and gives a kubeconfig.
func kubernetes(t *testing.T) (kubeconfig string) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces/vllm/pods" || r.URL.Query().Get("fieldSelector") != "spec.nodeName=node-1" {
			http.Error(w, r.URL.String()+" is beyond the collector's Role, or its node", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") == "" {
			_ = json.NewEncoder(w).Encode(map[string]any{
				"apiVersion": "v1", "kind": "PodList", "metadata": map[string]any{"resourceVersion": "1"}, "items": []any{pod},
			})
			return
		}
		if r.URL.Query().Get("sendInitialEvents") == "true" { // a list in the form of a watch
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "ADDED", "object": pod})
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "BOOKMARK", "object": map[string]any{
				"apiVersion": "v1", "kind": "Pod",
				"metadata": map[string]any{"resourceVersion": "1", "annotations": map[string]any{"k8s.io/initial-events-end": "true"}},
			}})
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done() // nothing changes
	}))
	t.Cleanup(func() {
		api.CloseClientConnections()
		api.Close()
	})
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(`apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: "`+api.URL+`"}}]
users: [{name: test, user: {token: test}}]
`), 0o600))
	return kubeconfig
}

func TestPodsLinesAreCalledAsTheirSpansAndSeries(t *testing.T) {
	loki, lokiURL := lokiServer(t, "kubernetes/components/loki/loki-config.yaml")
	loki.start(t)
	eventually(t, lokiURL+"/loki/api/v1/rules", "alert: VLLMEngineDead")

	at, dir := addresses(t, 4), t.TempDir()
	logs, offsets := filepath.Join(dir, "pods"), filepath.Join(dir, "offsets")
	line := func(container, namespace, pod, text string) {
		folder := filepath.Join(logs, namespace+"_"+pod+"_"+podUID, container)
		require.NoError(t, os.MkdirAll(folder, 0o755))
		text = time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z") + " stdout F " + text + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(folder, "0.log"), []byte(text), 0o644))
	}
	line("vllm", "vllm", podName, "(EngineCore pid=2) ERROR 11-22 10:00:00 [core.py:1] EngineCore encountered a fatal error.")
	line("vllm", "somebody-elses", podName, "not ours")
	line("collector", "vllm", "collector-k7w2p", "cannot send a line")
	require.NoError(t, os.MkdirAll(offsets, 0o755))
	server{
		program: program.Collector, file: "kubernetes/base/collector-config.yaml", dir: dir,
		replace: []string{
			"/var/log/pods", logs, "/var/lib/otelcol", offsets, "auth_type: serviceAccount", "auth_type: kubeConfig",
			"http://loki:3100", lokiURL, "0.0.0.0:4317", at[0], "0.0.0.0:4318", at[1], "0.0.0.0:13133", at[2],
			"host: 0.0.0.0, port: 8888", "host: 127.0.0.1, port: " + port(at[3]),
		},
		args: []string{"--config=CONFIG"}, env: []string{"NAMESPACE=vllm", "NODE_NAME=node-1", "POD_NAME=collector-k7w2p", "KUBECONFIG=" + kubernetes(t)},
		ready: "http://" + at[2],
	}.start(t)

	selector := `{service_name="vllm",instance="` + podName + `",pod="` + podName + `",namespace="vllm",container="vllm",environment="production",model="Qwen/Qwen3-0.6B"}`
	eventually(t, lokiURL+"/loki/api/v1/query_range?query="+url.QueryEscape(selector+` | severity_text="ERROR" | detected_level="error"`), "a fatal error")
	for label, only := range map[string]string{"namespace": "vllm", "pod": podName} { // neither another namespace's nor its own
		response, err := http.Get(lokiURL + "/loki/api/v1/label/" + label + "/values")
		require.NoError(t, err)
		defer response.Body.Close()
		var values struct{ Data []string }
		require.NoError(t, json.NewDecoder(response.Body).Decode(&values))
		require.Equal(t, []string{only}, values.Data)
	}
}

// podDiscovery is what our own build of Prometheus leaves out; a static target with the labels that it would find stands for it.
var podDiscovery = regexp.MustCompile(`kubernetes_sd_configs: \[.*\]\n`)

func TestThePlainScrapeNamesAndDropsWhatItShould(t *testing.T) {
	exposition, err := os.ReadFile(filepath.Join(root(t), "tools", "recordings", "vllm-0.32.0", "metrics-last.prom"))
	require.NoError(t, err)
	vllm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(exposition)
	}))
	t.Cleanup(vllm.Close)
	text, err := os.ReadFile(filepath.Join(root(t), "deploy/kubernetes/components/prometheus/prometheus-config.yaml"))
	require.NoError(t, err)
	target := func(model, pod, phase string) string {
		return fmt.Sprintf("{targets: [%q], labels: {__meta_kubernetes_pod_name: %s, __meta_kubernetes_namespace: vllm, "+
			"__meta_kubernetes_pod_label_app_kubernetes_io_name: %s, __meta_kubernetes_pod_label_app_kubernetes_io_component: engine, "+
			"__meta_kubernetes_pod_container_port_name: http, __meta_kubernetes_pod_phase: %s, "+
			"__meta_kubernetes_pod_annotation_environment: production}}", strings.TrimPrefix(vllm.URL, "http://"), pod, model, phase)
	}
	targets := "static_configs: [" + strings.Join([]string{
		target("vllm", podName, "Running"), target("vllm-qwen3-8b", "second", "Running"),
		target("vllm", "evicted", "Failed"), target("vllm", "done", "Succeeded"),
	}, ", ") + "]\n"
	replace := []string{"/etc/prometheus/rules/*.yml", filepath.Join(root(t), "provisioning/prometheus/vllm-rules.yml"), "interval: 15s", "interval: 1s"}
	for _, found := range podDiscovery.FindAllString(string(text), -1) {
		replace = append(replace, found, targets)
	}
	require.Len(t, replace, 4+2*3, "three jobs")
	address := addresses(t, 1)[0]
	server{
		program: program.Prometheus, file: "kubernetes/components/prometheus/prometheus-config.yaml", dir: t.TempDir(), replace: replace,
		args: []string{"--config.file=CONFIG", "--storage.tsdb.path=DIR/data", "--web.listen-address=" + address, "--log.level=warn"},
		env:  []string{"POD_NAME=prometheus-0"}, ready: "http://" + address + "/-/ready",
	}.start(t)
	query := func(promql, answer string) {
		t.Helper()
		eventually(t, "http://"+address+"/api/v1/query?query="+url.QueryEscape(promql), answer)
	}
	one := `{job="vllm",instance="` + podName + `",pod="` + podName + `",namespace="vllm",environment="production"}`
	query("vllm:num_requests_running"+one, `"value":[`)
	query("scrape_samples_scraped"+one, `"548"]`)
	query("scrape_samples_post_metric_relabeling"+one, `"297"]`)
	query(`vllm:num_requests_running{job="vllm-qwen3-8b",instance="second"}`, `"value":[`)
	query(`count(up)`, `"2"]`) // the other jobs want other pods, and who has ended is not asked
	eventually(t, "http://"+address+"/api/v1/status/config", "prometheus_replica: prometheus-0")
	eventually(t, "http://"+address+"/api/v1/rules", `"VLLMDeploymentDown"`)
}

func TestJaegerTakesEachOfItsConfigurations(t *testing.T) {
	for _, store := range []string{"jaeger", "jaeger-elasticsearch", "jaeger-cassandra"} {
		t.Run(store, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), binary(t, program.Jaeger), "validate", "--config",
				filepath.Join(root(t), "deploy/kubernetes/components", store, "jaeger-config.yaml"))
			command.Env = append(os.Environ(), "CASSANDRA_PASSWORD=a-password")
			said, err := command.CombinedOutput()
			require.NoError(t, err, string(said))
		})
	}
}
