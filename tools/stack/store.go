//go:build unix

package stack

import (
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

// State is where a store stands.
type State int

// The states, in the order of a life. Failed is final, whenever it comes.
const (
	Missing State = iota // nothing done yet
	Building
	Starting
	Ready
	Stopped
	Failed
)

var stateNames = [...]string{"missing", "building", "starting", "ready", "stopped", "failed"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Status is a store's state with what is known about it.
type Status struct {
	State    State
	Since    time.Time
	Progress program.Progress // while Building
	Binary   program.Binary   // from Starting on
	Err      error            // when Failed
}

// Detail is the rest of a status line, after the state's name.
func (s Status) Detail() string {
	switch s.State {
	case Building:
		return s.Progress.String()
	case Failed:
		return s.Err.Error()
	default:
		return ""
	}
}

// Store is what the three have in common: a name and a status.
type Store struct {
	name    string
	program program.Program
	dir     string
	ports   []*loopback.Port // held until the server starts
	command func(program.Binary) (command, error)
	// afterStart, if any, runs once the server answers, before Ready.
	afterStart func(*child.Process) error
	onChange   func(name string, status Status)

	ready     chan struct{} // closed when Ready is reached
	settled   chan struct{} // closed when Ready or Failed is reached
	stopAsked chan struct{}
	stopOnce  sync.Once

	mu      sync.Mutex
	status  Status
	process *child.Process
	stopErr error
}

// newStore reserves the ports that the server listens on, 0 being any.
func newStore(p program.Program, options Options, ports ...int) (*Store, error) {
	s := &Store{
		name: p.Name, program: p, dir: filepath.Join(options.Dir, p.Name), onChange: options.OnChange,
		ready: make(chan struct{}), settled: make(chan struct{}), stopAsked: make(chan struct{}),
		status: Status{Since: time.Now()},
	}
	for _, number := range ports {
		p, err := loopback.Reserve(number)
		if err != nil {
			s.giveBackPorts()
			return nil, err
		}
		s.ports = append(s.ports, p)
	}
	return s, nil
}

// Name is prometheus, loki or jaeger.
func (s *Store) Name() string { return s.name }

// Status is where the store stands now.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Ready is closed once the store answers. A store that fails never gets there.
func (s *Store) Ready() <-chan struct{} { return s.ready }

// Settled is closed once the store answers or has failed.
func (s *Store) Settled() <-chan struct{} { return s.settled }

// set moves the store on; edit fills in what goes with the new state.
func (s *Store) set(state State, edit func(*Status)) {
	s.mu.Lock()
	if s.status.State != state {
		s.status.State, s.status.Since = state, time.Now()
	}
	if edit != nil {
		edit(&s.status)
	}
	status := s.status
	if state == Ready {
		closeOnce(s.ready)
	}
	if state == Ready || state == Failed {
		closeOnce(s.settled)
	}
	s.mu.Unlock()
	if s.onChange != nil {
		s.onChange(s.name, status)
	}
}

// closeOnce is called with the lock held.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

func (s *Store) fail(err error) {
	s.set(Failed, func(status *Status) { status.Err = fmt.Errorf("%s: %w", s.name, err) })
}
