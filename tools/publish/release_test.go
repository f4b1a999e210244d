package publish

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNotesAreTheChapterOfTheTag(t *testing.T) {
	const changelog = "# Changelog\n\n## 1.2.3 (2026-12-01)\n\n- New.\n\n## 1.2.2 (2026-11-01)\n\n- Old.\n"
	for name, tc := range map[string]struct {
		tag, version, changelog string
		notes, problem          string
	}{
		"the newest chapter":            {tag: "v1.2.3", version: "1.2.3", changelog: changelog, notes: "- New.\n"},
		"the only chapter":              {tag: "v1.2.3", version: "1.2.3", changelog: "## 1.2.3 (2026-12-01)\n- New.", notes: "- New.\n"},
		"a tag without v":               {tag: "1.2.3", version: "1.2.3", changelog: changelog, problem: "want v and a version"},
		"a tag that is no version":      {tag: "v", version: "", changelog: changelog, problem: "want v and a version"},
		"package.json has another":      {tag: "v1.2.3", version: "1.2.4", changelog: changelog, problem: `package.json has version "1.2.4"`},
		"the changelog has another":     {tag: "v1.2.2", version: "1.2.2", changelog: changelog, problem: `the newest chapter of CHANGELOG.md is "1.2.3`},
		"a longer version":              {tag: "v1.2", version: "1.2", changelog: changelog, problem: "the newest chapter"},
		"not released":                  {tag: "v1.2.3", version: "1.2.3", changelog: "## 1.2.3 (Unreleased)\n- New.", problem: "the version and the date"},
		"a chapter with nothing in it":  {tag: "v1.2.3", version: "1.2.3", changelog: "## 1.2.3 (2026-12-01)\n\n## 1.2.2\n- Old.", problem: "says nothing of 1.2.3"},
		"a changelog without a chapter": {tag: "v1.2.3", version: "1.2.3", changelog: "# Changelog", problem: "no chapter"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(root, "package.json"), []byte(`{"version": "`+tc.version+`"}`), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(root, "CHANGELOG.md"), []byte(tc.changelog), 0o600))
			notes, err := Notes(root, tc.tag)
			if tc.problem != "" {
				require.ErrorContains(t, err, tc.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.notes, notes)
		})
	}
}

// What is signed is what is packed: Grafana does not start a plugin that lacks a signed file, or has one that is not signed.
func TestASignedArchiveHoldsWhatWasSigned(t *testing.T) {
	staged := filepath.Join(t.TempDir(), "dist")
	require.NoError(t, Stage(dist(t, "module.js", []byte("code")), staged))
	var signed []string // as the signing sees them
	require.NoError(t, filepath.WalkDir(staged, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, err := filepath.Rel(staged, path)
			signed = append(signed, filepath.ToSlash(name))
			return err
		}
		return err
	}))
	require.NoError(t, os.WriteFile(filepath.Join(staged, "MANIFEST.txt"), []byte("signed"), 0o600))
	file, err := Pack(staged, t.TempDir())
	require.NoError(t, err)
	r, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer r.Close()
	var got []string
	for _, entry := range r.File {
		got = append(got, entry.Name)
	}
	want := []string{"a-b-datasource/MANIFEST.txt"}
	for _, name := range signed {
		want = append(want, "a-b-datasource/"+name)
	}
	require.ElementsMatch(t, want, got)
	require.NotContains(t, signed, "query.generated.json")
	require.Contains(t, signed, "gpx_b_linux_amd64")
}

func TestChecksumsAreThoseThatTheUsualProgramsCheck(t *testing.T) {
	folder := t.TempDir()
	archive := filepath.Join(folder, "a-b-datasource-1.2.3.zip")
	require.NoError(t, os.WriteFile(archive, []byte("archive"), 0o600))
	require.NoError(t, Sums(archive))
	for program, file := range map[string]string{"sha1sum": filepath.Base(archive) + ".sha1", "sha256sum": "SHA256SUMS"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Logf("%s is not here", program)
			continue
		}
		check := exec.CommandContext(t.Context(), path, "-c", file)
		check.Dir = folder
		said, err := check.CombinedOutput()
		require.NoError(t, err, string(said))
	}
	sum, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	require.NoError(t, err)
	// printf archive | sha256sum
	require.Equal(t, "0eb3e36bfb24dcd9bb1d1bece1531216b59539a8fde17ee80224af0653c92aa3", string(sum[:64]))
}
