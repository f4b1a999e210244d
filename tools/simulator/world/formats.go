package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// formatted is a world whose logging configuration writes each record otherwise; what is no record of vLLM's logger, such as a
// traceback's end, stays as it is.
func formatted(name, doc, source string, format func(l line, p record) string) World {
	w := wrapped(name, doc, source, func(l line) string {
		p := parts(l.Text)
		if p.plain {
			return l.Text
		}
		text := format(l, p)
		if p.process != "" {
			text = fmt.Sprintf("(%s pid=%s) %s", p.process, p.pid, text)
		}
		return text
	})
	w.Name = "format_" + name
	return w
}

// module is the name of the logger that a file's records have.
func (p record) module() string { return "vllm.v1.engine." + strings.TrimSuffix(p.file, ".py") }

func init() {
	Add(
		formatted("dictconfig", "VLLM_LOGGING_CONFIG_PATH with the format of Python's own documentation.", "vllm-project/vllm#18210", func(l line, p record) string {
			return l.Time.UTC().Format("2006-01-02 15:04:05,000") + " - " + p.module() + " - " + p.level + " - " + p.message
		}),
		formatted("glog", "A logging configuration as in C++: a letter, the date, the thread, the place and a bracket.", "google/glog README", func(l line, p record) string {
			return p.level[:1] + l.Time.UTC().Format("0102 15:04:05.000000") + " 71 " + p.file + ":" + p.number + "] " + p.message
		}),
		formatted("loguru", "Records go through loguru, with its default format.", "loguru documentation", func(l line, p record) string {
			return l.Time.UTC().Format("2006-01-02 15:04:05.000") + fmt.Sprintf(" | %-8s | %s:log:%s - %s", p.level, p.module(), p.number, p.message)
		}),
		formatted("rich", "A handler of rich's on a narrow terminal: the place stands behind the message.", "rich documentation", func(l line, p record) string {
			return l.Time.UTC().Format("[01/02/06 15:04:05]") + fmt.Sprintf(" %-8s %s          %s:%s", p.level, p.message, p.file, p.number)
		}),
		formatted("structlog", "structlog's console renderer: the level in brackets, the logger and fields behind the message.", "structlog documentation", func(l line, p record) string {
			return l.Time.UTC().Format("2006-01-02 15:04:05") + fmt.Sprintf(" [%-9s] %s [%s] pid=71", strings.ToLower(p.level), p.message, p.module())
		}),
		formatted("ecs", "Elastic's logger: level, logger, place and process in nested objects.", "vllm-project/vllm#54769", func(l line, p record) string {
			return fields("@timestamp", l.Time.UTC().Format(time.RFC3339Nano), "log.level", strings.ToLower(p.level), "message", p.message, "ecs.version", "1.6.0",
				"log", map[string]any{"logger": p.module(), "origin": map[string]any{"file": map[string]any{"name": p.file, "line": 1}}, "original": p.message},
				"process", map[string]any{"pid": 71, "name": "MainProcess"})
		}),
		formatted("message_alone", "JSON logging as vLLM documents it: the message and nothing else.", "vLLM documentation, logging configuration", func(_ line, p record) string {
			return fields("message", p.message)
		}),
		wrapped("journald", "journald's export: all of a line's metadata in capitals.", "systemd.journal-fields", func(l line) string {
			return fields("MESSAGE", l.Text, "PRIORITY", "6", "_PID", "4711", "_SYSTEMD_UNIT", "vllm.service", "_HOSTNAME", "node-a3")
		}),
		wrapped("google", "Google Cloud's agent: the text in an entry of its own.", "Cloud Logging, LogEntry", func(l line) string {
			return fields("insertId", "x1", "textPayload", l.Text+"\n", "severity", "ERROR", "timestamp", l.Time.UTC().Format(time.RFC3339Nano))
		}),
		wrapped("kubectl", "kubectl logs --prefix --timestamps, read by an agent.", "kubectl reference", func(l line) string {
			return "[pod/llm-0/engine] " + l.Time.UTC().Format(time.RFC3339Nano) + " " + l.Text
		}),
		wrapped("mpirun", "mpirun --tag-output starts the servers.", "mpirun(1)", func(l line) string { return "[1,0]<stdout>:" + l.Text }),
		wrapped("thrice", "Docker's file, in a collector's record, in CRI's own form.", "grafana/alloy#1173", func(l line) string {
			docker := fields("log", l.Text+"\n", "stream", "stdout", "time", l.Time.UTC().Format(time.RFC3339Nano))
			return l.Time.UTC().Format(time.RFC3339Nano) + " stdout F " + fields("body", docker, "severity", "INFO", "attributes", map[string]any{"logtag": "F"})
		}),
		unknownFormat(),
		hostileAnswers(),
	)
}

// unknownFormat is a world in which nobody can read the lines; Save & test says so, with examples. What they tell is as good as lost.
func unknownFormat() World {
	return World{
		Name: "format_unknown", Doc: "A logging configuration puts words before the message that could be a message's own.", Names: []string{"lines_unread"},
		Pipeline: func(*rand.Rand) simulator.Pipeline {
			p := withoutLines()
			p.Line = func(l line, ship ship) {
				if p := parts(l.Text); !p.plain {
					l.Text = "on this fine day the engine says with " + strings.ToLower(p.level) + " that " + p.message
				}
				ship(l)
			}
			return p
		},
	}
}

// hostileAnswers is a world in which answers are longer than what a container runtime writes in one piece, and the second and the
// third piece begin as lines about another request do.
func hostileAnswers() World {
	const piece = 16 << 10
	return World{
		Name: "lines_cut_hostile", Doc: "Answers of 40 KiB come now and then, and are cut at 16 KiB; their further parts begin as lines about the request before.", Source: "grafana/loki#2281",
		Names: []string{"lines_cut"},
		Pipeline: onLines(func(*rand.Rand) func(line, ship) {
			victim := map[*telemetry.LogStream]string{}
			n := 0
			return func(l line, ship ship) {
				begin, rest, ok := strings.Cut(l.Text, ": output: ")
				if !ok || !strings.Contains(begin, "Generated response ") {
					ship(l)
					return
				}
				head, id, _ := strings.Cut(begin, "Generated response ")
				id, _, _ = strings.Cut(id, " ")
				other := victim[l.Stream]
				victim[l.Stream] = id
				if n++; other == "" || other == id || n%25 != 0 {
					ship(l)
					return
				}
				_, reason, _ := strings.Cut(rest, "', ")
				text := begin + `: output: "`
				text += strings.Repeat("x", piece-len(text)) + head + "Request " + other + " failed (engine dead). "
				text += strings.Repeat("y", 2*piece-len(text)) + head + "Generated response " + other + ": output: 'it"
				text += `", ` + reason // as Python writes an answer that has an apostrophe
				for len(text) > piece {
					part := l
					part.Text, text = text[:piece], text[piece:]
					ship(part)
				}
				l.Text = text
				ship(l)
			}
		}),
	}
}
