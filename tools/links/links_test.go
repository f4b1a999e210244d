package links_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/links"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestCheckTakesTheMeantLinkAndNoOther(t *testing.T) {
	meant := links.Meant{Path: "/d/x", Parameters: map[string][]string{"var-model": {`a"b`}, "to": {"now"}}}
	require.NoError(t, meant.Check("/d/x?var-model=a%22b&to=now"))
	require.NoError(t, meant.Check("/d/x?to=now&var-model=a%22b"), "in any order")
	for name, address := range map[string]string{
		"not escaped":             `/d/x?var-model=a"b&to=now`,
		"another value":           "/d/x?var-model=a&to=now",
		"a parameter more":        "/d/x?var-model=a%22b&to=now&panes=x",
		"a parameter less":        "/d/x?var-model=a%22b",
		"given twice":             "/d/x?var-model=a%22b&var-model=c&to=now",
		"another page":            "/d/y?var-model=a%22b&to=now",
		"another page, in dots":   "/d/x/../y?var-model=a%22b&to=now",
		"another page, escaped":   "/d/%78?var-model=a%22b&to=now",
		"another site":            "https://evil.example/d/x?var-model=a%22b&to=now",
		"another site, no scheme": "//evil.example/d/x?var-model=a%22b&to=now",
		"a script":                "javascript:/d/x?var-model=a%22b&to=now",
		"a fragment":              "/d/x?var-model=a%22b&to=now#y",
		"a line break":            "/d/x?var-model=a%22b&to=now\n",
		"half an escape":          "/d/x?var-model=a%2&to=now",
		"a semicolon":             "/d/x?var-model=a%22b;to=now",
	} {
		require.Error(t, meant.Check(address), name)
	}
	site := links.Meant{Site: "https://grafana:3000", Path: "/d/x", Parameters: map[string][]string{}}
	require.NoError(t, site.Check("https://grafana:3000/d/x"))
	for _, address := range []string{"/d/x", "http://grafana:3000/d/x", "https://grafana:3000@evil.example/d/x", "https://u@grafana:3000/d/x", "https://grafana/d/x"} {
		require.Error(t, site.Check(address))
	}
	require.Error(t, links.Meant{Site: "javascript:"}.Check("javascript:"))
}

func TestFillReadsEveryFormOfAVariableOnce(t *testing.T) {
	var seen []links.Variable
	got, err := links.Fill(`/d/x?${a:percentencode}&$b&[[c]]&[[d:raw]]&${__data.fields["request id"]:percentencode}&${__field.labels.model}&5$`, func(v links.Variable) (string, error) {
		seen = append(seen, v)
		return `${z}`, nil
	})
	require.NoError(t, err)
	require.Equal(t, `/d/x?${z}&${z}&${z}&${z}&${z}&${z}&5$`, got)
	require.Equal(t, []links.Variable{
		{"a", "percentencode"}, {"b", ""}, {"c", ""}, {"d", "raw"}, {`__data.fields["request id"]`, "percentencode"}, {"__field.labels.model", ""},
	}, seen)
	for i, want := range []bool{false, false, false, false, true, true} {
		require.Equal(t, want, seen[i].FromStore(), seen[i])
	}
	_, err = links.Fill("$x", func(links.Variable) (string, error) { return "", errors.New("no") })
	require.ErrorContains(t, err, "$x: no")
}

func TestAddressesAreFoundInTexts(t *testing.T) {
	require.Equal(t, []string{"https://a.example/b?c=d", "HTTP://x"},
		links.InText(`see <https://a.example/b?c=d|here>, "HTTP://x"; not https: //a or a:b`))
}

func TestShippedFilesAreReadWhole(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	all, err := links.Shipped(root, "dashboards", "provisioning", "deploy")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, text := range all {
		seen[text.At] = true
	}
	for _, at := range []string{
		"dashboards/vllm-requests.json/title", "provisioning/alerting/rules.yml/groups/0/name", "provisioning/alertmanager/templates/vllm.tmpl",
		"provisioning/alerting/pagerduty.yml.sample/contactPoints/0/name", "deploy/kubernetes/components/prometheus-operator/alertmanager.yaml/spec/receivers/0/name",
	} {
		require.True(t, seen[at], at)
	}
}
