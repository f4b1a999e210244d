//go:build unix

package program

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheRightProgramIsRecognised(t *testing.T) {
	for name, test := range map[string]struct {
		program Program
		output  string
		version string // "" is not recognised
	}{
		"Debian's Prometheus":                 {Prometheus, "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5)\n", "2.42.0+ds"},
		"a Prometheus too old for the config": {Prometheus, "prometheus, version 2.37.1 (branch: HEAD)\n", ""},
		"a Prometheus that tells no version":  {Prometheus, "prometheus, version  (branch: , revision: unknown)\n", ""},
		"Loki":                                {Loki, "loki, version 3.7.8 (branch: HEAD, revision: 1234)\n", "3.7.8"},
		"Debian's loki, a genetics program":   {Loki, "Loki, version 2.4.7.4\nUsage: loki [options] paramfile\n", ""},
		"Jaeger 2":                            {Jaeger, `{"gitCommit":"a","gitVersion":"v2.13.0","buildDate":"b"}`, "2.13.0"},
		"Jaeger 1":                            {Jaeger, `{"gitCommit":"a","gitVersion":"v1.76.0","buildDate":"b"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			version, ok := test.program.recognise(test.output)
			require.Equal(t, test.version, version)
			require.Equal(t, test.version != "", ok)
		})
	}
}

func TestAtLeastComparesNumbersNotText(t *testing.T) {
	require.True(t, AtLeast("2.100.0", "2.39"))
	require.True(t, AtLeast("3.0", "2.39"))
	require.True(t, AtLeast("2.39.0+ds", "2.39"))
	require.False(t, AtLeast("2.5", "2.39"))
	require.False(t, AtLeast("unknown", "2.39"))
}

func TestAChangedPinIsAnotherBuild(t *testing.T) {
	cache := Cache{Dir: t.TempDir(), Modules: t.TempDir()}
	module := filepath.Join(cache.Modules, Loki.Name)
	require.NoError(t, os.Mkdir(module, 0o755))
	_, err := cache.Path(Loki)
	require.Error(t, err, "a program without its pins has no place")
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(text), 0o644))
	}
	write("go.mod", "module a\n")
	write("go.sum", "")
	first, err := cache.Path(Loki)
	require.NoError(t, err)
	_, found := cache.Find(Loki)
	require.False(t, found)
	require.NoError(t, os.WriteFile(first, nil, 0o755))
	binary, found := cache.Find(Loki)
	require.True(t, found)
	require.Equal(t, Binary{Path: first}, binary)

	write("go.sum", "sum\n")
	second, err := cache.Path(Loki)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	tagged := Loki
	tagged.Tags = "small"
	third, err := cache.Path(tagged)
	require.NoError(t, err)
	require.NotEqual(t, second, third)
}

func TestASecondBuilderWaitsForTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	refused := make(chan error)
	go func() {
		_, err := Lock(ctx, path)
		refused <- err
	}()
	cancel()
	require.ErrorIs(t, <-refused, context.Canceled)
	unlock()
	unlock, err = Lock(t.Context(), path)
	require.NoError(t, err)
	unlock()
}

func TestRemainingTimeMovesFromTheKnownCostToWhatIsMeasured(t *testing.T) {
	known := estimate(time.Hour, 0, 1000, 0, 1)
	require.Positive(t, known)
	require.Equal(t, known/2, estimate(time.Hour, 0, 1000, 0, 0.5), "a build cache that has half of it")
	require.InDelta(t, time.Minute, estimate(time.Hour, 990, 1000, 99*time.Minute, 1), float64(2*time.Second))
	require.Zero(t, estimate(time.Hour, 0, 0, 0, 1))
}

func TestProgressReadsWell(t *testing.T) {
	require.Equal(t, "reading modules", Progress{Phase: Downloading}.String())
	require.Equal(t, "downloading modules: 12 so far", Progress{Phase: Downloading, Modules: 12}.String())
	require.Equal(t, "waiting to compile 1200 packages, about 7m0s",
		Progress{Phase: Waiting, PackagesTotal: 1200, Remaining: 7 * time.Minute}.String())
	require.Equal(t, "compiling 600 of 1200 packages, 3m30s so far, about 3m30s left",
		Progress{Phase: Compiling, Packages: 600, PackagesTotal: 1200, Elapsed: 210 * time.Second, Remaining: 210 * time.Second}.String())
	require.Equal(t, "linking, 7m0s so far", Progress{Phase: Compiling, Packages: 1200, PackagesTotal: 1200, Elapsed: 7 * time.Minute}.String())
}

func TestLinesComeWhole(t *testing.T) {
	var lines []string
	w := &lineWriter{each: func(line string) { lines = append(lines, line) }}
	for _, part := range []string{"go: down", "loading a v1\ngo: x\n", "rest"} {
		n, err := w.Write([]byte(part))
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	require.Equal(t, []string{"go: downloading a v1", "go: x"}, lines)
}
