package frames

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

func TestALabelIsOneLineOfVisibleCharacters(t *testing.T) {
	for _, c := range []struct{ says, text, want string }{
		{"a model's name stays", "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"},
		{"as does one in any language", "模型-é-ไทย", "模型-é-ไทย"},
		{"and what only a message's channel minds", "<!channel> *a* `b` & {{ .c }}", "<!channel> *a* `b` & {{ .c }}"},
		{"line breaks are spaces", "a\r\n\tb", "a b"},
		{"spaces are one", "  a   b ", "a b"},
		{"control characters too", "a\x00b\x1b[31mc\u0085d", "a b [31mc d"},
		{"direction marks go", "a\u202ecba\u202c\u2066b\u2069", "acbab"},
		{"invisible characters go", "l\u200bl\u200da\u2060m\ufeff\u00ada\u3164\u115f\u2800\ufe0f\U000e0041", "llama"},
		{"what is no UTF-8 is shown as such", "a\xff\xfeb", "a\ufffdb"},
		{"marks do not pile up", "a" + strings.Repeat("\u0301", 50), "a\u0301\u0301\u0301"},
		{"a long one is cut", strings.Repeat("é", 500), strings.Repeat("é", 189) + "…"},
	} {
		t.Run(c.says, func(t *testing.T) {
			got := cleanLabel(c.text)
			if c.want == c.text {
				require.Equal(t, c.want, got)
				return
			}
			require.Regexp(t, ` #[0-9a-f]{8}$`, got, "a changed text is marked")
			require.Equal(t, c.want, got[:len(got)-len(" #00000000")])
			require.LessOrEqual(t, utf8.RuneCountInString(got), MaxLabel)
			require.Equal(t, got, cleanLabel(c.text), "and the same each time")
		})
	}
}

func TestTwoLabelsStayTwo(t *testing.T) {
	require.NotEqual(t, cleanLabel("llama\u200b"), cleanLabel("llama\u200c"))
	require.NotEqual(t, cleanLabel("llama\u200b"), cleanLabel("llama"))
	long := strings.Repeat("a", MaxLabel)
	require.Equal(t, long, cleanLabel(long))
	require.NotEqual(t, cleanLabel(long+"b"), cleanLabel(long+"c"))
}

func TestLabelledChangesNoLabelsThatOthersHold(t *testing.T) {
	shared := data.Labels{"model": "a\nb", "instance": "c"}
	field := data.NewField("v", shared, []float64{1}).SetConfig(&data.FieldConfig{DisplayNameFromDS: "a\nb"})
	config := field.Config
	frame := Labelled(data.Frames{data.NewFrame("", field)})[0]
	require.Equal(t, "a b #"+frame.Fields[0].Labels["model"][5:], frame.Fields[0].Labels["model"])
	require.Equal(t, "c", frame.Fields[0].Labels["instance"])
	require.Equal(t, "a b", frame.Fields[0].Config.DisplayNameFromDS)
	require.Equal(t, "a\nb", shared["model"])
	require.Equal(t, "a\nb", config.DisplayNameFromDS)
}

func TestARuleHasABoundedNumberOfInstances(t *testing.T) {
	frames := func(n int) (out data.Frames) {
		for i := range n {
			out = append(out, data.NewFrame("", data.NewField("v", data.Labels{"pod": fmt.Sprint(i)}, []*float64{nil})))
		}
		return out
	}
	require.NoError(t, Instances(frames(MaxInstances)))
	require.ErrorContains(t, Instances(frames(MaxInstances+1)), "1001 instances are more than the 1000")
	require.NoError(t, Instances(nil))
}

func FuzzALabelIsVisible(f *testing.F) {
	for _, text := range []string{"llama", "a\nb", "\u202e", "\xff", strings.Repeat("x", 1000), " #00000000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := cleanLabel(text)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, utf8.RuneCountInString(got), MaxLabel)
		for _, r := range got {
			require.True(t, unicode.IsGraphic(r) && (r == ' ' || !unicode.IsSpace(r)), "%q holds %U", got, r)
		}
		require.Equal(t, got, cleanLabel(got), "a cleaned text is clean")
	})
}
