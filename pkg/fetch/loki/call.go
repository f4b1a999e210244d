package loki

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Paths of Loki's HTTP API.
const (
	pathQuery       = "/loki/api/v1/query"
	pathQueryRange  = "/loki/api/v1/query_range"
	pathLabels      = "/loki/api/v1/labels"
	pathLabelValues = "/loki/api/v1/label/:name/values"
)

// Without this header each line with structured metadata of its own comes as a stream of its own.
const (
	encodingFlagsHeader  = "X-Loki-Response-Encoding-Flags"
	categorizeLabelsFlag = "categorize-labels"
)

const (
	// maxURL, in bytes, is the longest query that is sent in a URL. Loki takes it as a form, too; many proxies cut URLs at 8 KiB, and
	// some at 4.
	maxURL = 2_000
	// maxLongURL is the longest that is sent in a URL where a gateway refuses forms.
	maxLongURL = 7_500
)

// errOutgrown says that a query fits into no URL, and that the gateway in front of Loki takes no form.
var errOutgrown error = &upstream.Error{Store: evidence.Loki, Kind: upstream.ErrRefused, Message: "the query is longer than a URL may be, and the gateway in front of Loki takes no POST: name fewer pods or services, or let POST through to " + pathQueryRange}

// ask makes one call and lets its answer be decoded, with a record of what it cost. What decode does not keep is dropped.
func (c *Client) ask(ctx context.Context, stage, text string, endpoint *url.URL, params url.Values, decode func(body []byte) error) (evidence.Call, error) {
	var bytes atomic.Int64
	ctx = upstream.CountBytes(upstream.WithStage(ctx, stage), &bytes)
	call := evidence.Call{Store: evidence.Loki, Text: text}
	started := time.Now()
	err := c.send(ctx, endpoint, params.Encode(), func(from io.Reader) error {
		body, release, err := c.api.Whole(ctx, from)
		defer release()
		if err != nil {
			return withHead(err, body)
		}
		if err := decode(body); err != nil {
			if errors.Is(err, memory.ErrBusy) {
				return err
			}
			if err := upstream.NotHeld(c.store.Name, err); errors.Is(err, upstream.ErrTooLarge) {
				return err
			}
			return upstream.BadAnswer(c.store, err)
		}
		return nil
	})
	call.Duration, call.Bytes = time.Since(started), bytes.Load()
	if err != nil {
		call.Err = err.Error()
	}
	return call, err
}

// send asks by GET, as all gateways let through, unless the query outgrows a URL: then by POST, and where that is refused by GET all
// the same, as far as a URL can be expected to go.
func (c *Client) send(ctx context.Context, endpoint *url.URL, params string, read func(io.Reader) error) error {
	if len(params) <= maxURL {
		return c.get(ctx, endpoint, params, read)
	}
	if c.refusesForms(ctx) {
		if len(params) > maxLongURL {
			return errOutgrown
		}
		return c.get(ctx, endpoint, params, read)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.String(), strings.NewReader(params))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header["Idempotency-Key"] = nil // queries change nothing: lets net/http retry on a stale connection
	req.Header.Set(encodingFlagsHeader, categorizeLabelsFlag)
	err = c.api.Read(ctx, req, read)
	if !errors.Is(err, upstream.ErrUnsupported) && !errors.Is(err, upstream.ErrForbidden) {
		return err
	}
	if errors.Is(err, upstream.ErrUnsupported) {
		c.noForms.Put(ctx, struct{}{}, true)
	}
	if len(params) > maxLongURL {
		return errOutgrown
	}
	return c.get(ctx, endpoint, params, read)
}

// refusesForms reports whether a gateway in front of Loki is known to take no POST.
func (c *Client) refusesForms(ctx context.Context) bool {
	refused, _ := c.noForms.Peek(ctx, struct{}{})
	return refused
}

// partBytes, in bytes of a scope's values, leaves room in a URL for the rest of a query, and for what escaping adds.
const partBytes = 2_000

// parts cuts a scope into such that fit into a URL, where a gateway is known to take nothing else.
func (c *Client) parts(ctx context.Context, scope vllm.Scope) []vllm.Scope {
	if !c.refusesForms(ctx) {
		return []vllm.Scope{scope}
	}
	return scope.Parts(partBytes)
}

// again reports whether a question that failed fits into URLs when it is cut into more parts than it was.
func (c *Client) again(ctx context.Context, err error, scope vllm.Scope, parts int) bool {
	return errors.Is(err, errOutgrown) && len(c.parts(ctx, scope)) > parts
}

func (c *Client) get(ctx context.Context, endpoint *url.URL, params string, read func(io.Reader) error) error {
	endpoint.RawQuery = params
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.String(), http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set(encodingFlagsHeader, categorizeLabelsFlag)
	return c.api.Read(ctx, req, read)
}

// interval is a half-open range of Unix nanoseconds, as Loki counts: start is inclusive, end is not.
type interval struct{ from, to int64 }

// maxQueryLength is Loki's default ceiling of a query's range (max_query_length, 30 days and 1 hour): what is longer would
// be refused, so it is asked in pieces.
const maxQueryLength = 30 * 24 * time.Hour

// intervals cuts windows into pieces that Loki takes, in order. Empty windows give none.
func intervals(windows ...evidence.Window) []interval {
	var out []interval
	for _, w := range windows {
		for from := w.From; from.Before(w.To); from = from.Add(maxQueryLength) {
			to := w.To
			if limit := from.Add(maxQueryLength); limit.Before(to) {
				to = limit
			}
			out = append(out, interval{from.UnixNano(), to.UnixNano()})
		}
	}
	return out
}

func rangeParams(within interval) url.Values {
	return url.Values{
		"start": {strconv.FormatInt(within.from, 10)},
		"end":   {strconv.FormatInt(within.to, 10)},
	}
}

// entryCost, in bytes, is what a line is charged beside its text as long as its page is held.
const entryCost = 192

// callLines asks once for up to limit lines. The lines come in the given order, whichever stream they are of. held is what ctx's account
// is charged for them, in bytes: who drops them gives it back.
func (c *Client) callLines(ctx context.Context, d *decoder, q query, within interval, limit int, order Order) (lines []entry, held int64, call evidence.Call, err error) {
	params := rangeParams(within)
	params.Set("query", q.String())
	params.Set("limit", strconv.Itoa(limit))
	params.Set("direction", order.direction())
	var entries []entry
	call, err = c.ask(ctx, "query_range", q.String(), c.api.URL(pathQueryRange, nil), params, func(body []byte) (err error) {
		if entries, err = d.lines(ctx, body, limit); err != nil {
			return err
		}
		c.learnLength(ctx, len(body), len(entries))
		cost := int64(len(entries)) * entryCost
		for i := range entries {
			cost += int64(len(entries[i].Line))
		}
		if err := memory.Of(ctx).Take(ctx, cost); err != nil {
			return err
		}
		held = cost
		return nil
	})
	if err != nil {
		c.tooMuch(ctx, err, limit)
		return nil, 0, call, err
	}
	sortEntries(entries, order)
	call.Rows = len(entries)
	return entries, held, call, nil
}

// Loki's parts hand answers to one another in messages of at most 4 MiB (grpc_server_max_recv_msg_size). A longer one is no error: the
// call hangs until somebody gives up. So the longer lines are, the fewer are asked for at once.
const (
	maxAnswer = 3 << 20
	// usualLine is the length before anything is known: a Received line of 600 bytes and its labels, twice.
	usualLine = 1200
	// leastPage is the fewest lines that a page has: a nanosecond with as many is passed over.
	leastPage = 50
)

// pageLines is for how many lines a page asks, of those that Loki lets us ask for.
func (c *Client) pageLines(ctx context.Context, limit *memo.Limit) int {
	return min(limit.Value(), max(leastPage, int(maxAnswer/c.lineBytes(ctx))))
}

// lineBytes is how long a line of an answer is expected to be, with what comes with it.
func (c *Client) lineBytes(ctx context.Context) int64 {
	length, _ := c.bytesPerLine.Peek(ctx, struct{}{})
	return cmp.Or(length, usualLine)
}

// learnLength notes how long an answer's lines were: longer ones at once, shorter ones little by little.
func (c *Client) learnLength(ctx context.Context, bytes, lines int) {
	if lines < 10 {
		return
	}
	now := int64(bytes / lines)
	c.bytesPerLine.Update(ctx, struct{}{}, func(known int64, _ bool) int64 { return max(1, now, (3*cmp.Or(known, usualLine)+now)/4) })
}

// tooMuch notes that a store did not answer a large question, or with more than can be handed over: the next one is smaller.
func (c *Client) tooMuch(ctx context.Context, err error, limit int) {
	if (upstream.Silent(err) || tooLong(err)) && limit > leastPage {
		c.bytesPerLine.Update(ctx, struct{}{}, func(known int64, _ bool) int64 { return max(known, usualLine, 4*maxAnswer/int64(limit)) })
	}
}

func (o Order) direction() string {
	if o == OldestFirst {
		return "forward"
	}
	return "backward"
}

// limitExceeded is Loki's whole refusal of a limit: what was asked, and what it allows. Other refusals quote the query, which any
// viewer may write, so the words prove nothing inside a longer message. Source: Loki's querier/http.go.
var limitExceeded = regexp.MustCompile(`^max entries limit per query exceeded, limit > max_entries_limit(?:_per_query)? \((\d+) > (\d+)\)$`)

// lowerLimit reads Loki's own limit out of its refusal of ours and asks for no more from now on. It reports whether the
// call may be made again.
func lowerLimit(bound *memo.Limit, err error, asked int) bool {
	refusal, ok := errors.AsType[*upstream.Error](err)
	if !ok || refusal.Status != http.StatusBadRequest {
		return false
	}
	m := limitExceeded.FindStringSubmatch(strings.TrimSpace(refusal.Message))
	if m == nil || m[1] != strconv.Itoa(asked) {
		return false
	}
	allowed, err := strconv.Atoi(m[2])
	return err == nil && allowed < asked && bound.Refused(asked, allowed)
}
