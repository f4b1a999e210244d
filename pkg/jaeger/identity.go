package jaeger

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
)

// forwardedHeaders are what Grafana hands over about the user, and all that is passed on.
var forwardedHeaders = []string{"Authorization", "X-Id-Token", "X-Grafana-Id", "Cookie"}

// identity says who we are, anew for each call: tenant, custom headers, and either the user's own token or the store's.
// It is a credentials.PerRPCCredentials of its own because gRPC's refuse to send a token over plaintext; here that is
// what the user configured by writing grpc://.
type identity struct {
	fixed     map[string]string // includes the store's own authorization, if any
	forwarded func(ctx context.Context) http.Header
	secure    bool
}

func newIdentity(o Options, secure bool) (*identity, error) {
	id := &identity{fixed: map[string]string{}, secure: secure}
	for name, values := range upstream.Header(o.Store, o.Store.TenantHeader()) {
		key := strings.ToLower(name)
		if key == "" || strings.HasPrefix(key, ":") || strings.HasPrefix(key, "grpc-") {
			return nil, fmt.Errorf("jaeger: the header %q is reserved by gRPC", name)
		}
		id.fixed[key] = values[0]
	}
	if authorization := upstream.Authorization(o.Store); authorization != "" {
		id.fixed["authorization"] = authorization
	}
	if o.Store.ForwardIdentity {
		id.forwarded = o.Forwarded
	}
	return id, nil
}

// GetRequestMetadata gives the metadata of one call. A forwarded header goes before the store's own of that name.
func (id *identity) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if id.forwarded == nil {
		return id.fixed, nil
	}
	headers := id.forwarded(ctx)
	md := maps.Clone(id.fixed)
	for _, name := range forwardedHeaders {
		if value := headers.Get(name); value != "" {
			md[strings.ToLower(name)] = value
		}
	}
	return md, nil
}

// RequireTransportSecurity makes gRPC refuse the credentials should a grpcs URL ever end on a plaintext connection.
func (id *identity) RequireTransportSecurity() bool { return id.secure }
