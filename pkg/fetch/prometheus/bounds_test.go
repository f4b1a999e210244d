package prometheus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// endless is an answer of series without end; it counts what was read of it.
type endless struct {
	series string // fmt, of its number
	at     int
	text   bytes.Buffer
	read   int
}

func (e *endless) Read(p []byte) (int, error) {
	for e.text.Len() < len(p) {
		if e.at == 0 {
			e.text.WriteString(`{"status":"success","data":{"resultType":"matrix","result":[`)
		} else {
			e.text.WriteByte(',')
		}
		fmt.Fprintf(&e.text, e.series, e.at)
		e.at++
	}
	n, err := e.text.Read(p)
	e.read += n
	return n, err
}

func TestAnAnswerIsReadUpToItsBound(t *testing.T) {
	if race.Enabled {
		t.Skip("a test of amounts, in one goroutine; the step unit 386 runs it")
	}
	long := strings.Repeat(`[1790000000,"1"],`, 5000) + `[1790000001,"1"]`
	for name, tc := range map[string]struct {
		series string
		says   string
		read   int // bytes at most
	}{
		"too many series":     {`{"metric":{"pod":"%d"},"values":[[1,"1"]]}`, "no more are read of one answer", 4 << 20},
		"too many samples":    {`{"metric":{"pod":"%d"},"values":[` + long + `]}`, "one query may hold 160 MiB", memory.Share},
		"too many labels":     {`{"metric":{"pod":"%d",` + strings.Repeat(`"a":"b",`, 100_000) + `"c":"d"},"values":[[1,"1"]]}`, "one query may hold 160 MiB", memory.Share},
		"too long labels":     {`{"metric":{"pod":"%d` + strings.Repeat("x", 900_000) + `"},"values":[[1,"1"]]}`, "one query may hold 160 MiB", memory.Share + 4<<20},
		"too many histograms": {`{"metric":{"pod":"%d"},"histograms":[` + strings.TrimSuffix(strings.Repeat(`[1,{"count":"1","sum":"1","buckets":[[0,"1","2","1"]]}],`, 5000), ",") + `]}`, "one query may hold 160 MiB", 2 * memory.Share},
	} {
		t.Run(name, func(t *testing.T) {
			account, err := memory.NewPool().Open(t.Context(), memory.Who{}, 0)
			require.NoError(t, err)
			defer account.Close()
			store := &endless{series: tc.series}
			answer, err := decode(memory.With(t.Context(), account), store)
			require.NoError(t, err)
			require.Len(t, answer.Partial, 1)
			require.Contains(t, answer.Partial[0], tc.says)
			require.Contains(t, answer.Partial[0], "aggregate", "what to do")
			require.LessOrEqual(t, len(answer.Series), MaxSeries)
			require.LessOrEqual(t, store.read, tc.read+readAtOnce)
			require.Equal(t, "matrix", answer.Type)
		})
	}
}

func TestAListOfNamesIsReadUpToItsBound(t *testing.T) {
	names, partial, err := decodeNames(t.Context(), io.MultiReader(strings.NewReader(`{"status":"success","data":["a"`), strings.NewReader(strings.Repeat(`,"b"`, 2*maxNames))))
	require.NoError(t, err)
	require.Len(t, names, maxNames)
	require.Len(t, partial, 1)
}

func TestALongTextIsNotHeld(t *testing.T) {
	_, err := decode(t.Context(), strings.NewReader(`{"status":"`+strings.Repeat("x", 3*maxToken)+`"`))
	require.ErrorContains(t, err, "longer than")
	answer, err := decode(t.Context(), strings.NewReader(`{"stats":"`+strings.Repeat("x", 3*maxToken)+`","status":"success","data":{"resultType":"vector","result":[]}}`))
	require.NoError(t, err, "what is not read may be as long as it likes")
	require.Equal(t, "vector", answer.Type)
}

func TestAnAnswerIsReadAlikeHoweverItArrives(t *testing.T) {
	text := `{"status":"success","stats":{"a":["]",{"b":"\""}]},"warnings":["PromQL info: \u00e9\"x"],"data":{"resultType":"matrix","result":[` +
		`{"metric":{"a\n":"b\"\\","pod":"é"},"values":[[1.5,"1"],[1790000000.123,"NaN"],[2e3,"+Inf"]]},{"metric":{},"histograms":[[1,{"count":"1","sum":"2","buckets":[[0,"1","2","1"]]}]]}]}} ` + "\n"
	want, err := decodeText(text)
	require.NoError(t, err)
	got, err := decode(t.Context(), iotest.OneByteReader(strings.NewReader(text)))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
	require.Equal(t, want.Series[0].Labels, got.Series[0].Labels)
	for cut := range strings.TrimSpace(text) {
		_, err := decode(t.Context(), iotest.OneByteReader(strings.NewReader(text[:cut])))
		require.Error(t, err)
	}
	_, err = decodeText(text + "x")
	require.ErrorIs(t, err, ErrNotAnswer, "nothing stands behind an answer")
	gone := errors.New("gone")
	_, err = decode(context.Background(), io.MultiReader(strings.NewReader(text[:100]), iotest.ErrReader(gone)))
	require.ErrorIs(t, err, gone)
}
