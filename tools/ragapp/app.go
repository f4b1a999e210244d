//go:build unix

package ragapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
)

// App is the application, running and ready.
type App struct {
	URL     string
	process *child.Process
}

// startTimeout is long for an index of some hundred chunks; a busy machine may need it.
const startTimeout = 3 * time.Minute

// Start runs the application with these settings, named as in its README, and waits until its index is built. Its log
// lines go to out.
func Start(ctx context.Context, python, root string, settings map[string]string, out io.Writer) (*App, error) {
	port, err := loopback.Reserve(0)
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), fmt.Sprintf("RAG_PORT=%d", port.Number), "PYTHONUNBUFFERED=1")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		env = append(env, name+"="+settings[name])
	}
	port.Release()
	app := &App{URL: fmt.Sprintf("http://127.0.0.1:%d", port.Number)}
	app.process, err = child.Start(child.Spec{
		Path: python, Args: []string{"-m", "rag_app"}, Dir: filepath.Join(root, Folder), Env: env, Stdout: out, Stderr: out,
	})
	if err != nil {
		return nil, err
	}
	if err := loopback.WaitReady(ctx, app.URL+"/readyz", startTimeout, app.process.Done()); err != nil {
		return nil, errors.Join(fmt.Errorf("the RAG application: %w", err), app.Close())
	}
	return app, nil
}

// Close ends the application, which sends the spans it still has. It may be called twice.
func (a *App) Close() error { return a.process.Stop() }
