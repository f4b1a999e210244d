package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// secretive has a secret wherever one can be.
func secretive(t *testing.T) Settings {
	t.Helper()
	secrets := map[string]string{}
	for _, store := range []string{"prometheus", "loki", "jaeger"} {
		for _, field := range []string{"BasicAuthPassword", "BearerToken", "TLSCACert", "TLSClientCert", "TLSClientKey", "HeaderValue1"} {
			secrets[store+field] = "hunter2"
		}
	}
	s := load(t, `{"prometheus": {"headers": ["X-Key"]}, "loki": {"headers": ["X-Key"]}, "jaeger": {"headers": ["X-Key"]}}`, secrets)
	require.Equal(t, "hunter2", string(s.Jaeger.Headers[0].Value))
	return s
}

func TestNoVerbPrintsASecret(t *testing.T) {
	s := secretive(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T"} {
		for _, value := range []any{s, &s, s.Loki, &s.Loki, s.Loki.TLS, s.Loki.Headers, s.Loki.Password} {
			text := fmt.Sprintf(verb, value)
			require.NotContains(t, text, "hunter2", verb)
			require.NotContains(t, text, fmt.Sprintf("%x", "hunter2"), verb)
			require.NotContains(t, text, fmt.Sprintf("%X", "hunter2"), verb)
		}
	}
}

func TestNoLogHoldsASecret(t *testing.T) {
	s := secretive(t)
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("settings", "all", s, "pointer", &s, "secret", s.Loki.BearerToken, "headers", s.Loki.Headers)
	}
	require.Contains(t, out.String(), redacted)
	require.NotContains(t, out.String(), "hunter2")
}

func TestNoJSONHoldsASecret(t *testing.T) {
	out, err := json.Marshal(secretive(t))
	require.NoError(t, err)
	require.NotContains(t, string(out), "hunter2")
}

func TestWhetherASecretIsSetMayBeSeen(t *testing.T) {
	require.Equal(t, "[redacted] and ''", fmt.Sprintf("%s and '%s'", Secret("x"), Secret("")))
}

func TestRedactTakesTheStoresSecretsOutOfAForeignText(t *testing.T) {
	for name, c := range map[string]struct {
		store      Store
		text, want string
	}{
		"a bearer token":                       {Store{BearerToken: "abc.def"}, "bad token abc.def!", "bad token [redacted]!"},
		"a password":                           {Store{Password: "pass"}, "pass pass", "[redacted] [redacted]"},
		"basic auth as it went over the wire":  {Store{Auth: AuthBasic, BasicAuthUser: "u", Password: "pass"}, "got Basic dTpwYXNz", "got Basic [redacted]"},
		"a header's value":                     {Store{Headers: []Header{{"X-Key", "k-123"}}}, "k-123", "[redacted]"},
		"one secret that begins with another":  {Store{Password: "pass", BearerToken: "passport"}, "passport", "[redacted]"},
		"but nothing so short that it is text": {Store{Password: "a"}, "a bad day", "a bad day"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.store.Redact(c.text)) })
	}
}
