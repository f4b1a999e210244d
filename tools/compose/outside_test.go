package compose_test

import (
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// address is what a program could call.
var address = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s"'` + "`" + `<>(){}\[\],;|]+`)

// TestTheDemoCallsNobodyOutside looks through all that the demo's programs read for hosts that are not the demo's own services. Links
// that people click, in texts and runbooks, are no calls: they stand in dashboards and annotations, which no program follows.
func TestTheDemoCallsNobodyOutside(t *testing.T) {
	own := append(everything(t).ServiceNames(), "llm", "localhost")
	files := []string{"docker-compose.yml", "tools/grafana/grafana.go"}
	for _, folder := range []string{"deploy/compose", "provisioning/alerting", "provisioning/datasources", "provisioning/dashboards"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root(t), folder), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && !strings.HasSuffix(path, ".sample") {
				relative, _ := filepath.Rel(root(t), path)
				files = append(files, relative)
			}
			return err
		}))
	}
	looked := 0
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(root(t), file))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if at := strings.TrimSpace(line); strings.HasPrefix(at, "#") || strings.HasPrefix(at, "//") || clicked.MatchString(at) {
				continue
			}
			for _, found := range address.FindAllString(line, -1) {
				looked++
				u, err := url.Parse(strings.TrimRight(found, "/.:"))
				if err != nil || strings.Contains(found, "$") { // a variable's: its default is looked at below
					continue
				}
				host := u.Hostname()
				if !regexp.MustCompile(`^[A-Za-z0-9.:-]+$`).MatchString(host) { // the words of a template
					continue
				}
				ip, err := netip.ParseAddr(host)
				local := err == nil && (ip.IsLoopback() || ip.IsUnspecified())
				require.True(t, host == "" || local || slices.Contains(own, host), "%s names %s", file, net.JoinHostPort(host, u.Port()))
			}
		}
	}
	require.Greater(t, looked, 10)
	environment := everything(t).Services["grafana"].Environment
	require.Equal(t, "http://alerts:8090/grafana", *environment["VLLM_SLACK_URL"])
}

// clicked are fields that hold links for people.
var clicked = regexp.MustCompile(`^"?(runbook_url|url_text|__dashboardUid__)"?:`)

// What of Grafana itself would call out.
func TestGrafanaOfTheDemoIsTold(t *testing.T) {
	environment := everything(t).Services["grafana"].Environment
	other, err := os.ReadFile(filepath.Join(root(t), "tools/grafana/grafana.go"))
	require.NoError(t, err)
	for name, value := range map[string]string{
		"GF_ANALYTICS_REPORTING_ENABLED": "false", "GF_ANALYTICS_CHECK_FOR_UPDATES": "false", "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
		"GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false", "GF_NEWS_NEWS_FEED_ENABLED": "false", "GF_SECURITY_DISABLE_GRAVATAR": "true",
		"GF_PLUGINS_PREINSTALL_DISABLED": "true", "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
	} {
		require.Equal(t, value, *environment[name], name)
		require.Contains(t, string(other), `"`+name+"="+value+`"`)
	}
	// Grafana's own home page asks for news whatever the settings say.
	require.NotEmpty(t, *environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
	require.Contains(t, string(other), `"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH="`)
}
