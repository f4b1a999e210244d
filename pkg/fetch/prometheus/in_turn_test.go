package prometheus

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPiecesAreUsedInOrderAndDropped holds that a piece is kept only while an earlier one is missing.
func TestPiecesAreUsedInOrderAndDropped(t *testing.T) {
	var turn inTurn[string]
	used := ""
	for _, step := range []struct {
		i    int
		what string
		used string
		kept int
	}{
		{0, "a", "a", 0},
		{3, "d", "a", 1},
		{2, "c", "a", 2},
		{1, "b", "abcd", 0},
		{4, "e", "abcde", 0},
	} {
		turn.done(step.i, step.what, func(what string) { used += what })
		require.Equal(t, step.used, used)
		require.Len(t, turn.early, step.kept)
	}
}
