package memo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var kind = memo.Declare(memo.Kind{
	Name: "test.texts", Holds: "texts", MovedBy: "a test", TTL: time.Minute, Empty: time.Second, Entries: 3, Bytes: 100,
})

var (
	noon      = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	plain     = settings.Store{Name: evidence.Loki, URL: "http://loki"}
	forwarded = settings.Store{Name: evidence.Loki, URL: "http://loki", ForwardIdentity: true}
)

func size(s string) memo.Weight { return memo.Weight{Bytes: len(s), Empty: s == ""} }

type texts = memo.Memo[string, string]

// asker answers with a text and counts how often it was asked.
type asker struct{ asked atomic.Int32 }

func (a *asker) say(text string) func(context.Context) (string, []evidence.Call, error) {
	return func(context.Context) (string, []evidence.Call, error) {
		a.asked.Add(1)
		return text, []evidence.Call{{Text: text}}, nil
	}
}

func get(t *testing.T, m *texts, ctx context.Context, key string, ask func(context.Context) (string, []evidence.Call, error)) (string, int) {
	t.Helper()
	value, calls, err := m.Get(ctx, key, ask)
	require.NoError(t, err)
	return value, len(calls)
}

// as is the context of a user with these headers; no headers are a rule's.
func as(t *testing.T, headers ...string) context.Context {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return upstream.WithIdentity(t.Context(), h)
}

func TestAValueIsAskedForOnceUntilItIsTooOld(t *testing.T) {
	now, a := noon, asker{}
	m := memo.New[string](kind, size, plain).WithClock(func() time.Time { return now })
	for _, step := range []struct {
		later time.Duration
		text  string
		calls int
	}{{0, "one", 1}, {59 * time.Second, "one", 0}, {time.Second, "two", 1}, {0, "two", 0}} {
		now = now.Add(step.later)
		text, calls := get(t, m, t.Context(), "k", a.say(step.text))
		require.Equal(t, step.text, text)
		require.Equal(t, step.calls, calls, "the calls are those of who waited for them")
	}
}

func TestAnEmptyAnswerIsKeptForLess(t *testing.T) {
	now, a := noon, asker{}
	m := memo.New[string](kind, size, plain).WithClock(func() time.Time { return now })
	get(t, m, t.Context(), "k", a.say(""))
	get(t, m, t.Context(), "k", a.say(""))
	require.EqualValues(t, 1, a.asked.Load())
	now = now.Add(time.Second)
	text, _ := get(t, m, t.Context(), "k", a.say("there"))
	require.Equal(t, "there", text)

	m.Shorten(t.Context(), "k")
	now = now.Add(time.Second)
	text, _ = get(t, m, t.Context(), "k", a.say("anew"))
	require.Equal(t, "anew", text, "what was shortened is kept no longer than an empty answer")
}

func TestNoErrorAndNoPartIsKept(t *testing.T) {
	m := memo.New[string](kind, size, plain)
	_, _, err := m.Get(t.Context(), "k", func(context.Context) (string, []evidence.Call, error) { return "half", nil, errors.New("broke off") })
	require.EqualError(t, err, "broke off")
	part := func(context.Context) (string, []evidence.Call, error) {
		return "part", []evidence.Call{{Partial: "one replica is away"}}, nil
	}
	for range 2 {
		text, calls := get(t, m, t.Context(), "k", part)
		require.Equal(t, "part", text)
		require.Equal(t, 1, calls, "everybody hears what is missing")
	}
	_, ok := m.Peek(t.Context(), "k")
	require.False(t, ok)
}

func TestAnErrorIsKeptWhereItsKindSaysSo(t *testing.T) {
	brief := memo.Declare(memo.Kind{Name: "test.brief", Holds: "x", MovedBy: "x", TTL: time.Minute, Failed: time.Second, Entries: 3})
	now, asked := noon, 0
	m := memo.New[string, string](brief, nil, plain).WithClock(func() time.Time { return now })
	fail := func(context.Context) (string, []evidence.Call, error) { asked++; return "", nil, errors.New("no") }
	for range 3 {
		_, _, err := m.Get(t.Context(), "k", fail)
		require.EqualError(t, err, "no")
	}
	require.Equal(t, 1, asked)
	_, ok := m.Peek(t.Context(), "k")
	require.False(t, ok)
	now = now.Add(time.Second)
	_, _, _ = m.Get(t.Context(), "k", fail)
	require.Equal(t, 2, asked)
}

// hold is an ask that waits until it is told to go on.
type hold struct {
	begun, goOn chan struct{}
	asked       atomic.Int32
	ended       chan error // why its context ended, when it did
}

func newHold() *hold {
	return &hold{begun: make(chan struct{}, 1), goOn: make(chan struct{}), ended: make(chan error, 1)}
}

func (h *hold) ask(ctx context.Context) (string, []evidence.Call, error) {
	h.asked.Add(1)
	h.begun <- struct{}{}
	select {
	case <-h.goOn:
		return "answer", nil, nil
	case <-ctx.Done():
		h.ended <- ctx.Err()
		return "", nil, upstream.FromNetwork(plain, ctx.Err())
	}
}

func TestThirtyAtOnceAreOneQuestion(t *testing.T) {
	m, h := memo.New[string](kind, size, plain), newHold()
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			text, _, err := m.Get(t.Context(), "k", h.ask)
			if err != nil || text != "answer" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	<-h.begun
	close(h.goOn)
	group.Wait()
	require.EqualValues(t, 1, h.asked.Load())
}

func TestACallerWhoLeavesFailsNobodyElse(t *testing.T) {
	m, h := memo.New[string](kind, size, plain), newHold()
	leader, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		_, _, err := m.Get(leader, "k", h.ask)
		if !errors.Is(err, upstream.ErrCanceled) {
			t.Error("the one who left was canceled: ", err)
		}
	})
	<-h.begun
	follower, waits := signal(t.Context())
	group.Go(func() {
		text, _, err := m.Get(follower, "k", h.ask)
		if err != nil || text != "answer" {
			t.Errorf("%q, %v", text, err)
		}
	})
	<-waits // the follower has joined
	leave()
	close(h.goOn)
	group.Wait()
	require.EqualValues(t, 1, h.asked.Load())
}

// signal is a context that tells when somebody waits for its end.
func signal(parent context.Context) (context.Context, <-chan struct{}) {
	s := &signaling{Context: parent, waits: make(chan struct{})}
	return s, s.waits
}

type signaling struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (s *signaling) Done() <-chan struct{} {
	s.once.Do(func() { close(s.waits) })
	return s.Context.Done()
}

func TestAnotherQuerysLackOfRoomFailsNobodyElse(t *testing.T) {
	m, h := memo.New[string](kind, size, plain), newHold()
	full := func(ctx context.Context) (string, []evidence.Call, error) {
		_, _, err := h.ask(ctx)
		return "", nil, errors.Join(err, memory.ErrShare)
	}
	var group sync.WaitGroup
	group.Go(func() {
		if _, _, err := m.Get(t.Context(), "k", full); !errors.Is(err, memory.ErrShare) {
			t.Error(err)
		}
	})
	<-h.begun
	follower, waits := signal(t.Context())
	group.Go(func() {
		text, _, err := m.Get(follower, "k", (&asker{}).say("fits"))
		if err != nil || text != "fits" {
			t.Errorf("%q, %v", text, err)
		}
	})
	<-waits
	close(h.goOn)
	group.Wait()
}

func TestTheLastWhoLeavesEndsTheQuestion(t *testing.T) {
	m, h := memo.New[string](kind, size, plain), newHold()
	ctx, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { _, _, _ = m.Get(ctx, "k", h.ask) })
	<-h.begun
	leave()
	require.ErrorIs(t, <-h.ended, context.Canceled)
	group.Wait()

	close(h.goOn) // whoever asks then begins anew
	text, _ := get(t, m, t.Context(), "k", h.ask)
	require.Equal(t, "answer", text)
	require.EqualValues(t, 2, h.asked.Load())
}

func TestAPanicIsTheErrorOfThoseWhoWait(t *testing.T) {
	m := memo.New[string](kind, size, plain)
	_, _, err := m.Get(t.Context(), "k", func(context.Context) (string, []evidence.Call, error) { panic("boom") })
	require.EqualError(t, err, "internal error of the vLLM data source; its log has the details")
	text, _ := get(t, m, t.Context(), "k", (&asker{}).say("fine"))
	require.Equal(t, "fine", text)
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	m, a := memo.New[string](kind, size, plain), asker{}
	for i := range 10 {
		get(t, m, t.Context(), fmt.Sprint(i), a.say("x"))
	}
	require.Equal(t, 3, m.Known(t.Context()))
	get(t, m, t.Context(), "7", a.say("x")) // used again: the next to go is 8
	get(t, m, t.Context(), "new", a.say("x"))
	for key, kept := range map[string]bool{"7": true, "8": false, "9": true, "new": true} {
		_, ok := m.Peek(t.Context(), key)
		require.Equal(t, kept, ok, key)
	}
	get(t, m, t.Context(), "large", a.say(strings.Repeat("x", 99)))
	require.Equal(t, 2, m.Known(t.Context()), "99 and 1 bytes of 100")
	get(t, m, t.Context(), "too large", a.say(strings.Repeat("x", 101)))
	_, ok := m.Peek(t.Context(), "too large")
	require.False(t, ok)
	require.Equal(t, 2, m.Known(t.Context()), "what is not kept drops nothing")
}

func TestWhatIsLearntIsPutAndUpdated(t *testing.T) {
	m := memo.New[string](kind, size, plain)
	m.Put(t.Context(), "k", "a")
	m.Update(t.Context(), "k", func(old string, known bool) string { require.True(t, known); return old + "b" })
	m.Update(t.Context(), "other", func(old string, known bool) string { require.False(t, known); return old + "c" })
	for key, want := range map[string]string{"k": "ab", "other": "c"} {
		got, ok := m.Peek(t.Context(), key)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
}

func TestIdentitiesNeverShareWhatAStoreWasAskedInTheirName(t *testing.T) {
	users := map[string]context.Context{
		"alice's OAuth token": as(t, "Authorization", "Bearer alice"),
		"bob's OAuth token":   as(t, "Authorization", "Bearer bob"),
		"alice's id token":    as(t, "X-Id-Token", "alice"),
		"bob's id token":      as(t, "X-Id-Token", "bob"),
		"alice's Grafana id":  as(t, "X-Grafana-Id", "alice"),
		"bob's Grafana id":    as(t, "X-Grafana-Id", "bob"),
		"alice's cookie":      as(t, "Cookie", "session=alice"),
		"bob's cookie":        as(t, "Cookie", "session=bob"),
		"both of alice's":     as(t, "Authorization", "Bearer alice", "Cookie", "session=alice"),
		"a rule, of nobody":   as(t),
		"a text in the seam":  as(t, "Authorization", "Bearer alicesession=alice"),
	}
	plenty := memo.Declare(memo.Kind{Name: "test.plenty", Holds: "x", MovedBy: "x", TTL: time.Minute, Entries: 100})
	m := memo.New[string, string](plenty, nil, forwarded)
	for name, ctx := range users {
		text, calls := get(t, m, ctx, "k", (&asker{}).say(name))
		require.Equal(t, name, text)
		require.Equal(t, 1, calls)
	}
	for name, ctx := range users {
		text, calls := get(t, m, ctx, "k", (&asker{}).say("asked again"))
		require.Equal(t, name, text, "each has its own")
		require.Zero(t, calls)
	}
	spelled := upstream.WithIdentity(t.Context(), http.Header{"authorization": {"Bearer alice"}, "X-Webauth-User": {"alice"}})
	text, _ := get(t, m, spelled, "k", (&asker{}).say("asked again"))
	require.Equal(t, "alice's OAuth token", text, "only what a store is sent tells who asks")
}

func TestWithoutAKnownIdentityNothingIsKeptOrShared(t *testing.T) {
	m, a := memo.New[string](kind, size, forwarded), asker{}
	nobody := t.Context() // no RPC said who asks
	for i := range 3 {
		text, _ := get(t, m, nobody, "k", a.say(fmt.Sprint(i)))
		require.Equal(t, fmt.Sprint(i), text)
	}
	m.Put(nobody, "k", "x")
	_, ok := m.Peek(nobody, "k")
	require.False(t, ok)
	require.Zero(t, m.Known(nobody))
	require.Zero(t, m.Known(as(t)))

	h := newHold() // two at once are two questions
	h.begun = make(chan struct{}, 2)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() { _, _, _ = m.Get(nobody, "k", h.ask) })
	}
	<-h.begun
	<-h.begun
	close(h.goOn)
	group.Wait()
	require.EqualValues(t, 2, h.asked.Load())
}

func TestUsersAreOneWhereNoStoreIsSentTheirIdentity(t *testing.T) {
	m, a := memo.New[string](kind, size, plain, settings.Store{ForwardIdentity: true}), asker{} // which is not configured
	get(t, m, as(t, "Authorization", "Bearer alice"), "k", a.say("x"))
	get(t, m, as(t, "Authorization", "Bearer bob"), "k", a.say("y"))
	get(t, m, t.Context(), "k", a.say("z"))
	require.EqualValues(t, 1, a.asked.Load())
}

func TestANilMemoKeepsNothing(t *testing.T) {
	var m *texts
	a := asker{}
	get(t, m, t.Context(), "k", a.say("x"))
	m.Put(t.Context(), "k", "x")
	m.Shorten(t.Context(), "k")
	_, ok := m.Peek(t.Context(), "k")
	require.False(t, ok)
	require.Zero(t, m.Known(t.Context()))
}

func TestAKindNeedsWordsAndBounds(t *testing.T) {
	sound := memo.Kind{Name: "test.sound", Holds: "x", MovedBy: "x", TTL: time.Minute, Entries: 3}
	for name, spoil := range map[string]func(*memo.Kind){
		"no name": func(k *memo.Kind) { k.Name = "" }, "no words": func(k *memo.Kind) { k.Holds = "" }, "nobody": func(k *memo.Kind) { k.MovedBy = "" },
		"for ever": func(k *memo.Kind) { k.TTL = 0 }, "without a bound": func(k *memo.Kind) { k.Entries = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			k := sound
			spoil(&k)
			require.Panics(t, func() { memo.Declare(k) })
		})
	}
	memo.Declare(sound)
	require.Panics(t, func() { memo.Declare(sound) }, "a name is taken once")
}
