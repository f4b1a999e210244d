package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/answer"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// maxStreams is how many different questions one data source follows at a time. Each asks the stores every second; a
	// room of people on call looks at a handful.
	maxStreams = 20
	// maxStreamsOfUser is how many of them may be followed by one user alone, so that nobody keeps the others out.
	MaxStreamsOfUser = 5
	// placeHeld is how long a place is held for who subscribed: Grafana runs the stream at once.
	placeHeld = 30 * time.Second
)

// streams are those that run, by channel path.
type Streams struct {
	Now   func() time.Time
	Every map[Horizon]time.Duration
	// ended is done when the data source is disposed of, after its settings changed: the streams that run end then.
	ended context.Context
	End   context.CancelFunc

	mu      sync.Mutex
	running map[string]*stream
	places  map[string]*slot
}

// place is one of maxStreams: a question that is followed, or about to be.
type slot struct {
	user   string // the first who subscribed; "" = not signed in, or not known
	shared bool   // others subscribed as well, or it is not known who did: it is nobody's alone
	held   time.Time
}

func NewStreams() *Streams {
	s := &Streams{
		Now: time.Now, Every: map[Horizon]time.Duration{Near: nearEvery, Far: farEvery},
		running: map[string]*stream{}, places: map[string]*slot{},
	}
	s.ended, s.End = context.WithCancel(context.Background())
	return s
}

var errAllPlaces = backend.DownstreamErrorf("%d different live queries run on this data source already, which is the most", maxStreams)

// errSettingsChanged ends a stream; Grafana runs it anew, with the settings that hold now.
var errSettingsChanged = backend.DownstreamError(errors.New("the settings of the data source changed"))

// subscribe takes or shares the place of a path for a user.
func (s *Streams) Subscribe(path, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(path, user); err != nil {
		return err
	}
	p, taken := s.places[path]
	switch {
	case !taken:
		s.places[path] = &slot{user: user, held: s.Now()}
	case p.user != user:
		p.shared = true
	}
	if taken {
		p.held = s.Now()
	}
	return nil
}

// enter lets a stream run in its place; leave gives the place back.
func (s *Streams) enter(path string, entering *stream) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.Err() != nil {
		return nil, errSettingsChanged
	}
	if s.prune(); s.places[path] == nil { // Grafana goes on with a stream of before
		if len(s.places) >= maxStreams {
			return nil, errAllPlaces
		}
		s.places[path] = &slot{shared: true}
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

// room is nil when a user can follow a path. The lock is held.
func (s *Streams) room(path, user string) error {
	if s.prune(); s.places[path] != nil {
		return nil
	}
	own := 0
	for _, p := range s.places {
		if !p.shared && p.user == user {
			own++
		}
	}
	switch {
	case len(s.places) >= maxStreams:
		return errAllPlaces
	case own >= MaxStreamsOfUser:
		return fmt.Errorf("you follow %d different live queries of this data source already, which is the most for one user: close one, and try again half a minute later", own)
	}
	return nil
}

// prune gives back the places of streams that ended, or never began after somebody subscribed. The lock is held.
func (s *Streams) prune() {
	for path, p := range s.places {
		if s.running[path] == nil && s.Now().Sub(p.held) >= placeHeld {
			delete(s.places, path)
		}
	}
}

// join is a frame of all rows of a running stream; nil when none runs.
func (s *Streams) Join(path string) *data.Frame {
	s.mu.Lock()
	running := s.running[path]
	s.mu.Unlock()
	if running == nil {
		return nil
	}
	return running.join()
}

// follow says in an answer where it goes on live, or why it does not.
func (s *Streams) Follow(ctx context.Context, of settings.Settings, answer *data.Frame, q query.Query, keys []string, follow frames.Follow) {
	channel, err := q.Channel()
	err = cmp.Or(err, CannotFollow(of, q))
	if err == nil {
		s.mu.Lock()
		err = s.room(channel.Path, Login(backend.UserFromContext(ctx)))
		s.mu.Unlock()
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
func CannotFollow(of settings.Settings, q query.Query) error {
	var asked []settings.Store
	switch q.Kind {
	case query.Requests:
		asked = []settings.Store{of.Prometheus, of.Loki, of.Jaeger}
	case query.Logs:
		asked = []settings.Store{of.Loki}
		if q.Scope.Narrows(vllm.Model) && of.Loki.Labels.Model == "" { // then the metrics tell on which pods it runs
			asked = append(asked, of.Prometheus)
		}
	default:
		return query.ErrNotLive
	}
	for _, store := range asked {
		if store.Configured() && store.ForwardIdentity {
			return fmt.Errorf("%s is asked with the identity of each user, and a live stream has no user", store.Name.Title())
		}
	}
	return nil
}

// login is how a user is told from others; all who are not signed in are one.
func Login(user *backend.User) string {
	if user == nil {
		return ""
	}
	return user.Login
}

// run feeds one channel for all its viewers until ctx is done or the data source is disposed of; open gives each poll an account.
func (s *Streams) Run(
	ctx context.Context, path string, q query.Query, d *answer.Sources, open func(context.Context) (context.Context, *memory.Account, error),
	send func(*data.Frame, data.FrameInclude) error,
) error {
	if err := CannotFollow(d.Settings, q); err != nil {
		return backend.DownstreamError(err)
	}
	w, err := WatcherOf(d, q)
	if err != nil {
		return backend.DownstreamError(err)
	}
	running := newStream(accounted{w, open}, send, s.Now, s.Every)
	leave, err := s.enter(path, running)
	if err != nil {
		return backend.DownstreamError(err)
	}
	defer leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	defer context.AfterFunc(s.ended, func() {
		defer guard.Recover(ctx, &failed)
		cancel()
	})()
	if err := running.run(ctx); s.ended.Err() == nil {
		return err
	}
	return errSettingsChanged
}
