package serving

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// Instance is one pod: an API server process and its engines.
type Instance struct {
	cluster     *Cluster
	Model       Model
	Name        string
	Pod         string // its name, "" for a server on a machine of its own
	Address     string // its instance in all signals: the pod's name, or Model.Address
	Environment string
	Cluster     string // "" when the model names none
	Namespace   string
	Host        string // node

	Metrics  *telemetry.ServerMetrics
	GPUs     *telemetry.Exposition
	gpus     []*telemetry.GPU
	engines  []*core
	log      *telemetry.Log
	resource *telemetry.Resource
	api      telemetry.Process

	exists     bool // there is such a pod now
	draining   bool // it gets no further request, and ends when it has none
	up         bool
	hung       bool
	generation int        // of the process; events of an earlier one are void
	inFlight   []*attempt // order of arrival
	port       int        // next client port in access lines
	scrapedAt  time.Duration
	statsAt    time.Duration
}

// core is one engine with what the server keeps beside it.
type core struct {
	*engine.Engine
	index       int
	process     telemetry.Process
	metrics     *telemetry.EngineMetrics
	result      engine.StepResult
	busy        time.Duration // step time since the process started
	busyScraped time.Duration // … at the last scrape
	stats       statsMark
}

// Layout says where the pods of these models run, without running them.
func Layout(models []Model) []*Instance {
	var pods []*Instance
	for _, m := range models {
		for r := range m.pods() {
			pods = append(pods, place(m, r))
		}
	}
	return pods
}

// place gives a replica its names.
func place(m Model, replica int) *Instance {
	of := replica % m.Replicas // a pod of after a rollout runs where the one that it replaces ran
	i := &Instance{Model: m, Environment: m.Environments[of%len(m.Environments)]}
	i.Namespace = "llm-" + i.Environment
	if len(m.Clusters) > 0 {
		i.Cluster = m.Clusters[of%len(m.Clusters)]
	}
	number := replica
	if m.SameNames {
		i.Namespace = "llm"
		for number = 0; replica > 0; replica-- {
			if o := place(m, replica-1); o.Environment == i.Environment && o.Cluster == i.Cluster {
				number++
			}
		}
	}
	i.Name, i.Host = fmt.Sprintf("vllm-%s-%d", m.Short, number), fmt.Sprintf("gpu-%s-%d", m.Short, number)
	i.Pod, i.Address = i.Name, i.Name
	if m.Address != nil {
		i.Pod, i.Namespace, i.Address = "", "", m.Address(replica)
		i.Host = strings.TrimSuffix(i.Address, ":8000") + ":9400" // the exporter's port
	}
	return i
}

// Path tells instances of the same name apart in the simulator's own URLs.
func (i *Instance) Path() string {
	if !i.Model.SameNames {
		return i.Name
	}
	return strings.Trim(i.Cluster+"-"+i.Environment+"-"+i.Name, "-")
}

func (c *Cluster) newInstance(m Model, replica int) *Instance {
	i := place(m, replica)
	i.cluster = c
	i.api = telemetry.Process{Name: "APIServer", PID: 1}
	i.port = 40000 + 1000*replica
	labels := []telemetry.Label{{Name: "app", Value: "vllm"}}
	if i.Cluster != "" {
		labels = append(labels, telemetry.Label{Name: "cluster", Value: i.Cluster})
	}
	labels = append(labels,
		telemetry.Label{Name: "container", Value: "vllm"},
		telemetry.Label{Name: "environment", Value: i.Environment},
		telemetry.Label{Name: "instance", Value: i.Address})
	if i.Pod != "" {
		labels = append(labels, telemetry.Label{Name: "namespace", Value: i.Namespace}, telemetry.Label{Name: "pod", Value: i.Pod})
	}
	i.log = &telemetry.Log{Version: c.config.Version, Emit: c.output.Log, Stream: &telemetry.LogStream{Labels: labels}}
	for e := range m.Engines {
		i.gpus = append(i.gpus, &telemetry.GPU{
			Index: e, UUID: "GPU-" + traffic.UUID(c.random), Model: m.GPU, Hostname: i.Host,
			Pod: i.Pod, Namespace: i.Namespace,
			TotalMiB: 81559, UsedMiB: 75034 + float64(100*e), IdleWatts: 70, MaxWatts: 700,
		})
	}
	i.GPUs = telemetry.NewGPUMetrics(i.gpus)
	return i
}

// Up says that the API server answers.
func (i *Instance) Up() bool { return i.up }

// Labels are what a scrape config adds to the instance's series.
func (i *Instance) Labels() map[string]string {
	labels := map[string]string{
		"instance": i.Address, "environment": i.Environment, "container": "vllm",
	}
	if i.Pod != "" {
		labels["pod"], labels["namespace"] = i.Pod, i.Namespace
	}
	if i.Cluster != "" {
		labels["cluster"] = i.Cluster
	}
	return labels
}

// Exists says that there is such a pod now, be it up or not. Pods of before and after a rollout do not exist all the time.
func (i *Instance) Exists() bool { return i.exists }

// begin starts the pod, whose process is ready at once.
func (i *Instance) begin() {
	i.exists = true
	i.ready()
	i.planDeath()
	i.planPause()
}

const (
	drainFor   = 10 * time.Second // at least: requests on their way to the pod still arrive
	drainLooks = time.Second
)

// drain takes the pod out of service. It ends when its last request has.
func (i *Instance) drain() {
	i.draining = true
	i.cluster.clock.after(drainFor, i.endWhenDrained)
}

func (i *Instance) endWhenDrained() {
	c := i.cluster
	if len(i.inFlight) > 0 {
		c.clock.after(drainLooks, i.endWhenDrained)
		return
	}
	if i.up {
		i.log.Shutdown(c.wall(c.clock.now), i.api)
	}
	i.exists, i.up = false, false
	i.generation++
}

// ready begins a new process whose start-up has just finished.
func (i *Instance) ready() {
	c, m := i.cluster, i.Model
	now := c.wall(c.clock.now)
	i.generation++
	i.up, i.hung = true, false
	i.statsAt = c.clock.now
	i.Metrics = telemetry.NewServerMetrics(c.config.Version, m.Name, m.Engine, m.Engines, len(m.LoRAs), now)
	i.engines = i.engines[:0]
	cores := make([]telemetry.Process, m.Engines)
	for e := range m.Engines {
		cores[e] = telemetry.Process{Name: c.config.Version.EngineProcess(e, m.Engines), PID: 120 + 40*e}
		i.engines = append(i.engines, &core{
			Engine:  engine.New(m.Engine, c.random.Uint64()),
			index:   e,
			process: cores[e],
			metrics: i.Metrics.Engines[e],
		})
	}
	i.resource = i.newResource()
	i.log.Startup(now, telemetry.Startup{Model: m.Name, Port: 8000, Config: m.Engine, API: i.api, Cores: cores})
	if c.config.Version.HasStartupSpans() {
		for _, s := range telemetry.StartupSpans(i.resource, now, c.traceID(), c.spanID) {
			c.output.Span(s)
		}
	}
	c.output.Event(&truth.Event{Kind: "event", Time: now, Model: m.Name, Instance: i.Address, Event: truth.EventReady})
	i.planStats()
}

// newResource is what the operator set and what the process adds.
func (i *Instance) newResource() *telemetry.Resource {
	operator := []telemetry.Attribute{
		{Key: "service.instance.id", Value: i.Address},
		{Key: "deployment.environment.name", Value: i.Environment},
	}
	if i.Pod != "" {
		operator = append(operator, telemetry.Attribute{Key: "k8s.pod.name", Value: i.Pod}, telemetry.Attribute{Key: "k8s.namespace.name", Value: i.Namespace})
	}
	if i.Cluster != "" {
		operator = append(operator, telemetry.Attribute{Key: "k8s.cluster.name", Value: i.Cluster})
	}
	if i.Model.NameOnSpans {
		operator = append(operator, telemetry.Attribute{Key: "gen_ai.request.model", Value: i.Model.Name})
	}
	var process []telemetry.Attribute
	if i.cluster.config.Version.HasStartupSpans() {
		process = []telemetry.Attribute{
			{Key: "vllm.instrumenting_module_name", Value: "vllm.llm_engine"},
			{Key: "vllm.process_id", Value: fmt.Sprint(i.api.PID)},
		}
	}
	return telemetry.NewResource("python", "1.45.2", i.Model.Service, operator, process)
}

// kick starts a step when the engine is not in one.
func (i *Instance) kick(e *core) {
	c := i.cluster
	if e.Busy() || i.hung {
		return
	}
	took, ok := e.StartStep(c.clock.now)
	if !ok {
		return
	}
	generation := i.generation
	c.clock.after(took, func() {
		if i.generation == generation && i.up {
			e.busy += took
			i.finishStep(e)
		}
	})
}

// finishStep lets the API server process the step's output and goes on.
func (i *Instance) finishStep(e *core) {
	c := i.cluster
	e.FinishStep(c.clock.now, &e.result)
	state := e.State()
	e.metrics.Step(&e.result, state)
	for _, s := range e.result.FirstTokens {
		s.Owner.(*sequence).firstToken()
	}
	for _, s := range e.result.Finished {
		s.Owner.(*sequence).finished()
	}
	i.kick(e)
}

// leastLoaded is the engine the API server sends the next sequence to.
func (i *Instance) leastLoaded() *core {
	best := i.engines[0]
	score := func(e *core) int { s := e.State(); return 4*s.Waiting + s.Running }
	for _, e := range i.engines[1:] {
		if score(e) < score(best) {
			best = e
		}
	}
	return best
}

// planDeath draws when this process will run out of GPU memory.
func (i *Instance) planDeath() {
	c := i.cluster
	if c.config.DeathsPerHour <= 0 {
		return
	}
	in := time.Duration(c.random.ExpFloat64() / c.config.DeathsPerHour * float64(time.Hour))
	c.clock.after(in, i.die)
}

// die ends the process with all its requests; Kubernetes starts another.
func (i *Instance) die() {
	c := i.cluster
	if !c.arriving || !i.exists {
		return // a draining fleet must come to rest
	}
	now := c.wall(c.clock.now)
	dead := i.engines[0]
	attempts := slices.Clone(i.inFlight)
	var batch []string
	for _, a := range attempts {
		batch = append(batch, a.inBatchOf(dead)...)
	}
	i.up = false
	i.generation++
	i.log.EngineDied(now, dead.process, i.api, batch)
	for _, e := range i.engines {
		e.Fail()
	}
	for _, a := range attempts {
		a.engineDied()
	}
	i.log.Shutdown(now.Add(800*time.Millisecond), i.api)
	c.output.Event(&truth.Event{Kind: "event", Time: now, Model: i.Model.Name, Instance: i.Address,
		Event: truth.EventEngineDead, Detail: "out of memory; in the batch: " + strings.Join(batch, " ")})
	c.clock.after(telemetry.StartupTook+10*time.Second, func() {
		if i.draining {
			return // its successor is there
		}
		i.ready()
		i.planDeath()
	})
}

// planPause draws when an operator will pause this server.
func (i *Instance) planPause() {
	c := i.cluster
	if c.config.PausesPerHour <= 0 {
		return
	}
	in := time.Duration(c.random.ExpFloat64() / c.config.PausesPerHour * float64(time.Hour))
	c.clock.after(in, func() {
		if !c.arriving || i.draining {
			return // a draining fleet must come to rest
		}
		if i.up {
			i.pause()
		}
		i.planPause()
	})
}

// pause is POST /pause?mode=abort followed by resume: the engine aborts all
// its requests itself, without a log line.
func (i *Instance) pause() {
	c := i.cluster
	c.output.Event(&truth.Event{Kind: "event", Time: c.Now(), Model: i.Model.Name, Instance: i.Address, Event: truth.EventPaused})
	for _, a := range slices.Clone(i.inFlight) {
		for _, s := range a.sequences {
			if s.core != nil && !s.done {
				s.abortedByEngine()
			}
		}
	}
}

// Scrape brings GPU and adapter gauges up to date and writes down what the
// scrape says. The caller renders Metrics and GPUs afterwards.
func (i *Instance) Scrape() {
	c := i.cluster
	elapsed := (c.clock.now - i.scrapedAt).Seconds()
	i.scrapedAt = c.clock.now
	for n, e := range i.engines {
		utilization := 0.0
		if elapsed > 0 {
			utilization = min(1, (e.busy-e.busyScraped).Seconds()/elapsed)
		}
		e.busyScraped = e.busy
		i.gpus[n].Advance(utilization, elapsed)
	}
	if !i.up {
		return
	}
	i.Metrics.Connections(len(i.inFlight))
	i.scrapeAdapters()
	for n, e := range i.engines {
		state, preemptions := e.metrics.Scraped()
		c.output.Scrape(&truth.Scrape{
			Kind: "scrape", Time: c.Now(), Model: i.Model.Name, Cluster: i.Cluster, Environment: i.Environment, Instance: i.Address, Engine: fmt.Sprint(n),
			State:       truth.State(state),
			Preemptions: preemptions, GPUUtilization: 100 * i.gpus[n].Utilization, GPUMemoryUsed: i.gpus[n].UsedMiB,
		})
	}
}

func (i *Instance) scrapeAdapters() {
	running, waiting := map[string]int{}, map[string]int{}
	for _, a := range i.inFlight {
		if a.op.call.LoRA == "" {
			continue
		}
		for _, s := range a.sequences {
			switch {
			case s.done:
			case s.ScheduledAt >= 0:
				running[a.op.call.LoRA]++
			default:
				waiting[a.op.call.LoRA]++
			}
		}
	}
	i.Metrics.Adapters(running, waiting, i.cluster.Now())
}
