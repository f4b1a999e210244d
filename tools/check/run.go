//go:build unix

package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
)

// Runner runs steps.
type Runner struct {
	Root string
	Out  io.Writer
	// Run runs one command; tests put their own here.
	Run func(ctx context.Context, step Step, root string, line func(string)) error

	mu    sync.Mutex
	began time.Time
}

// NewRunner runs real commands.
func NewRunner(root string, out io.Writer) *Runner {
	return &Runner{Root: root, Out: out, Run: runCommand}
}

// ErrNotPassed says that a step has failed. The summary has told which.
var ErrNotPassed = errors.New("not all steps passed")

// Check runs the steps and prints what they say, what took how long, and how
// many tests passed. It goes on after a failure: one run tells all that is
// wrong. The error is nil when nothing failed.
func (r *Runner) Check(ctx context.Context, steps []Step) error {
	r.began = time.Now()
	results := make([]result, len(steps))
	done := map[string]chan struct{}{}
	lanes := map[Lane][]int{}
	for i, step := range steps {
		done[step.Name] = make(chan struct{})
		lanes[step.Lane] = append(lanes[step.Lane], i)
	}
	find := func(name string) *result {
		i := slices.IndexFunc(steps, func(s Step) bool { return s.Name == name })
		if i < 0 {
			return nil // not selected: taken as done before
		}
		<-done[name]
		return &results[i]
	}
	var running sync.WaitGroup
	for _, lane := range lanes {
		running.Go(func() {
			for _, i := range lane {
				results[i] = r.step(ctx, steps[i], find)
				close(done[steps[i].Name])
			}
		})
	}
	running.Wait()
	return r.summarise(results, ctx.Err())
}

func (r *Runner) step(ctx context.Context, step Step, find func(string) *result) result {
	for _, name := range step.After {
		if before := find(name); before != nil && before.outcome != passed {
			outcome := blocked
			if before.outcome == skipped {
				outcome = skipped
			}
			return r.note(result{step: step, outcome: outcome, reason: fmt.Sprintf("%s: %s", name, before.outcome)})
		}
	}
	if ctx.Err() != nil {
		return r.note(result{step: step, outcome: blocked, reason: "stopped"})
	}
	if step.Needs != "" {
		if _, err := os.Stat(filepath.Join(r.Root, step.Needs)); errors.Is(err, os.ErrNotExist) {
			return r.note(result{step: step, outcome: skipped, reason: "there is no " + step.Needs})
		}
	}
	if step.Missing != nil {
		if missing := step.Missing(); missing != "" {
			return r.note(result{step: step, outcome: skipped, reason: missing})
		}
	}
	return r.note(r.execute(ctx, step))
}

func (r *Runner) execute(ctx context.Context, step Step) result {
	if step.Timeout == 0 {
		step.Timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, step.Timeout, fmt.Errorf("not done within %v", step.Timeout))
	defer cancel()
	r.say(step.Name, strings.Join(step.Command, " "))
	var tests counter
	if step.Tests != nil {
		tests = step.Tests()
	}
	printed, last := false, tail{}
	begin := time.Now()
	err := r.Run(ctx, step, r.Root, func(line string) {
		printed = true
		lines := []string{line}
		if tests != nil {
			lines = tests.line(line)
		}
		for _, line := range lines {
			r.say(step.Name, line)
		}
		last.keep(lines...)
	})
	if err == nil && step.Silent && printed {
		err = errors.New("it should have had nothing to say")
	}
	done := result{step: step, outcome: passed, took: time.Since(begin)}
	if tests != nil {
		done.passed, done.failed = tests.counts()
	}
	if err != nil {
		done.outcome, done.reason = failed, err.Error()
		done.failed = max(done.failed, 1) // such as a package that does not compile
		done.recap = last.lines
		if tests != nil && tests.failures() != nil {
			done.recap = tests.failures()
		}
	} else if tests == nil {
		done.passed = 1
	}
	return done
}

// note prints how a step ended, as it ends.
func (r *Runner) note(done result) result {
	if done.outcome == blocked {
		done.failed = 1
	}
	text := string(done.outcome)
	if done.reason != "" {
		text += ": " + done.reason
	}
	r.say(done.step.Name, fmt.Sprintf("== %s after %s", text, clock(done.took)))
	return done
}

// say prints one line with the time since the beginning and the step's name.
func (r *Runner) say(name, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Nothing sensible can be done when the terminal is gone.
	_, _ = fmt.Fprintf(r.Out, "%s %-13s | %s\n", clock(time.Since(r.began)), name, line)
}

// clock is minutes and seconds.
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

func (r *Runner) summarise(results []result, stopped error) error {
	var b bytes.Buffer
	passes, failures, notPassed := 0, 0, 0
	for _, done := range results {
		if done.outcome == failed {
			fmt.Fprintf(&b, "\n%s FAILED: %s\n", done.step.Name, done.reason)
			for _, line := range done.recap {
				fmt.Fprintf(&b, "  %s\n", line)
			}
		}
	}
	fmt.Fprintf(&b, "\n%-14s %-8s %6s %7s %7s\n", "step", "result", "took", "passed", "failed")
	for _, done := range results {
		fmt.Fprintf(&b, "%-14s %-8s %6s %7d %7d", done.step.Name, done.outcome, clock(done.took), done.passed, done.failed)
		if done.reason != "" {
			fmt.Fprintf(&b, "  %s", done.reason)
		}
		b.WriteString("\n")
		passes, failures = passes+done.passed, failures+done.failed
		if done.outcome == failed || done.outcome == blocked {
			notPassed++
		}
	}
	fmt.Fprintf(&b, "all of it took %s\n\n%d passed, %d failed\n", clock(time.Since(r.began)), passes, failures)
	if _, err := b.WriteTo(r.Out); err != nil {
		return err
	}
	if stopped != nil {
		return stopped
	}
	if notPassed > 0 {
		return ErrNotPassed
	}
	return nil
}

func runCommand(ctx context.Context, step Step, root string, line func(string)) error {
	out := &lines{each: line}
	defer out.flush()
	command := step.Command
	if nice, err := exec.LookPath("nice"); err == nil && step.Lane == Go {
		// Two browsers wait for their pages with a limit, and the servers of the Go tests outnumber them ten to one.
		command = append([]string{nice, "-n", "10"}, command...)
	}
	return child.Run(ctx, child.Spec{
		Path: command[0], Args: command[1:], Dir: filepath.Join(root, step.Dir),
		Env: append(os.Environ(), step.Env...), Stdout: out, Stderr: out,
	})
}

// lines cuts a stream into lines. A command's two streams share one, and may
// write at the same time.
type lines struct {
	mu      sync.Mutex
	each    func(string)
	partial []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.each(strings.TrimRight(string(line), "\r"))
		l.partial = rest
	}
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.each(string(l.partial))
	}
}
