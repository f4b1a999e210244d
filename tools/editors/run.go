//go:build unix

package editors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// Run serves the page while a command runs, which finds its address in EDITORS_URL. Without a command it serves until ctx
// ends, for looking at it. All that it started has ended when it returns.
func Run(ctx context.Context, command []string, out io.Writer) (err error) {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	began := time.Now()
	fleet, err := startFleet(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.stores.Close()) }()
	_, _ = fmt.Fprintf(out, "stores are filled after %s\n", time.Since(began).Round(time.Second))

	if err := os.MkdirAll(filepath.Join(root, ".cache"), 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(root, ".cache", "editors-plugin.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // written by the plugins alone, which have ended by then
	sources := &dataSources{root: root, log: log, byUID: map[string]*dataSource{}}
	defer sources.close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: (&server{sources: sources, fleet: fleet}).handler(root), ReadHeaderTimeout: 5 * time.Second}
	defer func() { _ = web.Close() }()
	go func() { _ = web.Serve(listener) }() // ends with Close
	url := "http://" + listener.Addr().String()
	_, _ = fmt.Fprintf(out, "editors: %s/?editor=query (or config, annotation, variable)\n", url)

	if len(command) == 0 {
		<-ctx.Done()
		return nil
	}
	return child.Run(ctx, child.Spec{
		Path: command[0], Args: command[1:], Dir: root, Env: append(os.Environ(), "EDITORS_URL="+url), Stdout: out, Stderr: out,
	})
}
