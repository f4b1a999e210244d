package evidence

import (
	"math"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// LineIdentity is what tells one line of one process from every other, however often and by whatever way it was shipped. Two
// lines of the same content are copies of one, or two that a process wrote: which of these is for the reader to settle.
type LineIdentity struct {
	// Content is a hash of what was written: of the message without the head that a logging handler puts before it, so that two
	// handlers write the same. Lines that differ in it are two lines.
	Content uint64
	// Clock is the second that the line itself tells (Unix time, read as UTC where no zone stands); 0 when it tells none. It is the
	// same in all copies of a line.
	Clock uint32
	// PID is the process that the line names; 0 when it names none.
	PID uint32
}

// maxHashed bounds how much of a message is hashed: the beginning of a line that is longer tells it from others as well, and is
// what two shippers with two limits on the length of a line have in common.
const maxHashed = 512

// identify gives the identity of a parsed line. id is the request that it is read as naming, when it names several.
func identify(at time.Time, e *vllm.LogEvent, id string) LineIdentity {
	h := fnv(fnvOffset, string(rune(e.Kind)))
	switch {
	case e.Kind == vllm.LogAdded, e.Kind == vllm.LogCrashDump, e.Kind == vllm.LogAborted && e.IDForm == vllm.IDInternal:
		h = fnv(h, id) // the id is all that they tell
	default:
		h = fnv(fnv(h, id), e.Message[:min(len(e.Message), maxHashed)])
		h = fnv(h, e.FinishReason)
	}
	identity := LineIdentity{Content: h}
	if e.Clock != "" {
		if s, ok := vllm.ClockSeconds(e.Clock, at); ok && s > 0 && s < 1<<32 {
			identity.Clock = uint32(s) // #nosec G115 -- bounded
		}
	}
	if e.PID > 0 && e.PID <= math.MaxInt32 {
		identity.PID = uint32(e.PID) // #nosec G115 -- bounded
	}
	return identity
}

const (
	fnvOffset = uint64(14695981039346656037)
	fnvPrime  = uint64(1099511628211)
)

// fnv is FNV-1a of 64 bits, with a mark behind each part.
func fnv(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * fnvPrime
	}
	return (h ^ 0xff) * fnvPrime
}
