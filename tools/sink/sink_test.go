package sink

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatArrivesIsShown(t *testing.T) {
	for name, c := range map[string]struct{ path, body, title, text string }{
		"a message of Slack":         {"/grafana/critical", `{"channel":"#a","attachments":[{"title":"VLLMEngineDead","text":"llama-0 is gone","fallback":"x"}]}`, "VLLMEngineDead", "llama-0 is gone"},
		"a plain message of Slack":   {"/slack", `{"text":"hello"}`, "", "hello"},
		"an event of PagerDuty":      {"/v2/enqueue", `{"event_action":"trigger","payload":{"summary":"it burns"}}`, "it burns", "trigger"},
		"what another webhook sends": {"/other", `{"status":"firing"}`, "", `"status": "firing"`},
		"what is no JSON":            {"/other", "plain", "", "plain"},
	} {
		t.Run(name, func(t *testing.T) {
			s := New()
			server := httptest.NewServer(s)
			defer server.Close()
			response, err := http.Post(server.URL+c.path, "application/json", strings.NewReader(c.body))
			require.NoError(t, err)
			answer, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, "ok", string(answer))
			require.Less(t, response.StatusCode, 300)
			messages, total := s.Messages()
			require.Equal(t, 1, total)
			require.Equal(t, c.path, messages[0].Path)
			require.Equal(t, c.title, messages[0].Title)
			require.Contains(t, messages[0].Text, c.text)
		})
	}
}

// A client chooses what an alert's labels hold.
func TestAMessageIsTextOnThePage(t *testing.T) {
	s := New()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(`{"attachments":[{"title":"<script>alert(1)</script>","text":"<img src=//evil.example>"}]}`)))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.NotContains(t, w.Body.String(), "<script")
	require.NotContains(t, w.Body.String(), "<img")
	require.Contains(t, w.Body.String(), "&lt;script&gt;")
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
}

func TestItKeepsTheLastMessagesOnly(t *testing.T) {
	s := New()
	for range kept + 7 {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("m")))
	}
	messages, total := s.Messages()
	require.Len(t, messages, kept)
	require.Equal(t, kept+7, total)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(strings.Repeat("x", longest+1))))
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	w = httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/other", nil))
	require.Equal(t, http.StatusNotFound, w.Code)
}
