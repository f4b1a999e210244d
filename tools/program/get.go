//go:build unix

package program

import "context"

// Source says where programs may come from.
type Source struct {
	Cache  Cache
	Pinned bool // not from PATH
}

// Pending is a program that is being got.
type Pending struct {
	got    chan struct{}
	binary Binary
	err    error
}

// Wait returns when the program is there, or cannot be had.
func (p *Pending) Wait() (Binary, error) {
	<-p.got
	return p.binary, p.err
}

// GetAll gets programs, in one Pending each: from PATH, from the cache, or by
// building them. What is missing downloads side by side but is compiled in the
// order given, each with all cores: so the first is there after its own build,
// not after all. A failed build does not hold up the next.
func (s Source) GetAll(ctx context.Context, programs []Program, report func(Program, Progress)) []*Pending {
	all := make([]*Pending, len(programs))
	var before *Pending
	for i, p := range programs {
		pending := &Pending{got: make(chan struct{})}
		all[i] = pending
		turn := before
		before = pending
		go func() {
			defer close(pending.got)
			pending.binary, pending.err = s.get(ctx, p, turn, func(progress Progress) { report(p, progress) })
		}()
	}
	return all
}

func (s Source) get(ctx context.Context, p Program, before *Pending, report func(Progress)) (Binary, error) {
	if !s.Pinned {
		if found, ok := FromPath(ctx, p); ok {
			return found, nil
		}
	}
	if found, ok := s.Cache.Find(p); ok {
		return found, nil
	}
	build := NewBuild(p, s.Cache, report)
	if err := build.Prepare(ctx); err != nil {
		return Binary{}, err
	}
	if before != nil {
		<-before.got // ends with ctx as well
	}
	return build.Compile(ctx)
}
