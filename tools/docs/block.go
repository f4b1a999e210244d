package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// Block is one fenced block. The first word after the fence is its language; what follows is for tests and nobody sees it:
//
//	```promql empty="needs speculative decoding"
type Block struct {
	File     string
	Line     int // of its first line of text
	Language string
	Text     string
	// Empty says why the answer has nothing in it on the fleet that the tests ask, Sometimes when it has something only by
	// chance; without either it has something.
	Empty, Sometimes string
	Alert            bool // it is asked as an alert rule asks, too
	// Answer are the words between backquotes in a paragraph right below that begins with "Answer:". They name frames and
	// fields that must be in it.
	Answer []string
}

// Where is file and line, as editors open them.
func (b Block) Where() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

var reasons = regexp.MustCompile(`(empty|sometimes)="([^"]+)"`)

func (p *Page) block(n *ast.FencedCodeBlock) (Block, error) {
	b := Block{File: p.File, Language: string(n.Language(p.Source))}
	lines := n.Lines()
	if lines.Len() > 0 {
		b.Line = line(p.Source, lines.At(0).Start)
	}
	b.Text = string(lines.Value(p.Source))
	if n.Info != nil {
		_, rest, _ := strings.Cut(string(n.Info.Value(p.Source)), " ")
		for _, match := range reasons.FindAllStringSubmatch(rest, -1) {
			*map[string]*string{"empty": &b.Empty, "sometimes": &b.Sometimes}[match[1]] = match[2]
			rest = strings.Replace(rest, match[0], "", 1)
		}
		words := strings.Fields(rest)
		b.Alert = slices.Contains(words, "alert")
		if slices.ContainsFunc(words, func(w string) bool { return w != "alert" }) {
			return b, fmt.Errorf("line %d: %q after the fence is none of alert, empty=\"why\", sometimes=\"when\"", b.Line-1, rest)
		}
	}
	if below, ok := n.NextSibling().(*ast.Paragraph); ok && strings.HasPrefix(plain(below, p.Source), "Answer:") {
		for child := below.FirstChild(); child != nil; child = child.NextSibling() {
			if code, ok := child.(*ast.CodeSpan); ok {
				b.Answer = append(b.Answer, plain(code, p.Source))
			}
		}
	}
	return b, nil
}
