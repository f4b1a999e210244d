package prometheus

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// cursor walks over JSON that is mostly numbers. encoding/json takes more than ten times as long for [time, "value"] pairs.
type cursor struct {
	b []byte
	i int
}

func (c *cursor) fail(wanted string) error { return fmt.Errorf("no %s at byte %d", wanted, c.i) }

func (c *cursor) space() {
	for c.i < len(c.b) && (c.b[c.i] == ' ' || c.b[c.i] == '\n' || c.b[c.i] == '\t' || c.b[c.i] == '\r') {
		c.i++
	}
}

// peek gives the next byte that is no space; 0 at the end.
func (c *cursor) peek() byte {
	c.space()
	if c.i == len(c.b) {
		return 0
	}
	return c.b[c.i]
}

// take steps over ch if it is next.
func (c *cursor) take(ch byte) bool {
	if c.peek() != ch {
		return false
	}
	c.i++
	return true
}

// next steps over a comma (more) or over the closing bracket.
func (c *cursor) next(closing byte) (more bool, err error) {
	switch {
	case c.take(','):
		return true, nil
	case c.take(closing):
		return false, nil
	default:
		return false, c.fail("comma or end")
	}
}

func (c *cursor) nullOr(read func() error) error {
	if c.peek() == 'n' {
		_, err := c.skip()
		return err
	}
	return read()
}

// object calls field for each key, with the cursor on the value, which field reads.
func (c *cursor) object(field func(key []byte) error) error {
	if !c.take('{') {
		return c.fail("object")
	}
	if c.take('}') {
		return nil
	}
	for {
		key, err := c.quoted()
		if err != nil {
			return err
		}
		if !c.take(':') {
			return c.fail("colon")
		}
		if err := field(key); err != nil {
			return err
		}
		if more, err := c.next('}'); !more {
			return err
		}
	}
}

// quoted reads a string; it is a part of the body unless it has escapes.
func (c *cursor) quoted() ([]byte, error) {
	if !c.take('"') {
		return nil, c.fail("string")
	}
	for start := c.i; c.i < len(c.b); c.i++ {
		switch c.b[c.i] {
		case '"':
			c.i++
			return c.b[start : c.i-1], nil
		case '\\':
			return c.escaped(start)
		}
	}
	return nil, c.fail("end of string")
}

// escaped reads a string with escapes, which began at start.
func (c *cursor) escaped(start int) ([]byte, error) {
	for ; c.i < len(c.b); c.i++ {
		switch c.b[c.i] {
		case '\\':
			c.i++
		case '"':
			c.i++
			var s string
			err := json.Unmarshal(c.b[start-1:c.i], &s)
			return []byte(s), err
		}
	}
	return nil, c.fail("end of string")
}

func (c *cursor) text(into *string) error {
	b, err := c.quoted()
	*into = string(b)
	return err
}

func (c *cursor) labels(into map[string]string) error {
	return c.object(func(key []byte) error {
		name := string(key) // key is only good until the value is read
		value, err := c.quoted()
		into[name] = string(value)
		return err
	})
}

// samples reads one pair or a list of pairs.
func (c *cursor) samples(into *[]evidence.Sample, list bool) error {
	if !c.take('[') {
		return c.fail("list")
	}
	if !list {
		s, err := c.pairInside()
		*into = append(*into, s)
		return err
	}
	if c.take(']') {
		return nil
	}
	for {
		if !c.take('[') {
			return c.fail("sample")
		}
		s, err := c.pairInside()
		if err != nil {
			return err
		}
		*into = append(*into, s)
		if more, err := c.next(']'); !more {
			return err
		}
	}
}

// pairInside reads time, "value"] after the opening bracket. A value that is no number (of type string) is NaN.
func (c *cursor) pairInside() (evidence.Sample, error) {
	ms, err := c.unixMilli()
	if err != nil {
		return evidence.Sample{}, err
	}
	if !c.take(',') {
		return evidence.Sample{}, c.fail("comma")
	}
	text, err := c.quoted()
	if err != nil {
		return evidence.Sample{}, err
	}
	if !c.take(']') {
		return evidence.Sample{}, c.fail("end of sample")
	}
	return evidence.Sample{UnixMilli: ms, Value: number(text)}, nil
}

// maxExactDigits is the number of decimal digits that a float64 always holds exactly.
const maxExactDigits = 15

// number reads a sample's value. Short decimals, which nearly all are, go without strconv: an integer below 10^15 divided
// by a power of ten up to 10^15 is rounded once, as strconv does.
func number(b []byte) float64 {
	mantissa, digits, fraction, point := 0, 0, 0, false
	for _, ch := range b {
		switch {
		case ch >= '0' && ch <= '9' && digits < maxExactDigits:
			mantissa = mantissa*10 + int(ch-'0')
			digits++
			if point {
				fraction++
			}
		case ch == '.' && !point:
			point = true
		default:
			return slowNumber(b)
		}
	}
	if digits == 0 {
		return slowNumber(b)
	}
	return float64(mantissa) / powersOfTen[fraction]
}

func slowNumber(b []byte) float64 {
	f, err := strconv.ParseFloat(string(b), 64) // reads NaN, +Inf and -Inf, as the API writes them
	if err != nil && !math.IsInf(f, 0) {        // out of range is infinite
		return math.NaN()
	}
	return f
}

var powersOfTen = [maxExactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// unixMilli reads seconds, as the API writes times: digits and up to three decimals. Anything longer goes to strconv.
func (c *cursor) unixMilli() (int64, error) {
	c.space()
	start, ms, decimals := c.i, int64(0), -1
	for ; c.i < len(c.b); c.i++ {
		switch ch := c.b[c.i]; {
		case ch >= '0' && ch <= '9':
			ms = ms*10 + int64(ch-'0') // overflows only where the text is too long to be used
			if decimals >= 0 {
				decimals++
			}
		case ch == '.' && decimals < 0:
			decimals = 0
		case ch == '-' || ch == '+' || ch == 'e' || ch == 'E' || ch == '.':
			decimals = 4
		default:
			return c.finishTime(c.b[start:c.i], ms, max(decimals, 0))
		}
	}
	return 0, c.fail("end of sample")
}

func (c *cursor) finishTime(text []byte, ms int64, decimals int) (int64, error) {
	if len(text) > 0 && text[0] <= '9' && text[0] >= '0' && len(text) <= maxExactDigits && decimals <= 3 {
		for range 3 - decimals {
			ms *= 10
		}
		return ms, nil
	}
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(seconds) > math.MaxInt64/1000/2 {
		return 0, c.fail("time")
	}
	return int64(math.Round(seconds * 1000)), nil
}

// skip steps over any value and gives it as it stands.
func (c *cursor) skip() ([]byte, error) {
	c.space()
	start := c.i
	depth := 0
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case '"':
			if _, err := c.quoted(); err != nil {
				return nil, err
			}
			if depth == 0 {
				return c.b[start:c.i], nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return c.b[start:c.i], nil
			}
			if depth--; depth == 0 {
				c.i++
				return c.b[start:c.i], nil
			}
		case ',':
			if depth == 0 {
				return c.b[start:c.i], nil
			}
		}
		c.i++
	}
	return nil, c.fail("end of value")
}
