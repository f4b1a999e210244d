package docs_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A decision can be questioned only if its page says what was known, what it costs, and which fact would change it.
func TestDecisionsSayWhatWouldChangeThem(t *testing.T) {
	_, pages := load(t)
	var names []string
	for name := range pages {
		if path.Dir(name) == "docs/adr" && name != "docs/adr/README.md" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	require.NotEmpty(t, names)
	status := regexp.MustCompile(`(?m)^Status: (proposed|accepted|replaced by \d+)$`)
	for i, name := range names {
		require.True(t, strings.HasPrefix(path.Base(name), fmt.Sprintf("%04d-", i+1)), "%s: decisions are numbered without a gap", name)
		page := pages[name]
		require.True(t, strings.HasPrefix(string(page.Source), fmt.Sprintf("# %d. ", i+1)), name)
		require.Regexp(t, status, string(page.Source), name)
		for _, heading := range []string{"situation", "decision", "price", "decide-again-when"} {
			require.Contains(t, page.Anchors, heading, name)
		}
		require.Contains(t, pages["docs/adr/README.md"].Links, path.Base(name))
	}
}
