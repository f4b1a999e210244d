package join

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Filter compares a column of the row with a value. Null matches only IsNull: what is not known is neither equal nor
// different.
type Filter struct {
	Column string `json:"column"`
	Op     Op     `json:"op"`
	Value  string `json:"value,omitempty"` // a number, a duration such as 500ms for columns in seconds, 90% for ratios, a time, or text
	// Values instead of Value: Equal to any of them, or NotEqual to all.
	Values []string `json:"values,omitempty"`
}

// Op is a comparison.
type Op string

// The comparisons. Match and NotMatch take an RE2 expression for the whole text.
const (
	Equal        Op = "="
	NotEqual     Op = "!="
	Match        Op = "=~"
	NotMatch     Op = "!~"
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Less         Op = "<"
	LessEqual    Op = "<="
	IsNull       Op = "null"
	NotNull      Op = "not null"
)

// Order sorts by one column; nulls always come last, ties go to the newer request.
type Order struct {
	Column string `json:"column,omitempty"` // empty = time
	Desc   bool   `json:"desc,omitempty"`
}

// Predicate is a compiled set of filters, all of which must hold.
type Predicate struct{ tests []func(*Request) bool }

// Holds reports whether a row passes.
func (p Predicate) Holds(r *Request) bool {
	for _, t := range p.tests {
		if !t(r) {
			return false
		}
	}
	return true
}

// CompileFilters checks filters against the columns. The error names the filter, its column and what is wrong.
func CompileFilters(filters []Filter) (Predicate, error) {
	var p Predicate
	for i, f := range filters {
		test, err := f.compile()
		if err != nil {
			return Predicate{}, fmt.Errorf("filters[%d]: %w", i, err)
		}
		p.tests = append(p.tests, test)
	}
	return p, nil
}

// CompileJudge tells apart rows that do not pass from rows of which nobody knows: one filter that surely fails decides, then
// one whose column is null leaves it open.
func CompileJudge(filters []Filter) (func(*Request) (passes, known bool), error) {
	p, err := CompileFilters(filters)
	if err != nil {
		return nil, err
	}
	return func(r *Request) (passes, known bool) {
		passes, known = true, true
		for i, f := range filters {
			c, _ := ColumnNamed(f.Column)
			switch open := f.Op != IsNull && f.Op != NotNull && c.Null(r); {
			case open:
				passes, known = false, false
			case !p.tests[i](r):
				return false, true
			}
		}
		return passes, known
	}, nil
}

func (f Filter) compile() (func(*Request) bool, error) {
	c, ok := ColumnNamed(f.Column)
	if !ok {
		return nil, fmt.Errorf("column %q: the request row has no such column", f.Column)
	}
	if f.Op == IsNull || f.Op == NotNull {
		return func(r *Request) bool { return c.Null(r) == (f.Op == IsNull) }, nil
	}
	if len(f.Values) > 0 {
		return f.compileSeveral()
	}
	if c.Text != nil {
		return f.compileText(c)
	}
	want, err := c.parse(f.Value)
	if err != nil {
		return nil, fmt.Errorf("column %q: value %q: %w", f.Column, f.Value, err)
	}
	holds, err := f.Op.number()
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", f.Column, err)
	}
	return func(r *Request) bool {
		v, ok := c.value(r)
		return ok && holds(v, want)
	}, nil
}

func (f Filter) compileSeveral() (func(*Request) bool, error) {
	if f.Op != Equal && f.Op != NotEqual || f.Value != "" {
		return nil, fmt.Errorf("column %q: several values go with = or !=, and without a single one", f.Column)
	}
	tests := make([]func(*Request) bool, len(f.Values))
	for i, value := range f.Values {
		test, err := Filter{Column: f.Column, Op: f.Op, Value: value}.compile()
		if err != nil {
			return nil, err
		}
		tests[i] = test
	}
	return func(r *Request) bool { // one equal is enough; different from one is not
		for _, test := range tests {
			if test(r) == (f.Op == Equal) {
				return f.Op == Equal
			}
		}
		return f.Op == NotEqual
	}, nil
}

func (f Filter) compileText(c *Column) (func(*Request) bool, error) {
	switch f.Op {
	case Equal, NotEqual:
		return func(r *Request) bool {
			v := NullText(c.Text(r))
			return v != nil && (*v == f.Value) == (f.Op == Equal)
		}, nil
	case Match, NotMatch:
		re, err := vllm.CompileWhole(f.Value)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Column, err)
		}
		return func(r *Request) bool {
			v := NullText(c.Text(r))
			return v != nil && re.MatchString(*v) == (f.Op == Match)
		}, nil
	default:
		return nil, fmt.Errorf("column %q: op %q does not apply to text (use =, !=, =~, !~, null, not null)", f.Column, f.Op)
	}
}

func (o Op) number() (func(v, want float64) bool, error) {
	switch o {
	case Equal:
		return func(v, w float64) bool { return v == w }, nil
	case NotEqual:
		return func(v, w float64) bool { return v != w }, nil
	case Greater:
		return func(v, w float64) bool { return v > w }, nil
	case GreaterEqual:
		return func(v, w float64) bool { return v >= w }, nil
	case Less:
		return func(v, w float64) bool { return v < w }, nil
	case LessEqual:
		return func(v, w float64) bool { return v <= w }, nil
	default:
		return nil, fmt.Errorf("op %q does not apply to numbers (use =, !=, >, >=, <, <=, null, not null)", o)
	}
}

// parse reads a filter's value in the column's unit: seconds take durations too, ratios percent, times RFC 3339 or epoch
// milliseconds.
func (c *Column) parse(s string) (float64, error) {
	s = strings.TrimSpace(s)
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("not a finite number")
		}
		return v, nil
	}
	if c.Name == TimeColumn {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return 0, fmt.Errorf("neither RFC 3339 nor epoch milliseconds")
		}
		return float64(t.UnixMicro()) / 1000, nil
	}
	if share, ok := strings.CutSuffix(s, "%"); ok && c.Unit == "percentunit" {
		if v, err := strconv.ParseFloat(strings.TrimSpace(share), 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v / 100, nil
		}
		return 0, fmt.Errorf("neither a share such as 90%% nor a number such as 0.9")
	}
	if c.Unit == "s" {
		if d, err := time.ParseDuration(strings.ReplaceAll(s, " ", "")); err == nil {
			return d.Seconds(), nil
		}
		return 0, fmt.Errorf("neither a number of seconds nor a duration such as 500ms")
	}
	return 0, fmt.Errorf("not a number")
}

// value reads a column that is not text; times count as epoch milliseconds.
func (c *Column) value(r *Request) (float64, bool) {
	switch {
	case c.Number != nil:
		if p := NullNumber(c.Number(r)); p != nil {
			return *p, true
		}
	case c.Integer != nil:
		if p := NullInteger(c.Integer(r)); p != nil {
			return float64(*p), true
		}
	case c.Text == nil:
		return float64(r.Time.UnixMicro()) / 1000, true
	}
	return 0, false
}

// Null reports whether the row does not know this column.
func (c *Column) Null(r *Request) bool {
	if c.Text != nil {
		return NullText(c.Text(r)) == nil
	}
	_, ok := c.value(r)
	return !ok
}

// Choose keeps the rows that pass, in order, at most limit of them (0 = all); total is how many passed. The given rows are
// used up: they are filtered and sorted in place.
func Choose(rows []Request, p Predicate, order Order, limit int) (chosen []Request, total int) {
	if len(p.tests) > 0 {
		kept := rows[:0]
		for i := range rows {
			if p.Holds(&rows[i]) {
				kept = append(kept, rows[i])
			}
		}
		rows = kept
	}
	total = len(rows)
	index := sortIndex(rows, order)
	if limit > 0 && limit < total {
		index = index[:limit]
	}
	if len(index) == total {
		reorder(rows, index)
		return rows, total
	}
	chosen = make([]Request, len(index)) // so that the many others can be let go of
	for i, at := range index {
		chosen[i] = rows[at]
	}
	return chosen, total
}

// reorder puts rows[index[i]] at i, within the rows: a million of them are 400 MB. The index is used up.
func reorder(rows []Request, index []int32) {
	for i := range index {
		if index[i] == ordinal(i) {
			continue
		}
		first, to := rows[i], ordinal(i)
		for from := index[to]; from != ordinal(i); from = index[to] {
			rows[to] = rows[from]
			index[to], to = to, from
		}
		rows[to], index[to] = first, to
	}
}

// sortIndex orders positions instead of rows: a row is hundreds of bytes.
func sortIndex(rows []Request, order Order) []int32 {
	index := make([]int32, len(rows))
	for i := range index {
		index[i] = ordinal(i)
	}
	c, ok := ColumnNamed(cmp.Or(order.Column, TimeColumn))
	if !ok {
		c = &Columns[0]
	}
	// Equals are ordered by what the rows say, not by the order in which the evidence came: the same limit has to give the
	// same rows again. Sequences of one request begin together, so time alone does not tell.
	newer := func(a, b int32) int {
		x, y := &rows[a], &rows[b]
		if c := y.Time.Compare(x.Time); c != 0 {
			return c
		}
		if c := strings.Compare(x.RequestID, y.RequestID); c != 0 {
			return c
		}
		if c := strings.Compare(x.Key(), y.Key()); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	}
	if c.Text != nil {
		slices.SortFunc(index, func(a, b int32) int {
			x, y := NullText(c.Text(&rows[a])), NullText(c.Text(&rows[b]))
			if x == nil || y == nil {
				return cmp.Or(boolCompare(x == nil, y == nil), newer(a, b))
			}
			if c := strings.Compare(*x, *y); c != 0 {
				return direct(c, order.Desc)
			}
			return newer(a, b)
		})
		return index
	}
	keys := make([]float64, len(rows))
	for i := range rows {
		v, ok := c.value(&rows[i])
		if !ok {
			v = math.NaN()
		}
		keys[i] = v
	}
	slices.SortFunc(index, func(a, b int32) int {
		x, y := keys[a], keys[b]
		if x != x || y != y {
			return cmp.Or(boolCompare(x != x, y != y), newer(a, b))
		}
		if c := cmp.Compare(x, y); c != 0 {
			return direct(c, order.Desc)
		}
		return newer(a, b)
	})
	return index
}

func direct(c int, desc bool) int {
	if desc {
		return -c
	}
	return c
}

// boolCompare puts false before true.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// Within narrows a predicate to a scope. A row that does not know a place that is asked for does not pass: it may belong
// elsewhere. Services are the engine's, or the caller's where the engine left no span.
func (p Predicate) Within(s vllm.Scope) Predicate {
	p.tests = slices.Clone(p.tests)
	in := func(place vllm.Place, get func(*Request) string) {
		if test := s.Test(place); test != nil {
			p.tests = append(p.tests, func(r *Request) bool { return test(get(r)) })
		}
	}
	in(vllm.Model, func(r *Request) string { return r.Model })
	in(vllm.Environment, ofOrigin(func(o *evidence.Origin) string { return o.Environment }))
	in(vllm.Namespace, ofOrigin(func(o *evidence.Origin) string { return o.Namespace }))
	in(vllm.Pod, ofOrigin(func(o *evidence.Origin) string { return o.Pod }))
	in(vllm.Instance, ofOrigin(func(o *evidence.Origin) string { return o.Instance }))
	in(vllm.Engine, func(r *Request) string { return r.Engine })
	in(vllm.Service, func(r *Request) string {
		if r.Span == nil && r.Caller != nil {
			return r.Caller.Service
		}
		return ofOrigin(func(o *evidence.Origin) string { return o.Service })(r)
	})
	return p
}

func ofOrigin(f func(*evidence.Origin) string) func(*Request) string {
	return func(r *Request) string {
		if r.Origin == nil {
			return ""
		}
		return f(r.Origin)
	}
}

// DecidedBySpans reports whether filters and order use only columns that engine spans decide. What asks for null may mean
// a request without a span.
func DecidedBySpans(filters []Filter, order Order) bool {
	for _, f := range filters {
		if c, ok := ColumnNamed(f.Column); !ok || !c.FromSpan || f.Op == IsNull {
			return false
		}
	}
	c, ok := ColumnNamed(cmp.Or(order.Column, TimeColumn))
	return ok && c.FromSpan
}

// Overlapping returns the rows that ran on the same instance as r while r did, r itself left out, the longest overlap
// first, at most limit. Where several instances are known, a row that does not name its own shared nothing for sure.
func (j Joined) Overlapping(r *Request, limit int) []Request {
	type shared struct {
		row     int
		overlap time.Duration
	}
	var found []shared
	end := r.End()
	for i := range j.Rows {
		o := &j.Rows[i]
		if o.Span == nil || (r.Span != nil && o.Span.SpanID == r.Span.SpanID) {
			continue
		}
		if yes, no := sameInstance(r.Origin, o.Origin); no || !yes && len(j.instances.list) > 1 {
			continue
		}
		from, to := r.Time, end
		if o.Time.After(from) {
			from = o.Time
		}
		if e := o.End(); e.Before(to) {
			to = e
		}
		if d := to.Sub(from); d > 0 {
			found = append(found, shared{i, d})
		}
	}
	slices.SortStableFunc(found, func(a, b shared) int { return cmp.Compare(b.overlap, a.overlap) })
	if len(found) > limit {
		found = found[:limit]
	}
	out := make([]Request, len(found))
	for i, f := range found {
		out[i] = j.Rows[f.row]
	}
	return out
}

// StateAround returns the series of the instance that a row of another join ran on, and of the GPUs around it; of the only
// instance there is when the row names none.
func (j Joined) StateAround(r *Request) []evidence.Series {
	at := j.instances.find(r.Origin)
	if at < 0 && len(j.instances.list) == 1 && !named(r.Origin) {
		at = 0
	}
	if at < 0 {
		return nil
	}
	in := &j.instances.list[at]
	of := map[*evidence.Series]bool{}
	for _, g := range in.gpus {
		of[g] = true
	}
	for e := range in.engines {
		for _, series := range in.engines[e].series {
			for _, s := range series {
				of[s] = true
			}
		}
	}
	var out []evidence.Series
	for i := range j.in.Series { // in the order of the stores' answer, not of maps
		if of[&j.in.Series[i]] {
			out = append(out, j.in.Series[i])
		}
	}
	return out
}
