package upstream

import (
	"context"
	"net/http"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// IdentityHeaders are the headers that say who the signed-in user is. A store with forwarded identity is sent these, and no other
// header of the user's request: a resource call of a browser brings tenants, proxies' user names and encodings as well.
var IdentityHeaders = []string{
	backend.OAuthIdentityTokenHeaderName, backend.OAuthIdentityIDTokenHeaderName,
	backend.GrafanaUserSignInTokenHeaderName, backend.CookiesHeaderName,
}

type identityKey struct{}

// WithIdentity keeps the identity headers of a user's request for the stores that are asked in the user's name. Names are compared
// without case. Every RPC calls it first. Alert rules and streams bring no identity.
func WithIdentity(ctx context.Context, headers http.Header) context.Context {
	identity := http.Header{}
	for name, values := range headers {
		for _, known := range IdentityHeaders {
			if strings.EqualFold(name, known) && len(values) > 0 && values[0] != "" {
				identity.Set(known, values[0])
			}
		}
	}
	return context.WithValue(ctx, identityKey{}, identity)
}

// Identity gives what WithIdentity kept; empty without a user.
func Identity(ctx context.Context) http.Header {
	identity, _ := ctx.Value(identityKey{}).(http.Header)
	return identity
}

// forwardIdentity sends the user's identity to a store that asks for it, in place of the store's own header of that name.
func forwardIdentity(store settings.Store) httpclient.Middleware {
	return httpclient.NamedMiddlewareFunc("vllm-forward-identity", func(_ httpclient.Options, next http.RoundTripper) http.RoundTripper {
		if !store.ForwardIdentity {
			return next
		}
		return httpclient.RoundTripperFunc(func(req *http.Request) (*http.Response, error) {
			for name, values := range Identity(req.Context()) {
				req.Header.Set(name, values[0])
			}
			return next.RoundTrip(req)
		})
	})
}
