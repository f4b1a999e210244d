package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
)

// What a page tells to run is there to be run, as far as it is this repository's.
func TestEveryCommandExists(t *testing.T) {
	root, pages := load(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		return string(text)
	}
	magefile, manifest, tests := read("Magefile.go"), read("package.json"), goTests(t, root)
	exists := func(folder string) bool {
		info, err := os.Stat(filepath.Join(root, folder))
		return err == nil && info.IsDir()
	}
	kinds := []struct {
		command *regexp.Regexp
		known   func(argument string) bool
	}{
		{regexp.MustCompile(`go tool mage ([\w:]+)`), func(target string) bool {
			return strings.HasPrefix(target, "build") || // the SDK's
				regexp.MustCompile(`(?i)\nfunc `+target+`\(`).MatchString(magefile)
		}},
		{regexp.MustCompile(`npm run (?:--silent )?([\w:-]+)`), func(script string) bool { return strings.Contains(manifest, `"`+script+`":`) }},
		{regexp.MustCompile(`go (?:run|test)(?: -\S+)*(?: \w+)? \./([\w/-]+)`), func(folder string) bool {
			return exists(folder) || exists("tools/"+folder) || exists("tools/simulator/"+folder)
		}},
		{regexp.MustCompile(`(?:-run|-bench) (\w+)`), func(name string) bool {
			return name == "xxx" || regexp.MustCompile(`\nfunc (Test|Benchmark)\w*`+strings.TrimPrefix(name, "Test")).MatchString(tests)
		}},
	}
	seen := map[int]int{}
	for _, page := range pages {
		for _, text := range codes(page) {
			for i, kind := range kinds {
				for _, match := range kind.command.FindAllStringSubmatch(text, -1) {
					seen[i]++
					require.True(t, kind.known(match[1]), "%s: %s", page.File, match[0])
				}
			}
		}
	}
	for i, kind := range kinds {
		require.NotZero(t, seen[i], "no page has %s", kind.command)
	}
}

// goTests is the text of all tests of this repository.
func goTests(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	for _, top := range []string{"pkg", "tools"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, top), func(file string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := os.ReadFile(file)
			all.Write(text)
			return err
		}))
	}
	return all.String()
}

// A block is what its fence says: text that does not parse was cut off, or never tried.
func TestEveryBlockParses(t *testing.T) {
	_, pages := load(t)
	for _, page := range pages {
		for _, block := range page.Blocks {
			require.NoError(t, parse(block), "%s:\n%s", block.Where(), block.Text)
		}
	}
}

func parse(block docs.Block) error {
	var anything any
	switch block.Language {
	case "json":
		return json.Unmarshal([]byte(block.Text), &anything)
	case "yaml":
		return yaml.Unmarshal([]byte(block.Text), &anything)
	case "sh":
		check := exec.Command("bash", "-n")
		check.Stdin = strings.NewReader(block.Text)
		return check.Run()
	}
	return nil
}
