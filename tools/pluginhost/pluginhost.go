//go:build unix

// Package pluginhost drives the built plugin as Grafana does: as a process of
// its own, over go-plugin's gRPC, with an environment of the host's choosing
// and every request carrying the data source's settings.
package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
)

// PluginID is the id of plugin.json.
const PluginID = "llmserving-vllm-datasource"

// startTimeout is Grafana's own patience with a plugin, roughly.
const startTimeout = 30 * time.Second

// Options say which binary to run, for which data source.
type Options struct {
	Binary   string   // repo.PluginBinary
	Settings Settings // of the data source; Configure changes them
	Env      []string // beside what Grafana always passes
	Log      io.Writer
}

// Host is a running plugin.
type Host struct {
	client      *plugin.Client
	release     chan struct{} // closed by Close: ends the goroutine that forked
	closeOnce   sync.Once
	data        grpcplugin.DataClient
	diagnostics grpcplugin.DiagnosticsClient
	resource    grpcplugin.ResourceClient
	stream      grpcplugin.StreamClient

	mu       sync.Mutex
	instance backend.DataSourceInstanceSettings
}

// Start runs the plugin and waits for its handshake.
func Start(ctx context.Context, options Options) (*Host, error) {
	if _, err := os.Stat(options.Binary); err != nil {
		return nil, fmt.Errorf("the plugin is not built: %w", err)
	}
	h := &Host{release: make(chan struct{})}
	if err := h.Configure(options.Settings); err != nil {
		return nil, err
	}
	h.client = plugin.NewClient(clientConfig(options))
	if err := h.connect(ctx); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func clientConfig(options Options) *plugin.ClientConfig {
	command := exec.Command(options.Binary)
	command.SysProcAttr = child.Attributes()
	command.Env = append([]string{"GF_VERSION=12.3.0"}, options.Env...)
	log := options.Log
	if log == nil {
		log = io.Discard
	}
	return &plugin.ClientConfig{
		Cmd:         command,
		SkipHostEnv: true, // Grafana does not share its environment with external plugins
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  grpcplugin.ProtocolVersion,
			MagicCookieKey:   grpcplugin.MagicCookieKey,
			MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{grpcplugin.ProtocolVersion: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{},
			"resource":    &grpcplugin.ResourceGRPCPlugin{},
			"data":        &grpcplugin.DataGRPCPlugin{},
			"stream":      &grpcplugin.StreamGRPCPlugin{},
		}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		StartTimeout:     startTimeout,
		Logger:           hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Info}),
	}
}

// connect forks from a goroutine that keeps its OS thread until Close: the
// kernel ends the plugin when the thread that forked it ends (child.Attributes).
func (h *Host) connect(ctx context.Context) error {
	connected := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		_, err := h.client.Client()
		connected <- err
		<-h.release
	}()
	select {
	case err := <-connected:
		if err != nil {
			return fmt.Errorf("start the plugin: %w", err)
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	client, err := h.client.Client()
	if err != nil {
		return err
	}
	h.data, err = dispense[grpcplugin.DataClient](client, "data")
	if err != nil {
		return err
	}
	h.diagnostics, err = dispense[grpcplugin.DiagnosticsClient](client, "diagnostics")
	if err != nil {
		return err
	}
	h.resource, err = dispense[grpcplugin.ResourceClient](client, "resource")
	if err != nil {
		return err
	}
	h.stream, err = dispense[grpcplugin.StreamClient](client, "stream")
	return err
}

func dispense[T any](client plugin.ClientProtocol, name string) (T, error) {
	raw, err := client.Dispense(name)
	if err != nil {
		return *new(T), fmt.Errorf("dispense %s: %w", name, err)
	}
	typed, ok := raw.(T)
	if !ok {
		return *new(T), fmt.Errorf("the plugin's %s service is a %T", name, raw)
	}
	return typed, nil
}

// Exited reports whether the plugin has ended by itself, as after a panic.
func (h *Host) Exited() bool { return h.client.Exited() }

// Close ends the plugin. Grafana does it the same way: asked first, then killed.
func (h *Host) Close() error {
	h.closeOnce.Do(func() {
		h.client.Kill()
		close(h.release)
	})
	return nil
}
