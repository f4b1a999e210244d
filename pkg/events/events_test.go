package events_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var (
	noon   = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	window = evidence.Window{From: noon, To: noon.Add(time.Hour)}
	// llama is a server as the metrics know it, logs the same as its log stream does.
	llama   = evidence.Origin{Model: "llama", Environment: "prod", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"}
	logs    = &evidence.Origin{Service: "vllm", Namespace: "llm", Pod: "llama-0"}
	targets = []evidence.Target{{Origin: engine("0")}, {Origin: engine("1")}}
)

func engine(rank string) evidence.Origin {
	o := llama
	o.Engine = rank
	return o
}

func elsewhere(o evidence.Origin) evidence.Origin {
	o.Instance = "10.0.0.9:8000"
	return o
}

func atPort(o evidence.Origin, address string) evidence.Origin {
	o.Instance = address
	return o
}

func ofService(o evidence.Origin, service string) evidence.Origin {
	o.Service = service
	return o
}

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// values is a series: pairs of seconds after noon and value.
func values(o evidence.Origin, pairs ...float64) evidence.Series {
	s := evidence.Series{Origin: &o}
	for i := 0; i < len(pairs); i += 2 {
		s.Samples = append(s.Samples, evidence.Sample{UnixMilli: at(pairs[i]).UnixMilli(), Value: pairs[i+1]})
	}
	return s
}

// started is a start time in the metric's own unit.
func started(seconds float64) float64 { return float64(at(seconds).Unix()) }

func line(seconds float64, event vllm.EngineEvent, text string) evidence.EngineLine {
	return evidence.EngineLine{Time: at(seconds), Origin: logs, Event: event, Text: text}
}

// told writes events as "seconds type[+type][..end] engine".
func told(happened []events.Event) (out []string) {
	for _, e := range happened {
		text := fmt.Sprintf("%g %s", e.Time.Sub(noon).Seconds(), e.Type)
		for _, also := range e.Also {
			text += "+" + string(also)
		}
		if !e.End.IsZero() {
			text += fmt.Sprintf("..%g", e.End.Sub(noon).Seconds())
		}
		if e.Origin.Engine != "" {
			text += " of engine " + e.Origin.Engine
		}
		out = append(out, text)
	}
	return out
}

func TestMetricsTellOfEvents(t *testing.T) {
	server := llama
	for _, test := range []struct {
		name    string
		changes evidence.EngineChanges
		want    []string
	}{
		{"a new start time is a restart, at the time it names", evidence.EngineChanges{Starts: []evidence.Series{values(server, 0, started(-900), 660, started(600))}}, []string{"600 restart"}},
		{"a first start time in the window is a start", evidence.EngineChanges{Starts: []evidence.Series{values(server, 660, started(600))}}, []string{"600 start"}},
		{"the first of a process that began before is none", evidence.EngineChanges{Starts: []evidence.Series{values(server, 660, started(-60))}}, nil},
		{"a gap in the scrapes is none", evidence.EngineChanges{Starts: []evidence.Series{values(server, 0, started(-900), 600, started(-900))}}, nil},
		{"two servers behind one address do not restart for ever", evidence.EngineChanges{Starts: []evidence.Series{values(server, 0, started(-900), 15, started(-800), 30, started(-900), 45, started(-800))}}, nil},
		{"each of several restarts counts", evidence.EngineChanges{Starts: []evidence.Series{values(server, 0, started(-900), 60, started(30), 120, started(90))}}, []string{"30 restart", "90 restart"}},
		{"a clock that is ahead moves no event past its evidence", evidence.EngineChanges{Starts: []evidence.Series{values(server, 0, started(-900), 60, started(300))}}, []string{"60 restart"}},
		{"a pod that comes back under its name with another address restarted", evidence.EngineChanges{Starts: []evidence.Series{
			values(server, 0, started(-900)), values(elsewhere(server), 660, started(600)),
		}}, []string{"600 restart"}},
		{"another pod at the address of one that is gone started", evidence.EngineChanges{Starts: []evidence.Series{
			values(server, 0, started(-900)), values(evidence.Origin{Namespace: "llm", Pod: "llama-9", Instance: server.Instance}, 660, started(600)),
		}}, []string{"600 start"}},
		{"a pod of that name in another cluster started", evidence.EngineChanges{Starts: []evidence.Series{
			values(evidence.Origin{Cluster: "east", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"}, 0, started(-900)),
			values(evidence.Origin{Cluster: "west", Namespace: "llm", Pod: "llama-0", Instance: "10.9.0.1:8000"}, 660, started(600)),
		}}, []string{"600 start"}},
		{"two scrape jobs of one target tell of one storm", evidence.EngineChanges{PreemptingOver: time.Minute, Preempting: []evidence.Series{
			values(engine("0"), 300, 0.6), values(ofService(engine("0"), "vllm"), 300, 0.7),
		}}, []string{"240 preemption_storm..300 of engine 0"}},
		{"a counter that fell is a restart, once for all engines", evidence.EngineChanges{Step: 15 * time.Second, Resets: []evidence.Series{values(engine("0"), 60, 3), values(engine("1"), 75, 2)}}, []string{"60 restart"}},
		{"so is a pod's under another address", evidence.EngineChanges{Step: 15 * time.Second, Returns: []evidence.Series{values(elsewhere(engine("0")), 60, 3), values(elsewhere(engine("1")), 75, 2)}}, []string{"60 restart"}},
		{"a second server in a pod is none", evidence.EngineChanges{Step: 15 * time.Second, Returns: []evidence.Series{values(atPort(engine("0"), "10.0.0.1:8001"), 60, 3)}}, nil},
		{"and again when it falls later", evidence.EngineChanges{Step: 15 * time.Second, Resets: []evidence.Series{values(engine("0"), 60, 3, 600, 1)}}, []string{"60 restart", "600 restart"}},
		{"a storm lasts as long as its minutes touch", evidence.EngineChanges{PreemptingOver: time.Minute, Preempting: []evidence.Series{values(engine("0"), 300, 0.6, 315, 2, 375, 0.5)}}, []string{"240 preemption_storm..375 of engine 0"}},
		{"calm between them makes two", evidence.EngineChanges{PreemptingOver: time.Minute, Preempting: []evidence.Series{values(engine("0"), 300, 0.6, 390, 0.6)}}, []string{"240 preemption_storm..300 of engine 0", "330 preemption_storm..390 of engine 0"}},
		{"each engine has its own", evidence.EngineChanges{PreemptingOver: time.Minute, Preempting: []evidence.Series{values(engine("1"), 300, 0.6), values(engine("0"), 300, 0.6)}}, []string{"240 preemption_storm..300 of engine 0", "240 preemption_storm..300 of engine 1"}},
		{"a sleep lasts until it wakes", evidence.EngineChanges{Sleep: []evidence.Series{values(engine("0"), 0, 0, 60, 1, 300, 0)}}, []string{"60 sleep..300 of engine 0", "300 wake of engine 0"}},
		{"an engine that begins awake did not wake", evidence.EngineChanges{Sleep: []evidence.Series{values(engine("0"), 60, 0)}}, nil},
		{"a deeper sleep is the same sleep", evidence.EngineChanges{Sleep: []evidence.Series{values(engine("0"), 60, 1, 120, 2)}}, []string{"60 sleep of engine 0"}},
		{"what slept before the window wakes in it", evidence.EngineChanges{Sleep: []evidence.Series{values(engine("0"), -60, 2, 300, 0)}}, []string{"-60 sleep..300 of engine 0", "300 wake of engine 0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, told(events.Derive(events.Input{Window: window, Targets: targets, Changes: test.changes}).Events))
		})
	}
}

func TestLinesTellOfEvents(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []evidence.EngineLine
		want  []string
	}{
		{"a death is one, whoever speaks of it", []evidence.EngineLine{
			line(10, vllm.EngineDied, "EngineCore encountered a fatal error."), line(10.1, vllm.EngineDied, "engine core exited"), line(11, vllm.EngineDied, "AsyncLLM output_handler failed."),
		}, []string{"10 engine_death"}},
		{"for want of memory it is both, and still one", []evidence.EngineLine{
			line(10, vllm.EngineDied, "EngineCore encountered a fatal error."), line(10, vllm.EngineOutOfMemory, "CUDA out of memory"),
		}, []string{"10 engine_death+out_of_memory"}},
		{"a killed worker probably, too", []evidence.EngineLine{
			line(10, vllm.EngineKilled, "Worker proc VllmWorker-0 died unexpectedly (exit code: -9)"), line(11, vllm.EngineDied, "fatal error"),
		}, []string{"10 engine_death+out_of_memory"}},
		{"an engine that has no room does not start", []evidence.EngineLine{
			line(10, vllm.EngineStartFailed, "EngineCore failed to start."), line(10, vllm.EngineOutOfMemory, "No available memory"), line(14, vllm.EngineDied, "Worker proc died"), line(16, vllm.EngineStartFailed, "Engine core initialization failed"),
		}, []string{"10 start_failure+out_of_memory"}},
		{"the next attempt is another", []evidence.EngineLine{
			line(10, vllm.EngineStartFailed, "EngineCore failed to start."), line(70, vllm.EngineStartFailed, "EngineCore failed to start."),
		}, []string{"10 start_failure", "70 start_failure"}},
		{"memory that ran out without a death", []evidence.EngineLine{line(10, vllm.EngineOutOfMemory, "CUDA out of memory")}, []string{"10 out_of_memory"}},
		{"engines that end because they were told to did not die", []evidence.EngineLine{
			line(10, vllm.ServerStopping, "[shutdown] API server: shutdown triggered"), line(12, vllm.EngineDied, "Engine core proc EngineCore_DP0 died unexpectedly, shutting down client."),
		}, []string{"10 shutdown"}},
		{"a server that stops because its engine died was not told to", []evidence.EngineLine{
			line(10, vllm.EngineDied, "EngineCore encountered a fatal error."), line(11, vllm.ServerStopping, "Shutting down FastAPI HTTP server."),
		}, []string{"10 engine_death"}},
		{"several API servers are one server", []evidence.EngineLine{line(10, vllm.ServerReady, ""), line(10.2, vllm.ServerReady, "")}, []string{"10 ready"}},
		{"each adapter counts once", []evidence.EngineLine{
			{Time: at(10), Origin: logs, Event: vllm.LoRALoaded, LoRA: "sql"}, {Time: at(10.1), Origin: logs, Event: vllm.LoRALoaded, LoRA: "sql"},
			{Time: at(11), Origin: logs, Event: vllm.LoRALoaded, LoRA: "chat"}, {Time: at(12), Origin: logs, Event: vllm.LoRARemoved, LoRA: "sql"},
		}, []string{"10 lora_load", "11 lora_load", "12 lora_unload"}},
		{"a sleep lasts until it wakes", []evidence.EngineLine{line(10, vllm.FellAsleep, ""), line(20, vllm.WokeUp, "")}, []string{"10 sleep..20", "20 wake"}},
		{"a pause until it is over", []evidence.EngineLine{line(10, vllm.Paused, ""), line(20, vllm.Resumed, "")}, []string{"10 pause..20", "20 resume"}},
		{"ranks sleep for themselves", []evidence.EngineLine{
			{Time: at(10), Origin: logs, Event: vllm.FellAsleep, Rank: "0"}, {Time: at(11), Origin: logs, Event: vllm.FellAsleep, Rank: "1"}, {Time: at(20), Origin: logs, Event: vllm.WokeUp, Rank: "0"},
		}, []string{"10 sleep..20 of engine 0", "11 sleep of engine 1", "20 wake of engine 0"}},
		{"memory of a program that is not vLLM is none of ours", []evidence.EngineLine{{Time: at(10), Origin: &evidence.Origin{Pod: "embedder-0"}, Event: vllm.EngineOutOfMemory}}, nil},
		{"unless it names a process of vLLM's", []evidence.EngineLine{{Time: at(10), Origin: &evidence.Origin{Pod: "new-0"}, Event: vllm.EngineOutOfMemory, Own: true}}, []string{"10 out_of_memory"}},
		{"what lies outside of the window is left out", []evidence.EngineLine{line(-5, vllm.ServerReady, ""), line(3600, vllm.ServerReady, "")}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := events.Derive(events.Input{Window: window, Targets: targets, Lines: test.lines}).Events
			require.Equal(t, test.want, told(got))
			for _, e := range got {
				if e.Origin.Pod == llama.Pod {
					require.Equal(t, "llama", e.Origin.Model, "the metrics of the pod tell its model")
					require.Equal(t, llama.Instance, e.Origin.Instance)
				}
			}
		})
	}
}

func TestAMetricThatTellsWhatALineToldAddsNothing(t *testing.T) {
	in := events.Input{
		Window: window, Targets: targets,
		Lines:   []evidence.EngineLine{line(50, vllm.FellAsleep, ""), line(290, vllm.WokeUp, "")},
		Changes: evidence.EngineChanges{Step: 15 * time.Second, Sleep: []evidence.Series{values(engine("0"), 0, 0, 60, 1, 300, 0)}},
	}
	require.Equal(t, []string{"50 sleep..290", "290 wake"}, told(events.Derive(in).Events))
}

func TestAScopeNarrowsWhatIsKnown(t *testing.T) {
	in := events.Input{
		Window: window, Targets: targets,
		Lines: []evidence.EngineLine{
			line(10, vllm.ServerReady, ""), {Time: at(20), Origin: &evidence.Origin{Pod: "who-0"}, Event: vllm.ServerReady},
			{Time: at(30), Origin: logs, Event: vllm.Paused, Rank: "1"},
		},
	}
	for _, test := range []struct {
		name     string
		scope    vllm.Scope
		want     []string
		unplaced int
	}{
		{"all", vllm.Scope{}, []string{"10 ready", "20 ready", "30 pause of engine 1"}, 0},
		{"a model, by the pod that serves it", vllm.Scope{Models: []string{"llama"}}, []string{"10 ready", "30 pause of engine 1"}, 1},
		{"another model", vllm.Scope{Models: []string{"qwen"}}, nil, 1},
		{"an environment that only metrics know", vllm.Scope{Environments: []string{"prod"}}, []string{"10 ready", "30 pause of engine 1"}, 0},
		{"an engine: what happened to its server happened to it", vllm.Scope{Engines: []string{"0"}}, []string{"10 ready", "20 ready"}, 0},
		{"a pod, also where it is called an instance", vllm.Scope{Instances: []string{"llama-0"}}, []string{"10 ready", "30 pause of engine 1"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := in
			in.Scope = test.scope
			got := events.Derive(in)
			require.Equal(t, test.want, told(got.Events))
			require.Equal(t, test.unplaced, got.Unplaced)
		})
	}
}

func TestOfTooManyEventsTheWorstAndNewestStay(t *testing.T) {
	all := []events.Event{
		{Type: events.Ready, Time: at(1)}, {Type: events.EngineDeath, Time: at(2)}, {Type: events.Ready, Time: at(3)},
		{Type: events.Restart, Time: at(4)}, {Type: events.EngineDeath, Time: at(5), Also: []events.Type{events.OutOfMemory}},
	}
	chosen, dropped := events.Choose(all, events.Catalogue.Keys(), 4)
	require.Equal(t, []string{"2 engine_death", "3 ready", "4 restart", "5 engine_death+out_of_memory"}, told(chosen))
	require.Equal(t, 1, dropped)
	chosen, dropped = events.Choose(all, []events.Type{events.OutOfMemory}, 4)
	require.Equal(t, []string{"5 engine_death+out_of_memory"}, told(chosen), "a type is found also where it is the cause")
	require.Zero(t, dropped)
}

func TestTheCatalogueIsInOrderOfSeverityAndComplete(t *testing.T) {
	severity := 0
	for _, d := range events.Catalogue {
		for ; severity < len(events.Severities) && events.Severities[severity] != d.Severity; severity++ {
		}
		require.Less(t, severity, len(events.Severities), "%s stands below one that is less severe", d.Type)
		require.NotEmpty(t, d.Description)
		require.NotEmpty(t, d.Evidence)
		require.Equal(t, d.Store == evidence.Loki, len(events.Lines([]events.Type{d.Type})) > 0, "%s", d.Type)
	}
}

func TestADeathIsToldOfItsServerWhateverTheLogsCallIt(t *testing.T) {
	host := func(model, instance string) evidence.Target {
		return evidence.Target{Origin: evidence.Origin{Model: model, Instance: instance, Engine: "0"}}
	}
	for name, c := range map[string]struct {
		targets []evidence.Target
		stream  evidence.Origin
		scope   vllm.Scope
		model   string // "" = the event is left out
	}{
		"the host alone":                       {[]evidence.Target{host("llama", "gpu-7:8000")}, evidence.Origin{Instance: "gpu-7"}, vllm.Scope{Models: []string{"llama"}}, "llama"},
		"the host alone, the server asked for": {[]evidence.Target{host("llama", "gpu-7:8000")}, evidence.Origin{Instance: "gpu-7"}, vllm.Scope{Instances: []string{"gpu-7:8000"}}, "llama"},
		"another server asked for":             {[]evidence.Target{host("llama", "gpu-7:8000"), host("llama", "gpu-8:8000")}, evidence.Origin{Instance: "gpu-7"}, vllm.Scope{Instances: []string{"gpu-8:8000"}}, ""},
		"an IPv6 host alone":                   {[]evidence.Target{host("llama", "[2001:db8::1]:8000"), host("qwen", "[2001:db8::2]:8000")}, evidence.Origin{Instance: "2001:db8::2"}, vllm.Scope{Models: []string{"qwen"}}, "qwen"},
		"a host with two servers of one model": {[]evidence.Target{host("llama", "gpu-7:8000"), host("llama", "gpu-7:8001")}, evidence.Origin{Instance: "gpu-7"}, vllm.Scope{Models: []string{"llama"}}, "llama"},
		"a host with two models":               {[]evidence.Target{host("llama", "gpu-7:8000"), host("qwen", "gpu-7:8001")}, evidence.Origin{Instance: "gpu-7"}, vllm.Scope{Models: []string{"llama"}}, ""},
		"the pod with its namespace":           {targets, evidence.Origin{Pod: "llm/llama-0"}, vllm.Scope{Models: []string{"llama"}}, "llama"},
		"Promtail's instance":                  {targets, evidence.Origin{Instance: "llm/llama-0:vllm"}, vllm.Scope{Pods: []string{"llama-0"}}, "llama"},
	} {
		t.Run(name, func(t *testing.T) {
			died := evidence.EngineLine{Time: at(60), Origin: &c.stream, Event: vllm.EngineDied, Text: "EngineCore encountered an issue."}
			found := events.Derive(events.Input{Window: window, Scope: c.scope, Targets: c.targets, Lines: []evidence.EngineLine{died}}).Events
			if c.model == "" {
				require.Empty(t, found)
				return
			}
			require.Equal(t, []string{"60 engine_death"}, told(found))
			require.Equal(t, c.model, found[0].Origin.Model)
		})
	}
}
