package join

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// sortOut settles one id that is not simple.
func (j *joiner) sortOut(x *keyIndex, u *unsettled) {
	calls := j.calls(x, u.key)
	attempts, loose := j.split(u)
	margin := j.doubt(u.lines)
	if j.namedInTwoWays(calls, attempts) { // whose name is the same comes before whose name cannot be compared
		j.pairCalls(calls, attempts, rules{margin: margin, sameName: true})
		j.pairCalls(calls, attempts, rules{margin: margin, sameName: true, late: true})
	}
	j.pairCalls(calls, attempts, rules{margin: margin})
	j.pairCalls(calls, attempts, rules{margin: margin, late: true})
	j.pairOnlyOnes(calls, attempts, len(attempts) == 1 || j.unmeasured(u.lines))
	j.settleLoose(attempts, loose, margin)
	failed := slices.ContainsFunc(attempts, func(a attempt) bool { return a.contested && a.failed })
	for c := range calls {
		if !calls[c].matched && calls[c].contested {
			j.mark(calls[c].rows, failed)
		}
	}
	for a := range attempts {
		j.deliver(&attempts[a])
	}
}

// rules say which attempts are paired with calls.
type rules struct {
	margin   time.Duration // by which a distance must be shorter than the next to decide
	late     bool          // attempts of which only late lines are there, by the calls' ends, when such lines are written
	sameName bool          // only where both stores call the place the same
}

// namedInTwoWays reports whether some of the attempts' places can be compared with those of the calls and others cannot.
func (j *joiner) namedInTwoWays(calls []call, attempts []attempt) bool {
	if len(calls) == 0 || len(attempts) < 2 && len(calls) < 2 {
		return false
	}
	same, unsure := false, false
	var last [2]*evidence.Origin
	for c := range calls {
		for a := range attempts[:min(len(attempts), 64)] {
			m := [2]*evidence.Origin{calls[c].origin, attempts[a].origin}
			if m == last {
				continue
			}
			last = m
			yes, _ := j.same(m[0], m[1])
			same = same || yes
			unsure = unsure || !yes && !j.elsewhere(m[0], m[1])
		}
		if c == 64 {
			break
		}
	}
	return same && unsure
}

// pairCalls gives attempts to the calls that have none yet.
func (j *joiner) pairCalls(calls []call, attempts []attempt, by rules) {
	var cs []*call
	var as []*attempt
	for c := range calls {
		if !calls[c].matched {
			cs = append(cs, &calls[c])
		}
	}
	for a := range attempts {
		if attempts[a].late == by.late && attempts[a].call == nil {
			as = append(as, &attempts[a])
		}
	}
	slack := beyondJitter(by.margin)
	out := pair(pairing{
		left: side{len(cs), func(c int32) int64 {
			if by.late {
				return cs[c].end.UnixNano()
			}
			return cs[c].start.UnixNano()
		}, func(c int32) *evidence.Origin { return cs[c].origin }},
		right: side{
			len(as), func(a int32) int64 { return as[a].first.UnixNano() }, func(a int32) *evidence.Origin { return as[a].origin },
		},
		apart: func(span, line *evidence.Origin) bool {
			if by.sameName {
				yes, _ := j.same(span, line)
				return !yes
			}
			return j.elsewhere(span, line)
		},
		reach: func(c int32) (from, to int64) {
			return cs[c].start.Add(-BeforeStart - slack).UnixNano(), cs[c].end.Add(AfterEnd + slack).UnixNano()
		},
		fit:    func(c, a int32) bool { return cs[c].couldBe(as[a]) },
		margin: by.margin,
	})
	for c, a := range out.matched {
		if a != none {
			as[a].call, cs[c].matched = cs[c], true
		}
		if !by.sameName {
			cs[c].contested = cs[c].contested || out.leftRivals[c]
		}
	}
	for a := range as {
		as[a].contested = !by.sameName && out.rightRivals[a]
	}
}

// beyondJitter is what a margin adds to the slack between spans and lines: nothing as long as it is the jitter of shippers.
func beyondJitter(margin time.Duration) time.Duration {
	if margin <= Decisive {
		return 0
	}
	return margin
}

// pairOnlyOnes joins the only call that is left with the only attempt that is left where time was not asked: an id that has one of
// each needs none, and where nothing tells how the clocks lie to each other, time says nothing.
func (j *joiner) pairOnlyOnes(calls []call, attempts []attempt, timeless bool) {
	if !timeless || len(calls) != 1 || calls[0].matched || calls[0].contested {
		return
	}
	c := &calls[0]
	var only *attempt
	for i := range attempts {
		a := &attempts[i]
		if a.call != nil || !c.couldBe(a) || j.elsewhere(c.origin, a.origin) {
			continue
		}
		if only != nil {
			return
		}
		only = a
	}
	if only != nil && only.first.After(c.start.Add(-Apart)) && only.first.Before(c.end.Add(Apart)) {
		only.call, c.matched = c, true
	}
}
