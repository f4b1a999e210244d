package jaeger

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

func TestOnlyARefusalOfTheSearchDepthLowersTheDepth(t *testing.T) {
	const memory = "search depth must be greater than 0 and less than max traces"
	for _, test := range []struct {
		name string
		err  error
		want int // what is asked for afterwards
	}{
		{"memory refuses more than it keeps", &upstream.Error{Kind: upstream.ErrServer, Message: memory}, 1000},
		{"the server says where it failed", &upstream.Error{Kind: upstream.ErrServer, Message: "failed to find traces: " + memory}, 1000},
		{"a storage names its maximum", &upstream.Error{Kind: upstream.ErrRefused, Message: "search depth 2000 exceeds maximum allowed 500"}, 500},
		{"a maximum below the floor", &upstream.Error{Kind: upstream.ErrRefused, Message: "search depth 2000 exceeds maximum allowed 1"}, leastDepth},
		{"a message that quotes a viewer's operation", &upstream.Error{Kind: upstream.ErrRefused, Message: `no operation "` + memory + `"`}, 2000},
		{"a message that quotes a viewer's tag", &upstream.Error{Kind: upstream.ErrServer, Message: "bad tag x: " + memory}, 2000},
		{"numbers that were not asked", &upstream.Error{Kind: upstream.ErrRefused, Message: "search depth 7 exceeds maximum allowed 3"}, 2000},
		{"a maximum above what was asked", &upstream.Error{Kind: upstream.ErrRefused, Message: "search depth 2000 exceeds maximum allowed 9000"}, 2000},
		{"another error", errors.New(memory), 2000},
	} {
		t.Run(test.name, func(t *testing.T) {
			depth := memo.NewBound(keptDepth, 5000, leastDepth, settings.Store{})
			require.Equal(t, test.want < 2000, lowerDepth(depth.Of(t.Context()), test.err, 2000))
			require.Equal(t, test.want, depth.Of(t.Context()).Cut(2000))
		})
	}
}
