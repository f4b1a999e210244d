//go:build unix

package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

// startTimeout is generous: alone, all three answer within a second.
const startTimeout = time.Minute

// command is how one server is started, worked out once its program is known.
type command struct {
	config string            // text of the configuration file
	files  map[string][]byte // further ones, by their path below the store's folder
	args   []string
	ready  string // URL that answers 200 when the server serves
}

// run starts the server, and stops it when ctx ends. It returns early, with an
// error, when the server ends by itself.
func (s *Store) run(ctx context.Context, binary program.Binary) error {
	s.set(Starting, func(status *Status) { status.Binary, status.Progress = binary, program.Progress{} })
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	command, err := s.command(binary)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.configFile(), []byte(command.config), 0o644); err != nil {
		return err
	}
	for name, content := range command.files {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	log, err := os.Create(s.logFile())
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child writes it, we do not
	s.releasePorts()
	process, err := child.Start(child.Spec{Path: binary.Path, Args: command.args, Dir: s.dir, Stdout: log, Stderr: log})
	if err != nil {
		return err
	}
	defer s.stop(process)
	if err := loopback.WaitReady(ctx, command.ready, startTimeout, process.Done()); err != nil {
		return s.withLog(err)
	}
	select {
	case <-process.Done(): // whoever answered was another
		return s.withLog(loopback.ErrEnded)
	default:
	}
	s.setProcess(process)
	if s.afterStart != nil {
		if err := s.afterStart(process); err != nil {
			return err
		}
	}
	s.set(Ready, nil)
	select {
	case <-ctx.Done():
		return nil
	case <-s.stopAsked:
		s.stop(process)
		s.set(Stopped, nil)
		return nil
	case <-process.Done():
		return s.withLog(fmt.Errorf("%w by itself: %v", loopback.ErrEnded, process.Err()))
	}
}

// Stop stops this one store, as an outage would; the others keep running. It
// returns when the store is gone. A stopped store stays stopped.
func (s *Store) Stop() {
	s.stopOnce.Do(func() { close(s.stopAsked) })
	if process := s.runningProcess(); process != nil {
		<-process.Done()
	}
}

func (s *Store) stop(process *child.Process) {
	if err := process.Stop(); err != nil {
		s.mu.Lock()
		s.stopErr = err
		s.mu.Unlock()
	}
}

func (s *Store) stopError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopErr
}

func (s *Store) setProcess(process *child.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = process
}

func (s *Store) runningProcess() *child.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

func (s *Store) releasePorts() {
	for _, p := range s.ports {
		p.Release()
	}
}

func (s *Store) giveBackPorts() {
	for _, p := range s.ports {
		p.GiveBack()
	}
}

// LogTail is the end of the server's log, a line each; "" before it ran.
func (s *Store) LogTail(lines int) string {
	tail, _ := s.logTail(lines) // a log that cannot be read has no end to show
	return strings.Join(tail, "\n")
}

func (s *Store) logTail(lines int) ([]string, error) {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return nil, err
	}
	all := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return all[max(0, len(all)-lines):], nil
}

func (s *Store) configFile() string { return filepath.Join(s.dir, "config.yaml") }
func (s *Store) logFile() string    { return filepath.Join(s.dir, "log.txt") }

// withLog adds the end of the server's log, where the reason stands.
func (s *Store) withLog(err error) error {
	tail, readErr := s.logTail(3)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%w; its log ends with: %s", err, strings.Join(tail, " | "))
}
