package settings

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Stores, gateways and libraries quote what they were sent, each in its own way: as it is, in upper case, in the base64 of the
// Authorization header, escaped for JSON, a URL, HTML or a Go string, as hex. A secret is found whichever it is, because texts are
// compared in one form: escapes are undone, some layers deep, characters that cannot be seen are dropped, and case is ignored.

// Redact takes this store's secrets out of a text that came from the store, in whatever form they stand there.
func (s Store) Redact(text string) string { return redactAll(text, s.secrets(), false) }

// RedactCut is Redact for a text whose end was cut off, and perhaps the end of a secret with it.
func (s Store) RedactCut(text string) string { return redactAll(text, s.secrets(), true) }

// WithSent gives the store with further secrets that one call carries: the identity of the user for whom it is asked.
func (s Store) WithSent(secrets ...Secret) Store {
	s.sent = secrets
	return s
}

// leastSecret is, in bytes, the shortest text that is taken for a secret. Taking out every "1" hides the message and protects nothing.
const leastSecret = 4

// secrets lists what may stand in a request, as it is and in parts: the credential behind a scheme, the values of cookies, and
// user and password as basic auth joins them.
func (s Store) secrets() []string {
	var all []string
	add := func(secret Secret) {
		text := string(secret)
		all = append(all, text)
		if _, credential, ok := strings.Cut(text, " "); ok {
			all = append(all, credential)
		}
		for part := range strings.SplitSeq(text, ";") {
			if _, value, ok := strings.Cut(part, "="); ok && len(value) >= 2*leastSecret {
				all = append(all, value)
			}
		}
	}
	for _, secret := range append([]Secret{s.Password, s.BearerToken}, s.sent...) {
		add(secret)
	}
	for _, h := range s.Headers {
		add(h.Value)
	}
	if s.Auth == AuthBasic && s.Password != "" {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(s.BasicAuthUser+":"+string(s.Password))))
	}
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	all = slices.DeleteFunc(all, func(secret string) bool { return len(secret) < leastSecret })
	slices.Sort(all)
	return slices.Compact(all)
}

// layers is how many escapes within one another are undone, such as JSON in a URL in JSON.
const layers = 4

// stretch is a part of the text, in bytes, that is taken out.
type stretch struct{ from, to int }

func redactAll(text string, secrets []string, cut bool) string {
	if text == "" || len(secrets) == 0 {
		return text
	}
	var needles []needle
	for _, secret := range secrets {
		needles = append(needles, needlesOf(secret)...)
	}
	index := indexOf(needles)
	var found []stretch
	v := viewOf(text)
	for range layers {
		plain := v.comparable()
		found = plain.find(found, index, text)
		if cut {
			found = plain.findCut(found, needles, text)
		}
		next, changed := v.unescaped()
		if !changed {
			break
		}
		v = next
	}
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b stretch) int { return a.from - b.from })
	var out strings.Builder
	at := 0
	for i := 0; i < len(found); {
		from, to := found[i].from, found[i].to
		for i++; i < len(found) && found[i].from < to; i++ {
			to = max(to, found[i].to)
		}
		out.WriteString(text[at:from])
		out.WriteString(redacted)
		at = to
	}
	out.WriteString(text[at:])
	return out.String()
}

// view is a text in which escapes may have been undone: bytes, and for each where it stood in the original.
type view struct {
	b        []byte
	from, to []int
}

func viewOf(text string) *view {
	v := newView(len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !Invisible(r) { // within an escape they would hide it
			for k := range size {
				v.add(text[i+k], i, i+size)
			}
		}
		i += size
	}
	return v
}

func newView(size int) *view {
	return &view{b: make([]byte, 0, size), from: make([]int, 0, size), to: make([]int, 0, size)}
}

func (v *view) add(b byte, from, to int) {
	v.b, v.from, v.to = append(v.b, b), append(v.from, from), append(v.to, to)
}

// unescaped undoes one layer of escapes.
func (v *view) unescaped() (out *view, changed bool) {
	out = newView(len(v.b))
	for i := 0; i < len(v.b); {
		n, text := unescape(v.b[i:])
		if n == 0 {
			out.add(v.b[i], v.from[i], v.to[i])
			i++
			continue
		}
		changed = true
		for k := range len(text) {
			out.add(text[k], v.from[i], v.to[i+n-1])
		}
		i += n
	}
	return out, changed
}

// longestEntity is as long as an HTML entity is looked for: &CounterClockwiseContourIntegral;.
const longestEntity = 33

// unescape reads the escape that a text begins with, of URLs, JSON, Go, C, JavaScript or HTML. n is its length, 0 when there is none.
func unescape(b []byte) (n int, text []byte) {
	if len(b) < 2 {
		return 0, nil
	}
	number := func(from, digits, base int) (uint64, bool) {
		if len(b) < from+digits {
			return 0, false
		}
		x, err := strconv.ParseUint(string(b[from:from+digits]), base, 32)
		return x, err == nil
	}
	character := func(x uint64) []byte { return utf8.AppendRune(nil, rune(x)) } // #nosec G115 -- what is no character becomes one that stands for none
	switch b[0] {
	case '%':
		if x, ok := number(2, 4, 16); ok && (b[1] == 'u' || b[1] == 'U') {
			return 6, character(x)
		}
		if x, ok := number(1, 2, 16); ok {
			return 3, []byte{byte(x)}
		}
	case '\\':
		switch b[1] {
		case 'u':
			if len(b) > 2 && b[2] == '{' {
				if end := bytes.IndexByte(b[:min(len(b), 12)], '}'); end > 3 {
					if x, ok := number(3, end-3, 16); ok {
						return end + 1, character(x)
					}
				}
			}
			x, ok := number(2, 4, 16)
			if !ok {
				return 0, nil
			}
			if low, ok := number(8, 4, 16); ok && utf16.IsSurrogate(rune(x)) && b[6] == '\\' && b[7] == 'u' { // #nosec G115 -- 16 bits
				return 12, utf8.AppendRune(nil, utf16.DecodeRune(rune(x), rune(low))) // #nosec G115 -- as before
			}
			return 6, character(x)
		case 'U':
			if x, ok := number(2, 8, 16); ok {
				return 10, character(x)
			}
		case 'x', 'X':
			if x, ok := number(2, 2, 16); ok {
				return 4, []byte{byte(x)}
			}
		case 'n', 'r', 't', 'b', 'f', 'v', 'a':
			return 2, []byte{' '}
		default:
			if x, ok := number(1, 3, 8); ok && x < 256 {
				return 4, []byte{byte(x)}
			}
			if b[1] < utf8.RuneSelf && !unicode.IsLetter(rune(b[1])) && !unicode.IsDigit(rune(b[1])) {
				return 2, b[1:2]
			}
		}
	case '&':
		return entity(b)
	}
	return 0, nil
}

// entity reads an HTML entity. A number needs no semicolon, since browsers do without.
func entity(b []byte) (n int, text []byte) {
	end := 1
	if numeric := b[1] == '#'; numeric {
		end++
		sixteen := end < len(b) && (b[end] == 'x' || b[end] == 'X')
		if sixteen {
			end++
		}
		for end < min(len(b), longestEntity) && (b[end] >= '0' && b[end] <= '9' || sixteen && isHex(b[end])) {
			end++
		}
	} else if end = bytes.IndexByte(b[:min(len(b), longestEntity)], ';'); end < 2 {
		return 0, nil
	}
	whole := string(b[:end]) + ";"
	decoded := html.UnescapeString(whole)
	if decoded == whole {
		return 0, nil
	}
	if end < len(b) && b[end] == ';' {
		end++
	}
	return end, []byte(decoded)
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// comparable gives a view in the form in which texts are compared.
func (v *view) comparable() *view {
	out := newView(len(v.b))
	for i := 0; i < len(v.b); {
		if c := v.b[i]; c < utf8.RuneSelf { // nearly always
			if c > ' ' && c != '+' && c != 0x7f {
				if 'a' <= c && c <= 'z' {
					c -= 'a' - 'A'
				}
				out.add(c, v.from[i], v.to[i])
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(v.b[i:])
		if r == utf8.RuneError && size == 1 {
			r = rune(v.b[i]) // a byte of an older encoding
		}
		if text := comparedAs(r); text != "" {
			for k := range len(text) {
				out.add(text[k], v.from[i], v.to[i+size-1])
			}
		}
		i += size
	}
	return out
}

// folded gives a text in that form.
func folded(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		switch {
		case r >= utf8.RuneSelf:
			out = append(out, comparedAs(r)...)
		case r > ' ' && r != '+' && r != 0x7f:
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			out = append(out, byte(r))
		}
	}
	return out
}

// comparedAs is what counts of a character that is not ASCII: nothing of white space and what cannot be seen, and of letters not
// their case. Of ASCII a plus sign does not count either, which is a space in a URL.
func comparedAs(r rune) string {
	if unicode.IsSpace(r) || Invisible(r) {
		return ""
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return string(least)
}

// Invisible reports whether a character leaves nothing to see where it stands: controls, marks of direction, joiners, fillers,
// selectors of variants. White space is not among them.
func Invisible(r rune) bool {
	if r < utf8.RuneSelf {
		return (r < ' ' || r == 0x7f) && !unicode.IsSpace(r)
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r == '\u2800' || !unicode.IsGraphic(r) && !unicode.IsSpace(r)
}

// needle is one form in which a secret may stand in a text.
type needle struct {
	text  []byte
	coded bool // a part of base64 or hex: all of the word around it goes, since the rest is the secret's too
}

// needlesOf lists the forms of a secret that are not escapes.
func needlesOf(secret string) []needle {
	var all []needle
	add := func(text string, coded bool) {
		n := needle{folded(text), coded}
		if len(n.text) >= leastSecret && !slices.ContainsFunc(all, func(m needle) bool { return bytes.Equal(m.text, n.text) }) {
			all = append(all, n)
		}
	}
	v := viewOf(secret) // a secret that looks like an escape is undone with the text around it
	for range layers {
		add(string(v.b), false)
		next, changed := v.unescaped()
		if !changed {
			break
		}
		v = next
	}
	quoted, _ := json.Marshal(secret) // of a text, which can always be written
	forms := []string{
		secret, strings.ToLower(secret), strings.ToUpper(secret), url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`),
	}
	slices.Sort(forms)
	for _, form := range slices.Compact(forms) {
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 {
				add(base64Core(alphabet, form, before), true)
			}
		}
		digits := hex.EncodeToString([]byte(form))
		decimals := make([]string, len(form))
		pairs := make([]string, len(form))
		for i := range len(form) {
			decimals[i], pairs[i] = strconv.Itoa(int(form[i])), digits[2*i:2*i+2]
		}
		add(digits, true)
		for _, between := range []string{":", "-", ",", ",0x", "0x"} {
			add(strings.Join(pairs, between), true)
		}
		add(strings.Join(decimals, ","), false)                // the bytes as numbers, as JSON and Go print them
		if all := strings.Join(decimals, ""); len(all) >= 10 { // fewer digits are some number
			add(all, false)
		}
	}
	return all
}

// base64Core is the part of a base64 text that depends on the secret alone, when so many bytes (modulo 3) stand before it:
// "user:" before a password, "{" before a field.
func base64Core(alphabet *base64.Encoding, secret string, before int) string {
	text := alphabet.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
	return text[(8*before+5)/6 : 8*(before+len(secret))/6]
}

// index finds needles by how they begin, so that a text is walked through once for all of them.
type index map[[leastSecret]byte][]needle

func indexOf(needles []needle) index {
	out := index{}
	for _, n := range needles {
		begin := [leastSecret]byte(n.text)
		out[begin] = append(out[begin], n)
	}
	return out
}

// find appends where needles stand in a text.
func (v *view) find(found []stretch, needles index, text string) []stretch {
	gone := 0 // up to where the text is taken out already, with all of a word
	for at := 0; at+leastSecret <= len(v.b); at++ {
		if v.from[at] < gone {
			continue
		}
		for _, n := range needles[[leastSecret]byte(v.b[at:])] {
			if bytes.HasPrefix(v.b[at:], n.text) {
				found = append(found, v.stretch(at, len(n.text), n.coded, text))
				if n.coded {
					gone = max(gone, found[len(found)-1].to)
				}
			}
		}
	}
	return found
}

// findCut appends what of a needle stands at the end of a text that was cut.
func (v *view) findCut(found []stretch, needles []needle, text string) []stretch {
	for _, n := range needles {
		for length := min(len(n.text)-1, len(v.b)); length >= leastSecret; length-- {
			if bytes.HasSuffix(v.b, n.text[:length]) {
				found = append(found, v.stretch(len(v.b)-length, length, n.coded, text))
				break
			}
		}
	}
	return found
}

// stretch is what goes of the original text for a part of the view.
func (v *view) stretch(at, length int, coded bool, text string) stretch {
	s := stretch{v.from[at], v.to[at+length-1]}
	for coded && s.from > 0 && codeByte(text[s.from-1]) {
		s.from--
	}
	for coded && s.to < len(text) && codeByte(text[s.to]) {
		s.to++
	}
	return s
}

// codeByte reports whether a byte may stand in base64, in whatever alphabet.
func codeByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("+/_-=", c) >= 0
}
