package host

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
)

// TestTheDocsListAllThatIsKept holds the table of docs/security.md against what the packages of the plugin declare.
func TestTheDocsListAllThatIsKept(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "<!-- kept -->\n")
	require.True(t, found)
	got, _, found := strings.Cut(rest, "<!-- end -->")
	require.True(t, found)
	want := "| name | content | kept for | at most | changed by |\n|---|---|---|---|---|\n"
	for _, k := range memo.Kinds() {
		keep, most := k.TTL.String(), fmt.Sprintf("%d entries", k.Entries)
		if k.Empty > 0 {
			keep += ", " + k.Empty.String() + " when empty"
		}
		if k.Bytes > 0 {
			most += fmt.Sprintf(", %d MiB", k.Bytes>>20)
		}
		want += fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", k.Name, k.Holds, keep, most, k.MovedBy)
	}
	require.Equal(t, want, got)
}
