package vllm

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Op compares a name with values.
type Op string

// The comparisons. Matches and MatchesNot take RE2 expressions for the whole text, as PromQL and LogQL do.
const (
	Is         Op = "="
	IsNot      Op = "!="
	Matches    Op = "=~"
	MatchesNot Op = "!~"
)

// Ops lists them.
var Ops = []Op{Is, IsNot, Matches, MatchesNot}

// Negative reports whether the comparison leaves out what it names.
func (o Op) Negative() bool { return o == IsNot || o == MatchesNot }

// Condition compares what has a key (a Place, a label) with values: with any of them, or with none where the comparison is
// negative. What is not known is neither equal nor different, so no condition holds for it.
type Condition struct {
	Key    string   `json:"key"`
	Op     Op       `json:"op"`
	Values []string `json:"values"`
}

// Check says what is wrong with the comparison and its values; keys are the caller's to know.
func (c Condition) Check() error {
	if !slices.Contains(Ops, c.Op) {
		return fmt.Errorf("op %q does not compare names (use =, !=, =~, !~)", c.Op)
	}
	if len(c.Values) == 0 {
		return fmt.Errorf("there is nothing to compare with")
	}
	for _, value := range c.Values {
		if value == "" {
			return fmt.Errorf("an empty value names nothing")
		}
		if !utf8.ValidString(value) { // a store's language could not say it
			return fmt.Errorf("%q is not UTF-8", value)
		}
		if c.Op == Matches || c.Op == MatchesNot {
			if _, err := CompileWhole(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Test gives the condition as a function. One that Check refuses never holds.
func (c Condition) Test() func(value string) bool {
	if c.Check() != nil {
		return func(string) bool { return false }
	}
	named := func(value string) bool { return slices.Contains(c.Values, value) }
	if c.Op == Matches || c.Op == MatchesNot {
		expressions := make([]*regexp.Regexp, len(c.Values))
		for i, pattern := range c.Values {
			expressions[i], _ = CompileWhole(pattern) // checked above
		}
		named = func(value string) bool {
			return slices.ContainsFunc(expressions, func(re *regexp.Regexp) bool { return re.MatchString(value) })
		}
	}
	return func(value string) bool { return value != "" && named(value) != c.Op.Negative() }
}

// Matcher writes the condition as a store's matcher has it: one operator, one text, which the caller quotes. Stores match
// whole texts, and so do all alternatives.
func (c Condition) Matcher() (op, text string) {
	if c.Op == Is || c.Op == IsNot {
		if len(c.Values) == 1 {
			return string(c.Op), c.Values[0]
		}
		quoted := make([]string, len(c.Values))
		for i, value := range c.Values {
			quoted[i] = regexp.QuoteMeta(value)
		}
		return map[Op]string{Is: "=~", IsNot: "!~"}[c.Op], strings.Join(quoted, "|")
	}
	if len(c.Values) == 1 {
		return string(c.Op), c.Values[0]
	}
	return string(c.Op), "(?:" + strings.Join(c.Values, ")|(?:") + ")"
}

// HoldsWithout reports whether a store's matcher also finds what does not have the label: a store takes that for an empty
// text.
func (c Condition) HoldsWithout() bool {
	named := false
	if c.Op == Matches || c.Op == MatchesNot {
		for _, pattern := range c.Values {
			re, err := CompileWhole(pattern)
			named = named || err == nil && re.MatchString("")
		}
	}
	return named != c.Op.Negative()
}

// maxPattern and maxProgram bound a regular expression that a viewer sends. A match costs the text's length times the size of
// the program, and .{1000} makes a thousand instructions of seven characters; it is run on every row, a million at most.
const (
	maxPattern = 1000
	maxProgram = 5000
)

// CompileWhole compiles an expression that has to match a whole text, line feeds included.
func CompileWhole(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the expression is longer than %d characters", maxPattern)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl) // by itself first: ")|(" must not get out of what is put around it
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxProgram {
		return nil, fmt.Errorf("the expression repeats too much: it comes to %d steps, %d are allowed", len(program.Inst), maxProgram)
	}
	return regexp.Compile("^(?s:" + pattern + ")$")
}
