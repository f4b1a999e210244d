//go:build unix

package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

// The test binary plays a server: it serves on the address it is given, and
// answers /die by ending with a last word in its log.
func TestMain(m *testing.M) {
	if address := os.Getenv("STACK_TEST_SERVE"); address != "" {
		http.HandleFunc("/die", func(http.ResponseWriter, *http.Request) {
			fmt.Fprintln(os.Stderr, "out of storage")
			os.Exit(1)
		})
		http.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
		fmt.Fprintln(os.Stderr, http.ListenAndServe(address, nil))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// play makes a store whose server is the test binary.
func play(t *testing.T, onChange func(string, Status)) (s *Store, url string) {
	t.Helper()
	s, err := newStore(program.Program{Name: "played"}, Options{Dir: t.TempDir(), OnChange: onChange}, 0)
	require.NoError(t, err)
	t.Setenv("STACK_TEST_SERVE", s.ports[0].Address())
	url = s.ports[0].URL()
	s.command = func(program.Binary) (command, error) { return command{ready: url + "/ready"}, nil }
	return s, url
}

func TestAStoreComesUpAndGoesWithItsContext(t *testing.T) {
	var states []State
	s, _ := play(t, func(_ string, status Status) { states = append(states, status.State) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.Ready()
		cancel()
	}()
	require.NoError(t, s.run(ctx, program.Binary{Path: os.Args[0]}))
	require.Equal(t, []State{Starting, Ready}, states)
	require.NoError(t, s.stopError())
}

func TestAStoreThatDiesSaysWhy(t *testing.T) {
	s, url := play(t, nil)
	go func() {
		<-s.Ready()
		response, err := http.Get(url + "/die")
		if err == nil {
			_ = response.Body.Close()
		}
	}()
	err := s.run(t.Context(), program.Binary{Path: os.Args[0]})
	require.ErrorContains(t, err, "process ended by itself")
	require.ErrorContains(t, err, "out of storage")
}

func TestAStoreThatNeverServesSaysWhy(t *testing.T) {
	s, _ := play(t, nil)
	t.Setenv("STACK_TEST_SERVE", "not an address")
	err := s.run(t.Context(), program.Binary{Path: os.Args[0]})
	require.ErrorIs(t, err, loopback.ErrEnded)
	require.ErrorContains(t, err, "address not an address")
}

func TestAPortThatIsTakenIsToldFromOtherTrouble(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	for address, want := range map[string]bool{taken.Addr().String(): true, "not an address": false} {
		s, _ := play(t, nil)
		t.Setenv("STACK_TEST_SERVE", address)
		err := s.run(t.Context(), program.Binary{Path: os.Args[0]})
		require.ErrorIs(t, err, loopback.ErrEnded)
		require.Equal(t, want, portTaken(err), err)
	}
}

func TestAStoppedStoreStaysStopped(t *testing.T) {
	s, url := play(t, nil)
	ended := make(chan error)
	go func() { ended <- s.run(t.Context(), program.Binary{Path: os.Args[0]}) }()
	<-s.Ready()
	s.Stop()
	require.NoError(t, <-ended)
	require.Equal(t, Stopped, s.Status().State)
	_, err := http.Get(url + "/ready")
	require.Error(t, err)
}

func TestAFailureOfOneStoreLeavesTheOthersTheirTurn(t *testing.T) {
	s, err := New(Options{CacheDir: t.TempDir(), Pinned: true, Only: []string{"prometheus", "jaeger"}})
	require.NoError(t, err)
	s.source.Cache.Modules = t.TempDir() // nothing to build from: both fail, neither waits for ever
	s.Launch(t.Context())
	for _, store := range s.Stores() {
		<-store.Settled()
		require.Equal(t, Failed, store.Status().State)
		require.ErrorContains(t, store.Status().Err, store.Name())
	}
	require.NoError(t, s.Close())
}
