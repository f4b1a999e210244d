package host

import (
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// pool is what all data sources of this process may hold.
var pool = memory.NewPool()

// openAccount waits for a place for one of Grafana's requests, and lets what is done with the context charge its account.
func (d *Datasource) openAccount(ctx context.Context, of backend.PluginContext, rules bool) (context.Context, *memory.Account, error) {
	who := memory.Who{Source: d.Settings.UID, Rules: rules}
	if of.User != nil {
		who.Viewer = of.User.Login
	}
	account, err := pool.Open(ctx, who, budgetOf(d.Settings.Limits))
	if err != nil {
		return ctx, nil, err
	}
	return memory.With(ctx, account), account, nil
}

// share is how much one request may hold: memory.Share, and more where the settings allow more rows or lines than they do by default.
func budgetOf(l settings.Limits) int64 {
	times := max(1, float64(l.Requests)/settings.DefaultRequests, float64(l.LogLines)/settings.DefaultLogLines)
	return int64(times * memory.Share)
}

// smallAnswer, in bytes, is what is sent so fast that nobody has to wait until it is.
const smallAnswer = 256 << 10

// closeAccount gives back what a request held but for its answer, which is held until Grafana has it: then ctx, which is the request's
// own, ends.
func closeAccount(ctx context.Context, account *memory.Account, answer int64) {
	if answer <= smallAnswer || ctx.Done() == nil {
		account.Close()
		return
	}
	account.Settle(answer)
	context.AfterFunc(ctx, func() {
		defer guard.Recover(ctx, new(error)) // the answer is out
		account.Close()
	})
}
