package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// authority is a certificate authority that lives as long as its test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.pem = encode("CERTIFICATE", der)
	return a
}

// sign gives certificate and key, both PEM, for a server or client of that name.
func (a *authority) sign(name string) (cert, key string) {
	a.t.Helper()
	own := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &own.PublicKey, a.key)
	require.NoError(a.t, err)
	keyDER, err := x509.MarshalECPrivateKey(own)
	require.NoError(a.t, err)
	return encode("CERTIFICATE", der), encode("EC PRIVATE KEY", keyDER)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// serveTLS starts a store that shows a certificate for loki.internal and, when mutual, wants one from the same authority.
func serveTLS(t *testing.T, a *authority, mutual bool) settings.Store {
	t.Helper()
	cert, key := a.sign("loki.internal")
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "yes")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tested
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if mutual {
		server.TLS.ClientCAs = x509.NewCertPool()
		server.TLS.ClientCAs.AddCert(a.cert)
		server.TLS.ClientAuth = tls.RequireAndVerifyClientCert
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return settings.Store{Name: evidence.Loki, URL: server.URL, Timeout: 10 * time.Second}
}

func TestTLSByTheStoresOwnAuthorityAndCertificates(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	clientCert, clientKey := ours.sign("grafana")
	strangerCert, strangerKey := theirs.sign("stranger")

	good := settings.TLS{CACert: settings.Secret(ours.pem), ServerName: "loki.internal"}
	with := func(change func(*settings.TLS)) settings.TLS {
		changed := good
		change(&changed)
		return changed
	}
	for name, c := range map[string]struct {
		mutual bool
		tls    settings.TLS
		want   Kind // empty: the call succeeds
	}{
		"its authority and name are known": {false, good, ""},
		"its authority is not known":       {false, with(func(s *settings.TLS) { s.CACert = "" }), ErrTLS},
		"another authority is trusted":     {false, with(func(s *settings.TLS) { s.CACert = settings.Secret(theirs.pem) }), ErrTLS},
		"it has another name":              {false, with(func(s *settings.TLS) { s.ServerName = "loki.example" }), ErrTLS},
		"nothing is verified, as asked":    {false, settings.TLS{SkipVerify: true}, ""},
		"it wants a certificate and gets it": {true, with(func(s *settings.TLS) {
			s.ClientCert, s.ClientKey = settings.Secret(clientCert), settings.Secret(clientKey)
		}), ""},
		"it wants a certificate in vain": {true, good, ErrTLS},
		"it gets a stranger's certificate": {true, with(func(s *settings.TLS) {
			s.ClientCert, s.ClientKey = settings.Secret(strangerCert), settings.Secret(strangerKey)
		}), ErrTLS},
	} {
		t.Run(name, func(t *testing.T) {
			store := serveTLS(t, ours, c.mutual)
			store.TLS = c.tls
			client := newClient(t, store)
			_, body, err := client.Do(t.Context(), get(t, client, "/"))
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, "yes", string(body))
				return
			}
			require.ErrorIs(t, err, c.want, "%v", err)
		})
	}
}

func TestTLSAndPlaintextDoNotMix(t *testing.T) {
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	plain.URL = "https" + plain.URL[len("http"):]
	client := newClient(t, plain)
	_, _, err := client.Do(t.Context(), get(t, client, "/"))
	require.ErrorIs(t, err, ErrTLS)
}

func TestGrafanasDemandForTLS13IsKept(t *testing.T) {
	base := httpclient.Options{TLS: &httpclient.TLSOptions{
		MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13, CACertificate: "not for the stores",
	}}
	config, err := TLSConfig(base, settings.Store{TLS: settings.TLS{ServerName: "loki.internal"}})
	require.NoError(t, err)
	require.EqualValues(t, tls.VersionTLS13, config.MinVersion)
	require.Equal(t, "loki.internal", config.ServerName)
	require.Nil(t, config.RootCAs)
}
