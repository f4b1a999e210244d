package jaeger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
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

// Methods that are called without generated code.
const (
	findTracesV2  = "/jaeger.api_v2.QueryService/FindTraces"
	getTraceV2    = "/jaeger.api_v2.QueryService/GetTrace"
	getServices   = "/jaeger.api_v2.QueryService/GetServices"
	getOperations = "/jaeger.api_v2.QueryService/GetOperations"
)

// way is how to ask for traces.
type way struct {
	protocol protocol
	large    bool // for the largest messages that are read
}

// ways are tried in this order. One message holds a whole trace in api_v3, and few spans in api_v2: what is too large there may come
// in pieces here.
var ways = []way{{protocolV3, false}, {protocolV2, false}, {protocolV2, true}, {protocolV3, true}}

// find asks for traces by the best protocol. The answer holds what came even when there is an error. Where messages were too large for
// the usual way, it says from which on to try the next time.
func (c *Client) find(ctx context.Context, o *origins, q query, from int) (a *answer, calls []evidence.Call, next int, err error) {
	state, _ := c.protocol.Peek(ctx, struct{}{})
	absent, tooLarge := map[protocol]bool{protocolV3: state == protocolV2}, from > 0
	a, next = newAnswer(ctx, o), from
	for i := from; i < len(ways); i++ {
		w := ways[i]
		if absent[w.protocol] || w.large && !tooLarge || w == ways[3] && !absent[protocolV2] {
			continue
		}
		a.settle(0)
		a = newAnswer(ctx, o)
		var call evidence.Call
		call, err = c.findBy(ctx, w, q, a)
		calls = append(calls, call)
		// A gateway that lets only known methods through forbids the unknown one instead of not implementing it.
		switch missing := errors.Is(err, upstream.ErrUnsupported) || w.protocol == protocolV3 && state == protocolUnknown && errors.Is(err, upstream.ErrForbidden); {
		case err == nil && state == protocolUnknown && !tooLarge:
			c.protocol.Put(ctx, struct{}{}, w.protocol)
		case missing:
			absent[w.protocol] = true
			continue
		case messageTooLarge(err):
			tooLarge, next = true, i+1
			continue
		}
		return a, calls, next, err
	}
	return a, calls, from, err
}

func (c *Client) findBy(ctx context.Context, w way, q query, a *answer) (evidence.Call, error) {
	size, name, find := c.usual, " (api_v2)", c.findV2
	if w.large {
		size = c.large
	}
	if w.protocol == protocolV3 {
		name, find = " (api_v3)", c.findV3
	}
	return c.call(ctx, stageFindTraces, q.String()+name, func(ctx context.Context) (int, error) {
		a.ctx = ctx
		err := find(ctx, size, q, a)
		return len(a.order), err
	})
}

func (c *Client) findV2(ctx context.Context, size messageSize, q query, a *answer) error {
	request := &api_v2.FindTracesRequest{Query: &api_v2.TraceQueryParameters{
		ServiceName:   q.service,
		OperationName: q.operation,
		Tags:          q.tags,
		StartTimeMin:  q.window.From,
		StartTimeMax:  q.window.To,
		SearchDepth:   int32(q.depth), // #nosec G115 -- bounded by settings
		RawTraces:     true,           // times as the engine wrote them, without Jaeger's clock-skew adjustment
	}}
	return c.receive(ctx, findTracesV2, request, size, c.taker(a, a.takeV2))
}

func (c *Client) findV3(ctx context.Context, size messageSize, q query, a *answer) error {
	request := rawMessage(q.marshalV3())
	return c.receive(ctx, findTracesV3, &request, size, c.taker(a, a.takeV3))
}

// taker charges an answer's account for each message before it is decoded.
func (c *Client) taker(a *answer, take func(message []byte) error) func(message []byte) error {
	return func(message []byte) error {
		err := a.message(message)
		if err == nil {
			err = take(message)
		}
		if errors.Is(err, errWire) {
			return upstream.BadAnswer(c.store, err)
		}
		return err
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
