package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// MaxWhole, in bytes, is the largest answer that is read as a whole before it is decoded. Series are read as they arrive.
const MaxWhole = 16 << 20

const (
	// wholeCost is what a byte of such an answer is charged: the text grows while it is read, and what it is decoded to lies beside it.
	wholeCost = 4
	// readAtOnce, in bytes, is how much is charged at a time.
	readAtOnce = 64 << 10
)

// Whole reads an answer, and charges ctx's account as its bytes arrive; release gives back what was charged, once the answer is dropped.
// Beside an error is what came before it.
func (c *Client) Whole(ctx context.Context, from io.Reader) (body []byte, release func(), err error) {
	account := memory.Of(ctx)
	charged := int64(0)
	release = func() { account.Give(charged) }
	for {
		if err := account.Take(ctx, wholeCost*readAtOnce); err != nil {
			return body, release, NotHeld(c.store.Name, err)
		}
		charged += wholeCost * readAtOnce
		n := len(body)
		body = slices.Grow(body, readAtOnce)
		read, err := io.ReadFull(from, body[n:n+readAtOnce])
		body = body[:n+read]
		switch {
		case err == io.EOF, err == io.ErrUnexpectedEOF: // ReadFull's own: a body that broke off has another
			return body, release, nil
		case err != nil:
			return body, release, err
		case len(body) > MaxWhole:
			return body, release, &Error{Store: c.store.Name, Kind: ErrTooLarge, Message: fmt.Sprintf("no more than %d MiB of it are read at once: ask for less", MaxWhole>>20)}
		}
	}
}

// NotHeld makes the error of an answer that its query may not hold one of the store's answer.
func NotHeld(store evidence.Store, err error) error {
	if errors.Is(err, memory.ErrShare) {
		return &Error{Store: store, Kind: ErrTooLarge, Message: err.Error() + ": ask for less, or for a shorter range", NotHeld: true}
	}
	return err
}
