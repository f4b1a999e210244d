package answer

import (
	"context"
	"errors"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// charged charges what an answer takes until Grafana has it, in bytes. What does not fit is cut, which in a rule is an error.
func Charged(ctx context.Context, fs data.Frames, rules bool) (data.Frames, int64, error) {
	account := memory.Of(ctx)
	cost := frames.Cost(fs)
	err := account.Take(ctx, cost)
	if err == nil {
		return fs, cost, nil
	}
	share := account.Share()
	if !overBudget(err) || rules {
		return nil, 0, tooLarge(err, share)
	}
	room := account.Left()
	fs = frames.Fit(fs, room, share)
	if cost = min(frames.Cost(fs), account.Left()); len(fs) == 0 {
		return nil, 0, tooLarge(err, share)
	}
	return fs, cost, account.Take(ctx, cost)
}

func overBudget(err error) bool { return errors.Is(err, memory.ErrShare) }

// tooMuch says of an answer that its query may not hold what to do.
func tooLarge(err error, share int64) error {
	if !overBudget(err) {
		return err
	}
	return backend.DownstreamError(fmt.Errorf("the answer is too large: %w (%d MiB); ask for fewer rows or series, for a shorter range, or for a longer step", err, share>>20))
}
