//go:build unix

package child_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
)

// The test binary plays a parent that starts a child and is then killed.
func TestMain(m *testing.M) {
	if os.Getenv("CHILD_TEST_PARENT") == "1" {
		if _, err := child.Start(child.Spec{Path: "sleep", Args: []string{"60"}, Stdout: os.Stdout}); err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("started\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestStopEndsWhatTheChildHasStarted(t *testing.T) {
	output, write := io.Pipe()
	p, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", "sleep 60 & echo $!; wait"}, Stdout: write})
	require.NoError(t, err)
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	grandchild, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.NoError(t, p.Stop())
	requireGone(t, grandchild)
	require.NoError(t, p.Stop(), "a second Stop does nothing")
}

func TestStopKillsAChildThatDoesNotListen(t *testing.T) {
	output, write := io.Pipe()
	p, err := child.Start(child.Spec{
		Path: "sh", Args: []string{"-c", "trap '' TERM; echo ready; while :; do sleep 1; done"},
		Stdout: write, Grace: 10 * time.Millisecond,
	})
	require.NoError(t, err)
	_, err = bufio.NewReader(output).ReadString('\n') // only then is the trap set
	require.NoError(t, err)
	require.ErrorContains(t, p.Stop(), "was killed")
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	output, write := io.Pipe()
	go func() {
		_, _ = bufio.NewReader(output).ReadString('\n')
		cancel()
	}()
	err := child.Run(ctx, child.Spec{Path: "sh", Args: []string{"-c", "echo ready; sleep 60"}, Stdout: write})
	require.ErrorIs(t, err, context.Canceled)
}

func TestRunReportsAFailure(t *testing.T) {
	require.ErrorContains(t, child.Run(t.Context(), child.Spec{Path: "sh", Args: []string{"-c", "exit 3"}}), "exit status 3")
	require.ErrorContains(t, child.Run(t.Context(), child.Spec{Path: "/no/such/program"}), "start /no/such/program")
}

func TestAChildDoesNotOutliveAKilledParent(t *testing.T) {
	if !child.EndsWhenParentIsKilled {
		t.Skip("only Linux ends the children of a killed process")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "CHILD_TEST_PARENT=1")
	output, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	reader := bufio.NewReader(output)
	line, err := reader.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "started\n", line)
	require.NoError(t, parent.Process.Signal(syscall.SIGKILL))
	// The child holds the other end of this pipe, so the end of the file is the end of the child.
	_, err = io.Copy(io.Discard, reader)
	require.NoError(t, err)
	require.Error(t, parent.Wait())
}

// requireGone waits until no process of that id is left.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, 5*time.Second, 5*time.Millisecond)
}
