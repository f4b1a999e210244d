package workflows_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
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

// workflow is what these tests read of a workflow; actionlint reads all of it.
type workflow struct {
	name        string // from the repository's top
	text        string
	On          any
	Permissions map[string]string
	Jobs        map[string]struct {
		Timeout int `yaml:"timeout-minutes"`
		Steps   []struct {
			Uses, Run string
			With      map[string]string
		}
	}
}

// workflows reads all of .github/workflows.
func workflows(t *testing.T) (all []workflow) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root(t), ".github", "workflows", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		w := workflow{name: ".github/workflows/" + filepath.Base(path), text: string(text)}
		require.NoError(t, yaml.Unmarshal(text, &w), path)
		require.NotEmpty(t, w.Jobs, path)
		all = append(all, w)
	}
	return all
}

func root(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return root
}

// lint returns what actionlint says about workflows: keys that GitHub does not know, expressions that do not resolve, texts of others
// within scripts. It says nothing about valid ones. What it would ask other programs, which are not everywhere, it does not ask.
func lint(t *testing.T, files ...string) string {
	t.Helper()
	args := append([]string{"tool", "-modfile=tools/lint/go.mod", "actionlint", "-no-color", "-shellcheck=", "-pyflakes="}, files...)
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = root(t)
	var said, trouble bytes.Buffer
	command.Stdout, command.Stderr = &said, &trouble
	err := command.Run()
	const found = 1 // the exit status when there is something to say
	if command.ProcessState == nil || command.ProcessState.ExitCode() != found || said.Len() == 0 {
		require.NoError(t, err, trouble.String())
	}
	return said.String()
}

func TestWorkflowsAreValid(t *testing.T) {
	var names []string
	for _, w := range workflows(t) {
		names = append(names, w.name)
	}
	require.Empty(t, lint(t, names...))
}

func TestInvalidWorkflowsAreFound(t *testing.T) {
	const valid = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.sha }}\n"
	folder := t.TempDir()
	file := func(i int, change ...string) string {
		path := filepath.Join(folder, fmt.Sprintf("%d.yml", i))
		require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(change...).Replace(valid)), 0o600))
		return path
	}
	require.Empty(t, lint(t, file(0)))
	faults := [][2]string{
		{"runs-on", "run-on"}, // no such key
		{"push", "pushed"},    // no such event
		{"github.sha", "github.shaa"},
		{"    runs-on", "    needs: b\n    runs-on"},         // no such job
		{"github.sha", "github.event.pull_request.title"},    // what others write, in a script
		{"- run: echo", "- uses: a/b@v1\n        run: echo"}, // an action and a script at once
	}
	var paths []string
	for i, fault := range faults {
		paths = append(paths, file(i+1, fault[0], fault[1]))
	}
	found := lint(t, paths...)
	for i, path := range paths {
		require.Contains(t, found, filepath.Base(path), "%s for %s is not found", faults[i][1], faults[i][0])
	}
}

// A tag can be moved to other code, a commit cannot.
func TestActionsArePinnedByCommit(t *testing.T) {
	uses, pinned := regexp.MustCompile(`(?m)\buses: *(.*)$`), regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # (\S+/)?v\d+\.\d+\.\d+$`)
	versions := map[string]string{} // by action
	for _, w := range workflows(t) {
		for _, use := range uses.FindAllStringSubmatch(w.text, -1) {
			require.Regexp(t, pinned, use[1], w.name)
			action, _, _ := strings.Cut(use[1], "@")
			if known := versions[action]; known != "" {
				require.Equal(t, known, use[1], "%s: one action, two versions", w.name)
			}
			versions[action] = use[1]
		}
	}
	require.NotEmpty(t, versions)
}

// A job says what it may do beyond reading, and no step can find the token in the checkout.
func TestWorkflowsHaveLittlePower(t *testing.T) {
	for _, w := range workflows(t) {
		require.Equal(t, map[string]string{"contents": "read"}, w.Permissions, "%s: permissions at the top", w.name)
		require.NotContains(t, w.text, "pull_request_target", "%s: it runs others' code with our secrets", w.name)
		for id, job := range w.Jobs {
			require.Positive(t, job.Timeout, "%s: %s needs timeout-minutes", w.name, id)
			for _, step := range job.Steps {
				if strings.HasPrefix(step.Uses, "actions/checkout@") {
					require.Equal(t, "false", step.With["persist-credentials"], "%s: %s", w.name, id)
				}
			}
		}
	}
}

// ours are the commands that this repository defines; others are a shell's or GitHub's.
var ours = regexp.MustCompile(`^(cd tools && )?(go|npm|npx|node|\.ci/)\b`)

// commands returns what a workflow runs of this repository's own commands.
func commands(w workflow) (all []string) {
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			for line := range strings.Lines(step.Run) {
				if line = strings.TrimSpace(line); ours.MatchString(line) {
					all = append(all, line)
				}
			}
		}
	}
	return all
}

// documented reports whether a page shows a command: in a block of shell, or between backquotes.
func documented(p docs.Page, command string) bool {
	if slices.Contains(p.Codes, command) {
		return true
	}
	for _, block := range p.Blocks {
		for line := range strings.Lines(block.Text) {
			shown, _, _ := strings.Cut(line, " #")
			if strings.TrimSpace(shown) == command {
				return true
			}
		}
	}
	return false
}

// A contributor can run each thing that a workflow runs, by the same command. tools/docs holds that these commands exist.
func TestWorkflowsRunTheCommandsOfTheDocs(t *testing.T) {
	var pages []docs.Page
	for _, name := range []string{"README.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join(root(t), name))
		require.NoError(t, err)
		page, err := docs.Read(name, text)
		require.NoError(t, err)
		pages = append(pages, page)
	}
	ran := map[string][]string{}
	for _, w := range workflows(t) {
		ran[w.name] = commands(w)
		for _, command := range ran[w.name] {
			require.True(t, slices.ContainsFunc(pages, func(p docs.Page) bool { return documented(p, command) }),
				"%s runs %q, which neither README.md nor CONTRIBUTING.md shows", w.name, command)
		}
	}
	require.Contains(t, ran[".github/workflows/ci.yml"], "go tool mage check")
	require.True(t, documented(pages[0], "go tool mage check"), "README.md")
	require.Contains(t, ran[".github/workflows/release.yml"], "go tool mage package")
	script, err := os.ReadFile(filepath.Join(root(t), ".ci", "run"))
	require.NoError(t, err)
	require.Contains(t, string(script), "exec go tool mage check", ".ci/run runs the same")
}
