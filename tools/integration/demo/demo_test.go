//go:build unix && integration

package demo

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// build compiles the demo: a process of its own is the only way to see what it
// leaves behind.
func build(t *testing.T) (demo, plugin string) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	demo = filepath.Join(t.TempDir(), "demo")
	compile := exec.Command("go", "build", "-o", demo, "./cmd/demo")
	compile.Dir = filepath.Join(root, "tools")
	output, err := compile.CombinedOutput()
	require.NoError(t, err, string(output))
	return demo, repo.PluginBinary(root)
}

func TestOnePictureShowsRowsOfThreeStores(t *testing.T) {
	demo, plugin := build(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, demo, "-once", "-for", "3m", "-no-grafana", "-plugin", plugin)
	var picture, trouble bytes.Buffer
	command.Stdout, command.Stderr = &picture, &trouble
	require.NoError(t, command.Run(), trouble.String())
	text := picture.String()
	for _, line := range []string{"prometheus  ready", "jaeger      ready", "loki        ready", "plugin      running", "telemetry   live", "health      ok"} {
		require.Contains(t, text, line)
	}
	require.Contains(t, text, " TLM", "a row that traces, logs and metrics know of")
	require.Contains(t, text, "Llama-3.1-8B-Instruct")
	require.Contains(t, text, "explained_ratio")
}

func TestCtrlCLeavesNothingBehind(t *testing.T) {
	demo, plugin := build(t)
	temporary := t.TempDir()
	command := exec.Command(demo, "-every", "100ms", "-no-grafana", "-plugin", plugin)
	command.Env = append(os.Environ(), "TMPDIR="+temporary)
	seen := &watched{text: "telemetry   live", found: make(chan struct{})}
	command.Stdout = seen
	require.NoError(t, command.Start())
	select {
	case <-seen.found:
	case <-time.After(2 * time.Minute):
		t.Error("the telemetry never went live")
	}
	children := descendants(t, command.Process.Pid)
	require.GreaterOrEqual(t, len(children), 4, "three stores and the plugin")
	require.NoError(t, command.Process.Signal(os.Interrupt))
	require.NoError(t, command.Wait(), "Ctrl-C is the way to end a demo, not a failure")
	for _, pid := range children {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d is still there", pid)
	}
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
}

// watched is an output in which a text is waited for.
type watched struct {
	text   string
	found  chan struct{}
	closed bool
	tail   string
}

func (w *watched) Write(p []byte) (int, error) {
	w.tail += string(p)
	if !w.closed && strings.Contains(w.tail, w.text) {
		w.closed = true
		close(w.found)
	}
	w.tail = w.tail[max(0, len(w.tail)-len(w.text)):]
	return len(p), nil
}

// descendants lists the processes below one, by ps, which every Unix has.
func descendants(t *testing.T, of int) []int {
	t.Helper()
	output, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	require.NoError(t, err)
	children := map[int][]int{}
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		pid, err := strconv.Atoi(fields[0])
		require.NoError(t, err)
		parent, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		children[parent] = append(children[parent], pid)
	}
	var all []int
	for next := children[of]; len(next) > 0; {
		all = append(all, next[0])
		next = append(next[1:], children[next[0]]...)
	}
	return all
}
