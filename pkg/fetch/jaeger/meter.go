package jaeger

import (
	"context"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/tracing"
	"google.golang.org/grpc/stats"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
)

// The stages of our own metrics and spans.
const (
	stageServices   = "services"
	stageOperations = "operations"
	stageFindTraces = "find_traces"
	stageGetTrace   = "get_trace"
)

// call makes one call with the store's deadline, observes it and reports what it cost. do returns how many traces or rows
// came; text says in words what was asked. A server that was silent in the same question is not asked.
func (c *Client) call(ctx context.Context, stage, text string, do func(ctx context.Context) (rows int, err error)) (evidence.Call, error) {
	if err := upstream.Silenced(ctx, evidence.Jaeger); err != nil {
		return evidence.Call{Store: evidence.Jaeger, Text: text, Err: err.Error()}, err
	}
	started := time.Now()
	ctx, span := tracing.DefaultTracer().Start(upstream.WithStage(ctx, stage), "jaeger "+stage)
	defer span.End()
	var received int64
	callCtx, cancel := c.deadline(ctx)
	defer cancel()
	rows, err := do(context.WithValue(callCtx, receivedKey{}, &received))
	err = upstream.FromGRPC(upstream.Asked(ctx, c.store), err)
	upstream.NoteSilence(ctx, evidence.Jaeger, err)
	upstream.Observe(ctx, evidence.Jaeger, started, received, err)
	call := evidence.Call{Store: evidence.Jaeger, Text: text, Duration: time.Since(started), Bytes: received, Rows: rows}
	if err != nil {
		_ = tracing.Error(span, err) // returns err
		call.Err = err.Error()
	}
	return call, err
}

// byteCounter adds up what a call received. Only gRPC itself knows that: messages are decoded before we see them. A
// call's messages are read by one goroutine, which is also the one that asks for the sum, so no lock is needed.
type byteCounter struct{}

type receivedKey struct{}

// HandleRPC counts message bytes after decompression.
func (byteCounter) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if in, ok := event.(*stats.InPayload); ok {
		if n, ok := ctx.Value(receivedKey{}).(*int64); ok {
			*n += int64(in.Length)
		}
	}
}

// TagRPC passes the call's context on as it is.
func (byteCounter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn passes the connection's context on as it is.
func (byteCounter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn ignores connections.
func (byteCounter) HandleConn(context.Context, stats.ConnStats) {}
