package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Bounds of the durations that a data source may set.
const (
	minTimeout        = time.Second
	maxTimeout        = 10 * time.Minute // a panel that takes longer is not waited for
	minScrapeInterval = time.Second      // vLLM's own gauges do not move faster
	maxScrapeInterval = 5 * time.Minute  // Prometheus itself calls a series stale then
)

// Validate says in one error everything that is wrong, field by field as jsonData names it. It never quotes a secret.
// No store at all is no error here: a new data source has none, and the health check says so.
func (s Settings) Validate() error {
	var p problems
	for _, store := range []Store{s.Prometheus, s.Loki, s.Jaeger} {
		if store.Configured() { // what stands in the section of an absent store cannot do harm
			p.store(store)
		}
	}
	p.vllm(s.VLLM)
	p.limits(s.Limits)
	if len(p) == 0 {
		return nil
	}
	return errors.New("settings: " + strings.Join(p, "; "))
}

// problems are sentences that begin with the name of a field.
type problems []string

func (p *problems) addf(field, format string, args ...any) {
	*p = append(*p, field+": "+fmt.Sprintf(format, args...))
}

func (p *problems) store(s Store) {
	field := func(name string) string { return string(s.Name) + "." + name }
	p.url(field("url"), s)
	p.auth(field, s)
	p.tls(field, s)
	p.headers(field, s)
	p.header(field("basicAuthUser"), s.BasicAuthUser)
	p.header(field("tenant"), s.Tenant)
	p.header(field("tls.serverName"), s.TLS.ServerName)
	p.labels(field("labels."), s.Name, s.Labels)
	if s.Timeout < minTimeout || s.Timeout > maxTimeout {
		p.addf(field("timeout"), "%s is not between %s and %s", s.Timeout, minTimeout, maxTimeout)
	}
	p.between(field("maxResponseBytes"), s.MaxResponse, MinMaxResponse, MaxMaxResponse)
}

// url checks an address without quoting it whole: its user info and query, which are refused, may hold a secret.
func (p *problems) url(field string, s Store) {
	u, err := url.Parse(s.URL)
	if err != nil {
		p.addf(field, "cannot be parsed as a URL")
		return
	}
	schemes := [2]string{"http", "https"}
	if s.Name == evidence.Jaeger {
		schemes = [2]string{"grpc", "grpcs"}
		switch port, err := strconv.Atoi(u.Port()); {
		case err != nil || port < 1 || port > 65535:
			p.addf(field, "needs a port, such as grpc://%s:16685", hostOr(u, "jaeger"))
		case u.Path != "":
			p.addf(field, "gRPC knows no path: host and port are all")
		}
	}
	if u.Scheme != schemes[0] && u.Scheme != schemes[1] {
		p.addf(field, "must begin with %s:// or %s://", schemes[0], schemes[1])
	}
	switch host := u.Hostname(); {
	case host == "":
		p.addf(field, "names no host")
	case !Host(host):
		p.addf(field, "names no host: letters, digits, dots and hyphens, or an IP address")
	}
	if u.User != nil {
		p.addf(field, "must not hold a user or password: use auth basic, which keeps the password secret")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		p.addf(field, "must end with the path, without ? or #")
	}
}

// hostName is what DNS takes, and underscores, which Docker's names have.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// Host reports whether a text is the name of a host or an IP address, and nothing that a library could read as more: a path, a
// scheme, an escape.
func Host(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return len(name) <= 253 && hostName.MatchString(name)
}

func hostOr(u *url.URL, fallback string) string {
	if host := u.Hostname(); host != "" {
		return host
	}
	return fallback
}

func (p *problems) auth(field func(string) string, s Store) {
	switch s.Auth {
	case AuthNone:
	case AuthBasic:
		if s.BasicAuthUser == "" {
			p.addf(field("basicAuthUser"), "is empty, and auth is basic")
		}
		if strings.Contains(s.BasicAuthUser, ":") {
			p.addf(field("basicAuthUser"), "must not contain a colon: basic auth separates user and password by it")
		}
		p.line(string(s.Name)+"BasicAuthPassword", string(s.Password))
	case AuthBearer:
		if s.BearerToken == "" {
			p.addf(string(s.Name)+"BearerToken", "is not set, and auth is bearer")
		}
		p.header(string(s.Name)+"BearerToken", string(s.BearerToken))
	default:
		p.addf(field("auth"), "%q is not none, basic or bearer", string(s.Auth))
	}
}

func (p *problems) tls(field func(string) string, s Store) {
	secret := func(name string) string { return string(s.Name) + name }
	t := s.TLS
	if t.CACert != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CACert)) {
		p.addf(secret("TLSCACert"), "holds no PEM certificate")
	}
	switch {
	case t.ClientCert == "" && t.ClientKey == "":
	case t.ClientCert == "":
		p.addf(secret("TLSClientCert"), "is not set, and the client key is")
	case t.ClientKey == "":
		p.addf(secret("TLSClientKey"), "is not set, and the client certificate is")
	default:
		// The error tells what does not fit and quotes neither.
		if _, err := tls.X509KeyPair([]byte(t.ClientCert), []byte(t.ClientKey)); err != nil {
			p.addf(secret("TLSClientCert"), "certificate and key do not make a pair: %s", err)
		}
	}
	if t.SkipVerify && t.CACert != "" {
		p.addf(field("tls.skipVerify"), "is set beside a CA certificate, which it makes void: choose one")
	}
}

// hopByHop are the headers that belong to a connection, not to a request (RFC 9110, 7.6.1), and those that net/http sets
// by itself or that would send the request elsewhere.
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Content-Length": true, "Host": true,
}

func (p *problems) headers(field func(string) string, s Store) {
	seen := map[string]string{}
	if s.Auth == AuthBasic || s.Auth == AuthBearer {
		seen["Authorization"] = "auth"
	}
	if s.Tenant != "" {
		seen[http.CanonicalHeaderKey(s.TenantHeader())] = "tenant"
	}
	if s.ForwardIdentity {
		for _, name := range []string{"Authorization", "Cookie", "X-Id-Token", "X-Grafana-Id"} {
			seen[name] = "forwardIdentity"
		}
	}
	for i, h := range s.Headers {
		name, canonical := field("headers"), textproto.CanonicalMIMEHeaderKey(h.Name)
		switch {
		case !httpguts.ValidHeaderFieldName(h.Name):
			p.addf(name, "%q is no header name", h.Name)
			continue
		case hopByHop[canonical]:
			p.addf(name, "%s belongs to the connection and cannot be set", canonical)
			continue
		case s.Name == evidence.Jaeger && strings.HasPrefix(canonical, "Grpc-"):
			p.addf(name, "%s is reserved by gRPC", canonical)
			continue
		}
		if by, ok := seen[canonical]; ok {
			p.addf(name, "%s is already set by %s", canonical, by)
			continue
		}
		seen[canonical] = "another header"
		if h.Value == "" {
			p.addf(name, "%s has no value", canonical)
		}
		p.header(fmt.Sprintf("%sHeaderValue%d", s.Name, i+1), string(h.Value))
	}
}

// line refuses what would end a header or forge a log line. It does not quote the value: it may be a secret.
func (p *problems) line(field, value string) {
	switch {
	case !utf8.ValidString(value):
		p.addf(field, "is not valid UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		p.addf(field, "holds a line break or another control character")
	case strings.ContainsFunc(value, Invisible):
		p.addf(field, "holds a character that cannot be seen, such as a space of no width: type it again instead of pasting it")
	}
}

// header is line for what is sent in a header as it is. Servers do not agree on what other than ASCII means there, gRPC refuses
// it, and where it was pasted it is nearly always a mistake: a dash, a quote or a space that a word processor put in.
func (p *problems) header(field, value string) {
	before := len(*p)
	p.line(field, value)
	if len(*p) > before {
		return
	}
	for at, r := range []rune(value) {
		if r >= utf8.RuneSelf {
			p.addf(field, "its character %d is not ASCII: a header takes letters, digits and signs of ASCII only", at+1)
			return
		}
	}
	if strings.TrimSpace(value) != value {
		p.addf(field, "begins or ends with a space, which a header would lose")
	}
}

// lokiLabel is what Loki takes as a label name in a query. Prometheus takes any text since version 3, such as k8s.pod.name of OTLP
// without translation. Attribute names of spans are in between.
var (
	lokiLabel       = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	prometheusLabel = regexp.MustCompile(`^[^\p{C}\p{Z}\x{FFFD}]{1,200}$`)
	attributeName   = regexp.MustCompile(`^[a-zA-Z0-9_./:-]+$`)
)

func (p *problems) labels(prefix string, store evidence.Store, l vllm.LabelNames) {
	grammar := map[evidence.Store]*regexp.Regexp{
		evidence.Prometheus: prometheusLabel, evidence.Loki: lokiLabel, evidence.Jaeger: attributeName,
	}[store]
	for _, label := range []struct{ field, name string }{
		{"model", l.Model}, {"environment", l.Environment}, {"cluster", l.Cluster}, {"namespace", l.Namespace}, {"pod", l.Pod},
		{"instance", l.Instance}, {"engine", l.Engine}, {"service", l.Service},
	} {
		if label.name != "" && !grammar.MatchString(label.name) {
			p.addf(prefix+label.field, "%q is no label name", label.name)
		}
	}
}

// metricPrefix is the beginning of a metric name.
var metricPrefix = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

func (p *problems) vllm(v VLLM) {
	if !metricPrefix.MatchString(v.MetricPrefix) {
		p.addf("vllm.metricPrefix", "%q cannot begin a metric name", v.MetricPrefix)
	}
	if v.ScrapeInterval != 0 && (v.ScrapeInterval < minScrapeInterval || v.ScrapeInterval > maxScrapeInterval) {
		p.addf("vllm.scrapeInterval", "%s is not between %s and %s", v.ScrapeInterval, minScrapeInterval, maxScrapeInterval)
	}
	p.line("vllm.spanName", v.SpanName)
	for _, service := range v.EngineServices {
		p.line("vllm.engineServices", service)
	}
	for _, service := range v.CallerServices {
		p.line("vllm.callerServices", service)
	}
	for _, alias := range v.ModelAliases {
		p.line("vllm.modelAliases", alias)
	}
	if reason := badSelector(v.LogSelector); reason != "" {
		p.addf("vllm.logSelector", "%s; it should look like {container=\"vllm\"}", reason)
	}
	p.objectives(v.SLO)
	p.price(v.GPUPrice, v.Currency)
}

// badSelector checks the shape of a stream selector, whose grammar is Loki's to know: one pair of braces around all of it
// and every quote closed, so that what we append cannot become part of a string and what the user wrote cannot become
// more than a selector.
func badSelector(selector string) string {
	if selector == "" {
		return ""
	}
	if strings.ContainsFunc(selector, unicode.IsControl) {
		return "holds a line break or another control character"
	}
	if selector[0] != '{' || selector[len(selector)-1] != '}' {
		return "is not in braces"
	}
	inner := selector[1 : len(selector)-1]
	if strings.TrimSpace(inner) == "" {
		return "selects nothing in particular, which Loki refuses"
	}
	var quote byte
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case quote == '"' && c == '\\':
			i++ // the escaped character; one at the end leaves the quote open
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '`':
			quote = c
		case c == '{' || c == '}':
			return "holds a brace outside quotes"
		}
	}
	if quote != 0 {
		return "leaves a quote open"
	}
	return ""
}

func (p *problems) limits(l Limits) {
	p.between("limits.requests", int64(l.Requests), 1, MaxRequests)
	p.between("limits.tracesPerCall", int64(l.TracesPerCall), 1, MaxTracesPerCall)
	p.between("limits.linesPerCall", int64(l.LinesPerCall), 1, MaxLinesPerCall)
	p.between("limits.logLines", int64(l.LogLines), 1, MaxLogLines)
	p.between("limits.concurrentCalls", int64(l.ConcurrentCall), 1, MaxConcurrentCalls)
}

func (p *problems) between(field string, value, low, high int64) {
	if value < low || value > high {
		p.addf(field, "%d is not between %d and %d", value, low, high)
	}
}
