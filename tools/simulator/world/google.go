package world

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"sync/atomic"
	"time"
)

var (
	patternOfNames = regexp.MustCompile(`__name__\s*(=~|!~|!=)`)
	twoUnits       = regexp.MustCompile(`\d(ms|[smhdwy])\d+(ms|[smhdwy])`)
	withoutName    = regexp.MustCompile(`(^|[^\w:])\{`)
	exactName      = regexp.MustCompile(`__name__\s*=\s*"`)
)

// LikeGoogles is a front of a Prometheus that refuses what Google's Managed Prometheus does: a pattern for a metric's name, a
// selector without an exact name, a duration of two units.
type LikeGoogles struct {
	Refused atomic.Int64
	proxy   *httputil.ReverseProxy
}

// NewLikeGoogles stands before the Prometheus at a base URL.
func NewLikeGoogles(prometheus string) (*LikeGoogles, error) {
	target, err := url.Parse(prometheus)
	if err != nil {
		return nil, err
	}
	return &LikeGoogles{proxy: httputil.NewSingleHostReverseProxy(target)}, nil
}

// ServeHTTP refuses, or passes on.
func (g *LikeGoogles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form, _ := url.ParseQuery(string(body)) // an empty body is an empty form
	asked := r.URL.Query()
	for _, text := range slices.Concat(form["query"], form["match[]"], asked["query"], asked["match[]"]) {
		if patternOfNames.MatchString(text) || withoutName.MatchString(text) && !exactName.MatchString(text) || twoUnits.MatchString(text) {
			g.Refused.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": substitute queries failed: convert vector selector failed: =~ is an unsupported matchtype for the __name__ label: invalid argument"}`) // a client that leaves is not our trouble
			return
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.proxy.ServeHTTP(w, r)
}

func init() {
	Add(World{
		Name: "gmp", Doc: "The metrics are in Google's Managed Prometheus, which takes no pattern for a metric's name and no duration of two units.",
		Source: "GoogleCloudPlatform/prometheus-engine#1601",
		Front: func(prometheus string) (string, func(), error) {
			front, err := NewLikeGoogles(prometheus)
			if err != nil {
				return "", nil, err
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return "", nil, err
			}
			server := &http.Server{Handler: front, ReadHeaderTimeout: time.Minute}
			go func() { _ = server.Serve(listener) }() // ends with Close
			return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
		},
	})
}
