package world

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// wrapped is a world in which somebody writes each line in an envelope.
func wrapped(name, doc, source string, wrap func(line) string) World {
	return World{Name: "wrapped_" + name, Doc: doc, Source: source, Pipeline: onLines(func(*rand.Rand) func(line, ship) {
		return func(l line, ship ship) {
			l.Text = wrap(l)
			ship(l)
		}
	})}
}

// fields is a JSON object with its fields in that order.
func fields(pairs ...any) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteByte("{,"[min(i, 1)])
		value, err := json.Marshal(pairs[i+1])
		if err != nil {
			panic(err) // strings, numbers and raw JSON always encode
		}
		fmt.Fprintf(&b, "%q:%s", pairs[i], value)
	}
	return b.String() + "}"
}

// head is how vLLM's lines begin: process, level, time, origin.
var head = regexp.MustCompile(`^(?:\x1b\[[0-9;]*m)?(?:\((\w+) pid=(\d+)\))?(?:\x1b\[[0-9;]*m)? ?(INFO|WARNING|ERROR|DEBUG|CRITICAL) (\d\d-\d\d \d\d:\d\d:\d\d) \[([^\]]+):(\d+)\] `)

// record is a line in the parts that a logger has them in.
type record struct {
	process, pid, level, file, number, message string
	plain                                      bool // not of a logger of vLLM's: uvicorn's, a traceback
}

func parts(text string) record {
	text = strings.TrimSuffix(text, "\r")
	m := head.FindStringSubmatch(text)
	if m == nil {
		return record{level: "INFO", message: text, plain: true}
	}
	return record{process: m[1], pid: m[2], level: m[3], file: m[5], number: m[6], message: text[len(m[0]):]}
}

func init() {
	Add(
		wrapped("docker", "Docker's json-file driver, shipped as it is.", "grafana/loki#358", func(l line) string {
			return fields("log", l.Text+"\n", "stream", "stderr", "time", l.Time.UTC().Format(time.RFC3339Nano))
		}),
		wrapped("cri", "containerd's log files, shipped without the cri stage.", "grafana/loki#2281", func(l line) string {
			return l.Time.UTC().Format(time.RFC3339Nano) + " stderr F " + l.Text
		}),
		wrapped("syslog", "rsyslog's traditional format.", "grafana/loki#5854", func(l line) string {
			return l.Time.UTC().Format("Jan _2 15:04:05") + " gpu-node-3 vllm[1]: " + l.Text
		}),
		wrapped("syslog_5424", "RFC 5424 by systemd or a log router.", "RFC 5424", func(l line) string {
			return "<14>1 " + l.Time.UTC().Format("2006-01-02T15:04:05.000000Z") + " gpu-node-3 vllm 1 - - " + l.Text
		}),
		wrapped("logfmt", "Alloy's stage.pack or a collector writes logfmt.", "grafana/alloy#2757", func(l line) string {
			return fmt.Sprintf("ts=%s stream=stderr level=info msg=%s", l.Time.UTC().Format(time.RFC3339Nano), strconv.Quote(l.Text))
		}),
		wrapped("ray", "Ray prints a worker's lines with the actor's name.", "ray-project/ray#54797", func(l line) string {
			return "(ServeReplica:llm_app:LLMServer pid=4242, ip=10.0.3.7) " + l.Text
		}),
		wrapped("body", "A collector writes its log record as JSON into Loki.", "opentelemetry-collector-contrib#15351", func(l line) string {
			return fields("body", l.Text, "severity", "INFO", "attributes", map[string]any{"log.iostream": "stderr", "logtag": "F"},
				"resources", map[string]any{"k8s.pod.name": label(l.Stream, "pod"), "service.name": "vllm"})
		}),
		wrapped("json_records", "A logging config with python-json-logger: each record is JSON, and vLLM's head is in its fields.", "vllm-project/vllm#2397", func(l line) string {
			p := parts(l.Text)
			name := "vllm." + strings.TrimSuffix(p.file, ".py")
			if p.plain {
				name = "uvicorn.access"
				p.message = strings.TrimPrefix(p.message, "INFO:     ")
			}
			return fields("asctime", l.Time.UTC().Format("2006-01-02 15:04:05,000"), "levelname", p.level, "name", name, "process", 1, "message", p.message)
		}),
	)
}
