package vllm

import (
	"strconv"
	"strings"
)

// maxWrappers bounds how many layers are taken off a line: a runtime's JSON around a shipper's around a logger's, with the
// prefixes of a launcher between them.
const maxWrappers = 10

// unwrap takes off what container runtimes, shippers, launchers and loggers put around a line, layer by layer, and gives the text
// that is left. What they tell (level, logger, process) is kept until something further inside tells otherwise.
func (e *LogEvent) unwrap(s string) string {
	for range maxWrappers {
		inner, ok := e.takeWrapper(s)
		if !ok {
			return s
		}
		s = inner
	}
	return s
}

// takeWrapper takes one layer off; ok is false when there is none.
func (e *LogEvent) takeWrapper(s string) (inner string, ok bool) {
	if s == "" {
		return s, false
	}
	switch c := s[0]; {
	case c == '{':
		return e.takeRecord(s)
	case c == '(':
		if inner = e.takeProcess(s); len(inner) < len(s) {
			return inner, true
		}
		return s, false
	case c == '[':
		return cutLauncher(s)
	case c == '<':
		return e.takeSyslogPriority(s)
	case c == '@':
		if len(s) > 26 && s[25] == ' ' && isLowerHex(s[1:25]) { // multilog's TAI64N
			return s[26:], true
		}
	case c == ' ': // rsyslog's %msg% begins with one blank, the indented lines of a traceback with more
		if len(s) > 1 && s[1] != ' ' && s[1] != '\t' {
			return s[1:], true
		}
		return s, false
	case isDigit(c):
		if inner, ok = e.takeRuntime(s); ok {
			return inner, true
		}
		if inner, ok = e.takeSyslogISO(s); ok {
			return inner, true
		}
		if digits := leadingDigits(s); digits <= 4 && strings.HasPrefix(s[digits:], ": ") { // srun --label
			return s[digits+2:], true
		}
	case strings.HasPrefix(s, "\ufeff"): // a byte order mark, as RFC 5424 has it before UTF-8
		return s[len("\ufeff"):], true
	case isUpper(c) || c >= 'a' && c <= 'z' || c == '_':
		if inner, ok = e.takeSyslogBSD(s); ok {
			return inner, true
		}
		if isLogfmt(s) {
			return e.takeLogfmt(s)
		}
	}
	if rest := trimCompose(s); len(rest) < len(s) {
		return rest, true
	}
	return s, false
}

// takeRecord takes the message out of a JSON object.
func (e *LogEvent) takeRecord(s string) (string, bool) {
	r := record{level: LevelUnknown}
	docker := 0
	if !members(s, func(name string, v value) {
		if (name == "stream" || name == "time") && v.kind == 's' {
			docker++
		}
		r.take(name, v, 0)
	}) || r.textRank == 0 {
		return s, false
	}
	if docker == 2 && r.textRank == textRanks["log"] && !strings.HasSuffix(r.text, "\n") && cutSize(r.text) {
		r.cut = true // Docker's own file: the line goes on in the next record
	}
	return e.takeFields(&r), true
}

func (e *LogEvent) takeLogfmt(s string) (string, bool) {
	r := record{level: LevelUnknown, logfmt: true}
	if !logfmtFields(s, func(name string, v value) { r.take(name, v, 0) }) || r.textRank == 0 {
		return s, false
	}
	return e.takeFields(&r), true
}

func (e *LogEvent) takeFields(r *record) string {
	r.giveTo(e)
	e.read = true
	text := strings.TrimSuffix(r.text, "\n")
	whole := strings.TrimRight(text, "\r\n")
	e.Returns = len(text) - len(whole)
	return whole
}

// takeRuntime takes what Kubernetes' container runtimes write before each line: "<time> stdout F ". With the tag P, the line
// goes on in the next.
func (e *LogEvent) takeRuntime(s string) (string, bool) {
	end := strings.IndexByte(s, ' ')
	if end < 19 || end > 40 || s[10] != 'T' || s[4] != '-' {
		return s, false
	}
	rest, ok := strings.CutPrefix(s[end+1:], "stdout ")
	if !ok {
		if rest, ok = strings.CutPrefix(s[end+1:], "stderr "); !ok {
			return s, false
		}
	}
	tag, text, ok := strings.Cut(rest, " ")
	if !ok || tag != "F" && tag != "P" && !strings.HasPrefix(tag, "F:") && !strings.HasPrefix(tag, "P:") {
		return s, false
	}
	e.Cut = e.Cut || tag[0] == 'P'
	return text, true
}

// cutLauncher cuts what launchers of several processes put before each line: "[1,0]<stdout>:" (mpirun), "[default0]:" (torchrun),
// "[rank0]:" (torch), "[pod/vllm-0/engine] " (kubectl).
func cutLauncher(s string) (string, bool) {
	end := strings.IndexByte(s[:min(len(s), 160)], ']')
	if end < 0 {
		return s, false
	}
	inside, rest := s[1:end], s[end+1:]
	job, rank, mpi := strings.Cut(inside, ",")
	switch {
	case mpi && isDigits(job) && isDigits(rank):
		if after, ok := strings.CutPrefix(rest, "<stdout>:"); ok {
			return strings.TrimPrefix(after, " "), true
		}
		if after, ok := strings.CutPrefix(rest, "<stderr>:"); ok {
			return strings.TrimPrefix(after, " "), true
		}
	case strings.HasPrefix(rest, ":") && numbered(inside, "rank", "default", "local_rank", "worker", "node"):
		return strings.TrimPrefix(rest[1:], " "), true
	case strings.HasPrefix(inside, "pod/") && strings.HasPrefix(rest, " "):
		return rest[1:], true
	}
	return s, false
}

// numbered reports whether s is one of these words and a number.
func numbered(s string, words ...string) bool {
	for _, word := range words {
		if digits, ok := strings.CutPrefix(s, word); ok && isDigits(digits) {
			return true
		}
	}
	return false
}

// takeSyslogPriority takes "<13>" of a syslog message as it is on the wire, and the rest of an RFC 5424 header:
// "1 <time> <host> <app> <pid> <id> <data> ".
func (e *LogEvent) takeSyslogPriority(s string) (string, bool) {
	end := strings.IndexByte(s[:min(len(s), 6)], '>')
	if end < 2 || !isDigits(s[1:end]) {
		return s, false
	}
	rest := s[end+1:]
	if inner, ok := e.takeSyslogHeader(rest); ok {
		return inner, true
	}
	return rest, true
}

func (e *LogEvent) takeSyslogHeader(s string) (string, bool) {
	rest, ok := strings.CutPrefix(s, "1 ")
	if !ok {
		return s, false
	}
	var pid string
	for i := range 5 { // time, host, application, process, message id
		word, after, found := strings.Cut(rest, " ")
		if !found || word == "" || i == 0 && word != "-" && !isDigit(word[0]) {
			return s, false
		}
		if i == 3 {
			pid = word
		}
		rest = after
	}
	if after, none := strings.CutPrefix(rest, "-"); none {
		rest = after
	} else {
		for strings.HasPrefix(rest, "[") { // data, with text in double quotes
			i := 1
			for i < len(rest) && rest[i] != ']' {
				if rest[i] == '"' {
					i = stringEnd(rest, i)
				}
				i++
			}
			rest = rest[min(i+1, len(rest)):]
		}
	}
	e.takePID(pid)
	return strings.TrimPrefix(rest, " "), true
}

// takeSyslogBSD takes "Nov 30 10:00:00 host tag[pid]: ".
func (e *LogEvent) takeSyslogBSD(s string) (string, bool) {
	if len(s) < 17 || s[3] != ' ' || s[6] != ' ' || s[9] != ':' || s[12] != ':' || !isMonth(s[:3]) {
		return s, false
	}
	rest := s[15:]
	if strings.HasPrefix(rest, ".") { // journalctl -o short-precise
		rest = rest[1+leadingDigits(rest[1:]):]
	}
	return e.takeSyslogTag(s, rest)
}

// takeSyslogISO takes "2026-11-30T10:00:00.123456+00:00 host tag[pid]: ".
func (e *LogEvent) takeSyslogISO(s string) (string, bool) {
	if len(s) < 20 || s[4] != '-' || s[10] != 'T' {
		return s, false
	}
	end := strings.IndexByte(s, ' ')
	if end < 19 || end > 40 {
		return s, false
	}
	return e.takeSyslogTag(s, s[end:])
}

// takeSyslogTag takes " host tag[pid]: "; without such a tag nothing is taken.
func (e *LogEvent) takeSyslogTag(s, rest string) (string, bool) {
	host, rest, ok := strings.Cut(strings.TrimPrefix(rest, " "), " ")
	if !ok || !isHost(host) {
		return s, false
	}
	i := 0
	for i < len(rest) && (isNameByte(rest[i]) || rest[i] == '/' || rest[i] == '@' || rest[i] == '-') {
		i++
	}
	if i == 0 || i == len(rest) || levelOf(rest[:i]) != LevelUnknown {
		return s, false
	}
	rest = rest[i:]
	if strings.HasPrefix(rest, "[") {
		pid, after, found := strings.Cut(rest[1:], "]")
		if !found || !isDigits(pid) {
			return s, false
		}
		e.takePID(pid)
		rest = after
	}
	rest, ok = strings.CutPrefix(rest, ":")
	if !ok {
		return s, false
	}
	return strings.TrimPrefix(rest, " "), true
}

// isHost reports whether a word can be a host's name or address.
func isHost(word string) bool {
	for i := range len(word) {
		if !isNameByte(word[i]) && word[i] != ':' {
			return false
		}
	}
	return word != "" && levelOf(strings.TrimSuffix(word, ":")) == LevelUnknown
}

func (e *LogEvent) takePID(digits string) {
	if pid, err := strconv.Atoi(digits); err == nil && pid > 0 {
		e.PID = pid
	}
}

func isMonth(s string) bool {
	return strings.Contains("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", s) && isUpper(s[0])
}

func leadingDigits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// cutSize reports whether a text has a length at which a runtime or a shipper cuts long lines: Docker and containerd at 16 KiB,
// CRI-O at 8 KiB, journald at 48 KiB. A cut within a letter leaves a substitute of three bytes in JSON.
func cutSize(s string) bool {
	for _, size := range [...]int{8 << 10, 16 << 10, 32 << 10, 48 << 10} {
		if n := len(s); n == size || n > size && n <= size+6 && strings.HasSuffix(s, "\ufffd") {
			return true
		}
	}
	return false
}
