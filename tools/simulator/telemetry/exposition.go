package telemetry

import (
	"slices"
	"strconv"
	"strings"
)

// Label is a name and its value.
type Label struct{ Name, Value string }

// Series is one line of the exposition without its value. Text is how the
// line begins, name and labels; it is also the series' identity.
type Series struct {
	Name   string
	Labels []Label // sorted by name, le included
	Text   string
	read   func() float64
}

// family is one # HELP block.
type family struct {
	name, help, kind string
	series           []*Series
	created          []*Series // the _created gauges, a block of their own
}

// Exposition is the text of one /metrics endpoint: which series there are is
// fixed when they are added, values are read at each rendering.
type Exposition struct {
	families []*family
	byName   map[string]*family
}

func newExposition() *Exposition { return &Exposition{byName: map[string]*family{}} }

func (e *Exposition) family(name, help, kind string) *family {
	f := e.byName[name]
	if f == nil {
		f = &family{name: name, help: help, kind: kind}
		e.byName[name] = f
		e.families = append(e.families, f)
	}
	return f
}

func newSeries(name string, labels []Label, read func() float64) *Series {
	labels = slices.Clone(labels)
	slices.SortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	b.WriteString(name)
	for i, l := range labels {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(l.Name)
		b.WriteString(`="`)
		b.WriteString(escapeLabel.Replace(l.Value))
		b.WriteByte('"')
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	return &Series{Name: name, Labels: labels, Text: b.String(), read: read}
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// gauge adds a gauge child.
func (e *Exposition) gauge(name, help string, labels []Label, read func() float64) {
	f := e.family(name, help, "gauge")
	f.series = append(f.series, newSeries(name, labels, read))
}

// counter adds a counter child and its _created twin. The name ends in _total.
func (e *Exposition) counter(name, help string, labels []Label, created float64, read func() float64) {
	f := e.family(name, help, "counter")
	f.series = append(f.series, newSeries(name, labels, read))
	f.addCreated(strings.TrimSuffix(name, "_total"), labels, created)
}

// histogram adds a histogram child: buckets, count, sum and _created.
func (e *Exposition) histogram(name, help string, labels []Label, created float64, h *Histogram) {
	f := e.family(name, help, "histogram")
	for i := range h.counts {
		le := "+Inf"
		if i < len(h.bounds) {
			le = pythonFloat(h.bounds[i])
		}
		withLE := append(slices.Clone(labels), Label{"le", le})
		f.series = append(f.series, newSeries(name+"_bucket", withLE, func() float64 { return h.cumulative(i) }))
	}
	f.series = append(f.series,
		newSeries(name+"_count", labels, func() float64 { return h.count }),
		newSeries(name+"_sum", labels, func() float64 { return h.sum }))
	f.addCreated(name, labels, created)
}

// summary adds a summary child without quantiles, as the Python client has them.
func (e *Exposition) summary(name, help string, labels []Label, created float64, count, sum *float64) {
	f := e.family(name, help, "summary")
	f.series = append(f.series,
		newSeries(name+"_count", labels, func() float64 { return *count }),
		newSeries(name+"_sum", labels, func() float64 { return *sum }))
	f.addCreated(name, labels, created)
}

func (f *family) addCreated(stem string, labels []Label, created float64) {
	f.created = append(f.created, newSeries(stem+"_created", labels, func() float64 { return created }))
}

// AppendText renders the Prometheus text format 0.0.4 as the Python client
// does: _created series follow their family as a gauge family of their own.
func (e *Exposition) AppendText(b []byte) []byte {
	for _, f := range e.families {
		b = appendBlock(b, f.name, f.help, f.kind, f.series)
		if len(f.created) > 0 {
			b = appendBlock(b, f.created[0].Name, f.help, "gauge", f.created)
		}
	}
	return b
}

func appendBlock(b []byte, name, help, kind string, series []*Series) []byte {
	b = append(b, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
	for _, s := range series {
		b = append(b, s.Text...)
		b = append(b, ' ')
		b = append(b, pythonFloat(s.read())...)
		b = append(b, '\n')
	}
	return b
}

// Each visits every series with its present value, in the text's order.
func (e *Exposition) Each(visit func(s *Series, value float64)) {
	for _, f := range e.families {
		for _, s := range f.series {
			visit(s, s.read())
		}
		for _, s := range f.created {
			visit(s, s.read())
		}
	}
}

// pythonFloat formats as prometheus_client does: repr(), but large values in
// Go's exponent form.
func pythonFloat(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	dot := strings.IndexByte(s, '.')
	if dot < 0 {
		dot = len(s)
		s += ".0"
	}
	switch {
	case v > 0 && v < 1e-4: // repr() switches to an exponent here
		return strconv.FormatFloat(v, 'e', -1, 64)
	case v > 0 && dot > 6:
		mantissa := strings.TrimRight(s[:1]+"."+s[1:dot]+s[dot+1:], "0.")
		return mantissa + "e+" + twoDigits(dot-1)
	}
	return s
}

func twoDigits(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
