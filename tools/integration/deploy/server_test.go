//go:build unix && integration

package deploy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// server is a pinned program on the file that a container gets.
type server struct {
	program program.Program
	file    string // below deploy/
	dir     string // throw-away: configuration, data, log
	// replace is what a container gives and this machine does not: host names, ports, folders.
	replace []string
	args    []string // CONFIG and DIR stand for the file and the folder
	env     []string // NAME=value
	ready   string
}

// start starts it and waits until it serves; the test's end stops it, if stop has not.
func (s server) start(t *testing.T) (stop func()) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "deploy", s.file))
	require.NoError(t, err)
	config := filepath.Join(s.dir, filepath.Base(s.file))
	require.NoError(t, os.WriteFile(config, []byte(strings.NewReplacer(s.replace...).Replace(string(text))), 0o644))

	log, err := os.Create(filepath.Join(s.dir, "log.txt"))
	require.NoError(t, err)
	var args []string
	for _, arg := range s.args {
		args = append(args, strings.NewReplacer("CONFIG", config, "DIR", s.dir).Replace(arg))
	}
	process, err := child.Start(child.Spec{
		Path: binary(t, s.program), Args: args, Dir: s.dir, Env: append(os.Environ(), s.env...), Stdout: log, Stderr: log,
	})
	require.NoError(t, err)
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			require.NoError(t, process.Stop())
			require.NoError(t, log.Close())
		}
	}
	t.Cleanup(stop)
	if err := loopback.WaitReady(t.Context(), s.ready, time.Minute, process.Done()); err != nil {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("%s: %v\n%s", s.file, err, said)
	}
	return stop
}

// binary is the program as pinned, which the check has built before.
func binary(t *testing.T, p program.Program) string {
	t.Helper()
	cache, err := program.DefaultCacheDir()
	require.NoError(t, err)
	source := program.Source{Cache: program.Cache{Dir: cache, Modules: filepath.Join(root(t), "tools", "servers")}, Pinned: true}
	found, err := source.GetAll(t.Context(), []program.Program{p}, func(program.Program, program.Progress) {})[0].Wait()
	require.NoError(t, err)
	return found.Path
}

func root(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return root
}

// addresses are host:port, free when a server takes them.
func addresses(t *testing.T, n int) (all []string) {
	t.Helper()
	for range n {
		port, err := loopback.Reserve(0)
		require.NoError(t, err)
		all = append(all, port.Address())
		defer port.Release() // held until all are found, so that no two are one
	}
	return all
}

// port is the second half of host:port.
func port(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return port
}

// retention is what docker-compose.yml gives the stores unless .env says otherwise.
const retention = "RETENTION=168h"

// lokiServer is Loki on one of our files, and its address.
func lokiServer(t *testing.T, file string) (server, string) {
	t.Helper()
	at, dir := addresses(t, 2), t.TempDir()
	rules := filepath.Join(dir, "rules")
	// A folder of the tenant that there is without tenants, with the one file: Loki takes every other for rules, too.
	require.NoError(t, os.MkdirAll(filepath.Join(rules, "fake"), 0o755))
	require.NoError(t, os.Symlink(filepath.Join(root(t), "provisioning/loki/vllm-rules.yml"), filepath.Join(rules, "fake", "vllm-rules.yml")))
	return server{
		program: program.Loki, file: file, dir: dir, env: []string{retention},
		replace: []string{
			"/etc/loki/rules", rules, "alertmanager:9093", "127.0.0.1:1", "/loki", dir, "3100", port(at[0]), "9095", port(at[1]),
		},
		args: []string{
			"-config.file=CONFIG", "-config.expand-env=true",
			"-server.http-listen-address=127.0.0.1", "-server.grpc-listen-address=127.0.0.1",
		},
		ready: "http://" + at[0] + "/ready",
	}, "http://" + at[0]
}

// jaegerPorts are where a Jaeger as compose starts it listens, host:port each.
type jaegerPorts struct{ query, http, otlpGRPC, otlpHTTP, health, metrics string }

func jaegerServer(t *testing.T, dir string) (server, jaegerPorts) {
	t.Helper()
	at := addresses(t, 6)
	p := jaegerPorts{query: at[0], http: at[1], otlpGRPC: at[2], otlpHTTP: at[3], health: at[4], metrics: at[5]}
	return server{
		program: program.Jaeger, file: "compose/jaeger.yaml", dir: dir, env: []string{retention},
		replace: []string{
			"/badger", dir, "0.0.0.0:16685", p.query, "0.0.0.0:16686", p.http, "0.0.0.0:4317", p.otlpGRPC, "0.0.0.0:4318", p.otlpHTTP,
			"0.0.0.0:13133", p.health, "host: 0.0.0.0, port: 8888", "host: 127.0.0.1, port: " + port(p.metrics),
		},
		args: []string{"--config", "CONFIG"}, ready: "http://" + p.health + "/status",
	}, p
}

// eventually asks until the answer holds the text: stores show what they have taken within a second or two.
func eventually(t *testing.T, address, text string) {
	t.Helper()
	var last string
	until(t, func() bool {
		response, err := http.Get(address)
		if err != nil {
			last = err.Error()
			return false
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		last = string(body)
		return err == nil && strings.Contains(last, text)
	}, func() string { return fmt.Sprintf("%s has no %s: %s", address, text, last) })
}

// until asks again and again, for as long as a busy machine may take.
func until(t *testing.T, holds func() bool, otherwise func() string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatal(otherwise())
		case <-tick.C:
		}
	}
}
