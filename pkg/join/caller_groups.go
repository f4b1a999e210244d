package join

import "github.com/llmserving/grafana-vllm-datasource/pkg/vllm"

// callerGroup is the calls and rows of one request, whatever spelling of its id each of them knows.
type callerGroup struct {
	callers []int
	rows    []int32
}

// known finds the caller that knows one of these ids, and joins all that do; -1 when none does.
func (s *sets) known(byID map[string]int, ids []string) int {
	of := -1
	for _, id := range ids {
		c, wanted := byID[id]
		if !wanted || id == "" {
			continue
		}
		if of >= 0 {
			s.join(of, c)
		}
		of = c
	}
	return of
}

// severals are the numbers behind ids that an endpoint may have made of one, by the id of the response.
type severals map[string]map[int]bool

func (j *joiner) severalByID() severals {
	out := severals{}
	for i := range j.rows {
		if response, n, ok := vllm.SeveralOf(j.rows[i].RequestID); ok {
			if out[response] == nil {
				out[response] = map[int]bool{}
			}
			out[response][n] = true
		}
	}
	return out
}

// spellings are the forms under which a caller may know the request of which an id is one of several: numbered from 0.
func (s severals) spellings(external string) []string {
	response, _, ok := vllm.SeveralOf(external)
	if !ok || !gapless(s[response], len(s[response])) {
		return nil
	}
	client, _ := vllm.ClientFromResponse(response)
	return []string{response, client}
}

// callerGroups joins calls and rows that share an id, or are connected through others that do. The groups come in the order of
// their first call.
func (j *joiner) callerGroups() []callerGroup {
	sets := newSets(len(j.in.Callers))
	byID := map[string]int{} // id a caller knows → one of the callers that do
	for i := range j.in.Callers {
		id := j.in.Callers[i].RequestID
		if id == "" {
			continue
		}
		if first, known := byID[id]; known {
			sets.join(first, i)
		} else {
			byID[id] = i
		}
	}
	type hit struct {
		row    int32
		caller int
	}
	var hits []hit
	several := j.severalByID()
	for i := range j.rows {
		r := &j.rows[i]
		if r.RequestID == "" || (r.Caller != nil && !brokenChain(r)) {
			continue
		}
		known := spellings(r.RequestID)
		if client, ours := vllm.ClientFromResponse(r.RequestID); ours && (r.search.spans > 0 || j.events[i].beams) {
			known = append(known, client) // its id is the response's, which no number was added to
		}
		of := sets.known(byID, known)
		if of < 0 { // it may be one of several that an endpoint made of one call
			of = sets.known(byID, several.spellings(r.RequestID))
		}
		if of >= 0 {
			hits = append(hits, hit{ordinal(i), of})
		}
	}
	var groups []callerGroup
	at := map[int]int{}
	for i := range j.in.Callers {
		if j.in.Callers[i].RequestID == "" {
			continue
		}
		root := sets.of(i)
		g, known := at[root]
		if !known {
			g = len(groups)
			at[root], groups = g, append(groups, callerGroup{})
		}
		groups[g].callers = append(groups[g].callers, i)
	}
	for _, h := range hits {
		g := &groups[at[sets.of(h.caller)]]
		g.rows = append(g.rows, h.row)
	}
	return groups
}

// sets are disjoint sets of numbers from 0.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func (s sets) of(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(a, b int) { s[s.of(a)] = s.of(b) }
