//go:build unix && integration

package deploy

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// pipeline is the collector in front of Loki and Jaeger, each on compose's file.
type pipeline struct {
	docker             string // stands for docker's folder of containers
	otlp, loki, jaeger string // base URL; base URL; host:port of the query service
}

func startPipeline(t *testing.T) pipeline {
	t.Helper()
	loki, lokiURL := lokiServer(t, "compose/loki.yaml")
	loki.start(t)
	jaeger, jaegerAt := jaegerServer(t, t.TempDir())
	jaeger.start(t)
	at, dir := addresses(t, 3), t.TempDir()
	p := pipeline{docker: filepath.Join(dir, "containers"), otlp: "http://" + at[1], loki: lokiURL, jaeger: jaegerAt.query}
	offsets := filepath.Join(dir, "offsets")
	require.NoError(t, os.MkdirAll(p.docker, 0o755))
	require.NoError(t, os.MkdirAll(offsets, 0o755))
	server{
		program: program.Collector, file: "compose/collector.yaml", dir: dir,
		replace: []string{
			"/var/lib/docker/containers", p.docker, "/var/lib/otelcol", offsets,
			"http://loki:3100", lokiURL, "jaeger:4317", jaegerAt.otlpGRPC,
			"0.0.0.0:4317", at[0], "0.0.0.0:4318", at[1], "host: 0.0.0.0, port: 8888", "host: 127.0.0.1, port: " + port(at[2]),
		},
		args: []string{"--config=CONFIG"}, ready: "http://" + at[2] + "/metrics",
	}.start(t)
	until(t, func() bool { // its own metrics are there before its receivers are
		connection, err := net.Dial("tcp", at[1])
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}, func() string { return "the collector takes no spans at " + at[1] })
	return p
}

// dockerLine is a line of docker's json-file log.
type dockerLine struct {
	Log    string            `json:"log"`
	Stream string            `json:"stream"`
	Time   time.Time         `json:"time"`
	Attrs  map[string]string `json:"attrs,omitempty"`
}

// says writes what a container with these attributes said.
func (p pipeline) says(t *testing.T, container string, attrs map[string]string, lines ...recordedLine) {
	t.Helper()
	dir := filepath.Join(p.docker, container)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	var text strings.Builder
	for _, line := range lines {
		encoded, err := json.Marshal(dockerLine{Log: line.text + "\n", Stream: "stdout", Time: line.at.UTC(), Attrs: attrs})
		require.NoError(t, err)
		text.Write(append(encoded, '\n'))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, container+"-json.log"), []byte(text.String()), 0o644))
}

// attributes are what docker-compose.yml makes docker write beside each line of a service.
func attributes(service string) map[string]string {
	return map[string]string{"tag": "vllm-datasource", "com.docker.compose.service": service}
}

func TestContainersLinesAreCalledAsTheDataSourceCallsThem(t *testing.T) {
	p := startPipeline(t)
	now := time.Now()
	vllm := attributes("vllm")
	vllm["VLLM_MODEL"] = "Qwen/Qwen3-0.6B"
	p.says(t, "aaa", vllm,
		recordedLine{now, "(APIServer pid=1) INFO 11-22 10:00:00 [async_llm.py:420] Added request chatcmpl-1.\r"},
		recordedLine{now, "(EngineCore pid=2) ERROR 11-22 10:00:00 [core.py:1] EngineCore encountered a fatal error."},
		recordedLine{now, "RuntimeError: in a traceback"})
	p.says(t, "bbb", attributes("prometheus"), recordedLine{now, `time=2026-11-22T10:00:00Z level=WARN msg="slow disk"`})
	p.says(t, "ccc", map[string]string{"com.docker.compose.service": "somebody-elses"}, recordedLine{now, "not ours"})
	p.says(t, "ddd", nil, recordedLine{now, "not ours either"})
	p.says(t, "eee", attributes("collector"), recordedLine{now, "cannot send a line"})

	has := func(query, line string) { t.Helper(); eventually(t, p.lokiQuery(query), line) }
	names := `instance="vllm-0",pod="vllm-0",namespace="compose",environment="development",model="Qwen/Qwen3-0.6B"`
	has(`{service_name="vllm",`+names+`} | severity_text="INFO" | detected_level="info"`, `Added request chatcmpl-1."`)
	has(`{service_name="vllm",`+names+`} | detected_level="error"`, "a fatal error")
	has(`{service_name="vllm",`+names+`} | detected_level="unknown"`, "in a traceback")
	has(`{service_name="prometheus",instance="prometheus-0"} | detected_level="warn"`, "slow disk")

	response, err := http.Get(p.loki + "/loki/api/v1/label/service_name/values")
	require.NoError(t, err)
	defer response.Body.Close()
	var values struct{ Data []string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&values))
	require.ElementsMatch(t, []string{"prometheus", "vllm"}, values.Data, "neither other containers' lines nor its own")
}

// The recording of a real vLLM goes the way that compose gives it, and comes out of the plugin as rows of two signals.
func TestARequestsSpanAndLinesMeetInARow(t *testing.T) {
	p := startPipeline(t)
	lines, exports, requests := recording(t, time.Now())
	p.says(t, "aaa", attributes("vllm"), lines...)
	for _, export := range exports {
		response, err := http.Post(p.otlp+"/v1/traces", "application/json", strings.NewReader(export))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	plugin, err := pluginhost.Start(t.Context(), pluginhost.Options{
		Binary: repo.PluginBinary(root(t)), Log: os.Stderr, Settings: pluginhost.Stores("", p.loki, p.jaeger).Patient(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, plugin.Close()) })
	query, err := pluginhost.Query("A", map[string]any{"queryType": "requests", "limit": 1000},
		backend.TimeRange{From: lines[0].at.Add(-time.Minute), To: time.Now()})
	require.NoError(t, err)
	var joined int
	until(t, func() bool {
		response, err := plugin.QueryData(t.Context(), query)
		require.NoError(t, err)
		require.NoError(t, response.Responses["A"].Error)
		joined = joinedRows(t, response.Responses["A"].Frames[0])
		return joined == requests
	}, func() string {
		return strconv.Itoa(joined) + " of " + strconv.Itoa(requests) + " requests have span and lines"
	})
}

// joinedRows counts the rows of our instance to which both a span and lines speak, also where ids that came twice leave open
// which of them.
func joinedRows(t *testing.T, frame *data.Frame) (n int) {
	t.Helper()
	text := func(name string, row int) string {
		field, at := frame.FieldByName(name)
		require.GreaterOrEqual(t, at, 0, name)
		value, _ := field.ConcreteAt(row)
		text, _ := value.(string)
		return text
	}
	for row := range frame.Rows() {
		if signals := text("signals", row); signals == "trace+logs" || signals == "trace+ambiguous" {
			require.Equal(t, "vllm-0", text("instance", row))
			require.Equal(t, "development", text("environment", row))
			n++
		}
	}
	return n
}

type recordedLine struct {
	at   time.Time
	text string
}

// nanoseconds is a time in OTLP's JSON.
var nanoseconds = regexp.MustCompile(`"((?:start|end)?[tT]imeUnixNano)":"(\d+)"`)

// recording is what vLLM 0.32 said and sent, moved so that it ended at end, under the name that compose gives its vLLM.
func recording(t *testing.T, end time.Time) (lines []recordedLine, exports []string, requests int) {
	t.Helper()
	dir := filepath.Join(root(t), "tools", "recordings", "vllm-0.32.0")
	each := func(name string, do func([]byte)) {
		file, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		defer file.Close()
		scanner := bufio.NewScanner(file)
		scanner.Buffer(nil, 64<<20)
		for scanner.Scan() {
			do(scanner.Bytes())
		}
		require.NoError(t, scanner.Err())
	}
	each("logs.jsonl", func(text []byte) {
		var line struct {
			Nanoseconds int64  `json:"ts_ns"`
			Line        string `json:"line"`
		}
		require.NoError(t, json.Unmarshal(text, &line))
		lines = append(lines, recordedLine{time.Unix(0, line.Nanoseconds), line.Line})
	})
	shift := end.Sub(lines[len(lines)-1].at)
	for i := range lines {
		lines[i].at = lines[i].at.Add(shift)
	}
	searches := map[string]int{}
	rename := strings.NewReplacer(`"tiny-0"`, `"vllm-0"`, `"vllm-tiny"`, `"vllm"`, `"recording"`, `"development"`)
	each("spans.otlp.jsonl", func(text []byte) {
		requests += strings.Count(string(text), `"name":"llm_request"`)
		for _, beam := range beamStep.FindAllStringSubmatch(string(text), -1) {
			searches[beam[1]]++
		}
		exports = append(exports, nanoseconds.ReplaceAllStringFunc(rename.Replace(string(text)), func(field string) string {
			part := nanoseconds.FindStringSubmatch(field)
			at, err := strconv.ParseInt(part[2], 10, 64)
			require.NoError(t, err)
			return `"` + part[1] + `":"` + strconv.FormatInt(at+shift.Nanoseconds(), 10) + `"`
		}))
	})
	for _, steps := range searches { // each step of each beam is a request to the engine, and the search is one row
		requests -= steps - 1
	}
	return lines, exports, requests
}

// beamStep finds the ids that vLLM gives the steps of a beam search, and the search in them.
var beamStep = regexp.MustCompile(`"([^"]+)-[0-9a-f]{16}-beam-\d+[^"]*"`)

func (p pipeline) lokiQuery(query string) string {
	return p.loki + "/loki/api/v1/query_range?query=" + url.QueryEscape(query)
}
