package docs_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// index is the page that leads to all others.
const index = "docs/README.md"

func load(t *testing.T) (root string, pages map[string]docs.Page) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	list, err := docs.Load(root)
	require.NoError(t, err)
	pages = map[string]docs.Page{}
	for _, p := range list {
		pages[p.File] = p
	}
	require.Contains(t, pages, index)
	return root, pages
}

// target is where a link of a page leads inside the repository; ok is false when it leads elsewhere.
func target(t *testing.T, from, link string) (file, anchor string, ok bool) {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err, "%s: %s", from, link)
	if u.Scheme != "" || u.Host != "" {
		return "", "", false
	}
	if u.Path == "" {
		return from, u.Fragment, true
	}
	return path.Join(path.Dir(from), u.Path), u.Fragment, true
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	root, pages := load(t)
	seen := 0
	for _, p := range pages {
		for _, link := range p.Links {
			file, anchor, ok := target(t, p.File, link)
			if !ok {
				continue
			}
			seen++
			require.False(t, strings.HasPrefix(file, ".."), "%s: %s leads out of the repository", p.File, link)
			_, err := os.Stat(filepath.Join(root, file))
			require.NoError(t, err, "%s: %s", p.File, link)
			if anchor != "" {
				require.Contains(t, pages[file].Anchors, anchor, "%s: %s", p.File, link)
			}
		}
	}
	require.Greater(t, seen, 30)
}

// A page that no link leads to is read by nobody.
func TestEveryPageIsReachedFromTheIndex(t *testing.T) {
	_, pages := load(t)
	reached := map[string]bool{}
	for next := []string{index}; len(next) > 0; {
		name := next[0]
		next = next[1:]
		if reached[name] {
			continue
		}
		reached[name] = true
		for _, link := range pages[name].Links {
			// From page to page within docs: a way through the top README is none.
			file, _, ok := target(t, name, link)
			if !ok || !strings.HasPrefix(file, "docs/") {
				continue
			}
			for page := range pages { // a link to a folder shows what is in it
				if page == file || path.Dir(page) == file {
					next = append(next, page)
				}
			}
		}
	}
	var lost []string
	for name := range pages {
		if strings.HasPrefix(name, "docs/") && !reached[name] {
			lost = append(lost, name)
		}
	}
	slices.Sort(lost)
	require.Empty(t, lost, "link them from %s, or from a page that it links", index)
}
