package vllm

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A sentence is a line that tells of an engine's life, in vLLM's words or those of the programs that share its output. The
// table below is the only place where such words stand: the parser reads lines by it, the store is asked for its words, and the
// alerts on lines (EngineEventFilter, tools/alerts) are made of its patterns.
type sentence struct {
	events []EngineEvent
	// words are what a store looks for: each line that is this sentence has one of them.
	words []string
	// begins is the plain text with which the message begins; empty for what can begin in many ways.
	begins string
	// pattern is the message from its beginning, as an expression of RE2 without groups that capture. whole says that the
	// message ends where the pattern does. A client's words never stand before the pattern's end.
	pattern string
	whole   bool
	// anyones is set for words that any program may write, not only vLLM.
	anyones bool
}

// shellSays is what a shell writes before its word about a process that ended: "start.sh: line 3:    71 ".
const shellSays = `(?:[\w./-]+: line \d+: +\d+ +)?`

// raised are the classes of exceptions whose text never quotes a client.
const raised = `[\w.]*(?:RuntimeError|AcceleratorError|DistBackendError|CUDAError|HIPError)`

// atRank is how torch begins what it says of a process group.
const atRank = `(?:\[[^\]]*[Rr]ank ?\d+\]:? ?)`

var sentences = []sentence{
	{[]EngineEvent{EngineDied}, []string{"EngineCore encountered a fatal error"}, "EngineCore ", `EngineCore encountered a fatal error\.`, true, false},
	{[]EngineEvent{EngineDied}, []string{"EngineCore hit an exception"}, "EngineCore ", `EngineCore hit an exception[.:]`, false, false}, // 0.8
	{[]EngineEvent{EngineDied}, []string{"AsyncLLM output_handler failed"}, "AsyncLLM ", `AsyncLLM output_handler failed\.`, true, false},
	{[]EngineEvent{EngineDied}, []string{"engine core exited unexpectedly"}, "[shutdown] ", `\[shutdown\] MPClient: engine core exited unexpectedly\b`, false, false},
	{[]EngineEvent{EngineDied}, []string{"died unexpectedly"}, "Engine core proc ", `Engine core proc [\w-]+ died unexpectedly, shutting down client\.`, true, false},
	{[]EngineEvent{EngineDied, EngineKilled}, []string{"died unexpectedly"}, "Worker proc ", `Worker proc [\w-]+ died unexpectedly \(exit code: -9\), shutting down executor\.`, true, false},
	{[]EngineEvent{EngineDied}, []string{"died unexpectedly"}, "Worker proc ", `Worker proc [\w-]+ died unexpectedly(?: \(exit code: (?:-?[0-8]\d*|-9\d+|9\d*)\))?, shutting down executor\.`, true, false},
	{[]EngineEvent{EngineDied}, []string{"WorkerProc hit an exception"}, "WorkerProc ", `WorkerProc hit an exception[.:]`, false, false},
	{[]EngineEvent{EngineDied}, []string{"Engine background task failed"}, "Engine background", `Engine background task failed`, true, false}, // V0
	{[]EngineEvent{EngineFoundDead}, []string{"EngineDeadError"}, "", `[\w.]*EngineDeadError(?:: .*)?`, true, false},

	// A process that ended without a word of Python's.
	{[]EngineEvent{EngineDied}, []string{"Fatal Python error: "}, "Fatal Python error: ", `Fatal Python error: \w.*`, true, true},
	{[]EngineEvent{EngineDied}, []string{"Segmentation fault"}, "", shellSays + `Segmentation fault(?: +\(core dumped\).*)?`, true, true},
	{[]EngineEvent{EngineDied}, []string{"(core dumped)"}, "", shellSays + `(?:Aborted|Bus error|Illegal instruction) +\(core dumped\).*`, true, true},
	{[]EngineEvent{EngineDied}, []string{"Segfault encountered"}, "!!!!!!! ", `!!!!!!! Segfault encountered !!!!!!!`, true, true},
	{[]EngineEvent{EngineDied}, []string{" received at time="}, "*** SIG", `\*\*\* SIG(?:SEGV|ABRT|BUS|ILL|FPE) received at time=`, false, true},
	{[]EngineEvent{EngineDied}, []string{"terminate called "}, "terminate called ", `terminate called (?:after throwing an instance of '|without an active exception|recursively)`, false, true},
	{[]EngineEvent{EngineDied}, []string{"watchdog thread terminated with exception"}, "[", atRank + `+.*watchdog thread terminated with exception: `, false, true},
	{[]EngineEvent{EngineDied, EngineKilled}, []string{"Killed"}, "", shellSays + `Killed(?: {2,}.*)?`, true, true},

	{[]EngineEvent{EngineStartFailed}, []string{"EngineCore failed to start"}, "EngineCore ", `EngineCore failed to start\.`, true, false},
	{[]EngineEvent{EngineStartFailed}, []string{"WorkerProc failed to start"}, "WorkerProc ", `WorkerProc failed to start\.`, true, false},
	{[]EngineEvent{EngineStartFailed}, []string{"WorkerProc initialization failed"}, "", `[\w.]*(?:Exception|RuntimeError): WorkerProc initialization failed\b.*`, true, false},
	{[]EngineEvent{EngineStartFailed, EngineKilled}, []string{"Engine core initialization failed"}, "", `[\w.]*RuntimeError: Engine core initialization failed\..*Failed core proc\(s\): \{.*: -9\b.*`, true, false},
	{[]EngineEvent{EngineStartFailed}, []string{"Engine core initialization failed"}, "", `[\w.]*(?:Exception|RuntimeError): Engine core initialization failed\b.*`, true, false},
	{[]EngineEvent{EngineStartFailed}, []string{"Engine process failed to start"}, "", `[\w.]*RuntimeError: Engine process failed to start\b.*`, true, false}, // 0.6, 0.7

	{[]EngineEvent{EngineOutOfMemory}, []string{"OutOfMemoryError"}, "", `[\w.]*OutOfMemoryError(?:: .*)?`, true, true},
	{[]EngineEvent{EngineOutOfMemory}, []string{"MemoryError"}, "", `MemoryError(?::.*)?`, true, true},
	{[]EngineEvent{EngineOutOfMemory}, []string{"out of memory"}, "", raised + `: .*out of memory.*`, true, true},
	{[]EngineEvent{EngineOutOfMemory}, []string{"can't allocate memory: "}, "", raised + `: .*DefaultCPUAllocator: can't allocate memory: .*`, true, true},
	{[]EngineEvent{EngineOutOfMemory}, []string{"No available memory for the cache blocks"}, "", `[\w.]*ValueError: No available memory for the cache blocks.*`, true, false},
	{[]EngineEvent{EngineOutOfMemory}, []string{"To serve at least one request with the model's max seq len"}, "", `[\w.]*ValueError: To serve at least one request with the model's max seq len.*`, true, false},
	{[]EngineEvent{EngineOutOfMemory}, []string{"Free memory on device "}, "", `[\w.]*ValueError: Free memory on device .*`, true, false},

	{[]EngineEvent{EngineStuck}, []string{"stack dumped to "}, "No progress for ", `No progress for \d+(?:\.\d+)? ?s(?:econds)?, stack dumped to [\w./-]+`, true, false},
	{[]EngineEvent{EngineStuck}, []string{"Watchdog caught collective operation timeout"}, "", atRank + `*Watchdog caught collective operation timeout: \w+\(.*`, true, true},
	{[]EngineEvent{EngineStuck}, []string{"watchdog got stuck for "}, "", atRank + `*.*ProcessGroupNCCL's watchdog got stuck for .*`, true, true},
	{[]EngineEvent{EngineStuck}, []string{"Engine iteration timed out."}, "Engine iteration", `Engine iteration timed out\. This should never happen!`, true, false}, // V0
	{[]EngineEvent{EngineStuck}, []string{"RPC call to "}, "", `[\w.]*TimeoutError: RPC call to \w+ timed out\.?`, true, false},
}

// quietSentences tell of what somebody did: they are no alarm, and come at level INFO.
var quietSentences = []sentence{
	{[]EngineEvent{ServerReady}, []string{"Starting vLLM "}, "Starting vLLM ", `Starting vLLM `, false, false},
	{[]EngineEvent{ServerStopping}, []string{"[shutdown] API server: shutdown triggered"}, "[shutdown] ", `\[shutdown\] API server: shutdown triggered`, false, false},
	{[]EngineEvent{ServerStopping}, []string{"Shutting down FastAPI HTTP server"}, "Shutting down ", `Shutting down FastAPI HTTP server`, false, false},
	{[]EngineEvent{LoRALoaded}, []string{"Loaded new LoRA adapter"}, "Loaded ", `Loaded new LoRA adapter`, false, false},
	{[]EngineEvent{LoRALoaded}, []string{"Loaded LoRA adapter"}, "Loaded ", `Loaded LoRA adapter`, false, false},
	{[]EngineEvent{LoRARemoved}, []string{"Removed LoRA adapter"}, "Removed ", `Removed LoRA adapter`, false, false},
	{[]EngineEvent{FellAsleep}, []string{"seconds to fall asleep"}, "It took ", `It took [\d.]+ seconds to fall asleep`, false, false},
	{[]EngineEvent{WokeUp}, []string{"seconds to wake up tags"}, "It took ", `It took [\d.]+ seconds to wake up tags`, false, false},
	{[]EngineEvent{Resumed}, []string{"setting pause state to "}, "setting pause state to ", `setting pause state to UNPAUSED`, false, false},
	{[]EngineEvent{Paused}, []string{"setting pause state to "}, "setting pause state to ", `setting pause state to PAUSED`, false, false},
}

// matcher is a sentence ready to be compared.
type matcher struct {
	*sentence
	re *regexp.Regexp
}

var matchers, quietMatchers = sync.OnceValue(func() []matcher { return compiled(sentences) }), sync.OnceValue(func() []matcher { return compiled(quietSentences) })

func compiled(table []sentence) []matcher {
	out := make([]matcher, len(table))
	for i := range table {
		end := ""
		if table[i].whole {
			end = `\s*$`
		}
		out[i] = matcher{&table[i], regexp.MustCompile(`^(?:` + table[i].pattern + `)` + end)}
	}
	return out
}

// sentenceOf finds the sentence that a message is.
func sentenceOf(m string, table []matcher) *sentence {
	for _, known := range table {
		if strings.HasPrefix(m, known.begins) && slices.ContainsFunc(known.words, func(word string) bool { return strings.Contains(m, word) }) && known.re.MatchString(m) {
			return known.sentence
		}
	}
	return nil
}

// tellsOf reports whether the sentence tells of any of these events.
func (s *sentence) tellsOf(events ...EngineEvent) bool {
	return slices.ContainsFunc(s.events, func(e EngineEvent) bool { return slices.Contains(events, e) })
}
