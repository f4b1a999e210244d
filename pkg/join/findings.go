package join

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// The checks of what a join measures about lines.
const (
	CheckDuplicateLines = "duplicate_lines"
	CheckLogSkew        = "log_skew"
	CheckLogDelay       = "log_delay"
	CheckInstanceNaming = "instance_naming"
)

const (
	// fewCopies is up to how many copies are no matter, as long as they are a small share.
	fewCopies = 3
	// tellingOffset is from which offset on a stream's clock is worth a word: a busy shipper needs a second.
	tellingOffset = 2 * time.Second
	// named streams in one sentence
	worstNamed = 3
)

// measuredFindings are what the join noticed about the lines of others' shippers.
func (j *joiner) measuredFindings() (out []evidence.Finding) {
	if j.streams == nil {
		return nil
	}
	for _, find := range []func() (evidence.Finding, bool){
		j.duplicateLines, j.farAway,
		func() (evidence.Finding, bool) { return j.offClock(CheckLogSkew) },
		func() (evidence.Finding, bool) { return j.offClock(CheckLogDelay) },
		j.otherNames,
	} {
		if f, ok := find(); ok {
			out = append(out, f)
		}
	}
	return out
}

func (j *joiner) duplicateLines() (evidence.Finding, bool) {
	share := float64(j.duplicates) / float64(max(1, len(j.in.Events)))
	if j.duplicates == 0 || j.duplicates < fewCopies && share < 0.01 {
		return evidence.Finding{}, false
	}
	most := slices.MaxFunc(j.streams.list, func(a, b *stream) int {
		return cmp.Or(cmp.Compare(a.duplicates, b.duplicates), compareOrigins(b.origin, a.origin))
	})
	return evidence.Finding{
		Check: CheckDuplicateLines, Value: share,
		Found: fmt.Sprintf("%d of %d log lines about requests (%s) are in Loki more than once, most of them of %s; each is counted once.",
			j.duplicates, len(j.in.Events), percent(share), whereName(most.origin)),
		Fix: "Let one agent ship each log file, and let that agent keep its positions over a restart.",
	}, true
}

// off is a stream whose lines are dated otherwise than the spans.
type off struct {
	name   string
	middle time.Duration
	spread time.Duration
}

// offClock is the finding about streams that are off by the same time always (log_skew), or by different times (log_delay).
func (j *joiner) offClock(check string) (evidence.Finding, bool) {
	var found []off
	for _, s := range j.streams.list {
		if s.settled.pairs < enoughPairs {
			continue
		}
		o := off{whereName(s.origin), time.Duration(median(s.offsets)), s.settled.spread}
		varies := o.middle > -time.Second && o.spread > time.Second
		if max(o.middle.Abs(), o.spread) >= tellingOffset && varies == (check == CheckLogDelay) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return evidence.Finding{}, false
	}
	slices.SortFunc(found, func(a, b off) int {
		return cmp.Or(cmp.Compare(b.middle.Abs(), a.middle.Abs()), strings.Compare(a.name, b.name))
	})
	found = slices.CompactFunc(found, func(a, b off) bool { return a.name == b.name && (a.middle-b.middle).Abs() < tellingOffset })
	f := evidence.Finding{Check: check, Value: found[0].middle.Seconds()}
	var streams []string
	for _, o := range found[:min(len(found), worstNamed)] {
		text := fmt.Sprintf("%s by %s", o.name, seconds(o.middle.Abs()))
		if check == CheckLogDelay {
			text += fmt.Sprintf(" (%s from the shortest to the longest)", seconds(o.spread))
		}
		streams = append(streams, text)
	}
	where := strings.Join(streams, ", ")
	if more := len(found) - worstNamed; more > 0 {
		where += fmt.Sprintf(" and %d other streams", more)
	}
	switch {
	case check == CheckLogDelay:
		f.Found = "Loki's times of log lines are later than the spans of the same requests, by times that vary: " + where + "; the join takes that into account."
		f.Fix = "Let the log agent take the time of a line from when the line was written (the container runtime's time, or vLLM's own), not from when the agent ships the line."
	case found[0].middle < 0:
		f.Found = "Loki's times of log lines are earlier than the spans of the same requests: " + where + "; the join takes that into account."
		f.Fix = "Synchronise the clock of the machine that gives log lines their time with the clocks of the engines."
	default:
		f.Found = "Loki's times of log lines are later than the spans of the same requests: " + where +
			"; the clock that stamps lines is ahead, or lines are stamped late; the join takes that into account."
		f.Fix = "Synchronise the clock of the machine that gives log lines their time with the clocks of the engines, and let the log agent take the time from when a line was written."
	}
	return f, true
}

// farAway is the finding about lines that lie too far from their spans to be joined.
func (j *joiner) farAway() (evidence.Finding, bool) {
	if len(j.far) < enoughPairs {
		return evidence.Finding{}, false
	}
	middle := time.Duration(median(j.far))
	spread := time.Duration(j.far[len(j.far)*9/10] - j.far[len(j.far)/10])
	if spread > middle.Abs()/4 { // as those of ids that are used again, which lie anywhere
		return evidence.Finding{}, false
	}
	way := "later"
	if middle < 0 {
		way = "earlier"
	}
	return evidence.Finding{
		Check: CheckLogSkew, Value: middle.Seconds(),
		Found: fmt.Sprintf("The log lines of %d requests are %s %s than their spans, which is more than the %s within which lines and spans are joined.",
			len(j.far), seconds(middle.Abs()), way, Apart),
		Fix: "Synchronise the clock of the machine that gives log lines their time with the clocks of the engines, and let the log agent take the time from when a line was written.",
	}, true
}

// otherNames is the finding about engines that Loki and Jaeger call by names which do not meet.
func (j *joiner) otherNames() (evidence.Finding, bool) {
	all, apart, most, unnamed := 0, 0, 0, 0
	var example struct{ span, line *evidence.Origin }
	places := map[evidence.Origin]bool{} // of spans whose lines name no place
	for s, spans := range j.meetings() {
		if !servers.Named(s.origin) {
			for span, n := range spans {
				all, unnamed = all+n, unnamed+n
				places[span] = true
			}
			continue
		}
		for span, n := range spans {
			all += n
			if servers.Meet(&span, s.origin) && spelledAlike(&span, s.origin) {
				continue
			}
			apart += n
			if n > most || n == most && compareOrigins(s.origin, example.line) < 0 {
				most, example.span, example.line = n, &span, s.origin
			}
		}
	}
	fix := "Give log streams a label with the pod's name, and set OTEL_RESOURCE_ATTRIBUTES=k8s.pod.name=$(POD_NAME) in the environment of vLLM."
	if len(places) > 1 && unnamed >= enoughPairs && unnamed*10 >= all && unnamed > apart {
		return evidence.Finding{
			Check: CheckInstanceNaming, Value: float64(unnamed) / float64(all), Fix: fix,
			Found: fmt.Sprintf("Loki names neither pod nor instance of the log lines of %d of %d requests, whose spans are of %d engines; requests whose id is used once are joined all the same.",
				unnamed, all, len(places)),
		}, true
	}
	if apart < enoughPairs || apart*10 < all {
		return evidence.Finding{}, false
	}
	return evidence.Finding{
		Check: CheckInstanceNaming, Value: float64(apart) / float64(all),
		Found: fmt.Sprintf("Loki and Jaeger do not name engines alike: lines of %s belong to spans of %s, and so for %d of %d requests; requests whose id is used once are joined all the same.",
			whereName(example.line), whereName(example.span), apart, all),
		Fix: fix,
	}, true
}

// placeName is a place in one word of its store.
func whereName(o *evidence.Origin) string {
	switch {
	case o == nil:
		return "one stream"
	case o.Pod != "" && o.Namespace != "":
		return o.Namespace + "/" + o.Pod
	default:
		return cmp.Or(o.Pod, o.Instance, o.Service, "a stream that names no pod")
	}
}

func percent(share float64) string {
	if share < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// seconds is a length of time as one reads it.
func seconds(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
