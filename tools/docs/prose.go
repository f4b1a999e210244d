package docs

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
)

// Sentence is one sentence of prose.
type Sentence struct {
	File string
	Line int // on which its paragraph, list item or table cell begins
	Text string
}

// codeRun is several names in a row, such as `a`, `b` and `c`: a reader takes them as one list.
var codeRun = regexp.MustCompile("`[^`]*`(?:(?:,? (?:and|or) |, |/| / )`[^`]*`)+")

var (
	codeSpan = regexp.MustCompile("`[^`]*`")
	template = regexp.MustCompile(`\{\{.*?\}\}`)
)

// Prose is the sentence without what is no English: code and the parts of templates become a placeholder, several names in a row one.
func (s Sentence) Prose() string {
	text := codeRun.ReplaceAllString(s.Text, "`…`")
	text = codeSpan.ReplaceAllString(text, "`…`")
	return template.ReplaceAllString(text, "`…`")
}

// Words is how many words a reader has to keep in mind until the sentence ends. A name in code is one word, as is a list of names.
func (s Sentence) Words() int {
	n := 0
	for _, field := range strings.Fields(s.Prose()) {
		if strings.ContainsFunc(field, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '…' }) {
			n++
		}
	}
	return n
}

// Sentences splits a text of one paragraph. A sentence ends at ".", "!" or "?", before a space and a capital letter, digit or name.
func Sentences(file string, line int, text string) []Sentence {
	text = strings.Join(strings.Fields(text), " ")
	var out []Sentence
	inCode, from := false, 0
	for at, r := range text {
		if r == '`' {
			inCode = !inCode
		}
		if inCode || !strings.ContainsRune(".!?", r) {
			continue
		}
		rest := strings.TrimLeft(text[at+1:], `"”’')*_`)
		after, ok := strings.CutPrefix(rest, " ")
		if !ok {
			continue
		}
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, `"“‘'(*_[`))
		if unicode.IsUpper(next) || unicode.IsDigit(next) || next == '`' || next == '{' || strings.HasPrefix(after, "vLLM") {
			end := len(text) - len(after)
			out = append(out, Sentence{File: file, Line: line, Text: strings.TrimSpace(text[from:end])})
			from = end
		}
	}
	if last := strings.TrimSpace(text[from:]); last != "" {
		out = append(out, Sentence{File: file, Line: line, Text: last})
	}
	return out
}

// prose adds the sentences of a heading, a paragraph, a list item or a table's cell. A quote repeats what a program says, and
// the table between <!-- table: NAME --> and <!-- end --> what the code says.
func (p *Page) prose(n ast.Node) {
	switch n.(type) {
	case *ast.Heading, *ast.Paragraph, *ast.TextBlock, *east.TableCell:
	default:
		return
	}
	at := offset(n)
	if at < 0 || quoted(n) || p.generated(at) {
		return
	}
	p.Sentences = append(p.Sentences, Sentences(p.File, line(p.Source, at), written(n, p.Source))...)
}

// generated reports whether a place of the page is in a table that is written from the code.
func (p *Page) generated(at int) bool {
	before := p.Source[:at]
	return bytes.LastIndex(before, []byte("<!-- table: ")) > bytes.LastIndex(before, []byte("<!-- end -->"))
}

// quoted reports whether a node is within a quote.
func quoted(n ast.Node) bool {
	for ; n != nil; n = n.Parent() {
		if n.Kind() == ast.KindBlockquote {
			return true
		}
	}
	return false
}

// offset is where the first text below a node begins, -1 when there is none.
func offset(n ast.Node) int {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			return t.Segment.Start
		}
		if at := offset(child); at >= 0 {
			return at
		}
	}
	return -1
}

// written is the text of a node; names in code keep their backquotes.
func written(n ast.Node, source []byte) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		switch t := child.(type) {
		case *ast.Text:
			b.Write(t.Value(source))
			if t.SoftLineBreak() || t.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.CodeSpan:
			b.WriteString("`" + plain(t, source) + "`")
		default:
			b.WriteString(written(child, source))
		}
	}
	return b.String()
}
