package vllm_test

import (
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestConditionsHoldForWhatIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		op     vllm.Op
		values []string
		holds  []string
		not    []string
	}{
		"one value":           {vllm.Is, []string{"a"}, []string{"a"}, []string{"b", "A", "ab", ""}},
		"one of several":      {vllm.Is, []string{"a", "b"}, []string{"a", "b"}, []string{"c", "a|b", ""}},
		"another value":       {vllm.IsNot, []string{"a"}, []string{"b"}, []string{"a", ""}},
		"none of several":     {vllm.IsNot, []string{"a", "b"}, []string{"c"}, []string{"a", "b", ""}},
		"an expression":       {vllm.Matches, []string{"a.*"}, []string{"a", "ab"}, []string{"ba", ""}},
		"one of expressions":  {vllm.Matches, []string{"a|b", "c."}, []string{"b", "cd"}, []string{"c", "ab", ""}},
		"any text is a text":  {vllm.Matches, []string{".*"}, []string{"a"}, []string{""}},
		"not an expression":   {vllm.MatchesNot, []string{"a.*", "b"}, []string{"c"}, []string{"ab", "b", ""}},
		"values are no regex": {vllm.Is, []string{"a.c", `"\d`}, []string{"a.c", `"\d`}, []string{"abc", "1"}},
		"nothing to compare":  {vllm.IsNot, nil, nil, []string{"a", ""}},
		"a broken expression": {vllm.MatchesNot, []string{"("}, nil, []string{"a", ""}},
		"not UTF-8":           {vllm.IsNot, []string{"\xff"}, nil, []string{"a", "\xff"}},
		"an unknown op":       {">", []string{"a"}, nil, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			test := vllm.Condition{Op: c.op, Values: c.values}.Test()
			for _, value := range c.holds {
				require.True(t, test(value), value)
			}
			for _, value := range c.not {
				require.False(t, test(value), value)
			}
		})
	}
}

// FuzzMatchersMeanTheirConditions holds what is pushed down to a store to what is checked on rows.
func FuzzMatchersMeanTheirConditions(f *testing.F) {
	f.Add(uint8(0), "a", "b|c", "b")
	f.Add(uint8(1), `"}`, "a\nb", "a")
	f.Add(uint8(2), "a|b", "c", "ac")
	f.Add(uint8(3), "[a-c]+", ".*x", "x")
	f.Fuzz(func(t *testing.T, op uint8, a, b, value string) {
		condition := vllm.Condition{Op: vllm.Ops[int(op)%len(vllm.Ops)], Values: []string{a, b}}
		if condition.Check() != nil || value == "" || !utf8.ValidString(value) { // labels are UTF-8
			t.Skip()
		}
		matcherOp, text := condition.Matcher()
		expression, err := regexp.Compile("^(?s:" + text + ")$") // as both stores read a matcher
		require.NoError(t, err)
		require.Equal(t, condition.Test()(value), expression.MatchString(value) == (matcherOp == "=~"))
		require.Equal(t, condition.HoldsWithout(), expression.MatchString("") == (matcherOp == "=~"))
	})
}

func TestAScopeIsItsListsAndItsConditions(t *testing.T) {
	scope := vllm.Scope{
		Models: []string{"a", "b", ""}, Pods: []string{""},
		Where: []vllm.Condition{{Key: "model", Op: vllm.IsNot, Values: []string{"b"}}, {Key: "pod", Op: vllm.Matches, Values: []string{"p.*"}}},
	}
	model := scope.Test(vllm.Model)
	require.True(t, model("a"))
	require.False(t, model("b"), "a list does not bring back what a condition leaves out")
	require.False(t, model("c"))
	require.True(t, scope.Test(vllm.Pod)("p1"))
	require.Nil(t, scope.Test(vllm.Engine))
	require.True(t, scope.Narrows(vllm.Engine, vllm.Pod))
	require.False(t, scope.Narrows(vllm.Engine))

	rest := scope.Without(vllm.Model)
	require.False(t, rest.Narrows(vllm.Model))
	require.True(t, rest.Narrows(vllm.Pod))
	require.True(t, scope.Narrows(vllm.Model), "the scope itself stays")
	require.False(t, scope.Without(vllm.Places...).Narrows(vllm.Places...))
}
