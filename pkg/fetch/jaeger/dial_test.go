package jaeger

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/proxy"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

func TestTargetOfAStoreURL(t *testing.T) {
	for url, c := range map[string]struct {
		address string
		secure  bool
		problem string
	}{
		"grpc://jaeger:16685":             {"jaeger:16685", false, ""},
		"grpc://jaeger":                   {"jaeger:16685", false, ""},
		"grpcs://jaeger.example.com":      {"jaeger.example.com:443", true, ""},
		"grpcs://jaeger.example.com:8443": {"jaeger.example.com:8443", true, ""},
		"grpc://[::1]:16685/":             {"[::1]:16685", false, ""},
		"grpc://unix:16685":               {"unix:16685", false, ""}, // hosts, whatever gRPC makes of such names
		"grpc://dns:16685":                {"dns:16685", false, ""},
		"grpc://passthrough:1":            {"passthrough:1", false, ""},
		"grpc://xds:16685":                {"xds:16685", false, ""},
		"grpc://unix:/run/jaeger.sock":    {"", false, "no path"},
		"grpc://unix:///run/jaeger.sock":  {"", false, "no path"},
		"grpc://passthrough:///jaeger:1":  {"", false, "no path"},
		"grpc://dns:///jaeger:16685":      {"", false, "no path"},
		"unix:///run/jaeger.sock":         {"", false, "grpc:// or grpcs://"},
		"grpc://%2Frun%2Fjaeger.sock":     {"", false, "cannot be read"},
		"grpc://jaeger%00:16685":          {"", false, "cannot be read"},
		"grpc://jaeger,10.0.0.7:16685":    {"", false, "names no host"},
		"grpc://ja eger:16685":            {"", false, "cannot be read"},
		"http://jaeger:16686":             {"", false, "grpc:// or grpcs://"},
		"jaeger:16685":                    {"", false, "grpc:// or grpcs://"},
		"grpc://":                         {"", false, "names no host"},
		"grpc://jaeger:16685/prefix":      {"", false, "no path"},
		"grpc://user:secret@jaeger:16685": {"", false, "host and a port only"},
		"grpc://jaeger:16685?token=s":     {"", false, "host and a port only"},
		"grpc://jaeger:secret":            {"", false, "cannot be read"},
	} {
		t.Run(url, func(t *testing.T) {
			address, secure, err := target(url)
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				require.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.address, address)
			require.Equal(t, c.secure, secure)
		})
	}
}

// "unix:16685" is a socket to gRPC, "xds:16685" a control plane. Here both are hosts, which this machine does not know.
func TestAHostIsNeverASchemeOfGRPC(t *testing.T) {
	for _, name := range []string{"unix", "unix-abstract", "passthrough", "dns", "xds", "ipv4", "vsock"} {
		c := connect(t, "grpc://"+name+":16685")
		require.Equal(t, "dns:///"+name+":16685", c.conn.Target())
	}
}

func TestMetadataOfACall(t *testing.T) {
	user := http.Header{"Authorization": {"Bearer the-user"}, "X-Id-Token": {"id"}, "X-Forwarded-For": {"10.0.0.1"}}
	for name, c := range map[string]struct {
		change func(*Options)
		want   map[string]string // empty value: must be absent
		user   http.Header       // what Grafana hands over
	}{
		"nothing by default": {func(*Options) {}, map[string]string{"authorization": "", "x-tenant": ""}, nil},
		"basic": {func(o *Options) {
			o.Store.Auth, o.Store.BasicAuthUser, o.Store.Password = settings.AuthBasic, "ann", "pass"
		}, map[string]string{"authorization": "Basic YW5uOnBhc3M="}, nil},
		"bearer over plaintext, as configured": {func(o *Options) {
			o.Store.Auth, o.Store.BearerToken = settings.AuthBearer, "token"
		}, map[string]string{"authorization": "Bearer token"}, nil},
		"tenant and custom headers": {func(o *Options) {
			o.Store.Tenant, o.Store.Headers = "team-a", []settings.Header{{Name: "X-Scope", Value: "s"}}
		}, map[string]string{"x-tenant": "team-a", "x-scope": "s"}, nil},
		"the user's identity stays at home unless asked for": {func(*Options) {}, map[string]string{"authorization": "", "x-id-token": ""}, user},
		"the user's identity before the store's own": {func(o *Options) {
			o.Store.ForwardIdentity = true
			o.Store.Auth, o.Store.BearerToken = settings.AuthBearer, "token"
		}, map[string]string{"authorization": "Bearer the-user", "x-id-token": "id", "x-forwarded-for": ""}, user},
		"an alert rule has no user": {func(o *Options) {
			o.Store.ForwardIdentity = true
			o.Store.Auth, o.Store.BearerToken = settings.AuthBearer, "token"
		}, map[string]string{"authorization": "Bearer token"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeJaeger{traces: requests(1)}
			client := f.client(t, c.change)
			ctx := t.Context()
			if c.user != nil {
				ctx = upstream.WithIdentity(ctx, c.user)
			}
			report := client.RequestSpans(ctx, Search{Window: hour, Services: []string{"vllm-llama"}}, func(Trace) error { return nil })
			require.NoError(t, report.Err)
			for key, want := range c.want {
				if want == "" {
					require.Empty(t, f.sent.Get(key), key)
				} else {
					require.Equal(t, []string{want}, f.sent.Get(key), key)
				}
			}
		})
	}
	t.Run("a header that gRPC needs itself is refused", func(t *testing.T) {
		_, err := New(Options{Store: settings.Store{URL: "grpc://jaeger", Headers: []settings.Header{{Name: "grpc-timeout", Value: "1S"}}}})
		require.ErrorContains(t, err, "reserved by gRPC")
	})
}

// pair is a certificate with its key, signed by parent or by itself.
func pair(t *testing.T, name string, parent *tls.Certificate) (certPEM, keyPEM string, cert tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := template, any(key)
	if parent != nil {
		signer, err = x509.ParseCertificate(parent.Certificate[0])
		require.NoError(t, err)
		signerKey = parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	certPEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyPEM = string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}))
	cert, err = tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	require.NoError(t, err)
	return certPEM, keyPEM, cert
}

func TestTLS(t *testing.T) {
	caPEM, _, ca := pair(t, "our CA", nil)
	otherPEM, _, _ := pair(t, "another CA", nil)
	_, _, serverCert := pair(t, "jaeger.example.com", &ca)
	clientPEM, clientKey, _ := pair(t, "grafana", &ca)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(caPEM)))
	f := &fakeJaeger{traces: requests(1)}
	address := f.start(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{serverCert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})))
	sound := settings.TLS{
		CACert: settings.Secret(caPEM), ServerName: "jaeger.example.com",
		ClientCert: settings.Secret(clientPEM), ClientKey: settings.Secret(clientKey),
	}
	for name, c := range map[string]struct {
		scheme string
		change func(*settings.TLS)
		want   error
	}{
		"own CA, server name and client certificate": {"grpcs", func(*settings.TLS) {}, nil},
		"verification switched off":                  {"grpcs", func(s *settings.TLS) { s.CACert, s.SkipVerify = "", true }, nil},
		"another CA":                                 {"grpcs", func(s *settings.TLS) { s.CACert = settings.Secret(otherPEM) }, upstream.ErrTLS},
		"another server name":                        {"grpcs", func(s *settings.TLS) { s.ServerName = "loki.example.com" }, upstream.ErrTLS},
		"plaintext to a TLS port":                    {"grpc", func(*settings.TLS) {}, upstream.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			client := connect(t, c.scheme+"://"+address, func(o *Options) {
				o.Store.TLS = sound
				c.change(&o.Store.TLS)
				o.Store.Auth, o.Store.BearerToken = settings.AuthBearer, "token"
			})
			err := client.Ping(t.Context())
			if c.want == nil {
				require.NoError(t, err)
				require.Equal(t, []string{"Bearer token"}, f.sent.Get("authorization"))
			} else {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
	t.Run("a CA that is none", func(t *testing.T) {
		_, err := New(Options{Store: settings.Store{URL: "grpcs://jaeger", TLS: settings.TLS{CACert: "secret, but no PEM"}}})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	})
}

// socksServer is a SOCKS5 proxy without authentication that connects every name to one address and tells the names.
func socksServer(t *testing.T, to string) (address string, names <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	asked := make(chan string, 10)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer conn.Close()
				head := make([]byte, 2)
				_, _ = io.ReadFull(conn, head) // version, number of methods
				_, _ = io.CopyN(io.Discard, conn, int64(head[1]))
				_, _ = conn.Write([]byte{5, 0})
				request := make([]byte, 5)
				_, _ = io.ReadFull(conn, request) // version, connect, 0, domain name, its length
				name := make([]byte, int(request[4])+2)
				_, _ = io.ReadFull(conn, name)
				port := int(name[len(name)-2])<<8 | int(name[len(name)-1])
				asked <- net.JoinHostPort(string(name[:len(name)-2]), strconv.Itoa(port))
				target, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer target.Close()
				_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
				go func() { _, _ = io.Copy(target, conn) }()
				_, _ = io.Copy(conn, target)
			}()
		}
	}()
	return listener.Addr().String(), asked
}

func TestThroughTheSecureSOCKSProxyTheProxyResolvesTheName(t *testing.T) {
	f := &fakeJaeger{traces: requests(1)}
	address, names := socksServer(t, f.start(t))
	client := connect(t, "grpc://jaeger.only-there.internal:16685", func(o *Options) {
		o.Base.ProxyOptions = &proxy.Options{Enabled: true, ClientCfg: &proxy.ClientCfg{ProxyAddress: address, AllowInsecure: true}}
	})
	require.NoError(t, client.Ping(t.Context()))
	require.Equal(t, "jaeger.only-there.internal:16685", <-names)
}
