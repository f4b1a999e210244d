package simulator

import (
	"context"
	"errors"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/openai"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/serving"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// The fleet behind an OpenAI-compatible API. A real program may call its
// models while it is live, next to the traffic that it makes up itself: the
// call goes through the same engines and leaves the same evidence.

// Served implements openai.Fleet.
func (s *Simulator) Served() []openai.Served {
	served := make([]openai.Served, len(s.config.Models))
	for i, m := range s.config.Models {
		served[i] = openai.Served{Name: m.Name, MaxModelLen: m.Engine.MaxModelLen, LoRAs: m.LoRAs}
	}
	return served
}

// Version implements openai.Fleet.
func (s *Simulator) Version() string { return s.version.String() }

// Begin implements openai.Fleet.
func (s *Simulator) Begin(call traffic.Call, from serving.Parent) openai.Visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster.Advance(s.config.Clock.Now())
	return &visit{simulator: s, visit: s.cluster.Visit(call, from)}
}

// visit is a call under way. It moves the fleet's clock itself, from event to
// event: the steps of Run are too far apart for a client that counts tokens.
type visit struct {
	simulator *Simulator
	visit     *serving.Visit
	told      serving.Progress
}

const (
	// Neither spin while much happens, nor sleep on a clock that Run moved on.
	shortestWait = time.Millisecond
	longestWait  = 50 * time.Millisecond
)

var errEnded = errors.New("the simulation has ended")

// Next implements openai.Visit.
func (v *visit) Next(ctx context.Context) (serving.Progress, error) {
	clock := v.simulator.config.Clock
	for {
		progress, next, err := v.look(clock.Now())
		if err != nil {
			return progress, err
		}
		changed := progress.Ended != v.told.Ended || progress.Generated != v.told.Generated
		wait := min(max(next, shortestWait), longestWait)
		if changed {
			wait = serving.OutputDelay
		}
		select {
		case <-clock.After(wait):
		case <-ctx.Done():
			v.leave()
			return progress, context.Cause(ctx)
		}
		if changed {
			v.told = progress
			return progress, nil
		}
	}
}

// look brings the fleet up to now, and says how long nothing will happen.
func (v *visit) look(now time.Time) (progress serving.Progress, next time.Duration, err error) {
	s := v.simulator
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return progress, 0, errEnded
	}
	s.cluster.Advance(now)
	next = longestWait
	if at, ok := s.cluster.Next(); ok {
		next = at.Sub(now)
	}
	return v.visit.Progress(), next, nil
}

func (v *visit) leave() {
	s := v.simulator
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		v.visit.Leave()
	}
}
