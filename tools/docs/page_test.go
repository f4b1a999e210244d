package docs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPageIsTakenApart(t *testing.T) {
	const source = "# One `two`, “three”!\n\nSee [a](b.md#c) and `--flag`.\n\n# One two three\n\n| a | b |\n|---|---|\n| [x](y) | ![](z.png) |\n\n" +
		"```promql empty=\"no such thing\" alert\nup == 0\n```\n\nAnswer: a frame `requests` with `e2e`.\n\n```sh\nrun\n```\n"
	p, err := Read("docs/x.md", []byte(source))
	require.NoError(t, err)
	require.Equal(t, []string{"one-two-three", "one-two-three-1"}, p.Anchors)
	require.Equal(t, []string{"b.md#c", "y", "z.png"}, p.Links)
	require.Equal(t, []string{"two", "--flag", "requests", "e2e"}, p.Codes)
	require.Equal(t, []Block{
		{
			File: "docs/x.md", Line: 12, Language: "promql", Empty: "no such thing", Alert: true, Text: "up == 0\n",
			Answer: []string{"requests", "e2e"},
		},
		{File: "docs/x.md", Line: 18, Language: "sh", Text: "run\n"},
	}, p.Blocks)
}

func TestAWordThatNoTestKnowsIsRefused(t *testing.T) {
	_, err := Read("x.md", []byte("```promql emtpy=\"typo\"\nup\n```\n"))
	require.ErrorContains(t, err, "line 1")
}
