//go:build unix

package attack

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestAttackSecrets(t *testing.T) {
	try(t, "secrets",
		attack{
			name:  "a store quotes the credentials it was sent",
			tried: "every endpoint of Prometheus, Loki and Jaeger answers with an error that holds the password as it is, in base64 with its user, escaped for a URL, JSON, Go and HTML, as hex, in another case, with characters of no width in it; Prometheus also as the warning of a sound answer",
			holds: "no form of it is in an answer, a notice, the inspector, Save & test, a list or the log",
			run:   quotedSecrets,
		},
		attack{
			name:  "a secret in any of fifty forms",
			tried: "passwords with quotes, spaces, escapes and other letters, in base64 at each offset and alphabet, in escapes within escapes, on several lines",
			holds: "nothing of it is left",
			test:  "pkg/settings.TestASecretIsFoundInWhateverForm",
		},
		attack{
			name:  "a secret across the end of what is read",
			tried: "a body is cut where the secret has begun",
			holds: "its beginning goes, too",
			test:  "pkg/settings.TestTheBeginningOfASecretAtACutIsTakenOut",
		},
	)
}

// password has what each way of quoting escapes.
const password = `Hunter2/+"<é>&'x`

// forms are ways to quote it.
var forms = map[string]func(string) string{
	"as it is":                func(s string) string { return s },
	"in upper case":           strings.ToUpper,
	"base64 with the user":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("grafana:" + s)) },
	"base64 for URLs":         func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("u:" + s)) },
	"for a URL":               url.QueryEscape,
	"every byte for a URL":    func(s string) string { return strings.ReplaceAll(fmt.Sprintf("% x", s), " ", "%") },
	"for JSON":                func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"for Go":                  func(s string) string { return fmt.Sprintf("%+q", s) },
	"for HTML":                html.EscapeString,
	"hex":                     func(s string) string { return hex.EncodeToString([]byte(s)) },
	"hex in upper case":       func(s string) string { return fmt.Sprintf("%X", s) },
	"with spaces of no width": func(s string) string { return strings.Join(strings.Split(s, ""), "\u200b") },
}

func quotedSecrets(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	stores := newStores(t)
	settings := stores.settings()
	settings.Secure = map[string]string{}
	for _, name := range []string{"prometheus", "loki", "jaeger"} {
		settings.JSON[name].(map[string]any)["auth"] = "basic"
		settings.JSON[name].(map[string]any)["basicAuthUser"] = "grafana"
		settings.Secure[name+"BasicAuthPassword"] = password
	}
	host, log := startLogged(t, settings)
	looked := 0
	for name, form := range forms {
		said := form(password)
		if name == "every byte for a URL" {
			said = "%" + said
		}
		clean := func(where string, texts ...string) {
			looked++
			inJSON, _ := json.Marshal(said)
			for _, text := range texts {
				for _, secret := range []string{said, strings.Trim(string(inJSON), `"`), password} {
					require.NotContains(t, text, secret, "%s, %s", name, where)
				}
			}
		}
		answers := func(where string) {
			for _, example := range examples() {
				answer, err := host.QueryData(t.Context(), asked(t, "A", example))
				require.NoError(t, err)
				frames, err := json.Marshal(answer.Responses["A"])
				require.NoError(t, err)
				clean(where, string(frames), fmt.Sprint(answer.Responses["A"].Error))
			}
			health, err := host.CheckHealth(t.Context())
			require.NoError(t, err)
			clean(where+", Save & test", health.Message, string(health.JSONDetails))
			for _, path := range lists("llama") {
				list, body, err := host.CallResource(t.Context(), path)
				clean(where+", a list", fmt.Sprint(list, err), string(body))
			}
		}
		body, err := json.Marshal(map[string]string{"status": "error", "errorType": "bad_data", "error": "no: " + said})
		require.NoError(t, err)
		refuse := func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(body) // who is gone needs no answer
		}
		stores.prometheus.instead(refuse)
		stores.loki.instead(refuse)
		stores.jaeger.instead(func(*call) ([][]byte, error) { return nil, status.Error(codes.Internal, "no: "+said) })
		answers("errors")
		warned, err := json.Marshal(map[string]any{
			"status": "success", "data": map[string]any{"resultType": "vector", "result": []any{}}, "warnings": []string{"PromQL info: " + said, "a part is missing: " + said},
		})
		require.NoError(t, err)
		stores.prometheus.instead(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(warned) })
		answer := ask(t, host, map[string]any{"queryType": "promql", "promql": map[string]any{"expr": "up"}})
		frames, err := json.Marshal(answer)
		require.NoError(t, err)
		clean("a warning", string(frames))
		clean("the log", log.String())
	}
	figure(t, "%d answers in %d forms", looked, len(forms))
}
