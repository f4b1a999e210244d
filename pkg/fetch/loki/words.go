package loki

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// wordsGrain widens a window before it is asked, so that the refreshes of a panel share an answer.
const wordsGrain = 10 * time.Minute

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
	values, _, err := c.words.Get(ctx, key, func(ctx context.Context) ([]string, []evidence.Call, error) {
		values, err := c.LabelValues(ctx, key.window, label)
		return values, nil, err
	})
	return values, err
}
