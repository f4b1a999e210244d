package join

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

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
