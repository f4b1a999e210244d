package plugin

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
)

// maxStreams is how many different questions one data source follows at a time. Each asks the stores every second; a
// room of people on call looks at a handful.
const maxStreams = 20

// streams are those that run, by channel path.
type streams struct {
	now     func() time.Time
	every   map[reach]time.Duration
	mu      sync.Mutex
	running map[string]*stream
}

func newStreams() *streams {
	return &streams{
		now: time.Now, every: map[reach]time.Duration{near: nearEvery, far: farEvery}, running: map[string]*stream{},
	}
}

// enter takes a stream's place; leave gives it back.
func (s *streams) enter(path string, entering *stream) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(path); err != nil {
		return nil, err
	}
	s.running[path] = entering
	liveStreams.Inc()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running[path] == entering { // Grafana may start a path anew before the old run has noticed its end
			delete(s.running, path)
		}
		liveStreams.Dec()
	}, nil
}

// room is nil when a path can be followed.
func (s *streams) room(path string) error {
	if _, running := s.running[path]; !running && len(s.running) >= maxStreams {
		return fmt.Errorf("%d different live queries run on this data source already, which is the most", maxStreams)
	}
	return nil
}

// join is a frame of all rows of a running stream; nil when none runs.
func (s *streams) join(path string) *data.Frame {
	s.mu.Lock()
	running := s.running[path]
	s.mu.Unlock()
	if running == nil {
		return nil
	}
	return running.join()
}

// follow says in an answer where it goes on live, or why it does not.
func (d *Datasource) follow(answer *data.Frame, q query.Query, keys []string, follow frames.Follow) {
	channel, err := q.Channel()
	err = cmp.Or(err, d.cannotFollow(q.Kind))
	if err == nil {
		d.streams.mu.Lock()
		err = d.streams.room(channel.Path)
		d.streams.mu.Unlock()
	}
	if err != nil {
		answer.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: "Not live: " + err.Error() + "."})
		return
	}
	follow.Path, follow.Query = channel.Path, channel.JSON
	frames.Followed(answer, keys, follow)
}

// cannotFollow is why a kind cannot be followed; nil when it can. All viewers of a stream see the same rows, and Grafana
// runs it in nobody's name: a store that is asked with each user's own identity cannot be asked.
func (d *Datasource) cannotFollow(kind query.Kind) error {
	var asked []settings.Store
	switch kind {
	case query.Requests:
		asked = []settings.Store{d.settings.Prometheus, d.settings.Loki, d.settings.Jaeger}
	case query.Logs:
		asked = []settings.Store{d.settings.Loki}
	default:
		return query.ErrNotLive
	}
	for _, s := range asked {
		if s.Configured() && s.ForwardIdentity {
			return fmt.Errorf("%s is asked with the identity of each user, and a live stream has no user", upstream.Title(s.Name))
		}
	}
	return nil
}
