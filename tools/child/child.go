//go:build unix

// Package child runs programs that cannot outlive us. Each gets a process
// group of its own: Ctrl-C in the terminal reaches only us, we stop children
// in the order we want, and what a child has started goes with it. On Linux
// the kernel also ends a child whose parent was killed without a chance to
// clean up.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Spec says what to run. Zero values mean: this folder, no environment beyond
// ours, output thrown away, ten seconds to end after SIGTERM.
type Spec struct {
	Path   string
	Args   []string
	Dir    string
	Env    []string // nil inherits ours
	Stdout io.Writer
	Stderr io.Writer
	Grace  time.Duration
}

// Process is a started child.
type Process struct {
	cmd   *exec.Cmd
	grace time.Duration
	done  chan struct{}
	err   error // set before done is closed
}

// Start starts the child.
func Start(spec Spec) (*Process, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = spec.Dir, spec.Env, spec.Stdout, spec.Stderr
	cmd.SysProcAttr = Attributes()
	if spec.Grace == 0 {
		spec.Grace = 10 * time.Second
	}
	// A grandchild that inherited our pipe would make Wait hang after the child itself is gone.
	cmd.WaitDelay = time.Second
	p := &Process{cmd: cmd, grace: spec.Grace, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	return p, nil
}

// run forks and waits on one OS thread: the kernel's parent-death signal is
// tied to the thread that forked, not to the process, and Go may end threads.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	p.signalGroup(syscall.SIGKILL) // whatever the child left behind
	close(p.done)
}

// PID of the child; also the id of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the child ended; nil before it did, and when it ended well.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal sends a signal to the child alone, such as SIGHUP to reload.
func (p *Process) Signal(signal syscall.Signal) error { return p.cmd.Process.Signal(signal) }

// Stop asks the child to end, insists after the grace period, and returns when
// the child and what it has started are gone. Only the child itself is asked:
// Grafana would restart a plugin that ended before it. Ending by our own
// SIGTERM is no error.
func (p *Process) Stop() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	_ = p.Signal(syscall.SIGTERM) // fails only when it has ended meanwhile
	timer := time.NewTimer(p.grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	}
	p.signalGroup(syscall.SIGKILL)
	<-p.done
	return fmt.Errorf("%s did not end within %v of SIGTERM and was killed", p.cmd.Path, p.grace)
}

func (p *Process) signalGroup(signal syscall.Signal) {
	// Only possible failure: the group is gone already, which is what we want.
	_ = syscall.Kill(-p.cmd.Process.Pid, signal)
}

// Run starts the child and waits for it. When ctx ends first, the child's
// group is stopped and the context's error returned.
func Run(ctx context.Context, spec Spec) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := Start(spec)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
		return p.Err()
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.Stop())
	}
}
