package loki_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// fakeLoki answers as Loki does: the earliest (or latest) lines of an interval, at most limit of them, grouped by stream.
// It keeps what it was asked, and does not run LogQL: filters are asserted as text.
type fakeLoki struct {
	*httptest.Server
	lines    []fakeLine
	maxLimit int                 // 0 = any
	noForms  bool                // a gateway that lets GET through alone
	maxBytes int                 // of an answer, above which Loki's parts cannot hand it over; 0 = any
	words    map[string][]string // values of labels

	mu    sync.Mutex
	asked []asked
	sent  []sent
	// answer replaces the answer where it is set.
	answer func(w http.ResponseWriter, r *http.Request)
}

type fakeLine struct {
	at       int64 // Unix nanoseconds
	stream   string
	line     string
	metadata string
}

type asked struct{ path, query, direction, flags string }

// sent is how a question came.
type sent struct {
	asked
	method string
	url    int // length of the parameters in it
}

const vllmStream = `{"service_name":"vllm-tiny","pod":"tiny-0","namespace":"llm"}`

func newFakeLoki(t *testing.T, lines ...fakeLine) *fakeLoki {
	t.Helper()
	f := &fakeLoki{lines: lines}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeLoki) serve(w http.ResponseWriter, r *http.Request) {
	if f.noForms && r.Method == http.MethodPost {
		http.Error(w, "no", http.StatusMethodNotAllowed)
		return
	}
	_ = r.ParseForm()
	q := r.Form
	if label, ok := strings.CutPrefix(r.URL.Path, "/loki/api/v1/label/"); ok && f.words != nil {
		values, _ := json.Marshal(f.words[strings.TrimSuffix(label, "/values")])
		_, _ = fmt.Fprintf(w, `{"status":"success","data":%s}`, values)
		return
	} else if ok && f.answer == nil {
		http.NotFound(w, r) // of a Loki that lists no labels, the scope is asked as it is
		return
	}
	f.mu.Lock()
	f.asked = append(f.asked, asked{r.URL.EscapedPath(), q.Get("query"), q.Get("direction"), r.Header.Get("X-Loki-Response-Encoding-Flags")})
	f.sent = append(f.sent, sent{f.asked[len(f.asked)-1], r.Method, len(r.URL.RawQuery)})
	f.mu.Unlock()
	if f.answer != nil {
		f.answer(w, r)
		return
	}
	start, _ := strconv.ParseInt(q.Get("start"), 10, 64)
	end, _ := strconv.ParseInt(q.Get("end"), 10, 64)
	limit, _ := strconv.Atoi(q.Get("limit"))
	if f.maxLimit > 0 && limit > f.maxLimit {
		http.Error(w, fmt.Sprintf("max entries limit per query exceeded, limit > max_entries_limit_per_query (%d > %d)", limit, f.maxLimit), http.StatusBadRequest)
		return
	}
	found := slices.DeleteFunc(slices.Clone(f.lines), func(l fakeLine) bool { return l.at < start || l.at >= end })
	slices.SortStableFunc(found, func(a, b fakeLine) int {
		if q.Get("direction") == "backward" {
			return cmp.Compare(b.at, a.at)
		}
		return cmp.Compare(a.at, b.at)
	})
	answer := streamsAnswer(found[:min(limit, len(found))])
	if f.maxBytes > 0 && len(answer) > f.maxBytes {
		http.Error(w, fmt.Sprintf("response larger than the max message size (%d vs %d)", len(answer), f.maxBytes), http.StatusRequestEntityTooLarge)
		return
	}
	_, _ = io.WriteString(w, answer)
}

// streamsAnswer writes lines as the JSON of a query result.
func streamsAnswer(lines []fakeLine) string {
	values := map[string][]string{}
	var streams []string
	for _, l := range lines {
		if _, ok := values[l.stream]; !ok {
			streams = append(streams, l.stream)
		}
		text, _ := json.Marshal(l.line)
		values[l.stream] = append(values[l.stream], fmt.Sprintf(`["%d",%s,%s]`, l.at, text, cmp.Or(l.metadata, "{}")))
	}
	out := ""
	for i, s := range streams {
		if i > 0 {
			out += ","
		}
		out += `{"stream":` + s + `,"values":[`
		for j, v := range values[s] {
			if j > 0 {
				out += ","
			}
			out += v
		}
		out += "]}"
	}
	return `{"status":"success","data":{"resultType":"streams","result":[` + out + `],"stats":{"summary":{}},"encodingFlags":["categorize-labels"]}}`
}

// queries lists the LogQL that was asked, in order.
func (f *fakeLoki) queries() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, a := range f.asked {
		out = append(out, a.query)
	}
	return out
}

// client asks a Loki at url, with default settings changed by change.
func client(t *testing.T, url string, change func(*settings.Store, *settings.Limits), selector string) *loki.Client {
	t.Helper()
	store := settings.Store{Name: evidence.Loki, URL: url, Labels: vllm.DefaultLokiLabels(), Timeout: time.Minute, MaxResponse: settings.DefaultMaxResponse}
	limits := settings.DefaultLimits()
	if change != nil {
		change(&store, &limits)
	}
	api, err := upstream.New(httpclient.Options{}, store)
	require.NoError(t, err)
	t.Cleanup(api.CloseIdleConnections)
	c, err := loki.New(api, store, selector, limits)
	require.NoError(t, err)
	return c
}

// noon is when the tests' engines run.
var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

func at(offset time.Duration) int64 { return noon.Add(offset).UnixNano() }

func window(from, to time.Duration) evidence.Window {
	return evidence.Window{From: noon.Add(from), To: noon.Add(to)}
}

const addedHead = "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] Added request "

func added(offset time.Duration, id string) fakeLine {
	return fakeLine{at: at(offset), stream: vllmStream, line: addedHead + id + "."}
}
