package loki

import (
	"context"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// wordsTTL is how long a label's values are believed.
	wordsTTL = time.Minute
	// wordsGrain widens a window before it is asked, so that the refreshes of a panel share an answer.
	wordsGrain = 10 * time.Minute
	// maxWords bounds what is remembered: a handful of labels, in the windows of a dashboard.
	maxWords = 64
)

// words remembers what streams call places.
type words struct {
	mu    sync.Mutex
	known map[wordsKey]wordsEntry
}

type wordsKey struct {
	label  string
	window evidence.Window
}

type wordsEntry struct {
	values  []string
	expires time.Time
}

// inOwnWords leaves places out of a scope which the streams name otherwise, or not at all: whoever asks for an instance has the words
// of spans or metrics. The join knows which lines are whose, and narrows what comes. A label that cannot be asked stays. The only
// error is that Loki does not answer at all: it is not asked again then.
func (c *Client) inOwnWords(ctx context.Context, windows []evidence.Window, scope vllm.Scope) (vllm.Scope, error) {
	if len(windows) == 0 {
		return scope, nil
	}
	hull := windows[0]
	for _, w := range windows {
		if w.From.Before(hull.From) {
			hull.From = w.From
		}
		if w.To.After(hull.To) {
			hull.To = w.To
		}
	}
	for _, place := range []vllm.Place{vllm.Environment, vllm.Cluster, vllm.Namespace, vllm.Pod, vllm.Instance} {
		if label := c.labels.Of(place); label != "" && scope.Narrows(place) {
			values, err := c.wordsOf(ctx, hull, label)
			switch {
			case err == nil:
				scope = scope.InWordsOf(func(vllm.Place) []string { return values }, place)
			case upstream.Silent(err):
				return scope, err
			}
		}
	}
	return scope, nil
}

func (c *Client) wordsOf(ctx context.Context, window evidence.Window, label string) ([]string, error) {
	key := wordsKey{label, evidence.Window{From: window.From.Truncate(wordsGrain), To: window.To.Truncate(wordsGrain).Add(wordsGrain)}}
	c.words.mu.Lock()
	entry, ok := c.words.known[key]
	c.words.mu.Unlock()
	if ok && time.Now().Before(entry.expires) {
		return entry.values, nil
	}
	values, err := c.LabelValues(ctx, key.window, label)
	if err != nil {
		return nil, err
	}
	c.words.mu.Lock()
	defer c.words.mu.Unlock()
	if c.words.known == nil || len(c.words.known) >= maxWords {
		c.words.known = map[wordsKey]wordsEntry{}
	}
	c.words.known[key] = wordsEntry{values, time.Now().Add(wordsTTL)}
	return values, nil
}
