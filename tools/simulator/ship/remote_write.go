package ship

import (
	"context"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// staleNaN is Prometheus's staleness marker: the series has ended.
var staleNaN = math.Float64frombits(0x7ff0000000000002)

// RemoteWrite sends finished requests of the remote write protocol, version 1.
type RemoteWrite struct {
	URL    string // complete
	Client *http.Client
}

// Send implements Sender.
func (r RemoteWrite) Send(ctx context.Context, batch []WriteRequest) error {
	for _, request := range batch {
		err := post(ctx, r.Client, r.URL, map[string]string{
			"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
			"X-Prometheus-Remote-Write-Version": "0.1.0",
		}, request)
		if err != nil {
			return err // samples sent twice do no harm
		}
	}
	return nil
}

// WriteRequest is an encoded and compressed prometheus.WriteRequest.
type WriteRequest []byte

// WriteSize is what a request weighs in a Buffer.
func WriteSize(r WriteRequest) int { return len(r) }

// Scraper turns scrapes of one target into write requests. It keeps several
// scrapes of a series together, so that labels are sent once for all of them.
type Scraper struct {
	labels  map[string]string // of the target: job, instance, …
	honor   bool              // labels of the text win over the target's
	series  map[string]*remoteSeries
	order   []*remoteSeries
	scrapes int // since the last request
	count   int // ever
	up      *remoteSeries
	samples int
}

type remoteSeries struct {
	labels   []byte // encoded
	samples  []byte // encoded
	lastSeen int    // scrape number
	stale    bool
}

// scrapesPerRequest bounds memory: 20 scrapes of 800 series are about 300 kB.
const scrapesPerRequest = 20

// NewScraper makes a scraper for the target with these labels.
func NewScraper(job string, labels map[string]string, honorLabels bool) *Scraper {
	all := maps.Clone(labels)
	all["job"] = job
	s := &Scraper{labels: all, honor: honorLabels, series: map[string]*remoteSeries{}}
	s.up = &remoteSeries{labels: s.encodeLabels("up", nil)}
	s.order = append(s.order, s.up)
	return s
}

// Scrape takes all values at that time; a nil exposition is a target that does
// not answer, which ends its series. It returns a request when enough is held.
func (s *Scraper) Scrape(at time.Time, exposition *telemetry.Exposition) WriteRequest {
	ms := s.begin(at, exposition != nil)
	if exposition != nil {
		exposition.Each(func(series *telemetry.Series, value float64) {
			s.add(s.of(series.Text, series.Name, series.Labels), ms, value)
		})
	}
	return s.finish(ms)
}

// End ends all series of a target that is no longer to be scraped, as Prometheus does when its service discovery drops one.
func (s *Scraper) End(at time.Time) WriteRequest {
	s.count++
	s.scrapes++
	s.add(s.up, at.UnixMilli(), staleNaN)
	return s.finish(at.UnixMilli())
}

// begin counts the scrape and writes up.
func (s *Scraper) begin(at time.Time, up bool) (ms int64) {
	ms = at.UnixMilli()
	s.count++
	s.scrapes++
	value := 0.0
	if up {
		value = 1
	}
	s.add(s.up, ms, value)
	return ms
}

// of finds the series with that identity.
func (s *Scraper) of(identity, name string, labels []telemetry.Label) *remoteSeries {
	r := s.series[identity]
	if r == nil {
		r = &remoteSeries{labels: s.encodeLabels(name, labels)}
		s.series[identity] = r
		s.order = append(s.order, r)
	}
	r.stale = false
	return r
}

// finish ends the series that the scrape no longer had.
func (s *Scraper) finish(ms int64) WriteRequest {
	for _, r := range s.order {
		if r.lastSeen != s.count && !r.stale {
			r.stale = true
			s.add(r, ms, staleNaN)
		}
	}
	if s.scrapes >= scrapesPerRequest {
		return s.Flush()
	}
	return nil
}

// Samples is how many samples were taken.
func (s *Scraper) Samples() int { return s.samples }

func (s *Scraper) add(r *remoteSeries, ms int64, value float64) {
	var sample [32]byte
	b := protowire.AppendTag(sample[:0], 1, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(value))
	b = protowire.AppendTag(b, 2, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(ms))
	r.samples = protowire.AppendTag(r.samples, 2, protowire.BytesType)
	r.samples = protowire.AppendBytes(r.samples, b)
	r.lastSeen = s.count
	s.samples++
}

// Flush encodes what is held.
func (s *Scraper) Flush() WriteRequest {
	if s.scrapes == 0 {
		return nil
	}
	s.scrapes = 0
	var request []byte
	for _, r := range s.order {
		if len(r.samples) == 0 {
			continue
		}
		request = protowire.AppendTag(request, 1, protowire.BytesType)
		request = protowire.AppendVarint(request, uint64(len(r.labels)+len(r.samples)))
		request = append(request, r.labels...)
		request = append(request, r.samples...)
		r.samples = r.samples[:0]
	}
	return snappy.Encode(nil, request)
}

// encodeLabels merges the series' labels with the target's, sorted by name as
// the protocol demands.
func (s *Scraper) encodeLabels(name string, own []telemetry.Label) []byte {
	merged := maps.Clone(s.labels)
	for _, l := range own {
		if _, clash := merged[l.Name]; clash && !s.honor {
			merged["exported_"+l.Name] = l.Value
			continue
		}
		merged[l.Name] = l.Value
	}
	merged["__name__"] = name
	var b []byte
	for _, k := range slices.Sorted(maps.Keys(merged)) {
		var label []byte
		label = protowire.AppendTag(label, 1, protowire.BytesType)
		label = protowire.AppendString(label, k)
		label = protowire.AppendTag(label, 2, protowire.BytesType)
		label = protowire.AppendString(label, merged[k])
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendBytes(b, label)
	}
	return b
}
