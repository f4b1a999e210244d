package telemetry

import (
	"fmt"
	"strings"
	"time"
)

// LogLine is one physical line with the time the log shipper gives it.
type LogLine struct {
	Stream *LogStream
	Time   time.Time
	Text   string
	// Metadata is Loki's structured metadata, which no vLLM writes but many shippers do.
	Metadata []Label
	// About counts the lines of the request that this line is about; nil for lines about none, or about many.
	About *LineCount
}

// LineCount counts the lines that carry one prompt's id: those that were shipped, those that the pipeline lost, and, of those
// shipped, the ones about a failure.
type LineCount struct{ Emitted, Lost, Errors int }

// LogStream names a container: the labels a log shipper in Kubernetes sets.
// Request ids are never labels.
type LogStream struct {
	Labels []Label // sorted by name
	// Tenant is the X-Scope-OrgID that the line is pushed under; "" is the fleet's own.
	Tenant string
	// OTLP sends the stream to Loki's OTLP endpoint, as an OpenTelemetry collector does: Labels become resource attributes.
	OTLP bool
	last time.Time
}

// at makes times strictly increasing, as lines written one after the other are.
func (s *LogStream) at(t time.Time) time.Time {
	if !t.After(s.last) {
		t = s.last.Add(time.Microsecond)
	}
	s.last = t
	return t
}

// Process is a vLLM process that writes lines.
type Process struct {
	Name string // APIServer, EngineCore, EngineCore_DP0
	PID  int
}

// Log writes the lines of one server's container.
type Log struct {
	Version Version
	Stream  *LogStream
	Emit    func(LogLine)
	// About is set while lines about one request are written.
	About *LineCount

	second int64 // the second that stamp was made for
	stamp  string
}

// at is the level, time and origin that begin a message.
func (l *Log) head(t time.Time, level, origin string) string {
	if s := t.Unix(); s != l.second || l.stamp == "" {
		// vLLM logs local time; containers run in UTC.
		l.second, l.stamp = s, t.UTC().Format("01-02 15:04:05")
	}
	return level + " " + l.stamp + " [" + origin + "] "
}

func (l *Log) prefix(p Process) string {
	if !l.Version.processPrefix() {
		return ""
	}
	name := fmt.Sprintf("(%s pid=%d)", p.Name, p.PID)
	if l.Version.colouredPrefix() {
		name = "\x1b[0;36m" + name + "\x1b[0;0m"
	}
	return name + " "
}

// Write writes a message. Its lines after the first repeat the head and are
// separated by CRLF, so that all physical lines but the last end in CR.
func (l *Log) Write(t time.Time, p Process, level, origin, message string) {
	head := l.prefix(p) + l.head(t, level, origin)
	lines := strings.Split(message, "\n")
	for i, line := range lines {
		text := head + line
		if i < len(lines)-1 {
			text += "\r"
		}
		l.raw(t, text)
	}
}

// Uvicorn writes a line of the web server's own, which has no head.
func (l *Log) Uvicorn(t time.Time, p Process, line string) {
	if l.Version.accessLinePrefix() {
		line = l.prefix(p) + line
	}
	l.raw(t, line)
}

func (l *Log) raw(t time.Time, text string) {
	l.Emit(LogLine{Stream: l.Stream, Time: l.Stream.at(t), Text: text, About: l.About})
}

// Access writes uvicorn's access line: no time, no duration, no request id.
func (l *Log) Access(t time.Time, p Process, client, method, path string, status int, reason string) {
	l.Uvicorn(t, p, fmt.Sprintf("INFO:     %s - \"%s %s HTTP/1.1\" %d %s", client, method, path, status, reason))
}
