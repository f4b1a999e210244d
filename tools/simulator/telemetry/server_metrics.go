package telemetry

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
)

// ServerMetrics is the /metrics endpoint of one API server process and the
// numbers behind it. A restarted server begins with a new one.
type ServerMetrics struct {
	*Exposition
	Engines []*EngineMetrics

	http       map[httpKey]*httpChild
	handlers   map[httpHandler]*Histogram
	sizes      map[string]*httpSize
	high       *Histogram
	created    float64
	cpuSeconds float64
	openFDs    float64
	adapters   map[string]*float64 // lora_requests_info by running and waiting adapters
	maxLoRA    int
}

type httpKey struct{ handler, method, status string }

type httpHandler struct{ handler, method string }

type httpChild struct{ count float64 }

type httpSize struct{ count, requestBytes, responseBytes float64 }

// NewServerMetrics makes the endpoint of a server that started at that time.
func NewServerMetrics(v Version, model string, config engine.Config, engines, maxLoRA int, started time.Time) *ServerMetrics {
	s := &ServerMetrics{
		Exposition: newExposition(),
		http:       map[httpKey]*httpChild{},
		handlers:   map[httpHandler]*Histogram{},
		sizes:      map[string]*httpSize{},
		high:       newHistogram(bucketsHTTPHigh),
		created:    float64(started.UnixMicro()) / 1e6,
		adapters:   map[string]*float64{},
		maxLoRA:    maxLoRA,
	}
	for range engines {
		s.Engines = append(s.Engines, NewEngineMetrics(config))
	}
	s.addProcess()
	s.addEngines(v, model, config, s.created, s.Engines)
	s.addCacheConfig(v, config, engines)
	s.histogram("http_request_duration_highr_seconds",
		"Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ",
		nil, s.created, s.high)
	return s
}

// addProcess adds python_* and process_* of the API server process.
func (s *ServerMetrics) addProcess() {
	constant := func(v float64) func() float64 { return func() float64 { return v } }
	for _, c := range []struct {
		name, help string
		values     [3]float64
	}{
		{"python_gc_objects_collected_total", "Objects collected during gc", [3]float64{12904, 2123, 3411}},
		{"python_gc_objects_uncollectable_total", "Uncollectable objects found during GC", [3]float64{}},
		{"python_gc_collections_total", "Number of times this generation was collected", [3]float64{1432, 130, 11}},
	} {
		f := s.family(c.name, c.help, "counter")
		for generation, v := range c.values {
			f.series = append(f.series, newSeries(c.name, []Label{{"generation", strconv.Itoa(generation)}}, constant(v)))
		}
	}
	s.gauge("python_info", "Python platform information", []Label{
		{"implementation", "CPython"}, {"major", "3"}, {"minor", "12"}, {"patchlevel", "11"}, {"version", "3.12.11"},
	}, one)
	s.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", nil, constant(1.5032385536e+10))
	s.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", nil, constant(1.073741824e+09))
	s.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", nil, constant(s.created-42))
	cpu := s.family("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", "counter")
	cpu.series = append(cpu.series, newSeries("process_cpu_seconds_total", nil, func() float64 { return s.cpuSeconds }))
	s.gauge("process_open_fds", "Number of open file descriptors.", nil, func() float64 { return 60 + s.openFDs })
	s.gauge("process_max_fds", "Maximum number of open file descriptors.", nil, constant(1.048576e+06))
}

// HTTP books one answered request. Families of a handler appear with its
// first request, as in the real instrumentator.
func (s *ServerMetrics) HTTP(handler, method string, status int, took time.Duration, requestBytes, responseBytes int) {
	class := strconv.Itoa(status/100) + "xx"
	s.requests(httpKey{handler, method, class}).count++
	s.size(handler, requestBytes, responseBytes)
	h := httpHandler{handler, method}
	if s.handlers[h] == nil {
		s.handlers[h] = newHistogram(bucketsHTTPLow)
		s.histogram("http_request_duration_seconds", "Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ",
			[]Label{{"handler", handler}, {"method", method}}, s.created, s.handlers[h])
	}
	s.handlers[h].Observe(took.Seconds())
	s.high.Observe(took.Seconds())
	s.cpuSeconds += 0.004
}

func (s *ServerMetrics) requests(k httpKey) *httpChild {
	c := s.http[k]
	if c == nil {
		c = &httpChild{}
		s.http[k] = c
		s.counter("http_requests_total", "Total number of requests by method, status and handler.",
			[]Label{{"handler", k.handler}, {"method", k.method}, {"status", k.status}},
			s.created, func() float64 { return c.count })
	}
	return c
}

func (s *ServerMetrics) size(handler string, request, response int) {
	z := s.sizes[handler]
	if z == nil {
		z = &httpSize{}
		s.sizes[handler] = z
		labels := []Label{{"handler", handler}}
		s.summary("http_request_size_bytes", "Content length of incoming requests by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ",
			labels, s.created, &z.count, &z.requestBytes)
		s.summary("http_response_size_bytes", "Content length of outgoing responses by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ",
			labels, s.created, &z.count, &z.responseBytes)
	}
	z.count++
	z.requestBytes += float64(request)
	z.responseBytes += float64(response)
}

// Adapters books which LoRA adapters run and wait. The series has no
// model_name, its value is the time of the last update, and old combinations
// stay for ever.
func (s *ServerMetrics) Adapters(running, waiting map[string]int, now time.Time) {
	if s.maxLoRA == 0 {
		return
	}
	run, wait := joined(running), joined(waiting)
	key := run + "|" + wait
	updated := s.adapters[key]
	if updated == nil {
		updated = new(float64)
		s.adapters[key] = updated
		s.gauge("vllm:lora_requests_info", "Running stats on lora requests.", []Label{
			{"max_lora", strconv.Itoa(s.maxLoRA)}, {"running_lora_adapters", run}, {"waiting_lora_adapters", wait},
		}, func() float64 { return *updated })
	}
	*updated = float64(now.UnixMicro()) / 1e6
}

func joined(names map[string]int) string {
	return strings.Join(slices.Sorted(maps.Keys(names)), ",")
}

// Connections sets the number of open client connections.
func (s *ServerMetrics) Connections(n int) { s.openFDs = float64(n) }
