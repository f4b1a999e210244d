package live

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Reach decides how far back the next looks go. Stores find a request by its start, but tell of it when it ends: a look
// must go back as far as requests last. It goes back no further, since it is repeated every second; a second look, further
// and rarer, finds what came later than that.
type Reach struct {
	// Least and Most bound the near look; Most is also how far the far look goes.
	Least, Most time.Duration
	// Slack is how long evidence is on its way: exporters send every 5 s, collectors and stores add to that.
	Slack time.Duration
	// NearRows and FarRows bound how many rows a look should hold, as far as the rate of lately tells.
	NearRows, FarRows int

	lasted  time.Duration // the longest that a request lasted, or lasts, as of the last far look
	running time.Duration // the same as of the last near look
	rate    float64       // rows a second, as of the last look
}

// Lifetime is when a request began and, when it is over, ended.
type Lifetime struct{ Start, End time.Time }

// Near is the window of a look that is repeated every second. It ends in the future, so that the clocks of others may be
// ahead of ours.
func (r *Reach) Near(now time.Time) evidence.Window {
	back := min(max(r.lasted, r.running), r.Most) + r.Slack
	back = max(min(back, r.affordable(r.NearRows), r.Most), r.Least)
	return evidence.Window{From: now.Add(-back), To: now.Add(r.Slack)}
}

// Far is the window of a look that finds what is late. It reaches up to now, since the lines of a request are spread over
// all of its time; what it may speak for ends where the near look begins.
func (r *Reach) Far(now time.Time) evidence.Window {
	back := max(min(r.affordable(r.FarRows), r.Most), r.Least)
	return evidence.Window{From: now.Add(-back), To: now.Add(r.Slack)}
}

// affordable is the time in which so many rows come.
func (r *Reach) affordable(rows int) time.Duration {
	if r.rate <= 0 {
		return r.Most
	}
	return time.Duration(min(float64(rows)/r.rate, r.Most.Seconds()) * float64(time.Second))
}

// SawNear and SawFar note how long the requests of a look lasted; those without an end last until now.
func (r *Reach) SawNear(now time.Time, window evidence.Window, lives []Lifetime) {
	r.running = longest(now, lives)
	r.measure(now, window, lives)
}

// SawFar is SawNear for the far look.
func (r *Reach) SawFar(now time.Time, window evidence.Window, lives []Lifetime) {
	r.lasted = longest(now, lives)
	r.measure(now, window, lives)
}

func (r *Reach) measure(now time.Time, window evidence.Window, lives []Lifetime) {
	if seconds := now.Sub(window.From).Seconds(); seconds > 0 {
		r.rate = float64(len(lives)) / seconds
	}
}

func longest(now time.Time, lives []Lifetime) (most time.Duration) {
	for _, l := range lives {
		end := l.End
		if end.IsZero() {
			end = now
		}
		most = max(most, end.Sub(l.Start))
	}
	return most
}
