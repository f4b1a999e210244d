package workflows_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
)

// form is an issue form, as GitHub documents it.
type form struct {
	Name, Description, Title string
	Labels                   []string
	Body                     []struct {
		Type, ID   string
		Attributes struct {
			Label, Description, Placeholder, Value, Render string
			Options                                        []string
			Multiple                                       bool
		}
		Validations struct{ Required bool }
	}
}

func TestIssueFormsAreValid(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(root(t), ".github", "ISSUE_TEMPLATE", "*.yml"))
	require.NoError(t, err)
	id, forms := regexp.MustCompile(`^[a-z][a-z0-9_-]*$`), 0
	for _, path := range names {
		name := filepath.Base(path)
		if name == "config.yml" {
			continue
		}
		forms++
		var f form
		strictly(t, "ISSUE_TEMPLATE/"+name, &f)
		require.NotEmpty(t, f.Name, name)
		require.NotEmpty(t, f.Description, name)
		ids, asks := map[string]bool{}, false
		for _, field := range f.Body {
			if field.Type == "markdown" { // shown, not asked
				require.NotEmpty(t, field.Attributes.Value, name)
				require.Empty(t, field.Attributes.Label, name)
				continue
			}
			require.Contains(t, []string{"input", "textarea", "dropdown"}, field.Type, name)
			require.Regexp(t, id, field.ID, name)
			require.False(t, ids[field.ID], "%s: two fields %s", name, field.ID)
			ids[field.ID] = true
			require.NotEmpty(t, field.Attributes.Label, "%s: %s", name, field.ID)
			require.Equal(t, field.Type == "dropdown", len(field.Attributes.Options) > 0, "%s: %s", name, field.ID)
			require.False(t, field.Type != "textarea" && field.Attributes.Render != "", "%s: %s cannot be rendered as code", name, field.ID)
			asks = asks || field.Validations.Required
		}
		require.True(t, asks, "%s asks for nothing", name)
	}
	require.Positive(t, forms)

	var config struct {
		BlankIssues bool                                `yaml:"blank_issues_enabled"`
		Links       []struct{ Name, URL, About string } `yaml:"contact_links"`
	}
	strictly(t, "ISSUE_TEMPLATE/config.yml", &config)
	for _, link := range config.Links {
		require.True(t, link.Name != "" && link.About != "" && strings.HasPrefix(link.URL, "https://"), "%+v", link)
	}
}

// Addresses of this repository that GitHub shows outside of the repository lead to files that exist.
func TestAddressesInTemplatesLeadToFiles(t *testing.T) {
	address, seen := regexp.MustCompile(`https://github\.com/llmserving/grafana-vllm-datasource/blob/main/([\w./-]+\w)`), 0
	require.NoError(t, filepath.WalkDir(filepath.Join(root(t), ".github"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, found := range address.FindAllStringSubmatch(string(text), -1) {
			seen++
			_, err := os.Stat(filepath.Join(root(t), found[1]))
			require.NoError(t, err, path)
		}
		return nil
	}))
	require.Positive(t, seen)
}

// The checklist of a pull request names what is there.
func TestThePullRequestTemplateNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), ".github", "PULL_REQUEST_TEMPLATE.md"))
	require.NoError(t, err)
	page, err := docs.Read("PULL_REQUEST_TEMPLATE.md", text)
	require.NoError(t, err)
	require.NotEmpty(t, page.Codes)
	for _, code := range page.Codes {
		if strings.HasPrefix(code, "go ") {
			require.Equal(t, "go tool mage check", code)
			continue
		}
		_, err := os.Stat(filepath.Join(root(t), code))
		require.NoError(t, err, code)
	}
}

// Owners are asked to review only where a line begins with a pattern and ends with a team or a person.
func TestCodeOwnersCoverEverything(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), ".github", "CODEOWNERS"))
	require.NoError(t, err)
	owner, patterns := regexp.MustCompile(`^@[\w-]+(/[\w-]+)?$`), []string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		require.Greater(t, len(fields), 1, line)
		patterns = append(patterns, fields[0])
		for _, name := range fields[1:] {
			require.Regexp(t, owner, name)
		}
		if fields[0] != "*" {
			_, err := os.Stat(filepath.Join(root(t), strings.Trim(fields[0], "/")))
			require.NoError(t, err, line)
		}
	}
	require.Contains(t, patterns, "*")
}
