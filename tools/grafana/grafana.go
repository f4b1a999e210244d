//go:build unix

// Package grafana starts a Grafana that is on this machine with this
// repository's plugin, data source and dashboards, for looking at in a browser.
// It installs nothing and calls nobody.
package grafana

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// startTimeout covers the migrations of an empty database on a slow disk.
const startTimeout = 2 * time.Minute

// Installation is a Grafana that could be started.
type Installation struct {
	Binary string
	Home   string // with conf/ and public/
}

// Find looks where GRAFANA_HOME says, then for grafana on PATH, then where
// distributions' packages put it.
func Find() (Installation, bool) {
	homes := []string{"/usr/share/grafana", "/usr/local/share/grafana"}
	if home := os.Getenv("GRAFANA_HOME"); home != "" {
		return at(home) // who says where means that one
	}
	if path, err := exec.LookPath("grafana"); err == nil {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			homes = append([]string{filepath.Dir(filepath.Dir(resolved))}, homes...)
		}
		for _, home := range homes {
			if complete(home) {
				return Installation{Binary: path, Home: home}, true
			}
		}
	}
	for _, home := range homes {
		if found, ok := at(home); ok {
			return found, true
		}
	}
	return Installation{}, false
}

func at(home string) (Installation, bool) {
	binary := filepath.Join(home, "bin", "grafana")
	info, err := os.Stat(binary)
	if err != nil || !info.Mode().IsRegular() || !complete(home) {
		return Installation{}, false
	}
	return Installation{Binary: binary, Home: home}, true
}

// complete tells a Grafana's home from any other folder above a binary.
func complete(home string) bool {
	_, errConf := os.Stat(filepath.Join(home, "conf", "defaults.ini"))
	_, errPublic := os.Stat(filepath.Join(home, "public"))
	return errConf == nil && errPublic == nil
}

// Options say what it shows.
type Options struct {
	Installation Installation
	Root         string // of this repository
	Dir          string // throw-away: database, logs
	// The stores' addresses, for provisioning/datasources; an empty one leaves
	// that store out. Jaeger is a grpc:// URL.
	Prometheus, Loki, Jaeger string
	// ScrapeInterval of that Prometheus; 0 leaves the data source its default.
	ScrapeInterval time.Duration
	// Alerts is where its contact points post; without it they post nowhere.
	Alerts string
	// AdminPassword makes people sign in, as admin. Without it everybody is an administrator.
	AdminPassword string
}

// Server is a running Grafana.
type Server struct {
	URL     string
	process *child.Process
}

// Start starts it and waits until it serves.
func Start(ctx context.Context, options Options) (*Server, error) {
	plugins := filepath.Join(options.Dir, "plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return nil, err
	}
	// Grafana looks for plugins one folder down; dist itself is the plugin's folder.
	if err := os.Symlink(filepath.Join(options.Root, "dist"), filepath.Join(plugins, pluginhost.PluginID)); err != nil {
		return nil, err
	}
	port, err := loopback.Reserve(0)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(options.Dir, "log.txt"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child writes it, we do not
	port.Release()
	process, err := child.Start(child.Spec{
		Path: options.Installation.Binary, Args: []string{"server", "--homepath", options.Installation.Home},
		Dir: options.Dir, Env: append(os.Environ(), environment(options, port)...), Stdout: log, Stderr: log,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{URL: port.URL(), process: process}
	if err := loopback.WaitReady(ctx, s.URL+"/api/health", startTimeout, process.Done()); err != nil {
		return nil, errors.Join(fmt.Errorf("grafana: %w", err), s.Close())
	}
	return s, nil
}

// environment is all of the configuration.
func environment(options Options, port *loopback.Port) []string {
	return append(access(options.AdminPassword),
		"GF_SERVER_HTTP_ADDR=127.0.0.1",
		fmt.Sprintf("GF_SERVER_HTTP_PORT=%d", port.Number),
		"GF_PATHS_DATA="+filepath.Join(options.Dir, "data"),
		"GF_PATHS_LOGS="+filepath.Join(options.Dir, "logs"),
		"GF_PATHS_PLUGINS="+filepath.Join(options.Dir, "plugins"),
		"GF_PATHS_PROVISIONING="+filepath.Join(options.Root, "provisioning"),
		"GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS="+pluginhost.PluginID,
		// Nothing leaves this machine.
		"GF_ANALYTICS_REPORTING_ENABLED=false",
		"GF_ANALYTICS_CHECK_FOR_UPDATES=false",
		"GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES=false",
		"GF_ANALYTICS_FEEDBACK_LINKS_ENABLED=false",
		"GF_NEWS_NEWS_FEED_ENABLED=false",
		"GF_SECURITY_DISABLE_GRAVATAR=true",
		"GF_PLUGINS_PREINSTALL_DISABLED=true",
		"GF_PLUGINS_PLUGIN_ADMIN_ENABLED=false",
		"GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED=true",
		// Grafana's own home page asks for news whatever the settings say.
		"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH="+filepath.Join(options.Root, "dashboards", "vllm-fleet.json"),
		// What provisioning/ asks for.
		"VLLM_PROMETHEUS_URL="+options.Prometheus,
		"VLLM_LOKI_URL="+options.Loki,
		"VLLM_JAEGER_URL="+options.Jaeger,
		"VLLM_SCRAPE_INTERVAL="+options.ScrapeInterval.String(),
		"VLLM_DASHBOARDS="+filepath.Join(options.Root, "dashboards"),
		"VLLM_SLACK_URL="+options.Alerts,
		"VLLM_SLACK_CRITICAL=critical", "VLLM_SLACK_HIGH=high", "VLLM_SLACK_MEDIUM=medium",
	)
}

// access lets in whoever knows the password. Without one anybody who reaches
// this port is an administrator, which is right for a throw-away instance on
// loopback and for nothing else.
func access(adminPassword string) []string {
	if adminPassword != "" {
		return []string{"GF_AUTH_ANONYMOUS_ENABLED=false", "GF_SECURITY_ADMIN_PASSWORD=" + adminPassword}
	}
	return []string{
		"GF_AUTH_ANONYMOUS_ENABLED=true",
		"GF_AUTH_ANONYMOUS_ORG_ROLE=Admin",
		"GF_AUTH_BASIC_ENABLED=false",
		"GF_AUTH_DISABLE_LOGIN_FORM=true",
	}
}

// Done is closed when it has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Close stops it and the plugins that it has started.
func (s *Server) Close() error { return s.process.Stop() }
