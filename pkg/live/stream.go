package live

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
)

// How a stream looks at the stores.
const (
	// maxLiveRows is what a stream remembers for viewers who come later: the newest.
	maxLiveRows = 1000
	// nearEvery and farEvery are the usual times between two near and two far looks.
	nearEvery = time.Second
	farEvery  = 10 * time.Second
	// lookTimeout is how long a near look waits for a store that hangs; the others' evidence is as old by then.
	lookTimeout = 5 * time.Second
	// slowest is the longest pause that stores which fail are given.
	slowest = 30 * time.Second
	// framesAfterJoin is how many full frames follow when a viewer joins: changes sent between the frame that the viewer
	// joins with and the moment when Grafana counts it among the channel's viewers would be lost to it.
	framesAfterJoin = 2
)

// reach is which of the two looks one is.
type Horizon string

const (
	Near Horizon = "near"
	Far  Horizon = "far"
)

// watcher asks the stores one question again and again. plan and done are called by one goroutine, look by any.
type watcher interface {
	// form is an empty frame of the answer's kind.
	form() *data.Frame
	plan(r Horizon, now time.Time) Poll
	// look asks the stores. Its error is that nothing could be told at all.
	look(ctx context.Context, p Poll) (Polled, error)
	done(Polled)
}

// plan is a look to come: the window that is asked for, and the part of it that the look speaks for.
type Poll struct {
	reach    Horizon
	at       time.Time
	ask, own evidence.Window
	expected int // rows, 0 = not known
}

// look is what the stores told.
type Polled struct {
	Poll
	rows     []Row[frames.Cells]
	complete bool // no evidence was missing
	fixed    bool // rows never change nor go: a look can only bring more
	failed   bool // a store failed: it should be given time
	notices  []data.Notice
	lives    []Lifetime
}

// stream turns looks into frames.
type stream struct {
	watcher watcher
	send    func(*data.Frame, data.FrameInclude) error
	now     func() time.Time
	every   map[Horizon]time.Duration

	mu      sync.Mutex // guards what follows: viewers join while the stream runs
	tail    *Tail[frames.Cells]
	form    *data.Frame
	notices map[Horizon][]data.Notice
	from    time.Time // what began since then is all there, as far as there was room
	whole   int       // how many of the next frames are full ones
	started bool      // a first look is over
}

func newStream(w watcher, send func(*data.Frame, data.FrameInclude) error, now func() time.Time, every map[Horizon]time.Duration) *stream {
	return &stream{
		watcher: w, send: send, now: now, every: every,
		tail: New(maxLiveRows, frames.SameCells, frames.KeepCells), form: w.form(), notices: map[Horizon][]data.Notice{}, whole: 1,
	}
}

// run looks until ctx ends. A far look takes longer, so near ones go on beside it.
func (s *stream) run(ctx context.Context) error {
	var fars sync.WaitGroup
	defer fars.Wait()
	found := make(chan pollResult, 1)
	nearTimer, farTimer := time.NewTimer(0), time.NewTimer(s.every[Near])
	defer nearTimer.Stop()
	defer farTimer.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-nearTimer.C:
			f := s.look(ctx, s.watcher.plan(Near, s.now()), lookTimeout)
			if failures++; !f.failed {
				failures = 0
			}
			if err := s.take(ctx, f); err != nil {
				return err
			}
			nearTimer.Reset(pause(s.every[Near], f.took, failures))
		case <-farTimer.C:
			p := s.watcher.plan(Far, s.now())
			fars.Go(func() {
				defer guard.Recover(ctx, new(error)) // a look keeps its own
				found <- s.look(ctx, p, slowest)
			})
		case f := <-found:
			if err := s.take(ctx, f); err != nil {
				return err
			}
			farTimer.Reset(max(s.every[Far], 10*f.took)) // whatever it costs, it is at most a tenth of the time
		}
	}
}

// pause is the time until the next near Polled: looks take at most half of the time, and stores that fail get more of it
// every time.
func pause(every, took time.Duration, failures int) time.Duration {
	wait := max(every-took, took)
	for range min(failures, 10) {
		wait *= 2
	}
	return min(wait, slowest)
}

// finding is a look and what it took.
type pollResult struct {
	Polled
	took time.Duration
	err  error
}

// look makes one look. A panic in it is its error: it must not end the plugin.
func (s *stream) look(ctx context.Context, p Poll, timeout time.Duration) (f pollResult) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx, broken := guard.Watch(ctx)
	defer func() {
		f.Poll, f.took = p, time.Since(began)
		if f.err != nil {
			f.failed = true
			f.notices = []data.Notice{{
				Severity: data.NoticeSeverityWarning,
				Text:     fmt.Sprintf("%s. The rows are those of before; it is tried again.", trimDot(f.err.Error())),
			}}
		}
		lookSeconds.WithLabelValues(string(s.form.Name), string(p.reach)).Observe(f.took.Seconds())
	}()
	f.err = guard.Run(ctx, func() (err error) { f.Polled, err = s.watcher.look(upstream.WithQuestion(ctx), p); return err })
	if err := broken(); err != nil {
		f.Polled, f.err = Polled{}, err
	}
	return f
}

// take puts a look into the tail and sends what it changed.
func (s *stream) take(ctx context.Context, f pollResult) error {
	if ctx.Err() != nil {
		return ctx.Err() // calls that were cut off tell nothing
	}
	if f.err == nil {
		s.watcher.done(f.Polled)
	}
	frame, include := s.update(f)
	if frame == nil {
		return nil
	}
	return s.send(frame, include)
}

// update gives the frame that tells viewers what a look changed; nil when it changed nothing.
func (s *stream) update(f pollResult) (*data.Frame, data.FrameInclude) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var change Change[frames.Cells]
	switch {
	case f.err != nil:
	case f.complete && !f.fixed:
		change = s.tail.Saw(f.own, f.rows)
	default:
		change = s.tail.Glimpsed(f.own, f.rows)
	}
	if f.complete && (s.from.IsZero() || f.reach == Far && f.ask.From.Before(s.from)) {
		s.from, s.whole = f.ask.From, max(s.whole, 1)
	}
	s.started = true
	if !slices.Equal(textsOf(s.notices[f.reach]), textsOf(f.notices)) {
		s.notices[f.reach], s.whole = f.notices, max(s.whole, 1)
	}
	if s.whole > 0 {
		s.whole--
		return s.all(), data.IncludeAll
	}
	if change.Empty() {
		return nil, 0
	}
	rows := make([]frames.LiveRow, 0, len(change.Put)+len(change.Over))
	for _, r := range change.Over {
		rows = append(rows, frames.LiveRow{Key: r.Key, Over: true, Cells: r.Value})
	}
	for _, r := range change.Put {
		rows = append(rows, frames.LiveRow{Key: r.Key, Cells: r.Value})
	}
	return frames.Live(s.form, rows, nil, s.from), data.IncludeDataOnly
}

// all is a frame of everything that is kept.
func (s *stream) all() *data.Frame {
	kept := s.tail.Rows()
	rows := make([]frames.LiveRow, len(kept))
	for i, r := range kept {
		rows[i] = frames.LiveRow{Key: r.Key, Cells: r.Value}
	}
	from := s.from
	if floor := s.tail.Floor(); floor.After(from) {
		from = floor
	}
	notices := slices.Concat(s.notices[Near], s.notices[Far])
	seen := map[string]bool{}
	notices = slices.DeleteFunc(notices, func(n data.Notice) bool {
		double := seen[n.Text]
		seen[n.Text] = true
		return double
	})
	return frames.Live(s.form, rows, notices, from)
}

// join gives a viewer who comes later all there is; nil before the first look is over, whose frame will be a full one.
func (s *stream) join() *data.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return nil
	}
	s.whole = framesAfterJoin
	return s.all()
}

func textsOf(notices []data.Notice) []string {
	out := make([]string, len(notices))
	for i, n := range notices {
		out[i] = n.Text
	}
	return out
}
