package jaeger

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/proxy"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	socks "golang.org/x/net/proxy"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

const (
	schemePlaintext = "grpc"
	schemeTLS       = "grpcs"
	portPlaintext   = "16685" // Jaeger's own query port
	portTLS         = "443"   // where an ingress listens

	// pingEvery is just above what a gRPC server allows by default (5 minutes); pinging more often gets the connection
	// closed with too_many_pings. It serves streams that are silent for long; dead peers are found by call deadlines.
	pingEvery   = 5*time.Minute + 30*time.Second
	pingTimeout = 20 * time.Second

	// reconnectWithin bounds the pause between attempts to connect, during which calls fail with the last attempt's error.
	// gRPC lets it grow to two minutes; a Jaeger that is back must show at a dashboard's next refresh.
	reconnectWithin = 3 * time.Second
	// connectTimeout is gRPC's own, for one attempt; a call waits no longer than its deadline.
	connectTimeout = 20 * time.Second
)

// dial prepares the connection: the URL's scheme decides between plaintext and TLS, nothing else does.
func dial(o Options) (*grpc.ClientConn, error) {
	address, secure, err := target(o.Store.URL)
	if err != nil {
		return nil, err
	}
	transport := insecure.NewCredentials()
	if secure {
		config, err := upstream.TLSConfig(o.Base, o.Store)
		if err != nil {
			return nil, fmt.Errorf("jaeger: TLS settings: %w", err)
		}
		transport = credentials.NewTLS(config)
	}
	identity, err := newIdentity(o, secure)
	if err != nil {
		return nil, err
	}
	pause := backoff.DefaultConfig
	pause.MaxDelay = reconnectWithin
	options := []grpc.DialOption{
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pause, MinConnectTimeout: connectTimeout}),
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(identity),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{})),
		grpc.WithStaticStreamWindowSize(streamWindow), // gRPC would let them grow to 16 MiB for each call
		grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingTimeout}),
		grpc.WithDisableServiceConfig(), // Jaeger publishes none: spares a DNS TXT look-up per resolution
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
		grpc.WithStatsHandler(byteCounter{}),
		grpc.WithUserAgent("grafana-vllm-datasource"),
	}
	dial, err := dialer(o.Base.ProxyOptions)
	if err != nil {
		return nil, err
	}
	// gRPC reads a scheme from a target where there is one, and "unix:16685" is a socket to it. So the scheme is always ours.
	scheme := "dns:///"
	if dial != nil {
		// The proxy resolves the name: it may not be known on this side.
		scheme = "passthrough:///"
		options = append(options, grpc.WithContextDialer(dial))
	}
	conn, err := grpc.NewClient(scheme+address, options...)
	if err != nil {
		return nil, fmt.Errorf("jaeger: %w", err)
	}
	return conn, nil
}

// target reads a store URL: grpc://host[:16685] or grpcs://host[:443], without path, query or credentials.
func target(raw string) (address string, secure bool, err error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", false, errors.New("jaeger: the URL cannot be read") // url.Parse's error quotes it, secrets included
	}
	port := portPlaintext
	switch u.Scheme {
	case schemePlaintext:
	case schemeTLS:
		secure, port = true, portTLS
	default:
		return "", false, fmt.Errorf("jaeger: the URL must begin with grpc:// or grpcs://, not %q", u.Scheme)
	}
	if !settings.Host(u.Hostname()) {
		return "", false, errors.New("jaeger: the URL names no host")
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", false, errors.New("jaeger: the URL may hold a host and a port only: gRPC knows no path")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port), secure, nil
}

// dialer gives the dialer of Grafana's secure SOCKS proxy, or nil when the proxy is not enabled for this data source.
func dialer(options *proxy.Options) (func(ctx context.Context, address string) (net.Conn, error), error) {
	client := proxy.New(options)
	if !client.SecureSocksProxyEnabled() {
		return nil, nil
	}
	plain, err := client.NewSecureSocksProxyContextDialer()
	if err != nil {
		return nil, fmt.Errorf("jaeger: secure SOCKS proxy: %w", err)
	}
	withContext, ok := plain.(socks.ContextDialer)
	if !ok {
		return nil, errors.New("jaeger: the secure SOCKS proxy's dialer takes no context")
	}
	return func(ctx context.Context, address string) (net.Conn, error) {
		return withContext.DialContext(ctx, "tcp", address)
	}, nil
}
