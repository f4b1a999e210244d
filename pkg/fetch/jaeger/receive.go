package jaeger

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// gRPC holds a message as a whole before anybody can say no to it. So what a call may receive is charged before any of it is read:
// messages of a usual size for all calls, and for one call at a time of a request the largest that is read. A server that is still
// looking has sent nothing, and holds nothing.

const (
	// usualMessage, in bytes, is the largest message of a usual call. Jaeger sends ten spans in one (api_v2), or a trace (api_v3): some
	// 300 spans.
	usualMessage = 512 << 10
	// maxMessage, in bytes, is the largest message that is read at all.
	maxMessage = upstream.MaxWhole
	// streamWindow, in bytes, is how much a server may send ahead of what is read of a call, connWindow of all calls.
	streamWindow = 128 << 10
	connWindow   = 8 << 20
)

// messageSize is how large the messages of a call may be.
type messageSize struct {
	most  grpc.CallOption
	cost  int64 // bytes that are charged while an answer comes: a message as it came, the same in one piece, and what is sent ahead
	alone bool  // one call at a time
}

// sizesOf gives the sizes for a store. Settings may ask for smaller messages.
func sizesOf(store settings.Store) (usual, large messageSize) {
	most := int(store.MaxResponse)
	if most <= 0 {
		most = settings.DefaultMaxResponse
	}
	most = min(most, maxMessage)
	usual = messageSize{most: grpc.MaxCallRecvMsgSize(min(most, usualMessage)), cost: 2*usualMessage + streamWindow}
	return usual, messageSize{most: grpc.MaxCallRecvMsgSize(most), cost: 2*maxMessage + streamWindow, alone: true}
}

// hold charges ctx's account for an answer that is about to come. give gives that back when it is there.
func (s messageSize) hold(ctx context.Context) (give func(), err error) {
	account := memory.Of(ctx)
	if s.alone {
		give, err = account.TakeAlone(ctx, s.cost)
	} else {
		err = account.Take(ctx, s.cost)
		give = func() { account.Give(s.cost) }
	}
	return give, upstream.NotHeld(evidence.Jaeger, err)
}

// receive makes a call and gives each message of the answer to take, whose error ends the call.
func (c *Client) receive(ctx context.Context, method string, request any, size messageSize, take func(message []byte) error) error {
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, size.most)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) { // EOF: the reason comes with RecvMsg
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	_, _ = stream.Header() // the answer begins; RecvMsg says what is wrong with it
	give, err := size.hold(ctx)
	if err != nil {
		return err
	}
	defer give()
	for {
		var next received
		err := stream.RecvMsg(&next)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = take(next.take())
		}
		if err != nil {
			return err // ending the call's context ends the stream
		}
	}
}

// sized makes a call for messages of the usual size, and again for the largest where one of them was larger.
func (c *Client) sized(do func(size messageSize) error) error {
	err := do(c.usual)
	if messageTooLarge(err) {
		return do(c.large)
	}
	return err
}

// messageTooLarge reports whether a message was larger than the call may receive. What the query may not hold is another error.
func messageTooLarge(err error) bool {
	return errors.Is(err, upstream.ErrTooLarge) && !errors.Is(err, memory.ErrShare)
}
