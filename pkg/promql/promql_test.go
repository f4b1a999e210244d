package promql

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestSelector(t *testing.T) {
	for name, tc := range map[string]struct {
		names    []string
		matchers []Matcher
		want     string
	}{
		"one name stands in front":            {[]string{"vllm:a"}, nil, `vllm:a`},
		"several names are alternatives":      {[]string{"vllm:a", "vllm:b"}, nil, `{__name__=~"vllm:a|vllm:b"}`},
		"no name leaves the matchers":         {nil, []Matcher{{"a", "!=", ""}}, `{a!=""}`},
		"a name no parser takes is a matcher": {[]string{"a.b"}, nil, `{__name__="a.b"}`},
		"a value's quotes are escaped": {
			[]string{"m"}, []Matcher{AnyOf("model_name", `a"} or vector(1) or x{b="`)}, `m{model_name="a\"} or vector(1) or x{b=\""}`,
		},
		"a value's backslashes are escaped": {[]string{"m"}, []Matcher{AnyOf("pod", `\`)}, `m{pod="\\"}`},
		"values are taken literally in a pattern": {
			[]string{"m"}, []Matcher{AnyOf("model_name", `.*`, `a|b`)}, `m{model_name=~"\\.\\*|a\\|b"}`,
		},
		"a line break cannot end the string":       {[]string{"m"}, []Matcher{AnyOf("pod", "a\nb")}, `m{pod="a\nb"}`},
		"a label with dots is quoted":              {[]string{"m"}, []Matcher{AnyOf("k8s.pod.name", "p")}, `m{"k8s.pod.name"="p"}`},
		"a hostile label cannot leave its quotes":  {[]string{"m"}, []Matcher{AnyOf(`a"}`, "p")}, `m{"a\"}"="p"}`},
		"a hostile name cannot leave its matchers": {[]string{`m} or x{`}, nil, `{__name__="m} or x{"}`},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, Selector(tc.names, tc.matchers...)) })
	}
}

func TestScopeMatchers(t *testing.T) {
	labels := vllm.DefaultPrometheusLabels()
	noEnvironment := labels
	noEnvironment.Environment = ""
	for name, tc := range map[string]struct {
		labels vllm.LabelNames
		scope  vllm.Scope
		want   string
	}{
		"an empty scope still leaves routers out": {labels, vllm.Scope{}, `{model_name!=""}`},
		"one value is compared, several are alternatives": {
			labels, vllm.Scope{Models: []string{"m"}, Pods: []string{"p-0", "p-1"}}, `{model_name="m",pod=~"p-0|p-1"}`,
		},
		"every place narrows": {
			labels, vllm.Scope{
				Environments: []string{"e"}, Namespaces: []string{"n"}, Instances: []string{"i:8000"}, Engines: []string{"1"},
				Services: []string{"s"},
			},
			`{model_name!="",environment="e",namespace="n",instance="i:8000",engine="1",service="s"}`,
		},
		"engine 0 is also an engine without number": {
			labels, vllm.Scope{Engines: []string{"0"}}, `{model_name!="",engine=~"0|"}`,
		},
		"values are taken as text, whatever they hold": {
			labels, vllm.Scope{Models: []string{"a\"}\n.*", "b|c"}}, `{model_name=~"a\"\\}\n\\.\\*|b\\|c"}`,
		},
		"what is left out, and what does not name the place with it": {
			labels, where("environment", vllm.IsNot, "test", "dev"), `{model_name!="",environment!~"test|dev",environment!=""}`,
		},
		"an expression that an empty text matches": {
			labels, where("namespace", vllm.Matches, "llm-.*|"), `{model_name!="",namespace=~"llm-.*|",namespace!=""}`,
		},
		"two expressions":            {labels, where("instance", vllm.MatchesNot, "a", "b.*"), `{model_name!="",instance!~"(?:a)|(?:b.*)",instance!=""}`},
		"an expression on the model": {labels, where("model", vllm.MatchesNot, "llama.*"), `{model_name!="",model_name!~"llama.*"}`},
		"all but engine 0":           {labels, where("engine", vllm.IsNot, "0"), `{model_name!="",engine!~"0|"}`},
		"all but engine 1":           {labels, where("engine", vllm.IsNot, "1"), `{model_name!="",engine!="1"}`},
		"engines by an expression":   {labels, where("engine", vllm.Matches, "[01]"), `{model_name!="",engine=~"(?:[01])|"}`},
		"a list and a condition": {
			labels, vllm.Scope{Models: []string{"m"}, Where: where("model", vllm.IsNot, "n").Where}, `{model_name="m",model_name!="n"}`,
		},
		"empty values do not narrow":                {labels, vllm.Scope{Models: []string{""}}, `{model_name!=""}`},
		"a label that is not there does not narrow": {noEnvironment, vllm.Scope{Environments: []string{"e"}}, `{model_name!=""}`},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, Selector(nil, ScopeMatchers(tc.labels, tc.scope)...)) })
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		15 * time.Second: "15s", 90 * time.Second: "90s", 90 * time.Minute: "90m", 24 * time.Hour: "1d", 48 * time.Hour: "2d",
		1500 * time.Millisecond: "1500ms", 0: "1ms", -time.Hour: "1ms",
	} {
		require.Equal(t, want, Duration(d))
	}
}

func TestStep(t *testing.T) {
	for name, tc := range map[string]struct{ interval, minimum, scrape, length, want time.Duration }{
		"an alert's 1 s gives way to the scrapes": {time.Second, 0, 15 * time.Second, time.Hour, 15 * time.Second},
		"a panel's coarser interval holds":        {time.Minute, 0, 15 * time.Second, time.Hour, time.Minute},
		"the query's own minimum holds":           {time.Second, 5 * time.Minute, 15 * time.Second, time.Hour, 5 * time.Minute},
		"a long range stays below 11,000 points":  {time.Second, 0, time.Second, 30 * 24 * time.Hour, 236 * time.Second},
		"fractions of a second are rounded up":    {90500 * time.Millisecond, 0, time.Second, time.Hour, 91 * time.Second},
		"engines scraped faster than 1 s keep it": {0, 0, 200 * time.Millisecond, time.Minute, 200 * time.Millisecond},
		"nothing at all is still a step":          {0, 0, 0, 0, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			step := Step(tc.interval, tc.minimum, tc.scrape, tc.length)
			require.Equal(t, tc.want, step)
			require.LessOrEqual(t, int64(tc.length/step)+1, int64(maxPoints))
		})
	}
}

func TestRateWindowHoldsFourScrapesAndNeverLessThanAStep(t *testing.T) {
	require.Equal(t, time.Minute, RateWindow(15*time.Second, 15*time.Second))
	require.Equal(t, 5*time.Minute+15*time.Second, RateWindow(5*time.Minute, 15*time.Second))
}

func TestAlignPutsBothEndsOnTheGrid(t *testing.T) {
	r := Align(time.Unix(1790000007, 0), time.Unix(1790000061, 5), 15*time.Second)
	require.Equal(t, []time.Time{
		time.Unix(1789999995, 0).UTC(), time.Unix(1790000010, 0).UTC(), time.Unix(1790000025, 0).UTC(),
		time.Unix(1790000040, 0).UTC(), time.Unix(1790000055, 0).UTC(),
	}, r.Times())
	require.Equal(t, time.Unix(-10, 0).UTC(), Floor(time.Unix(-3, 0), 10*time.Second))
	require.Empty(t, Range{}.Times())
}

func TestExpand(t *testing.T) {
	window := evidence.Window{From: time.UnixMilli(1790000000000), To: time.UnixMilli(1790005400500)}
	for expr, want := range map[string]string{
		`rate(x[$__rate_interval])`:               `rate(x[75s])`,
		`rate(x[${__rate_interval}])`:             `rate(x[75s])`,
		`avg_over_time(x[$__interval])`:           `avg_over_time(x[1m])`,
		`x / $__interval_ms`:                      `x / 60000`,
		`$__rate_interval_ms`:                     `75000`,
		`increase(x[$__range])`:                   `increase(x[5400500ms])`,
		`$__range_s $__range_ms`:                  `5401 5400500`,
		`x > $__from < $__to`:                     `x > 1790000000000 < 1790005400500`,
		`x{a=~"b$"}`:                              `x{a=~"b$"}`,
		`label_replace(x,"a","$1","b","")`:        `label_replace(x,"a","$1","b","")`,
		`$__intervals ${__interval $__none`:       `$__intervals ${__interval $__none`,
		`$`:                                       `$`,
		`$$__interval`:                            `$1m`,
		`sum(max without (${__vllm_copies}) (x))`: `sum(max without (job,"my.replica") (x))`,
		`${__vllm_prefix}num_requests_running{a="${__vllm_prefix}"}`: `kserve_vllm:num_requests_running{a="kserve_vllm:"}`,
	} {
		t.Run(expr, func(t *testing.T) {
			require.Equal(t, want, Expand(expr, window, time.Minute, 15*time.Second, "kserve_vllm:", []string{"job", "my.replica"}))
		})
	}
}

// FuzzSelector checks that whatever stands in a value, PromQL reads exactly that value, and that a pattern of several
// matches exactly those.
func FuzzSelector(f *testing.F) {
	for _, seed := range []string{`m`, `a"} or vector(1)`, `\`, "a\nb", "\xff\xfe", `.*`, "a|b", `$1`, "é\u202e", "`", `\"`} {
		f.Add(seed, "other")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		selector := Selector([]string{"m"}, AnyOf("l", a))
		inside, ok := strings.CutPrefix(selector, `m{l=`)
		require.True(t, ok)
		inside, ok = strings.CutSuffix(inside, "}")
		require.True(t, ok)
		value, err := strconv.Unquote(inside) // PromQL's strings are Go's
		require.NoError(t, err)
		require.Equal(t, a, value)

		pattern, err := regexp.Compile("^(?:" + AnyOf("l", a, b).Value + ")$")
		if err != nil {
			require.NotRegexp(t, `^[\x20-\x7e]*$`, a+b, "only bytes that are no UTF-8 make no pattern")
			return
		}
		require.True(t, pattern.MatchString(a) && pattern.MatchString(b))
		require.Equal(t, a == "x" || b == "x", pattern.MatchString("x"))
	})
}

// FuzzExpand checks that expansion ends, changes nothing else, and leaves none of its variables behind.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{`rate(x[$__rate_interval])`, `${__range}`, `$`, `${`, `$$__interval`, `${__interval`, `"$1"`} {
		f.Add(seed)
	}
	window := evidence.Window{From: time.Unix(0, 0), To: time.Unix(3600, 0)}
	f.Fuzz(func(t *testing.T, expr string) {
		got := Expand(expr, window, time.Minute, 15*time.Second, "kserve_vllm:", []string{"job", "my.replica"})
		require.NotContains(t, got, "${__rate_interval}")
		if !strings.Contains(expr, "$") {
			require.Equal(t, expr, got)
		}
	})
}

func where(place string, op vllm.Op, values ...string) vllm.Scope {
	return vllm.Scope{Where: []vllm.Condition{{Key: place, Op: op, Values: values}}}
}
