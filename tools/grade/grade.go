package grade

import (
	"fmt"
	"sort"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// World is what the rows are held against.
type World struct {
	Requests       []*truth.Record
	Scrapes        []*truth.Scrape
	ScrapeInterval time.Duration
	Limits         Limits // of the data source; zero is none
	// Undecidable gives the reason why nobody can know that cell of the request; "" is none. "row" is its row, "second row" that the
	// client's span and the lines are about one request.
	Undecidable func(r *truth.Record, column string) string
}

// Limits of every model, in seconds; 0 is none.
type Limits struct{ TTFT, TPOT, E2E float64 }

// Report counts, over all requests.
type Report struct {
	Requests, Rows   int
	Missed, Invented int            // rows
	Wrong, Null      map[string]int // cells by column; Null where the evidence was there
	Marked           int            // rows that say that they are ambiguous
	Undecided        map[string]int // cells and rows by the reason why they cannot be told
	Complaints       []Complaint    // a few of each kind
	complaintsByKind map[string]int
}

// untold is the reason that docs/join.md gives.
const untold = "vLLM marks no failure on its span, and neither a line nor a caller tells of this one"

// Complaint is one fault in words, and the id of the request that it is about, if there is one.
type Complaint struct{ Text, RequestID string }

const complaintsOfAKind = 3

func (r *Report) complain(kind, id, format string, args ...any) {
	if r.complaintsByKind[kind]++; r.complaintsByKind[kind] <= complaintsOfAKind {
		r.Complaints = append(r.Complaints, Complaint{kind + ": " + fmt.Sprintf(format, args...), id})
	}
}

type engineKey struct{ cluster, environment, instance, engine string }

type grader struct {
	world   World
	report  *Report
	scrapes map[engineKey][]*truth.Scrape
	engines map[engineKey]map[string]bool // of an instance; the key has no engine
}

func newGrader(world World) *grader {
	g := &grader{world: world, scrapes: map[engineKey][]*truth.Scrape{}, engines: map[engineKey]map[string]bool{}, report: &Report{
		Requests: len(world.Requests), Wrong: map[string]int{}, Null: map[string]int{},
		Undecided: map[string]int{}, complaintsByKind: map[string]int{},
	}}
	for _, s := range world.Scrapes {
		key := engineKey{s.Cluster, s.Environment, s.Instance, s.Engine}
		g.scrapes[key] = append(g.scrapes[key], s)
		key.engine = ""
		if g.engines[key] == nil {
			g.engines[key] = map[string]bool{}
		}
		g.engines[key][s.Engine] = true
	}
	return g
}

// Grade holds all rows of a frame against the truth.
func Grade(frame *data.Frame, world World) *Report {
	g := newGrader(world)
	g.report.Rows = frame.Rows()
	expected := Expect(world.Requests)
	m := newMatcher(expected)
	for _, row := range Rows(frame) {
		found := m.find(row)
		if row.Ambiguous() {
			g.report.Marked++
			if found != nil {
				g.report.complain("row marked", found.ExternalID, "%s: %s", row.Text("signals"), Told(found.Record))
			}
		}
		if found == nil {
			if second := m.byClientSpan[row.Text("span_id")]; second != nil {
				if why := g.undecidable(second.Record, "second row"); why != "" {
					g.report.Undecided[why]++
					continue
				}
			}
			g.report.Invented++
			g.report.complain("row invented", row.Text("request_id"), "%s %q %q status %s, %s", row.Time().Format(clock), row.Text("request_id"), row.Text("client_request_id"), row.Text("status"), row.Text("signals"))
			continue
		}
		g.row(row, found.Record)
	}
	for i := range expected {
		if e := &expected[i]; e.Proven && !m.taken[e] {
			g.missed(e.Record)
		}
	}
	return g.report
}

func (g *grader) missed(r *truth.Record) {
	if why := g.undecidable(r, "row"); why != "" {
		g.report.Undecided[why]++
		return
	}
	g.report.Missed++
	g.report.complain("row missed", r.ExternalID, "%s", Told(r))
}

func (g *grader) row(row Row, r *truth.Record) {
	for _, c := range columns {
		want := c.want(g, r)
		if want.any || c.lines && row.Ambiguous() {
			continue
		}
		switch known, right := c.agrees(row, want); {
		case known && right:
		case c.name == "status" && known && row.Text("status") == truth.StatusOK && FailureUntold(r):
			g.report.Undecided[untold]++
		case known:
			g.report.Wrong[c.name]++
			g.report.complain(c.name+" wrong", r.ExternalID, "%v instead of %v (%s): %s", c.shown(row), want.shown(c.numeric), row.Text("signals"), Told(r))
		case c.name == "status" && want.known && FailureUntold(r):
			g.report.Undecided[untold]++
		case want.known && c.told(g, r):
			if why := g.undecidable(r, c.name); why != "" {
				g.report.Undecided[why]++
				continue
			}
			g.report.Null[c.name]++
			g.report.complain(c.name+" null", r.ExternalID, "instead of %v (%s): %s", want.shown(c.numeric), row.Text("signals"), Told(r))
		}
	}
}

func (g *grader) undecidable(r *truth.Record, column string) string {
	if g.world.Undecidable == nil {
		return ""
	}
	return g.world.Undecidable(r, column)
}

// alone says that the request's instance has one engine.
func (g *grader) alone(r *truth.Record) bool {
	return len(g.engines[engineKey{r.Cluster, r.Environment, r.Instance, ""}]) == 1
}

// lastScrape is the one of the request's engine before it arrived.
func (g *grader) lastScrape(r *truth.Record) *truth.Scrape {
	of := g.scrapes[engineKey{r.Cluster, r.Environment, r.Instance, r.Engine}]
	i := sort.Search(len(of), func(i int) bool { return of[i].Time.UnixMilli() > r.Time.UnixMilli() }) - 1
	if i < 0 {
		return nil
	}
	return of[i]
}

// scrapeAfter is the first of the request's engine after its end.
func (g *grader) scrapeAfter(r *truth.Record) *truth.Scrape {
	of := g.scrapes[engineKey{r.Cluster, r.Environment, r.Instance, r.Engine}]
	i := sort.Search(len(of), func(i int) bool { return of[i].Time.UnixMilli() >= r.End.UnixMilli() })
	if i == len(of) {
		return nil
	}
	return of[i]
}

// Told is a request's truth in a line.
func Told(r *truth.Record) string {
	return fmt.Sprintf("%s client %q attempt %d on %s/%s at %s to %s: %s %d, %s n=%d stream=%t, %+v", r.ExternalID, r.ClientRequestID, r.Attempt,
		r.Pod, r.Engine, r.Time.Format(clock), r.End.Format(clock), r.Status, r.HTTPStatus, r.Endpoint, r.N, r.Stream, r.Evidence)
}

const clock = "15:04:05.000000"
