package live_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/live"
)

var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }

func between(from, to int) evidence.Window { return evidence.Window{From: at(from), To: at(to)} }

// row is a request that began at a second after noon and, as far as is known, ended at another.
func row(key string, start, last int, value string) live.Row[string] {
	return live.Row[string]{Key: key, Time: at(start), Last: at(last), Value: value}
}

func rows(rs ...live.Row[string]) []live.Row[string] { return rs }

// said lists rows as "key=value".
func said(rs []live.Row[string]) string {
	var out []string
	for _, r := range rs {
		out = append(out, r.Key+"="+r.Value)
	}
	return strings.Join(out, " ")
}

func TestTail(t *testing.T) {
	type look struct {
		window    evidence.Window
		rows      []live.Row[string]
		glimpse   bool // some evidence was missing
		put, over string
	}
	for _, test := range []struct {
		name  string
		size  int
		looks []look
		kept  string
	}{
		{"a row that nobody knew is new", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "ok")), put: "a=ok"},
		}, "a=ok"},
		{"a row that says the same again is no news", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "ok")), put: "a=ok"},
			{window: between(0, 10), rows: rows(row("a", 1, 2, "ok"))},
		}, "a=ok"},
		{"late evidence fills a row in", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "?")), put: "a=?"},
			{window: between(0, 10), rows: rows(row("a", 1, 2, "3 running")), put: "a=3 running"},
		}, "a=3 running"},
		{"a row known from its lines gives way to its span", 9, []look{
			{window: between(0, 10), rows: rows(row("lines", 1, 1, "open")), put: "lines=open"},
			{window: between(0, 10), rows: rows(row("span", 1, 2, "ok")), put: "span=ok", over: "lines=open"},
		}, "span=ok"},
		{"what lies before the window stays as it was", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "ok")), put: "a=ok"},
			{window: between(5, 15)},
		}, "a=ok"},
		{"what lies outside the window is not the look's to tell", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "ok")), put: "a=ok"},
			{window: between(5, 15), rows: rows(row("a", 1, 2, "less"), row("b", 2, 3, "half"))},
		}, "a=ok"},
		{"a long request comes in when it is over, at its place in time", 9, []look{
			{window: between(0, 100), rows: rows(row("b", 90, 91, "ok")), put: "b=ok"},
			{window: between(0, 100), rows: rows(row("a", 1, 95, "ok"), row("b", 90, 91, "ok")), put: "a=ok"},
		}, "a=ok b=ok"},
		{"a look without some evidence takes nothing away", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "ok"), row("b", 2, 3, "ok")), put: "a=ok b=ok"},
			{window: between(0, 10), rows: rows(row("a", 1, 2, "?")), glimpse: true},
		}, "a=ok b=ok"},
		{"a look without some evidence still shows what is new, and the next fills it in", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "?")), glimpse: true, put: "a=?"},
			{window: between(0, 10), rows: rows(row("a", 1, 2, "ok")), put: "a=ok"},
		}, "a=ok"},
		{"beyond the size the oldest evidence goes, which is no news", 2, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 1, "ok"), row("b", 2, 2, "ok")), put: "a=ok b=ok"},
			{window: between(0, 10), rows: rows(row("a", 1, 1, "ok"), row("b", 2, 2, "ok"), row("c", 3, 3, "ok")), put: "c=ok"},
		}, "b=ok c=ok"},
		{"what had to go does not come back with every look", 2, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 1, "ok"), row("b", 2, 2, "ok"), row("c", 3, 3, "ok")), put: "b=ok c=ok"},
			{window: between(0, 10), rows: rows(row("a", 1, 1, "ok"), row("b", 2, 2, "ok"), row("c", 3, 3, "ok"))},
		}, "b=ok c=ok"},
		{"a request that began first and ended last is among the newest", 2, []look{
			{window: between(0, 10), rows: rows(row("b", 2, 2, "ok"), row("c", 3, 3, "ok"), row("d", 4, 4, "ok")), put: "c=ok d=ok"},
			{window: between(0, 10), rows: rows(row("a", 1, 9, "ok"), row("c", 3, 3, "ok"), row("d", 4, 4, "ok")), put: "a=ok"},
		}, "a=ok d=ok"},
		{"of two rows of one name the first counts", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 1, 2, "one"), row("a", 1, 2, "two")), put: "a=one"},
		}, "a=one"},
		{"a row whose time turns out to be another is told anew", 9, []look{
			{window: between(0, 10), rows: rows(row("a", 2, 3, "ok")), put: "a=ok"},
			{window: between(0, 10), rows: rows(row("a", 1, 3, "ok")), put: "a=ok"},
		}, "a=ok"},
	} {
		t.Run(test.name, func(t *testing.T) {
			live := live.New(test.size, func(a, b string) bool { return a == b }, strings.Clone)
			for i, l := range test.looks {
				see := live.Saw
				if l.glimpse {
					see = live.Glimpsed
				}
				change := see(l.window, l.rows)
				require.Equal(t, l.put, said(change.Put), "put by look %d", i)
				require.Equal(t, l.over, said(change.Over), "over by look %d", i)
				require.Equal(t, l.put == "" && l.over == "", change.Empty())
			}
			require.Equal(t, test.kept, said(live.Rows()))
		})
	}
}

func TestKeptValuesAreCopies(t *testing.T) {
	copies := 0
	live := live.New(9, func(a, b string) bool { return a == b }, func(s string) string { copies++; return s })
	for range 3 {
		live.Saw(between(0, 10), rows(row("a", 1, 2, "ok")))
	}
	require.Equal(t, 1, copies, "only what is new is copied")
}

func TestReach(t *testing.T) {
	const minute = time.Minute
	life := func(start, end int) live.Lifetime { return live.Lifetime{Start: at(start), End: at(end)} }
	running := func(start int) live.Lifetime { return live.Lifetime{Start: at(start)} }
	many := func(n int, of live.Lifetime) (out []live.Lifetime) {
		for range n {
			out = append(out, of)
		}
		return out
	}
	now := at(600)
	for _, test := range []struct {
		name      string
		near, far []live.Lifetime // seen by the last looks
		wantNear  time.Duration
		wantFar   time.Duration
	}{
		{"short requests need the least", nil, []live.Lifetime{life(590, 595)}, 30 * time.Second, 10 * minute},
		{"it goes back as far as requests last, and their evidence is on its way", nil, []live.Lifetime{life(100, 190)}, 100 * time.Second, 10 * minute},
		{"a request that still runs is waited for", []live.Lifetime{running(540)}, nil, 70 * time.Second, 10 * minute},
		{"the longest counts", []live.Lifetime{running(540)}, []live.Lifetime{life(100, 220), life(300, 301)}, 130 * time.Second, 10 * minute},
		{"beyond the most nobody is waited for", []live.Lifetime{running(-900)}, nil, 10 * minute, 10 * minute},
		{"a busy fleet is looked at no further than is cheap", nil, many(30_000, life(100, 400)), 60 * time.Second, 400 * time.Second},
		{"however busy, the least is looked at", nil, many(600_000, life(100, 400)), 30 * time.Second, 30 * time.Second},
		{"an absurd start changes nothing but the reach", []live.Lifetime{{Start: time.Time{}, End: at(1)}}, nil, 10 * minute, 10 * minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := live.Reach{Least: 30 * time.Second, Most: 10 * minute, Slack: 10 * time.Second, NearRows: 3000, FarRows: 20_000}
			if test.near != nil {
				r.SawNear(now, r.Near(now), test.near)
			}
			if test.far != nil {
				r.SawFar(now, r.Far(now), test.far)
			}
			require.Equal(t, test.wantNear, now.Sub(r.Near(now).From))
			require.Equal(t, test.wantFar, now.Sub(r.Far(now).From))
		})
	}
}
