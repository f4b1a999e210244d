package simulator_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/serving"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// recordings holds what real vLLM servers said, one folder per version.
const recordings = "../recordings"

// allowedDrift lists the reviewed differences, each with its reason. A
// difference that matches none of them fails the test; so does an entry that
// matches nothing any more.
var allowedDrift = []struct{ difference, reason string }{
	{`^spans: .*(Loading \((CPU|GPU)\)|cpu_model_runner|gpu_model_runner).* only`, "the recordings ran on CPU, the simulated fleet has GPUs"},
	{`^spans: (scope|flags) .*Worker init.* only recorded$`, "a CPU worker is a process of its own; on one GPU it runs inside the engine"},
	{`^spans: resource .*vllm\.process_(kind|name) only recorded$`, "the same: no worker processes"},
	{`^spans: resource .*(k8s\.|gen_ai\.).* only simulated$`, "set by the operator in OTEL_RESOURCE_ATTRIBUTES"},
	{`^logs: .*\(EngineCore(_DPN)? pid=N\).*(Starting to load|Loading weights|Model loading|torch.compile|Available KV|Graph capturing|init engine).* only simulated$`, "an engine starting on a GPU; text from vLLM's source"},
	{`^logs: .*\(EngineCore(_DPN)? pid=N\).* ERROR .*(Dumping|fatal error|Traceback|File|run_busy_loop|_model_forward|OutOfMemoryError).* only simulated$`, "no GPU memory to run out of; text from vLLM's source"},
	{`^logs: .*Request ID failed with an internal error.* only simulated$`, "not provoked in the recordings; text from vLLM's source"},
	{`^logs: ESC.*(async_llm.py:N. (  |AsyncLLM|Traceback|vllm.vN.engine.exceptions)|failed \(engine dead\)|Finished server).* only simulated$`, "no engine was killed while 0.13 was recorded"},
}

func TestTelemetryDoesNotDriftFromTheRecordings(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(recordings, "vllm-*"))
	require.NoError(t, err)
	if len(folders) == 0 {
		t.Skip("no recordings")
	}
	used := map[int]bool{}
	for _, folder := range folders {
		version := strings.TrimPrefix(filepath.Base(folder), "vllm-")
		t.Run(version, func(t *testing.T) {
			real, simulated := recorded(t, folder), simulatedAs(t, version)
			for _, difference := range slices.Sorted(maps.Keys(compare(real, simulated))) {
				if !isAllowed(difference, used) {
					t.Error(difference)
				}
			}
		})
	}
	for n, a := range allowedDrift {
		if !used[n] {
			t.Errorf("no difference matches %s any more: remove it from the list", a.difference)
		}
	}
}

func isAllowed(difference string, used map[int]bool) bool {
	for n, a := range allowedDrift {
		if regexp.MustCompile(a.difference).MatchString(difference) {
			used[n] = true
			return true
		}
	}
	return false
}

// vocabulary is all that a parser could rely on: sets of facts per topic.
type vocabulary map[string]map[string]bool

func (v vocabulary) add(topic, fact string) {
	if v[topic] == nil {
		v[topic] = map[string]bool{}
	}
	v[topic][fact] = true
}

// partial topics are those where real servers say much that is of no interest:
// there only what the simulator says must be real.
var partial = []string{"logs"}

func compare(real, simulated vocabulary) map[string]bool {
	differences := map[string]bool{}
	for topic := range simulated {
		for fact := range simulated[topic] {
			if !real[topic][fact] {
				differences[topic+": "+fact+" only simulated"] = true
			}
		}
		if slices.Contains(partial, topic) {
			continue
		}
		for fact := range real[topic] {
			if !simulated[topic][fact] {
				differences[topic+": "+fact+" only recorded"] = true
			}
		}
	}
	for topic := range real {
		if simulated[topic] == nil {
			differences[topic+": all of it only recorded"] = true
		}
	}
	return differences
}

// recorded reads a folder.
func recorded(t *testing.T, folder string) vocabulary {
	t.Helper()
	v := vocabulary{}
	text, err := os.ReadFile(filepath.Join(folder, "metrics-last.prom"))
	require.NoError(t, err)
	v.metrics(string(text))
	logs, err := filepath.Glob(filepath.Join(folder, "variants", "errors", "logs.jsonl")) // an engine is killed there
	require.NoError(t, err)
	for _, path := range append(logs, filepath.Join(folder, "logs.jsonl")) {
		eachLine(t, path, func(line []byte) {
			var l struct{ Line string }
			require.NoError(t, json.Unmarshal(line, &l))
			v.log(l.Line)
		})
	}
	eachLine(t, filepath.Join(folder, "spans.otlp.jsonl"), func(line []byte) {
		for _, s := range spansOfJSON(t, line) {
			v.span(s)
		}
	})
	return v
}

func eachLine(t *testing.T, path string, visit func([]byte)) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		visit(scanner.Bytes())
	}
	require.NoError(t, scanner.Err())
}

// simulatedAs runs a fleet of that version with the recorded model's length,
// which decides some buckets.
func simulatedAs(t *testing.T, version string) vocabulary {
	t.Helper()
	parsed, err := telemetry.ParseVersion(version)
	require.NoError(t, err)
	models := serving.DefaultModels()
	for i := range models {
		m := &models[i]
		m.Name, m.Engines, m.LoRAs = "tiny-llama", 1, nil          // the recordings have no adapters …
		m.Engine.MaxModelLen, m.Engine.SpeculativeTokens = 2048, 0 // … and do not speculate
	}
	out := &vocabularyOutput{v: vocabulary{}, seen: map[string]int{}}
	start := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	c := serving.New(serving.Config{
		Seed: 1, Start: start, Version: parsed, Models: models, Profile: traffic.Overload, Rate: 8, MaxCalls: 2000, DeathsPerHour: 200,
	}, out)
	for at := start; !c.Idle(); at = at.Add(time.Minute) {
		c.Advance(at)
	}
	for _, i := range c.Instances() {
		i.Scrape()
		out.v.metrics(string(i.Metrics.AppendText(nil)))
	}
	return out.v
}

type vocabularyOutput struct {
	v    vocabulary
	seen map[string]int
}

// enough lines that begin with the same word show all their shapes.
const enough = 50

func (o *vocabularyOutput) Log(l telemetry.LogLine) {
	_, message, _ := strings.Cut(l.Text, "] ")
	call, _, _ := strings.Cut(strings.TrimSpace(message), " ")
	if o.seen[call]++; o.seen[call] <= enough {
		o.v.log(l.Text)
	}
}

func (o *vocabularyOutput) Request(*truth.Record) {}
func (o *vocabularyOutput) Scrape(*truth.Scrape)  {}
func (o *vocabularyOutput) Event(*truth.Event)    {}
func (o *vocabularyOutput) Span(s *telemetry.Span) {
	if !strings.HasPrefix(s.Scope, "vllm.") {
		return // callers and routers are not vLLM
	}
	for _, facts := range spansOfProto(ship.Export([]*telemetry.Span{s})) {
		o.v.span(facts)
	}
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? `)
	labelPair  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
)

// metrics notes families with type and help, label names, and the values of
// labels that come from a fixed set.
func (v vocabulary) metrics(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			v.add("metrics", "family "+rest)
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			v.add("metrics", "help "+rest)
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var names []string
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			names = append(names, pair[1])
			switch pair[1] {
			case "le", "reason", "source", "finished_reason", "sleep_state":
				v.add("metrics", "value "+m[1]+" "+pair[0])
			}
		}
		v.add("metrics", "label "+m[1]+" "+strings.Join(names, ","))
	}
}

// span notes name, scope, kind, flags, attribute keys with their types in
// their order, and resource attributes.
func (v vocabulary) span(s spanFacts) {
	v.add("spans", fmt.Sprintf("name %s kind %d", s.name, s.kind))
	v.add("spans", "scope "+s.name+": "+s.scope)
	v.add("spans", fmt.Sprintf("flags of %s, root %t: %d", s.name, s.root, s.flags))
	v.add("spans", "attributes of "+s.name+": "+strings.Join(s.attributes, ", "))
	for _, key := range s.resource {
		v.add("spans", "resource of "+s.name+": "+key)
	}
}

// log notes the shape of a line.
func (v vocabulary) log(line string) {
	if !strings.Contains(line, " (streaming delta): ") { // one per token; the fleet has them off
		v.add("logs", shape(line))
	}
}
