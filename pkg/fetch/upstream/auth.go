package upstream

import (
	"crypto/tls"
	"encoding/base64"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// Authorization gives the value of the Authorization header by the store's method, empty without one.
func Authorization(store settings.Store) string {
	switch store.Auth {
	case settings.AuthBasic:
		pair := store.BasicAuthUser + ":" + string(store.Password)
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	case settings.AuthBearer:
		return "Bearer " + string(store.BearerToken)
	default:
		return ""
	}
}

// Header gives the store's custom headers, and the tenant under the name that its protocol has for it, in a new map.
// Authorization is not among them unless the user put it there by hand.
func Header(store settings.Store, tenantName string) http.Header {
	header := make(http.Header, len(store.Headers)+1)
	for _, h := range store.Headers {
		header.Set(h.Name, string(h.Value))
	}
	if store.Tenant != "" {
		header.Set(tenantName, store.Tenant)
	}
	return header
}

// TLSConfig gives the store's TLS settings to a client that is not HTTP.
func TLSConfig(base httpclient.Options, store settings.Store) (*tls.Config, error) {
	return httpclient.GetTLSConfig(httpclient.Options{TLS: tlsOptions(base, store)})
}

// tlsOptions takes the protocol versions from base (Grafana can demand TLS 1.3) and everything else from the store.
func tlsOptions(base httpclient.Options, store settings.Store) *httpclient.TLSOptions {
	own := &httpclient.TLSOptions{
		CACertificate:      string(store.TLS.CACert),
		ClientCertificate:  string(store.TLS.ClientCert),
		ClientKey:          string(store.TLS.ClientKey),
		InsecureSkipVerify: store.TLS.SkipVerify,
		ServerName:         store.TLS.ServerName,
	}
	if base.TLS != nil {
		own.MinVersion, own.MaxVersion = base.TLS.MinVersion, base.TLS.MaxVersion
	}
	return own
}

// authorize sets the store's own Authorization where none is set yet. It stands behind forwardIdentity, so a user's token goes
// first, and alert rules, which have no user, still get in.
func authorize(store settings.Store) httpclient.Middleware {
	value := Authorization(store)
	return httpclient.NamedMiddlewareFunc("vllm-authorize", func(_ httpclient.Options, next http.RoundTripper) http.RoundTripper {
		return httpclient.RoundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if value != "" && req.Header.Get("Authorization") == "" {
				req.Header.Set("Authorization", value)
			}
			return next.RoundTrip(req)
		})
	})
}
