package workflows_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// strictly decodes a file of .github: a key that is not in the type, which is a key that GitHub does not know, is an error.
func strictly(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), ".github", name))
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into), name)
}

// dependabot is .github/dependabot.yml, as much of it as we use.
type dependabot struct {
	Version int
	Updates []struct {
		Ecosystem   string `yaml:"package-ecosystem"`
		Directory   string
		Directories []string
		Schedule    struct{ Interval string }
		Cooldown    struct {
			DefaultDays int `yaml:"default-days"`
		}
		OpenPullRequestsLimit int                     `yaml:"open-pull-requests-limit"`
		CommitMessage         struct{ Prefix string } `yaml:"commit-message"`
		Groups                map[string]struct {
			Patterns    []string
			UpdateTypes []string `yaml:"update-types"`
		}
	}
}

// ecosystems say which files Dependabot reads for each of its ecosystems that we use.
var ecosystems = map[string]string{
	"npm":            "package.json",
	"gomod":          "go.mod",
	"pip":            "requirements.txt",
	"docker":         "Dockerfile",
	"docker-compose": "docker-compose.yml",
	"github-actions": "", // .github/workflows, whatever the directory
}

// notUpdated are files of these names that stay as they are, with the reason.
var notUpdated = map[string]string{
	"tools/vllm-record/requirements.txt": "it names the vLLM whose telemetry is recorded",
}

func TestDependabotLeavesNothingOut(t *testing.T) {
	var config dependabot
	strictly(t, "dependabot.yml", &config)
	require.Equal(t, 2, config.Version)
	entries := map[string]bool{} // ecosystem and pattern of directories
	for _, u := range config.Updates {
		require.Contains(t, ecosystems, u.Ecosystem)
		require.Contains(t, []string{"daily", "weekly", "monthly"}, u.Schedule.Interval, u.Ecosystem)
		require.True(t, (u.Directory == "") != (len(u.Directories) == 0), "%s: directory or directories", u.Ecosystem)
		for _, folder := range append(u.Directories, u.Directory) {
			if folder != "" {
				key := u.Ecosystem + " " + folder
				require.False(t, entries[key], "%s twice", key)
				entries[key] = true
			}
		}
		for name, group := range u.Groups {
			require.NotEmpty(t, group.Patterns, "%s: %s", u.Ecosystem, name)
			for _, kind := range group.UpdateTypes {
				require.Contains(t, []string{"major", "minor", "patch"}, kind)
			}
		}
	}
	require.Contains(t, entries, "github-actions /")
	used := map[string]bool{"github-actions /": true}
	for _, name := range manifests(t) {
		if notUpdated[name] != "" {
			continue
		}
		folder, covered := "/"+strings.TrimPrefix(path.Dir(name), "."), false
		for key := range entries {
			ecosystem, pattern, _ := strings.Cut(key, " ")
			if ok, _ := path.Match(pattern, folder); ok && ecosystems[ecosystem] == path.Base(name) {
				covered, used[key] = true, true
			}
		}
		require.True(t, covered, "dependabot.yml does not update %s", name)
	}
	for key := range entries {
		require.True(t, used[key], "dependabot.yml: there is nothing in %s", key)
	}
}

// manifests lists the files of the checkout that Dependabot could update.
func manifests(t *testing.T) (found []string) {
	t.Helper()
	wanted := map[string]bool{}
	for _, name := range ecosystems {
		wanted[name] = name != ""
	}
	require.NoError(t, fs.WalkDir(os.DirFS(root(t)), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && name != "."
		if entry.IsDir() && (hidden || slices.Contains([]string{"node_modules", "dist", "testdata"}, entry.Name())) {
			return fs.SkipDir
		}
		if wanted[entry.Name()] {
			found = append(found, name)
		}
		return nil
	}))
	require.Contains(t, found, "tools/go.mod")
	for name := range notUpdated {
		require.Contains(t, found, name)
	}
	return found
}
