package join

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Order sorts by one column; nulls always come last. Equals follow newest first, then by request id, then by trace and span.
type Order struct {
	Column string `json:"column,omitempty"` // empty = time
	Desc   bool   `json:"desc,omitempty"`
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
