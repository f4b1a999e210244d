package health

import (
	"errors"
	"net/url"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// storeLine is one store in the report.
type storeLine struct {
	Store      evidence.Store `json:"store"`
	Configured bool           `json:"configured"`
	OK         bool           `json:"ok"`
	Found      string         `json:"found"` // the line in words, its fix left out
	Version    string         `json:"version,omitempty"`
	Error      string         `json:"error,omitempty"` // completes a sentence that begins with the store's name
	Fix        string         `json:"fix,omitempty"`
	Note       string         `json:"note,omitempty"`
}

func (d diagnosis) stores() []storeLine {
	lines := make([]storeLine, 0, 3)
	for _, s := range []struct {
		store    evidence.Store
		state    storeState
		settings settings.Store
	}{
		{evidence.Prometheus, d.metrics, d.settings.Prometheus},
		{evidence.Loki, d.logs, d.settings.Loki},
		{evidence.Jaeger, d.traces, d.settings.Jaeger},
	} {
		line := storeLine{
			Store: s.store, Configured: s.state.configured, OK: s.state.configured && s.state.reach == nil, Version: s.state.version,
		}
		switch {
		case !line.Configured:
			line.Note = without[s.store]
		case !line.OK:
			line.Error, line.Fix = reason(s.store, s.state.reach), storeFix(s.settings, s.state.reach)
		case s.settings.ForwardIdentity && s.settings.Auth == settings.AuthNone:
			line.Note = "alert rules have no user whose identity could be forwarded, and come without any"
		}
		line.Found = line.text()
		lines = append(lines, line)
	}
	return lines
}

// without says what the data source lacks without a store.
var without = map[evidence.Store]string{
	evidence.Prometheus: "rows lack the engine's state at arrival, and there are no figures per model",
	evidence.Loki:       "rows lack their log lines, and aborted or crashed requests are missing",
	evidence.Jaeger:     "rows lack latencies, tokens and callers",
}

func (s storeLine) mark() string {
	switch {
	case !s.Configured:
		return "–"
	case s.OK:
		return "✓"
	default:
		return "✗"
	}
}

func (s storeLine) text() string {
	text := s.Store.Title() + " "
	switch {
	case !s.Configured:
		text += "is not configured"
	case !s.OK:
		return text + s.Error
	case s.Version != "":
		text += s.Version + " answers"
	default:
		text += "answers"
	}
	if s.Note != "" {
		text += ": " + s.Note
	}
	return text
}

// reason is a store's failure without the store's name in front, which stands there already.
func reason(store evidence.Store, err error) string {
	if errors.Is(err, upstream.ErrTimeout) {
		return "did not answer in time"
	}
	if errors.Is(err, guard.ErrInternal) {
		return "met an " + err.Error()
	}
	return strings.TrimPrefix(err.Error(), store.Title()+" ")
}

// signers are the managed stores that want what the plugin does not do itself: Grafana's libraries for it bring those clouds'
// SDKs. A proxy beside Grafana does.
var signers = []struct{ host, fix string }{
	{".amazonaws.com", "Amazon wants requests signed by SigV4: run aws-sigv4-proxy beside Grafana, and set its URL"},
	{".prometheus.monitor.azure.com", "Azure wants a token of Entra ID that is renewed: run aad-auth-proxy beside Grafana, and set its URL"},
	{"monitoring.googleapis.com", "Google wants a token of a service account that is renewed: run the frontend of Managed Prometheus, and set its URL"},
}

// signedFix is what to do about a managed store that does not let us in; "" for others.
func signedFix(s settings.Store, err error) string {
	u, parseErr := url.Parse(s.URL)
	if parseErr != nil || !errors.Is(err, upstream.ErrUnauthorized) && !errors.Is(err, upstream.ErrForbidden) {
		return ""
	}
	for _, signer := range signers {
		if strings.HasSuffix(u.Hostname(), signer.host) {
			return signer.fix
		}
	}
	return ""
}

// storeFix is what a user can do about a store that cannot be asked.
func storeFix(s settings.Store, err error) string {
	if fix := signedFix(s, err); fix != "" {
		return fix
	}
	switch {
	case strings.Contains(err.Error(), "no org id"): // Loki's, Mimir's and Cortex' words for a missing tenant
		return "set the tenant: this store serves several"
	case errors.Is(err, upstream.ErrUnauthorized) && s.ForwardIdentity:
		return "check that it accepts the forwarded identity of the signed-in user"
	case errors.Is(err, upstream.ErrUnauthorized):
		return map[settings.AuthMethod]string{
			settings.AuthNone:   "set the authentication that it asks for: basic or a bearer token",
			settings.AuthBasic:  "check user and password",
			settings.AuthBearer: "check the bearer token: it may have expired",
		}[s.Auth]
	case errors.Is(err, upstream.ErrForbidden):
		return "give the user or token that is configured the right to read, or set the tenant that it may read"
	case errors.Is(err, upstream.ErrUnreachable):
		return "check the URL. It is called from Grafana's server, whose localhost is not yours"
	case errors.Is(err, upstream.ErrTimeout):
		return "look whether the store is overloaded, and whether a firewall between Grafana's server and it drops the calls"
	case errors.Is(err, upstream.ErrTLS) && s.Name == evidence.Jaeger:
		return "begin the URL with grpc:// if it speaks no TLS; else set the CA certificate or the server name"
	case errors.Is(err, upstream.ErrTLS):
		return "begin the URL with http:// if it speaks no TLS; else set the CA certificate or the server name"
	case s.Name == evidence.Jaeger && (errors.Is(err, upstream.ErrNotFound) || errors.Is(err, upstream.ErrUnsupported) || errors.Is(err, upstream.ErrBadAnswer)):
		return "check the port: it is that of Jaeger's gRPC query service, 16685 by default, not that of its web page"
	case errors.Is(err, upstream.ErrNotFound), errors.Is(err, upstream.ErrBadAnswer):
		return "check the URL: something else answers there, or the path prefix is missing"
	case errors.Is(err, upstream.ErrRateLimited):
		return "try again later, or raise the store's limit"
	case errors.Is(err, upstream.ErrServer):
		return "look into the store's own log"
	default:
		return ""
	}
}
