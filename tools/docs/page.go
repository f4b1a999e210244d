package docs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Page is one Markdown file.
type Page struct {
	File    string // from the repository's top, with slashes
	Source  []byte
	Anchors []string // of its headings, as GitHub names them
	Links   []string // destinations of links and images, as written
	Codes   []string // what stands between single backquotes
	Blocks  []Block
	// Sentences are the prose of headings, paragraphs, list items and tables.
	Sentences []Sentence
}

// Load reads every page that people read: those at the top, in docs and the READMEs. What tools generate or others own (node
// modules, the scaffold's .config) is left out.
func Load(root string) ([]Page, error) {
	var pages []Page
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		hidden := strings.HasPrefix(entry.Name(), ".") && name != "."
		if entry.IsDir() && (hidden || slices.Contains([]string{"node_modules", "dist", "testdata", "recordings"}, entry.Name())) {
			return filepath.SkipDir
		}
		if entry.IsDir() || path.Ext(name) != ".md" {
			return nil
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		page, err := Read(name, source)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		pages = append(pages, page)
		return nil
	})
	return pages, err
}

// Read takes one page apart.
func Read(name string, source []byte) (Page, error) {
	p := Page{File: name, Source: source}
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		p.prose(n)
		switch n := n.(type) {
		case *ast.Heading:
			p.Anchors = append(p.Anchors, p.anchor(plain(n, source)))
		case *ast.Link:
			p.Links = append(p.Links, string(n.Destination))
		case *ast.Image:
			p.Links = append(p.Links, string(n.Destination))
		case *ast.CodeSpan:
			p.Codes = append(p.Codes, plain(n, source))
		case *ast.FencedCodeBlock:
			block, err := p.block(n)
			p.Blocks = append(p.Blocks, block)
			return ast.WalkContinue, err
		}
		return ast.WalkContinue, nil
	})
	return p, err
}

// anchor is GitHub's name of a heading: letters, digits, hyphens and underscores in lower case, the second of a kind numbered.
func (p *Page) anchor(heading string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return -1
	}, strings.ToLower(heading))
	unique := name
	for i := 1; slices.Contains(p.Anchors, unique); i++ {
		unique = fmt.Sprintf("%s-%d", name, i)
	}
	return unique
}

// plain is the text of a node without its marks.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			b.Write(t.Value(source))
			if t.SoftLineBreak() {
				b.WriteByte(' ')
			}
		} else {
			b.WriteString(plain(child, source))
		}
	}
	return b.String()
}

// line counts from 1.
func line(source []byte, offset int) int { return 1 + bytes.Count(source[:offset], []byte("\n")) }
