package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/serving"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// Jobs, as Prometheus names them.
const (
	jobVLLM = "vllm"
	jobDCGM = "dcgm"
)

// target is one scrape target of the fleet.
type target struct {
	job      string
	instance *serving.Instance
	scraper  *ship.Scraper
	offset   time.Duration // its place in the scrape interval, as Prometheus spreads targets
	scraped  time.Time     // last, for remote write
	known    bool          // to Prometheus: its pod existed at the last scrape
}

func newTargets(instances []*serving.Instance, interval time.Duration) []*target {
	var targets []*target
	for _, job := range []string{jobVLLM, jobDCGM} {
		for _, i := range instances {
			targets = append(targets, &target{
				job: job, instance: i,
				scraper: ship.NewScraper(job, labels(job, i), job == jobDCGM),
			})
		}
	}
	for n, t := range targets {
		t.offset = (interval * time.Duration(n) / time.Duration(len(targets))).Truncate(time.Millisecond)
	}
	return targets
}

// labels are what the scrape config adds.
func labels(job string, i *serving.Instance) map[string]string {
	if job == jobVLLM {
		return i.Labels()
	}
	labels := map[string]string{"instance": i.Host} // an exporter serves whoever runs on its host: no environment is its own
	if i.Cluster != "" {
		labels["cluster"] = i.Cluster
	}
	return labels
}

// expose is what a scrape answers now; nil when the server is down.
func (t *target) expose() *telemetry.Exposition {
	if !t.instance.Exists() {
		return nil
	}
	if t.job == jobDCGM {
		return t.instance.GPUs
	}
	t.instance.Scrape()
	if !t.instance.Up() {
		return nil
	}
	return t.instance.Metrics.Exposition
}

func path(job, instance string) string {
	if job == jobDCGM {
		return "/dcgm/" + instance + "/metrics"
	}
	return "/instance/" + instance + "/metrics"
}

// ScrapeTargets lists what Prometheus should scrape, jobs together. It is
// empty when Config.Listen is "off".
func (s *Simulator) ScrapeTargets() []Target {
	if s.listener == nil {
		return nil
	}
	return s.targetsAt(s.listener.Addr().String())
}

// targetsAt lists them under the address by which Prometheus knows this host.
func (s *Simulator) targetsAt(address string) []Target {
	var targets []Target
	for _, job := range []string{jobVLLM, jobDCGM} {
		for _, i := range serving.Layout(s.config.Models) {
			targets = append(targets, Target{
				Job: job, Address: address, MetricsPath: path(job, i.Path()),
				Labels: labels(job, i), HonorLabels: job == jobDCGM,
			})
		}
	}
	return targets
}

// ServeHTTP takes calls to a model below /v1/, see visits.go. It answers a scrape
// with the state at this very moment. While history
// is being written, and when a server is down, it answers 503: Prometheus
// records up 0 and nothing else. Below /targets/ it answers Prometheus' HTTP
// service discovery with the targets of one job.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.live.Load() {
		http.Error(w, "the simulation is not live yet", http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path == "/health" || r.URL.Path == "/version" || strings.HasPrefix(r.URL.Path, "/v1/") {
		s.api.ServeHTTP(w, r)
		return
	}
	if job, ok := strings.CutPrefix(r.URL.Path, "/targets/"); ok {
		s.discover(w, job, r.Host)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.targets {
		if r.URL.Path != path(t.job, t.instance.Path()) {
			continue
		}
		s.cluster.Advance(s.config.Clock.Now())
		exposition := t.expose()
		if exposition == nil {
			http.Error(w, "the server is down", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", telemetry.ContentType(r.Header.Get("Accept")))
		s.sink.countScrape(0)
		_, _ = w.Write(exposition.AppendText(nil)) // a scraper that leaves is not our trouble
		return
	}
	http.NotFound(w, r)
}

// discover lists the targets of a job under the address that was asked.
func (s *Simulator) discover(w http.ResponseWriter, job, address string) {
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	groups := []group{}
	gone := map[string]bool{}
	s.mu.Lock()
	for _, of := range s.targets {
		gone[path(of.job, of.instance.Path())] = !of.instance.Exists()
	}
	s.mu.Unlock()
	for _, t := range s.targetsAt(address) {
		if t.Job == job && !gone[t.MetricsPath] {
			t.Labels["__metrics_path__"] = t.MetricsPath
			groups = append(groups, group{[]string{t.Address}, t.Labels})
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(groups) // a scraper that leaves is not our trouble
}
