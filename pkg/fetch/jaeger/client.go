package jaeger

import (
	"context"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"google.golang.org/grpc"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Options are what a Client is made from.
type Options struct {
	Store  settings.Store
	VLLM   settings.VLLM
	Limits settings.Limits
	// Base holds what Grafana says for all stores alike: the secure SOCKS proxy and the TLS versions allowed.
	Base httpclient.Options
}

// Client asks one Jaeger. It connects at the first call, is safe for concurrent use and lives as long as the data source
// instance.
type Client struct {
	store  settings.Store
	limits settings.Limits
	span   string   // name of the request span
	fixed  []string // engine services from the settings; empty = found by their operations

	conn         *grpc.ClientConn
	usual, large messageSize

	depth *memo.Bound // search depth: how many traces one answer may hold
	kept
}

// New makes a client for a configured store. It opens no connection; an error is a mistake in the settings.
func New(o Options) (*Client, error) {
	conn, err := dial(o)
	if err != nil {
		return nil, err
	}
	span := o.VLLM.SpanName
	if span == "" {
		span = vllm.RequestSpanName
	}
	usual, large := sizesOf(o.Store)
	return &Client{
		depth:  memo.NewBound(keptDepth, settings.MaxTracesPerCall, leastDepth, o.Store),
		kept:   newKept(o.Store),
		store:  o.Store,
		limits: o.Limits,
		span:   span,
		fixed:  o.VLLM.EngineServices,
		conn:   conn,
		usual:  usual,
		large:  large,
	}, nil
}

// Close ends the connection; calls under way fail.
func (c *Client) Close() error { return c.conn.Close() }

// Ping reports whether Jaeger answers us: it asks for the services, which needs the same rights as a search.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Services(ctx)
	return err
}

// callTimeout is used when the settings give none; a search over Elasticsearch takes seconds, not a minute.
const callTimeout = 30 * time.Second

// deadline bounds one call: a store that does not answer must not hold a panel longer than its timeout.
func (c *Client) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := c.store.Timeout
	if timeout <= 0 {
		timeout = callTimeout
	}
	return context.WithTimeout(ctx, timeout)
}

// origins gives every process that one search meets one shared Origin, however many spans it has.
type origins struct {
	names vllm.LabelNames
	mu    sync.Mutex
	known map[evidence.Origin]*evidence.Origin
}

// maxOrigins bounds the table: a store whose resource attributes change with every span must not fill our memory.
const maxOrigins = 10_000

func (o *origins) intern(origin evidence.Origin) *evidence.Origin {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p, ok := o.known[origin]; ok {
		return p
	}
	if o.known == nil || len(o.known) >= maxOrigins {
		o.known = make(map[evidence.Origin]*evidence.Origin)
	}
	p := new(evidence.Origin)
	*p = origin
	o.known[origin] = p
	return p
}
