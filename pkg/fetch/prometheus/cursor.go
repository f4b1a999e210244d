package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

const (
	// readAtOnce is how much of an answer is held while it is read.
	readAtOnce = 64 << 10
	// maxToken, in bytes, is the longest text within an answer: far more than a label's value or a warning has.
	maxToken = 1 << 20
	// chargeAtOnce, in bytes, is how much is charged at a time.
	chargeAtOnce = 256 << 10
)

// cursor walks over JSON that is mostly numbers, as it arrives. encoding/json takes more than ten times as long for [time, "value"]
// pairs, and holds the whole text.
type cursor struct {
	from io.Reader
	b    []byte // what is there of the text
	i    int
	off  int64 // of b[0] in the text
	mark int64 // offset from where on the text is kept; -1 = nowhere
	err  error // why no more comes: io.EOF at the end
	key  []byte

	ctx     context.Context
	account *memory.Account
	cost    int64 // not yet charged
}

func newCursor(ctx context.Context, from io.Reader) *cursor {
	return &cursor{from: from, mark: -1, ctx: ctx, account: memory.Of(ctx)}
}

// more reads on when all that is there was walked over; it reports whether there is more.
func (c *cursor) more() bool {
	if c.err != nil {
		return false
	}
	keep := c.i
	if c.mark >= 0 {
		keep = int(c.mark - c.off)
	}
	n := copy(c.b, c.b[keep:])
	c.b, c.i, c.off = c.b[:n], c.i-keep, c.off+int64(keep)
	if n >= maxToken {
		c.err = fmt.Errorf("a text in it is longer than %d bytes", maxToken)
		return false
	}
	if cap(c.b)-n < readAtOnce/2 {
		c.b = append(make([]byte, 0, max(readAtOnce, 2*n)), c.b...)
	}
	for empty := 0; ; empty++ {
		read, err := c.from.Read(c.b[n:cap(c.b)])
		c.b = c.b[:n+read]
		switch {
		case err != nil:
			c.err = err // what came with it is walked over first
			return read > 0
		case read > 0:
			return true
		case empty > 100:
			c.err = io.ErrNoProgress
			return false
		}
	}
}

// fail says what is missing, or why the text ends here.
func (c *cursor) fail(wanted string) error {
	if c.err != nil && !errors.Is(c.err, io.EOF) && c.i == len(c.b) {
		return c.err
	}
	return fmt.Errorf("no %s at byte %d", wanted, c.off+int64(c.i))
}

// charge notes what is going to be held of the text.
func (c *cursor) charge(bytes int) error {
	if c.cost += int64(bytes); c.cost < chargeAtOnce {
		return nil
	}
	return c.settle()
}

// settle charges what was noted.
func (c *cursor) settle() error {
	err := c.account.Take(c.ctx, c.cost)
	c.cost = 0
	return err
}

// start keeps the text from here on, until stop.
func (c *cursor) start() (at int64, own bool) {
	at = c.off + int64(c.i)
	if own = c.mark < 0; own {
		c.mark = at
	}
	return at, own
}

// stop gives the text since start. It is good until more is read.
func (c *cursor) stop(at int64, own bool) []byte {
	if own {
		c.mark = -1
	}
	return c.b[at-c.off : c.i]
}

func (c *cursor) space() {
	for c.i < len(c.b) || c.more() {
		switch c.b[c.i] {
		case ' ', '\n', '\t', '\r':
			c.i++
		default:
			return
		}
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

// end fails where anything but space follows.
func (c *cursor) end() error {
	if c.space(); c.i < len(c.b) || c.err != nil && !errors.Is(c.err, io.EOF) {
		return c.fail("end")
	}
	return nil
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
		return c.skip()
	}
	return read()
}

// object calls field for each key, with the cursor on the value, which field reads. The key is good until then.
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
		c.key = append(c.key[:0], key...)
		if !c.take(':') {
			return c.fail("colon")
		}
		if err := field(c.key); err != nil {
			return err
		}
		if more, err := c.next('}'); !more {
			return err
		}
	}
}

// quoted reads a string. It is good until more is read.
func (c *cursor) quoted() ([]byte, error) {
	if !c.take('"') {
		return nil, c.fail("string")
	}
	at, own := c.start()
	for escapes := false; c.i < len(c.b) || c.more(); c.i++ {
		switch c.b[c.i] {
		case '"':
			text := c.stop(at, own)
			c.i++
			if !escapes {
				return text, nil
			}
			var s string
			err := json.Unmarshal(fmt.Appendf(nil, "\"%s\"", text), &s)
			return []byte(s), err
		case '\\':
			escapes = true
			if c.i++; c.i == len(c.b) && !c.more() {
				return nil, c.fail("end of string")
			}
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
		if err != nil {
			return err
		}
		into[name] = string(value)
		return c.charge(labelCost + len(name) + len(value))
	})
}

// samples reads one pair or a list of pairs.
func (c *cursor) samples(into *[]evidence.Sample, list bool) error {
	if !c.take('[') {
		return c.fail("list")
	}
	if !list {
		s, err := c.pairInside()
		if err != nil {
			return err
		}
		*into = append(*into, s)
		return c.charge(sampleCost)
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
		if err := c.charge(sampleCost); err != nil {
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
	value := number(text)
	if !c.take(']') {
		return evidence.Sample{}, c.fail("end of sample")
	}
	return evidence.Sample{UnixMilli: ms, Value: value}, nil
}

// maxExactDigits is the number of decimal digits that a float64 always holds exactly.
const maxExactDigits = 15

// number reads a sample's value. Short decimals, which nearly all are, go without strconv: an integer below 10^15 divided
// by a power of ten up to 10^15 is rounded once, as strconv does.
func number(b []byte) float64 {
	mantissa, digits, fraction, point := int64(0), 0, 0, false
	for _, ch := range b {
		switch {
		case ch >= '0' && ch <= '9' && digits < maxExactDigits:
			mantissa = mantissa*10 + int64(ch-'0')
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
	at, own := c.start()
	ms, decimals := int64(0), -1
	for ; c.i < len(c.b) || c.more(); c.i++ {
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
			return c.finishTime(c.stop(at, own), ms, max(decimals, 0))
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

// skip steps over any value.
func (c *cursor) skip() error {
	c.space()
	depth := 0
	for c.i < len(c.b) || c.more() {
		switch c.b[c.i] {
		case '"':
			if err := c.skipText(); err != nil || depth == 0 {
				return err
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return nil
			}
			if depth--; depth == 0 {
				c.i++
				return nil
			}
		case ',':
			if depth == 0 {
				return nil
			}
		}
		c.i++
	}
	return c.fail("end of value")
}

// skipText steps over a string, however long.
func (c *cursor) skipText() error {
	c.i++ // its quote
	for ; c.i < len(c.b) || c.more(); c.i++ {
		switch c.b[c.i] {
		case '"':
			c.i++
			return nil
		case '\\':
			if c.i++; c.i == len(c.b) && !c.more() {
				return c.fail("end of string")
			}
		}
	}
	return c.fail("end of string")
}

// raw reads any value and gives it as it stands. It is good until more is read.
func (c *cursor) raw() ([]byte, error) {
	c.space()
	at, own := c.start()
	if err := c.skip(); err != nil {
		return nil, err
	}
	return c.stop(at, own), nil
}
