package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestEveryImageIsExactAndGoesThroughTheList(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	pins, err := Read(root)
	require.NoError(t, err)
	files, err := Files(root)
	require.NoError(t, err)
	used := map[string]bool{}
	for _, file := range files {
		uses, err := Uses(root, file)
		require.NoError(t, err)
		for _, use := range uses {
			if err := use.Judge(pins); err != nil {
				t.Error(err)
			}
			name, _, _ := strings.Cut(use.Image, "@")
			used[name] = true
		}
	}
	require.Greater(t, len(used), 15, "this does not find the images")
	for _, pin := range pins {
		require.True(t, used[pin.Name], "nothing uses %s", pin.Name)
	}
}

func TestAnImageThatIsNotExactIsRefused(t *testing.T) {
	sum := "sha256:" + strings.Repeat("a", 64)
	pins := []Pin{{"a/b:v1.2.3", ""}, {"registry:5000/c:1.2.0", sum}}
	for image, wrong := range map[string]string{
		"a/b:v1.2.3":                   "",
		"registry:5000/c:1.2.0@" + sum: "",
		"registry:5000/c:1.2.0":        "is pinned as",
		"a/b:v1.2.3@" + sum:            "is pinned as",
		"a/b":                          "has no tag",
		"registry:5000/c":              "has no tag",
		"a/b:latest":                   "not exact",
		"a/b:3":                        "not exact",
		"a/b:v1.2.4":                   "is not in",
		"a/b:v1.2.3@sha256:abc":        "no digest",
	} {
		err := Use{"f", 1, image}.Judge(pins)
		if wrong == "" {
			require.NoError(t, err, image)
		} else {
			require.ErrorContains(t, err, wrong, image)
		}
	}
}

func TestAPinReachesEveryFile(t *testing.T) {
	root, sum := t.TempDir(), "sha256:"+strings.Repeat("b", 64)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "deploy"), 0o755))
	for name, text := range map[string]string{
		List:                 "# the list\na/b:v1.2.3\na/b-more:v1.2.3\n",
		"docker-compose.yml": "services:\n  x:\n    image: a/b:v1.2.3 # why\n  y:\n    image: a/b-more:v1.2.3\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	pins := []Pin{{"a/b:v1.2.3", sum}, {"a/b-more:v1.2.3", ""}}
	require.NoError(t, Save(root, pins))
	require.NoError(t, Write(root, "docker-compose.yml", pins))
	read, err := Read(root)
	require.NoError(t, err)
	require.Equal(t, pins, read)
	uses, err := Uses(root, "docker-compose.yml")
	require.NoError(t, err)
	require.Equal(t, []Use{{"docker-compose.yml", 3, "a/b:v1.2.3@" + sum}, {"docker-compose.yml", 5, "a/b-more:v1.2.3"}}, uses)
	for _, use := range uses {
		require.NoError(t, use.Judge(read))
	}
	pins[0].Digest = "" // and back
	require.NoError(t, Write(root, "docker-compose.yml", pins))
	uses, err = Uses(root, "docker-compose.yml")
	require.NoError(t, err)
	require.Equal(t, "a/b:v1.2.3", uses[0].Image)
}
