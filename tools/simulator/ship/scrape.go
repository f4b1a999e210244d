package ship

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// Scrape is what one scrape of one target gave, as values that may be changed before they are written.
type Scrape struct {
	Job    string
	Labels map[string]string // of the target; replace, do not change: further scrapes share them
	Honor  bool              // labels of the samples win over the target's
	At     time.Time
	Up     bool // false: the target did not answer, and there are no samples
	// Samples may be changed, also in place; their Labels are shared and must be replaced.
	Samples []Sample
	// Gone says that the target is no longer among those to scrape: its series end, up among them.
	Gone bool
}

// Sample is one value of one series.
type Sample struct {
	Name   string
	Labels []telemetry.Label // sorted by name
	Value  float64
	// Histogram, if set, is written in place of Value: prometheus.Histogram of the remote write protocol, for that time.
	Histogram func(ms int64) []byte
}

// NewScrape reads all values of an exposition; nil is a target that does not answer.
func NewScrape(job string, labels map[string]string, honor bool, at time.Time, exposition *telemetry.Exposition) Scrape {
	s := Scrape{Job: job, Labels: labels, Honor: honor, At: at, Up: exposition != nil}
	if exposition != nil {
		exposition.Each(func(series *telemetry.Series, value float64) {
			s.Samples = append(s.Samples, Sample{Name: series.Name, Labels: series.Labels, Value: value})
		})
	}
	return s
}

// Scrapers turns changed scrapes into write requests, one Scraper for each target that appears.
type Scrapers struct {
	byTarget map[string]*Scraper
	order    []*Scraper
}

// Take takes a scrape in, and returns a request when enough is held.
func (s *Scrapers) Take(scrape Scrape) WriteRequest {
	var key strings.Builder
	key.WriteString(scrape.Job)
	for _, name := range slices.Sorted(maps.Keys(scrape.Labels)) {
		fmt.Fprintf(&key, "\x00%s=%s", name, scrape.Labels[name])
	}
	scraper := s.byTarget[key.String()]
	if scraper == nil {
		if s.byTarget == nil {
			s.byTarget = map[string]*Scraper{}
		}
		scraper = NewScraper(scrape.Job, scrape.Labels, scrape.Honor)
		s.byTarget[key.String()] = scraper
		s.order = append(s.order, scraper)
	}
	return scraper.take(scrape)
}

// Flush encodes what is held for each target.
func (s *Scrapers) Flush() (requests []WriteRequest) {
	for _, scraper := range s.order {
		requests = append(requests, scraper.Flush())
	}
	return requests
}

func (s *Scraper) take(scrape Scrape) WriteRequest {
	if scrape.Gone {
		return s.End(scrape.At)
	}
	ms := s.begin(scrape.At, scrape.Up)
	var identity strings.Builder
	for _, sample := range scrape.Samples {
		identity.Reset()
		identity.WriteString(sample.Name)
		for _, l := range sample.Labels {
			identity.WriteString("\x00" + l.Name + "\x00" + l.Value)
		}
		r := s.of(identity.String(), sample.Name, sample.Labels)
		if sample.Histogram == nil {
			s.add(r, ms, sample.Value)
			continue
		}
		r.samples = protowire.AppendTag(r.samples, 4, protowire.BytesType)
		r.samples = protowire.AppendBytes(r.samples, sample.Histogram(ms))
		r.lastSeen = s.count
		s.samples++
	}
	return s.finish(ms)
}
