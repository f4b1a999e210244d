package jaeger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
)

// query is one FindTraces call. Service, both times and a depth above zero are always sent: what a storage makes of a
// search without them differs between all of them.
type query struct {
	subject
	window evidence.Window
	depth  int
}

// String says what is asked, for the report.
func (q query) String() string {
	const clock = "2006-01-02T15:04:05.000000Z"
	text := fmt.Sprintf("traces of %s", q.service)
	if q.operation != "" {
		text += " with " + q.operation
	}
	for _, key := range slices.Sorted(maps.Keys(q.tags)) {
		text += fmt.Sprintf(" %s=%q", key, q.tags[key])
	}
	return fmt.Sprintf("%s from %s to %s, at most %d", text, q.window.From.UTC().Format(clock), q.window.To.UTC().Format(clock), q.depth)
}

// findTracesV3 is the one method of api_v3 in use. It is about twice as fast as api_v2 for many traces, and newer: which
// one a server has is learned from its first answer.
const findTracesV3 = "/jaeger.api_v3.QueryService/FindTraces"

// protocol is which protocol answers.
type protocol int

const (
	protocolUnknown protocol = iota
	protocolV2
	protocolV3
)

// find asks for traces by the best protocol. The answer holds what came even when there is an error.
func (c *Client) find(ctx context.Context, o *origins, q query) (*answer, []evidence.Call, error) {
	var calls []evidence.Call
	state, _ := c.protocol.Peek(ctx, struct{}{})
	if state != protocolV2 {
		a := newAnswer(o)
		call, err := c.call(ctx, stageFindTraces, q.String()+" (api_v3)", func(ctx context.Context) (int, error) {
			err := c.findV3(ctx, q, a)
			return len(a.order), err
		})
		if err == nil && state == protocolUnknown {
			c.protocol.Put(ctx, struct{}{}, protocolV3)
		}
		// A gateway that lets only known methods through forbids the unknown one instead of not implementing it.
		absent := errors.Is(err, upstream.ErrUnsupported) || state == protocolUnknown && errors.Is(err, upstream.ErrForbidden)
		// One message holds a whole trace there, and few spans here: what is too large there may come in pieces.
		large := errors.Is(err, upstream.ErrTooLarge) && a.charged == 0
		if !absent && !large {
			return a, []evidence.Call{call}, err
		}
		calls, state = append(calls, call), cmp.Or(state, map[bool]protocol{true: protocolV3}[large])
	}
	a := newAnswer(o)
	call, err := c.call(ctx, stageFindTraces, q.String()+" (api_v2)", func(ctx context.Context) (int, error) {
		err := c.findV2(ctx, q, a)
		return len(a.order), err
	})
	if err == nil && state == protocolUnknown {
		c.protocol.Put(ctx, struct{}{}, protocolV2)
	}
	return a, append(calls, call), err
}

func (c *Client) findV2(ctx context.Context, q query, a *answer) error {
	stream, err := c.v2.FindTraces(ctx, &api_v2.FindTracesRequest{Query: &api_v2.TraceQueryParameters{
		ServiceName:   q.service,
		OperationName: q.operation,
		Tags:          q.tags,
		StartTimeMin:  q.window.From,
		StartTimeMax:  q.window.To,
		SearchDepth:   int32(q.depth), // #nosec G115 -- bounded by settings
		RawTraces:     true,           // times as the engine wrote them, without Jaeger's clock-skew adjustment
	}})
	if err != nil {
		return err
	}
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.charge(ctx, chunk.Size()); err != nil {
			return err
		}
		a.takeV2(chunk)
	}
}

func (c *Client) findV3(ctx context.Context, q query, a *answer) error {
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, findTracesV3)
	if err != nil {
		return err
	}
	request := rawMessage(q.marshalV3())
	if err := stream.SendMsg(&request); err != nil && !errors.Is(err, io.EOF) { // EOF: the reason comes with RecvMsg
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var message rawMessage
	for {
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.charge(ctx, len(message)); err != nil {
			return err
		}
		if err := a.takeV3(message); err != nil {
			return upstream.BadAnswer(c.store, err)
		}
	}
}

// Field numbers of FindTracesRequest and TraceQueryParameters in Jaeger's api_v3/query_service.proto (jaeger-idl 0.14.0),
// for which no Go code is published.
const (
	findTracesQuery = 1

	queryService    = 1
	queryOperation  = 2
	queryAttributes = 3 // map<string, string>
	queryStartMin   = 4
	queryStartMax   = 5
	queryDepth      = 8
	queryRaw        = 9

	mapKey   = 1
	mapValue = 2

	timestampSeconds = 1 // google.protobuf.Timestamp
	timestampNanos   = 2
)

func (q query) marshalV3() []byte {
	var p []byte
	p = appendString(p, queryService, q.service)
	p = appendString(p, queryOperation, q.operation)
	for _, key := range slices.Sorted(maps.Keys(q.tags)) {
		var entry []byte
		entry = appendString(entry, mapKey, key)
		entry = appendString(entry, mapValue, q.tags[key])
		p = appendMessage(p, queryAttributes, entry)
	}
	p = appendMessage(p, queryStartMin, timestamp(q.window.From))
	p = appendMessage(p, queryStartMax, timestamp(q.window.To))
	p = appendNumber(p, queryDepth, int64(q.depth))
	p = appendNumber(p, queryRaw, 1)
	return appendMessage(nil, findTracesQuery, p)
}

func timestamp(t time.Time) []byte {
	p := appendNumber(nil, timestampSeconds, t.Unix())
	return appendNumber(p, timestampNanos, int64(t.Nanosecond()))
}

func appendString(b []byte, number protowire.Number, s string) []byte {
	if s == "" {
		return b // proto3 leaves defaults out
	}
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), s)
}

func appendMessage(b []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), message)
}

func appendNumber(b []byte, number protowire.Number, n int64) []byte {
	if n == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(n)) // #nosec G115 -- two's complement
}
