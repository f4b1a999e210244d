// Package sink stands where Slack, PagerDuty or any webhook would be: it takes
// what is posted to it, keeps the last messages in memory and shows them on a
// page. It calls nobody and writes nothing.
package sink

import (
	"bytes"
	"encoding/json"
	"html/template"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// kept is how many messages are shown; older ones go.
	kept = 100
	// longest, in bytes, is as much of a message as is taken.
	longest = 256 << 10
)

// Message is one that arrived.
type Message struct {
	At    time.Time
	Path  string // which receiver: its URL's path
	Title string // of a Slack message or a PagerDuty event; empty for others
	Text  string // what it says: of others, all of it
}

// Sink is an http.Handler: POST takes a message, GET / shows what arrived.
type Sink struct {
	now func() time.Time

	mu       sync.Mutex
	messages []Message // the newest last
	total    int
}

// New makes one that has nothing.
func New() *Sink { return &Sink{now: time.Now} }

// Start serves one on a free port of loopback, until stop is called.
func Start() (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: New(), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) }) // ends with Close
	return "http://" + listener.Addr().String(), func() { _ = server.Close(); served.Wait() }, nil
}

// Messages are those that are kept, the newest first, and how many there were.
func (s *Sink) Messages() (newest []Message, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.messages {
		newest = append(newest, s.messages[len(s.messages)-1-i])
	}
	return newest, s.total
}

// ServeHTTP takes and shows.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost:
		s.take(w, r)
	case r.Method == http.MethodGet && r.URL.Path == "/":
		s.show(w)
	default:
		http.NotFound(w, r)
	}
}

func (s *Sink) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longest))
	if err != nil {
		http.Error(w, "no message of more than 256 KiB is taken", http.StatusRequestEntityTooLarge)
		return
	}
	m := read(body)
	m.At, m.Path = s.now(), r.URL.Path
	s.mu.Lock()
	if len(s.messages) == kept {
		s.messages = append(s.messages[:0], s.messages[1:]...)
	}
	s.messages = append(s.messages, m)
	s.total++
	s.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/enqueue") { // PagerDuty's
		w.WriteHeader(http.StatusAccepted)
	}
	_, _ = io.WriteString(w, "ok") // what Slack answers: another word would be an error
}

// read finds the words of a message: Slack's attachments, PagerDuty's payload,
// else all of it, indented where it is JSON.
func read(body []byte) Message {
	var message struct {
		Text        string
		Attachments []struct{ Title, Text, Fallback string }
		Payload     struct{ Summary string }
	}
	if json.Unmarshal(body, &message) == nil {
		switch {
		case len(message.Attachments) > 0:
			a := message.Attachments[0]
			return Message{Title: a.Title, Text: a.Text}
		case message.Payload.Summary != "":
			return Message{Title: message.Payload.Summary, Text: indented(body)}
		case message.Text != "":
			return Message{Text: message.Text}
		}
	}
	return Message{Text: indented(body)}
}

func indented(body []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") != nil {
		return strings.ToValidUTF8(string(body), "\ufffd")
	}
	return out.String()
}

// page escapes by itself: a message may hold whatever a client wrote.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="10">
<title>Alerts that arrived</title>
<style>
  body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
  article { border-left: 4px solid #888; padding: 0 1em; margin: 1.5em 0 }
  h2 { font-size: 1em; margin: 0 }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: .3em 0 }
  small { color: #555 }
</style>
</head>
<body>
<h1>Alerts that arrived</h1>
<p>{{if .Total}}{{.Total}} since it began; the last {{len .Messages}}, the newest first.{{else}}None yet. A rule waits until its condition has lasted.{{end}} Nothing was sent to anybody.</p>
{{range .Messages}}<article>
<small>{{.At.UTC.Format "2006-01-02 15:04:05"}} UTC at {{.Path}}</small>
{{if .Title}}<h2>{{.Title}}</h2>{{end}}
<pre>{{.Text}}</pre>
</article>
{{end}}</body>
</html>
`))

func (s *Sink) show(w http.ResponseWriter) {
	messages, total := s.Messages()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = page.Execute(w, struct { // the reader may have left
		Messages []Message
		Total    int
	}{messages, total})
}
