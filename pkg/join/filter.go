package join

import (
	"cmp"
	"fmt"
	"slices"

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
// one whose column is null leaves it open. A status that is unknown is not known either, unless a filter names it.
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
			case open || f.leavesOpen(r, p.tests[i]):
				passes, known = false, false
			case !p.tests[i](r):
				return false, true
			}
		}
		return passes, known
	}, nil
}

// leavesOpen reports whether a filter on the status says nothing of a row whose status is not known: it neither asks for that
// nor excludes it by name. "Not ok" is no more true of it than "ok".
func (f Filter) leavesOpen(r *Request, test func(*Request) bool) bool {
	if f.Column != statusColumn || r.Status != StatusUnknown {
		return false
	}
	switch f.Op {
	case Equal, Match:
		return !test(r)
	case NotEqual, NotMatch:
		return test(r)
	}
	return false
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
	in(vllm.Cluster, ofOrigin(func(o *evidence.Origin) string { return o.Cluster }))
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
// a request without a span, and one of those may come before others when the order is by what it has too.
func DecidedBySpans(filters []Filter, order Order) bool {
	for _, f := range filters {
		if c, ok := ColumnNamed(f.Column); !ok || !c.FromSpan || f.Op == IsNull {
			return false
		}
	}
	c, ok := ColumnNamed(cmp.Or(order.Column, TimeColumn))
	return ok && c.FromSpan && (c.NeedsSpan || c.Name == TimeColumn)
}

// OfSpans reports whether only requests with an engine span can pass: some filter is on a column that no other evidence fills.
func OfSpans(filters []Filter) bool {
	return slices.ContainsFunc(filters, func(f Filter) bool {
		c, ok := ColumnNamed(f.Column)
		return ok && f.Op != IsNull && (c.FromSpan && (c.Number != nil || c.Integer != nil) || c.Name == outsideColumn)
	})
}
