package plugin

import (
	"context"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

type forwardedKey struct{}

// withForwarded keeps the user's identity headers for the one store that is not asked over the SDK's HTTP client, which
// would find them by itself. Every RPC calls it first. Alert rules bring none.
func withForwarded(ctx context.Context, req backend.ForwardHTTPHeaders) context.Context {
	return context.WithValue(ctx, forwardedKey{}, req.GetHTTPHeaders())
}

// forwardedHeaders gives what withForwarded kept; nil without a user.
func forwardedHeaders(ctx context.Context) http.Header {
	headers, _ := ctx.Value(forwardedKey{}).(http.Header)
	return headers
}
