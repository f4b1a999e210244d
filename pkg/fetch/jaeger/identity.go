package jaeger

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
)

// identity says who we are, anew for each call: tenant, custom headers, and either the user's own token or the store's.
// It is a credentials.PerRPCCredentials of its own because gRPC's refuse to send a token over plaintext; here that is
// what the user configured by writing grpc://.
type identity struct {
	fixed   map[string]string // includes the store's own authorization, if any
	forward bool              // the user's identity goes before the store's own
	secure  bool
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
	id.forward = o.Store.ForwardIdentity
	return id, nil
}

// GetRequestMetadata gives the metadata of one call. A forwarded header goes before the store's own of that name.
func (id *identity) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if !id.forward {
		return id.fixed, nil
	}
	md := maps.Clone(id.fixed)
	for name, values := range upstream.Identity(ctx) {
		md[strings.ToLower(name)] = values[0]
	}
	return md, nil
}

// RequireTransportSecurity makes gRPC refuse the credentials should a grpcs URL ever end on a plaintext connection.
func (id *identity) RequireTransportSecurity() bool { return id.secure }
