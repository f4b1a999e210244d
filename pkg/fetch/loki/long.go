package loki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// An answer can be too long to be handed over: for us, for the message between two of Loki's parts, or for a gateway. It is asked for
// again with half the lines, down to one. One line that is still too long is passed over, and that is said.

// answerTooLong is a whole message of Loki's parts about an answer that does not fit into one message. Other errors quote the query,
// which any viewer may write, so the words prove nothing inside a longer message. Sources: Loki's pkg/querier/worker, grpc-go's rpc_util.go.
var answerTooLong = regexp.MustCompile(`^(?:rpc error: code = ResourceExhausted desc = )?(?:grpc: )?(?:trying to send message|received message(?: after decompression)?|response) larger than (?:the )?max(?: message size)? \(\d+ vs\.? \d+\)$`)

// tooLong reports whether fewer lines might be answered.
func tooLong(err error) bool {
	if errors.Is(err, memory.ErrShare) { // earlier answers are what takes the room
		return false
	}
	e, ok := errors.AsType[*upstream.Error](err)
	return ok && (e.Kind == upstream.ErrTooLarge || e.Status == http.StatusRequestEntityTooLarge || answerTooLong.MatchString(strings.TrimSpace(e.Message)))
}

// headError is an error of an answer of which the beginning came.
type headError struct {
	error
	head  []byte
	lines int // that came, at least as far as their JSON is written without blanks
}

func (e headError) Unwrap() error { return e.error }

// headLength is as much of a broken answer as is kept: its first stream's labels and the time of its first line.
const headLength = 64 << 10

func withHead(err error, body []byte) error {
	if len(body) == 0 || !errors.Is(err, upstream.ErrTooLarge) {
		return err
	}
	return headError{err, append([]byte(nil), body[:min(len(body), headLength)]...), bytes.Count(body, nextLine)}
}

// nextLine stands between two lines of an answer. Within a line a quote is escaped.
var nextLine = []byte(`],["`)

// firstTime finds the time of an answer's first line.
var firstTime = regexp.MustCompile(`"values"\s*:\s*\[\s*\[\s*"(\d{1,19})"`)

// portion is what one interval gave.
type portion struct {
	lines []entry
	limit int // that was asked for in the end
	// long is the time of a line that is too long to be had; 0 = none is.
	long  int64
	alone bool  // the one line is known to be the only one of its nanosecond
	held  int64 // bytes that are charged for the lines: who drops them gives them back
	calls []evidence.Call
}

// settle is settle for a page that was full.
func (p portion) settle(within interval, order Order) (settled []entry, rest interval, tied bool) {
	if p.alone {
		return p.lines, within.behind(p.lines[0].unixNano(), order), false
	}
	return settle(p.lines, within, order)
}

// askPage asks for up to limit lines, or for fewer where their answer is too long.
func (c *Client) askPage(ctx context.Context, d *decoder, q query, within interval, limit int, order Order) (portion, error) {
	p := portion{limit: limit}
	for {
		lines, held, call, err := c.callLines(ctx, d, q, within, p.limit, order)
		p.lines, p.held, p.calls = lines, held, append(p.calls, call)
		switch {
		case err == nil && p.limit == 1 && len(lines) == 1 && len(p.calls) > 1:
			at := lines[0].unixNano()
			beside, more, call, err := c.callLines(ctx, d, q, interval{at, at + 1}, 2, order)
			p.held += more
			p.calls, p.alone = append(p.calls, call), err == nil && len(beside) == 1
			return p, nil
		case err == nil || !tooLong(err):
			return p, err
		}
		var partial headError
		part := errors.As(err, &partial)
		switch {
		case partial.lines > p.limit+atOnce: // it does not heed how many are asked for
			return p, upstream.BadAnswer(c.store, errUnasked)
		case p.limit > 1:
			p.limit = (p.limit + 1) / 2
			continue
		}
		if part {
			if m := firstTime.FindSubmatch(partial.head); m != nil {
				if at, ok := parseNano(m[1]); ok && at >= within.from && at < within.to {
					p.long = at
					return p, nil
				}
			}
		}
		return p, err
	}
}

// behind is what is left of an interval behind a moment, in the order of reading.
func (w interval) behind(at int64, order Order) interval {
	if order == NewestFirst {
		return interval{w.from, at}
	}
	return interval{at + 1, w.to}
}

func (c *Client) longReason(at int64) string {
	return fmt.Sprintf("Loki holds a log line of %s that is longer than the %d KiB that are read of one answer: it was left out, as was any other of the same nanosecond.",
		time.Unix(0, at).UTC().Format(time.RFC3339Nano), min(upstream.MaxWhole, c.store.MaxResponse)>>10)
}

// shortened remembers within one question how many lines were not too long: a page asks for no more than twice as many as the last did.
type shortened struct{ most int }

func (s *shortened) cut(lines int) int {
	if s.most == 0 {
		return lines
	}
	return min(lines, 2*s.most)
}

func (s *shortened) learn(p portion) {
	if s.most > 0 || len(p.calls) > 1 {
		s.most = p.limit
	}
}
