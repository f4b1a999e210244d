package upstream

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

const (
	// maxErrorBody, in bytes, is as much of an error answer as is read in search of the store's message.
	maxErrorBody = 64 << 10
	// maxRedirects is net/http's own limit, which a CheckRedirect of one's own replaces.
	maxRedirects = 10
)

// Client asks one store over HTTP. Every error it returns is an *Error, also those met while reading a body. It satisfies
// the interface Client of client_golang/api, so that v1.NewAPI works on it. It is safe for concurrent use, and belongs to
// the data source instance, which closes it.
type Client struct {
	store    settings.Store
	endpoint *url.URL
	http     *http.Client
}

// New makes the client of one store. Of base only what belongs to Grafana is taken over: proxy, connection timeouts,
// labels, TLS versions. Nothing that one store may keep from another is in base, and base is not changed.
func New(base httpclient.Options, store settings.Store) (*Client, error) {
	endpoint, err := url.Parse(store.URL)
	if err != nil { // its text would quote the URL
		return nil, fmt.Errorf("%s: the URL cannot be parsed", store.Name.Title())
	}
	endpoint.Path, endpoint.RawPath = strings.TrimRight(endpoint.Path, "/"), strings.TrimRight(endpoint.RawPath, "/")
	client, err := httpclient.New(options(base, store))
	if err != nil { // of PEM texts that do not parse
		return nil, fmt.Errorf("%s: %w", store.Name.Title(), err)
	}
	return &Client{store: store, endpoint: endpoint, http: client}, nil
}

// options are made anew for each store: headers, labels and timeouts are maps and pointers, and shared ones would carry one
// store's secrets to the next.
func options(base httpclient.Options, store settings.Store) httpclient.Options {
	timeouts := httpclient.DefaultTimeoutOptions
	if base.Timeouts != nil {
		timeouts = *base.Timeouts
	}
	timeouts.Timeout = store.Timeout

	labels := maps.Clone(base.Labels)
	if labels == nil {
		labels = make(map[string]string, 1)
	}
	labels["store"] = string(store.Name)

	return httpclient.Options{
		Timeouts:     &timeouts,
		TLS:          tlsOptions(base, store),
		ProxyOptions: base.ProxyOptions,
		Header:       Header(store, store.TenantHeader()),
		Labels:       labels,
		// Appended, because the SDK's own are gone when others are given without them. Ours stand nearest to the wire. The SDK could
		// forward identity itself (ForwardHTTPHeaders), and would forward every header of a resource call.
		Middlewares: append(httpclient.DefaultMiddlewares(), forwardIdentity(store), authorize(store), meter(store)),
		ConfigureClient: func(_ httpclient.Options, client *http.Client) {
			client.CheckRedirect = refuseOtherHosts
		},
	}
}

// Store names the store that the client asks.
func (c *Client) Store() evidence.Store { return c.store.Name }

// URL gives the address of an API endpoint below the store's URL, with args in place of its ":name" parts.
func (c *Client) URL(endpoint string, args map[string]string) *url.URL {
	parts := strings.Split(strings.TrimPrefix(endpoint, "/"), "/")
	escaped := make([]string, len(parts))
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = args[name]
		}
		escaped[i] = url.PathEscape(parts[i]) // a value may hold a slash and must stay one part
	}
	u := *c.endpoint
	u.Path = c.endpoint.Path + "/" + strings.Join(parts, "/")
	u.RawPath = c.endpoint.EscapedPath() + "/" + strings.Join(escaped, "/")
	return &u
}

// Do sends the request and reads the whole answer. With a status other than 2xx the response comes along with the error,
// its body already read: client_golang asks again with GET where POST is forbidden.
func (c *Client) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	ctx, span := startSpan(ctx, c.store.Name)
	defer span.End()
	resp, err := c.Open(ctx, req)
	if err != nil {
		endSpan(span, err)
		return resp, nil, err
	}
	defer func() { _ = resp.Body.Close() }() // all of it has been read, or an error says why not
	body, _, err := c.Whole(ctx, resp.Body)  // stays charged: nobody says when it is dropped
	if err != nil {
		NoteSilence(ctx, c.store.Name, err)
		endSpan(span, err)
		return resp, nil, err
	}
	return resp, body, nil
}

// Read sends the request and lets the answer be read as it arrives. What read leaves is not waited for.
func (c *Client) Read(ctx context.Context, req *http.Request, read func(io.Reader) error) error {
	ctx, span := startSpan(ctx, c.store.Name)
	defer span.End()
	resp, err := c.Open(ctx, req)
	if err == nil {
		err = read(resp.Body)
		_ = resp.Body.Close() // what matters of it has been read
	}
	if err != nil {
		NoteSilence(ctx, c.store.Name, err)
		endSpan(span, err)
	}
	return err
}

// Open sends the request and leaves the answer to be read from the body, which the caller closes. With a status other than
// 2xx the response comes along with the error, its body already closed. A store that was silent in the same question is not asked.
func (c *Client) Open(ctx context.Context, req *http.Request) (*http.Response, error) {
	if err := Silenced(ctx, c.store.Name); err != nil {
		return nil, err
	}
	resp, err := c.open(ctx, req)
	NoteSilence(ctx, c.store.Name, err)
	return resp, err
}

func (c *Client) open(ctx context.Context, req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		return nil, FromNetwork(Asked(ctx, c.store), err)
	}
	if resp.StatusCode/100 != 2 {
		// What can be read of the message is enough, the status is the error.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		_ = resp.Body.Close()
		resp.Body = http.NoBody
		return resp, FromStatus(Asked(ctx, c.store), resp.StatusCode, body)
	}
	resp.Body = classifiedBody{ReadCloser: resp.Body, store: Asked(ctx, c.store)}
	return resp, nil
}

// CloseIdleConnections lets go of connections that no call uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// classifiedBody makes every read error an *Error.
type classifiedBody struct {
	io.ReadCloser
	store settings.Store
}

func (b classifiedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = FromNetwork(b.store, err)
	}
	return n, err
}

// redirectError says why a redirect was not followed.
type redirectError struct{ reason string }

func (e *redirectError) Error() string { return e.reason }

// refuseOtherHosts follows a redirect only within the store: authentication and headers are set anew on every hop, so
// whoever we are sent to would get them. From http to https on one host is the one change that takes nothing away.
func refuseOtherHosts(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	upgrade := first.Scheme == "http" && req.URL.Scheme == "https" && first.Hostname() == req.URL.Hostname() &&
		first.Port() == "" && req.URL.Port() == ""
	switch {
	case !upgrade && (req.URL.Host != first.Host || req.URL.Scheme != first.Scheme):
		return &redirectError{"it redirects to " + req.URL.Scheme + "://" + req.URL.Host + ", which is not asked"}
	case len(via) >= maxRedirects:
		return &redirectError{"it redirects in a circle"}
	default:
		return nil
	}
}
