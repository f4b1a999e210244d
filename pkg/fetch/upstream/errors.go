package upstream

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// Kind is what went wrong with a call to a store, as far as callers branch on it. Kinds are sentinels: ask with
// errors.Is(err, upstream.ErrTimeout). The text is also the outcome label of our own metrics, so it stays stable.
type Kind string

// The kinds.
const (
	ErrUnreachable  Kind = "unreachable"  // refused, reset, no route, no such host
	ErrTLS          Kind = "tls"          // certificates do not fit, or one side speaks plaintext
	ErrTimeout      Kind = "timeout"      // ours or the store's; also is context.DeadlineExceeded
	ErrCanceled     Kind = "canceled"     // the panel is gone; also is context.Canceled
	ErrUnauthorized Kind = "unauthorized" // who are you
	ErrForbidden    Kind = "forbidden"    // not you
	ErrNotFound     Kind = "not_found"    // no such thing, or no such API at this URL
	ErrRateLimited  Kind = "rate_limited" // later
	ErrRefused      Kind = "refused"      // the store read the query and will not run it
	ErrUnsupported  Kind = "unsupported"  // the store does not have this method: ask another way
	ErrServer       Kind = "server_error" // the store's own failure
	ErrBadAnswer    Kind = "bad_answer"   // not what the API promises: a login page, cut-off JSON, a redirect elsewhere
	ErrTooLarge     Kind = "too_large"    // larger than the ceiling of one answer
	ErrPartial      Kind = "partial"      // a part of the store did not answer: what came is not all there is
)

// Error makes a Kind a sentinel.
func (k Kind) Error() string { return strings.ReplaceAll(string(k), "_", " ") }

// Is lets the two kinds that the standard library also names be found by its names.
func (k Kind) Is(target error) bool {
	return k == ErrCanceled && target == context.Canceled || k == ErrTimeout && target == context.DeadlineExceeded
}

// Error is a failed call to a store. Its text is shown to users: it has no URL query, header or secret in it, whoever put
// them into the message.
type Error struct {
	Store   evidence.Store
	Kind    Kind
	Status  int    // HTTP status of the store's answer; 0 when there was none, or over gRPC
	Message string // the store's own words, or the network's, cleaned
	NotHeld bool   // nothing is wrong with the answer: the query may hold no more. It is memory.ErrShare, too
}

// Is lets what a query may not hold be told from what is too large in itself.
func (e *Error) Is(target error) bool { return e.NotHeld && target == memory.ErrShare }

// Error names the store, the status and the message.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Store.Title())
	switch {
	case e.Status != 0:
		b.WriteString(" answered " + strconv.Itoa(e.Status))
		if text := http.StatusText(e.Status); text != "" {
			b.WriteString(" " + text)
		}
	default:
		b.WriteString(" " + verdicts[e.Kind])
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	return b.String()
}

// verdicts complete the sentence that begins with the store's name.
var verdicts = map[Kind]string{
	ErrUnreachable:  "cannot be reached",
	ErrTLS:          "cannot be reached over TLS",
	ErrTimeout:      "did not answer in time",
	ErrCanceled:     "was not waited for: the query was canceled",
	ErrUnauthorized: "does not know us",
	ErrForbidden:    "does not let us",
	ErrNotFound:     "has no such thing",
	ErrRateLimited:  "limits our rate",
	ErrRefused:      "refused the query",
	ErrUnsupported:  "does not support this call",
	ErrServer:       "failed",
	ErrBadAnswer:    "gave an answer that cannot be read",
	ErrTooLarge:     "gave an answer that is too large",
	ErrPartial:      evidence.PartlyAnswered,
}

// Unwrap gives the kind, wrapped with the error source in the SDK's way.
func (e *Error) Unwrap() error {
	_, source := e.grafana()
	return backend.NewErrorWithSource(e.Kind, source)
}

// statusClientClosedRequest is nginx's code for a client that went away; Grafana's logs know it too.
const statusClientClosedRequest backend.Status = 499

// grafana maps a store's failure to what Grafana shows and counts. A store's failure is downstream's, except where its
// HTTP status says that our call was wrong in form.
func (e *Error) grafana() (backend.Status, backend.ErrorSource) {
	source := backend.ErrorSourceDownstream
	if e.Status != 0 && e.Kind != ErrTooLarge && e.Kind != ErrUnsupported {
		source = backend.ErrorSourceFromHTTPStatus(e.Status)
	}
	switch e.Kind {
	case ErrTimeout:
		return backend.StatusTimeout, source
	case ErrCanceled:
		return statusClientClosedRequest, source
	case ErrUnauthorized:
		return backend.StatusUnauthorized, source
	case ErrForbidden:
		return backend.StatusForbidden, source
	case ErrNotFound:
		return backend.StatusNotFound, source
	case ErrRateLimited:
		return backend.StatusTooManyRequests, source
	case ErrRefused, ErrTooLarge: // another query can do better
		return backend.StatusBadRequest, source
	case ErrUnsupported:
		return backend.StatusNotImplemented, source
	default:
		return backend.StatusBadGateway, source
	}
}

// StatusAndSource maps any error that a query ends with to Grafana's status and error source: a store's by its kind,
// a cancellation or deadline of ours as the store's would be, one that carries a source by that source, and the rest as our
// own bug.
func StatusAndSource(err error) (backend.Status, backend.ErrorSource) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.grafana()
	}
	switch {
	case err == nil:
		return backend.StatusOK, backend.DefaultErrorSource
	case errors.Is(err, memory.ErrBusy) && !errors.Is(err, context.Canceled): // who asked did not do it, nor did a store
		return backend.StatusTooManyRequests, backend.ErrorSourceDownstream
	case errors.Is(err, context.Canceled):
		return (&Error{Kind: ErrCanceled}).grafana()
	case errors.Is(err, context.DeadlineExceeded):
		return (&Error{Kind: ErrTimeout}).grafana()
	}
	if e, ok := errors.AsType[backend.ErrorWithSource](err); ok && e.ErrorSource() == backend.ErrorSourceDownstream {
		return backend.StatusBadRequest, backend.ErrorSourceDownstream // the user's query or settings
	}
	return backend.StatusInternal, backend.ErrorSourcePlugin
}

// Silent reports whether a store did not answer at all. Asking it more within the same query would only take longer.
func Silent(err error) bool { return errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable) }

// Join joins errors as errors.Join does, those that say the same once: many calls to one store fail alike.
func Join(errs ...error) error {
	said := map[string]bool{}
	distinct := make([]error, 0, len(errs))
	for _, err := range errs {
		if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			distinct = append(distinct, err)
		}
	}
	return errors.Join(distinct...)
}

// Partial is the error of an answer that the store itself calls incomplete, in the store's words; nil without any words.
func Partial(store evidence.Store, words string) error {
	if words == "" {
		return nil
	}
	return &Error{Store: store, Kind: ErrPartial, Message: words}
}

// Trouble is all that keeps a store's answer from being whole, apart from limits: its failure, and what it says itself that
// is missing. Nil when nothing does.
func Trouble(r evidence.StoreReport) error { return Join(r.Err, Partial(r.Store, r.Partial())) }

// kindOf gives the outcome label of an error: its kind, or "error".
func kindOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return string(e.Kind)
	}
	return "error"
}
