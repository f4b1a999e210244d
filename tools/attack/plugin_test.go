//go:build unix

package attack

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

var binary = flag.String("plugin", "", "the built plugin to attack; empty builds that of this checkout")

// removed deletes what was built, after the last test.
var removed func()

// built is the plugin of this checkout, built once per run: Go's own cache makes that a matter of linking.
var built = sync.OnceValues(func() (string, error) {
	if *binary != "" {
		return filepath.Abs(*binary)
	}
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "attack")
	if err != nil {
		return "", err
	}
	removed = func() { _ = os.RemoveAll(folder) }
	path := filepath.Join(folder, "plugin")
	build := exec.Command("go", "build", "-o", path, "./pkg")
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return "", &buildError{string(said), err}
	}
	return path, nil
})

type buildError struct {
	said string
	err  error
}

func (e *buildError) Error() string { return e.err.Error() + ": " + strings.TrimSpace(e.said) }

// start runs the plugin with these settings until the test ends.
func start(t *testing.T, settings pluginhost.Settings) *pluginhost.Host {
	t.Helper()
	host, _ := startLogged(t, settings)
	return host
}

// startLogged is start for tests that read the plugin's log.
func startLogged(t *testing.T, settings pluginhost.Settings) (*pluginhost.Host, *logged) {
	t.Helper()
	path, err := built()
	require.NoError(t, err)
	log := &logged{}
	host, err := pluginhost.Start(t.Context(), pluginhost.Options{Binary: path, Settings: settings, Log: log})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.False(t, host.Exited(), "the plugin ended by itself")
		require.NoError(t, host.Close())
		if t.Failed() {
			t.Logf("the plugin's log ends:\n%s", log.end(4000))
		}
	})
	return host, log
}

// logged is what the plugin has logged so far.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes more of the log.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is the whole log.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) end(n int) string {
	text := l.String()
	return text[max(0, len(text)-n):]
}

// now and window are of every query that does not say otherwise: ten minutes of which the sound stores know something.
var now = time.Now().Truncate(time.Minute)

func window() backend.TimeRange {
	return backend.TimeRange{From: now.Add(-10 * time.Minute), To: now}
}

// asked is a panel's query about that window.
func asked(t *testing.T, refID string, model any) backend.DataQuery {
	t.Helper()
	q, err := pluginhost.Query(refID, model, window())
	require.NoError(t, err)
	return q
}

// ask sends one query and gives its answer.
func ask(t *testing.T, host *pluginhost.Host, model any) backend.DataResponse {
	t.Helper()
	answer, err := host.QueryData(t.Context(), asked(t, "A", model))
	require.NoError(t, err)
	require.Contains(t, answer.Responses, "A")
	return answer.Responses["A"]
}
