package publish_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// These are rules of Grafana's plugin validator (plugincheck2), for which it needs the network or programs of its own.

func root(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return root
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), name))
	require.NoError(t, err)
	return string(text)
}

func files(t *testing.T, folder string, wanted func(name string) bool) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(filepath.Join(root(t), folder), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && wanted(name) {
			names = append(names, name)
		}
		return err
	}))
	require.NotEmpty(t, names)
	return names
}

// code-rules: a plugin reads no environment and no files, and prints nothing. In package os reading is all that is left.
func TestTheBackendTouchesNothingOfItsHost(t *testing.T) {
	forbidden := map[string]func(call string) bool{
		"os":      func(call string) bool { return !slices.Contains([]string{"Exit", "ReadFile"}, call) },
		"fs":      func(string) bool { return true },
		"syscall": func(string) bool { return true },
		"filepath": func(call string) bool {
			return slices.Contains([]string{"Walk", "WalkDir", "VolumeName", "EvalSymlinks", "Glob"}, call)
		},
		"fmt": func(call string) bool { return strings.HasPrefix(call, "Print") },
	}
	set := token.NewFileSet()
	for _, name := range files(t, "pkg", func(name string) bool {
		return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
	}) {
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			if called, ok := call.Fun.(*ast.SelectorExpr); ok {
				if on, ok := called.X.(*ast.Ident); ok && forbidden[on.Name] != nil {
					require.False(t, forbidden[on.Name](called.Sel.Name), "%s calls %s.%s", set.Position(call.Pos()), on.Name, called.Sel.Name)
				}
			}
			return true
		})
	}
}

// code-rules of the frontend.
func TestTheFrontendKeepsToWhatAPluginMay(t *testing.T) {
	forbidden := []*regexp.Regexp{
		regexp.MustCompile(`\bconsole\.\w+\(`), regexp.MustCompile(`\bwindow\.(location|open)\b`),
		regexp.MustCompile(`\b(alert|confirm|prompt)\(`), regexp.MustCompile(`import ['"].*\.s?css['"]`),
		regexp.MustCompile(`\bgf-form\b`), regexp.MustCompile(`/api/ds/query`), regexp.MustCompile(`\btestDatasource\b`),
		regexp.MustCompile(`@ts-(ignore|nocheck)`), regexp.MustCompile(`dangerouslySetInnerHTML`),
		regexp.MustCompile(`google-analytics|googletagmanager|segment\.(com|io)`),
		// reactcompat: what React 19 no longer has.
		regexp.MustCompile(`\b(defaultProps|propTypes|contextTypes|findDOMNode|createFactory|ReactDOM\.(render|hydrate))\b`),
	}
	for _, name := range files(t, "src", func(name string) bool {
		return regexp.MustCompile(`\.tsx?$`).MatchString(name) && !strings.Contains(name, ".test.")
	}) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, rule := range forbidden {
			require.Empty(t, rule.FindString(string(text)), name)
		}
	}
}

// unsafesvg: a picture is shapes, with no way to run or to fetch anything.
func TestPicturesAreOnlyPictures(t *testing.T) {
	elements := []string{"svg", "g", "path", "circle", "rect", "line", "ellipse", "polyline", "polygon", "defs", "linearGradient", "stop", "title"}
	for _, name := range files(t, "src/img", func(name string) bool { return filepath.Ext(name) == ".svg" }) {
		file, err := os.Open(name)
		require.NoError(t, err)
		defer file.Close()
		for tokens := xml.NewDecoder(file); ; {
			next, err := tokens.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if element, ok := next.(xml.StartElement); ok {
				require.Contains(t, elements, element.Name.Local, name)
				for _, attribute := range element.Attr {
					require.NotRegexp(t, `(?i)^(on.*|href|style)$`, attribute.Name.Local, name)
				}
			}
		}
	}
}

// manifest is plugin.json as far as the rules read it. An unknown key is an error, as in Grafana's schema.
type manifest struct {
	Schema                                                            string `json:"$schema"`
	ID, Type, Name, Category, Executable                              string
	Backend, Alerting, Annotations, Metrics, Logs, Tracing, Streaming bool
	MultiValueFilterOperators                                         bool
	Languages                                                         []string
	QueryOptions                                                      struct{ MinInterval, MaxDataPoints bool }
	Includes                                                          []struct{ Type, Name, Path string }
	Dependencies                                                      struct {
		GrafanaDependency string
		Plugins           []struct{}
	}
	Info struct {
		Description, Version, Updated string
		Author                        struct{ Name, URL string }
		Keywords                      []string
		Logos                         struct{ Small, Large string }
		Screenshots                   []struct{ Name, Path string }
		Links                         []struct{ Name, URL string }
	}
}

func plugin(t *testing.T) manifest {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(read(t, "plugin.json")))
	decoder.DisallowUnknownFields()
	var m manifest
	require.NoError(t, decoder.Decode(&m))
	return m
}

func TestTheManifestIsWhatTheCatalogueTakes(t *testing.T) {
	m := plugin(t)
	require.Regexp(t, `^[0-9a-z]+-[0-9a-z]+-datasource$`, m.ID)
	require.Equal(t, "datasource", m.Type)
	require.NotEqual(t, m.ID, m.Name)
	require.True(t, m.Backend, "alerting and an executable need it")
	require.Regexp(t, `^gpx_[a-z0-9_]+$`, m.Executable)
	require.Contains(t, []string{"tsdb", "logging", "cloud", "tracing", "profiling", "sql", "enterprise", "iot", "other"}, m.Category)
	require.Regexp(t, `^>=\d+\.\d+\.0$`, m.Dependencies.GrafanaDependency, "no upper bound and no patch level")
	require.NotEmpty(t, m.Info.Description)
	require.NotEmpty(t, m.Info.Keywords)
	require.NotEmpty(t, m.Info.Screenshots)
	require.Equal(t, "%VERSION%", m.Info.Version, "package.json says it")
	require.Equal(t, "%TODAY%", m.Info.Updated)
	require.Equal(t, ".svg", filepath.Ext(m.Info.Logos.Small))
	require.Equal(t, ".svg", filepath.Ext(m.Info.Logos.Large))
	for _, shot := range m.Info.Screenshots {
		require.Regexp(t, `^img/[^/]+\.(png|jpe?g|gif|svg)$`, shot.Path)
		require.NotEmpty(t, shot.Name)
		picture := read(t, filepath.Join("src", shot.Path))
		require.True(t, strings.HasPrefix(picture, "\x89PNG"), "%s is no PNG", shot.Path)
	}
	for _, include := range m.Includes {
		require.NotRegexp(t, `^[./]|\.\.`, include.Path)
	}
}

func TestLinksAreWholeAndSecure(t *testing.T) {
	m := plugin(t)
	var names []string
	for _, link := range m.Info.Links {
		names = append(names, strings.ToLower(link.Name))
		requireLink(t, link.URL)
	}
	requireLink(t, m.Info.Author.URL)
	require.Subset(t, names, []string{"documentation", "repository", "license", "raise issue"})
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)|<(http[^>]+)>`).FindAllStringSubmatch(read(t, "src/README.md"), -1) {
		requireLink(t, link[1]+link[2])
	}
}

func requireLink(t *testing.T, link string) {
	t.Helper()
	parsed, err := url.Parse(link)
	require.NoError(t, err)
	require.Equal(t, "https", parsed.Scheme, "%s: the catalogue shows the README without the files around it", link)
	require.Contains(t, parsed.Host, ".", link)
	// A link into this repository must lead to a file that is there.
	if file, ok := strings.CutPrefix(link, "https://github.com/llmserving/grafana-vllm-datasource/blob/main/"); ok {
		require.FileExists(t, filepath.Join(root(t), file))
	}
}

// readme, jargon, templatereadme.
func TestTheReadmeOfTheCatalogueIsForUsers(t *testing.T) {
	readme := read(t, "src/README.md")
	require.NotContains(t, readme, "<!--")
	require.NotRegexp(t, `(?i)\b(npm|yarn|pnpm|npx|nodejs|docker-compose|mage|webpack)\b`, readme)
	for _, section := range []string{"## Requirements", "## Getting started"} {
		require.Contains(t, readme, section)
	}
}

func TestOneVersionEverywhere(t *testing.T) {
	var pkg struct{ Name, Version, License string }
	require.NoError(t, json.Unmarshal([]byte(read(t, "package.json")), &pkg))
	require.Equal(t, plugin(t).ID, pkg.Name)
	require.Equal(t, "Apache-2.0", pkg.License)
	require.Contains(t, read(t, "CHANGELOG.md"), "\n## "+pkg.Version+" ", "the newest version has its changes")
	licence := read(t, "LICENSE")
	require.Contains(t, licence, "Apache License")
	require.Contains(t, licence, "Version 2.0, January 2004")
}

// buildtools, sdkusage.
func TestItIsBuiltWithGrafanasTools(t *testing.T) {
	require.Contains(t, read(t, ".config/webpack/webpack.config.ts"), "@grafana/create-plugin")
	require.Contains(t, read(t, "Magefile.go"), "grafana-plugin-sdk-go/build")
	require.Contains(t, read(t, "go.mod"), "github.com/grafana/grafana-plugin-sdk-go ")
	require.NotContains(t, read(t, "go.mod"), "replace")
}
