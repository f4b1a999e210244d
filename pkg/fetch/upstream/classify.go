package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// FromStatus makes the error of an HTTP answer whose status is not 2xx.
func FromStatus(store settings.Store, code int, body []byte) error {
	return &Error{Store: store.Name, Kind: kindOfStatus(code), Status: code, Message: storeMessage(store, body)}
}

func kindOfStatus(code int) Kind {
	switch code {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return ErrUnauthorized
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return ErrNotFound
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return ErrTimeout
	case http.StatusTooManyRequests:
		return ErrRateLimited
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return ErrUnsupported
	}
	switch {
	case code >= 500:
		return ErrServer
	case code >= 400:
		return ErrRefused
	default: // a redirect without place, or a code that is none
		return ErrBadAnswer
	}
}

// FromNetwork makes the error of a call that brought no answer, or not all of it. Nil stays nil, an *Error stays itself.
func FromNetwork(store settings.Store, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	kind, message := network(err)
	return &Error{Store: store.Name, Kind: kind, Message: clean(store, message, maxMessage)}
}

// network tells kind and cause of a transport error. The text of *url.Error is never used: it begins with the URL.
func network(err error) (Kind, string) {
	var (
		urlErr      *url.Error
		netErr      net.Error
		dnsErr      *net.DNSError
		redirectErr *redirectError
	)
	isTimeout := errors.As(err, &netErr) && netErr.Timeout()
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	switch {
	case errors.Is(err, context.Canceled):
		return ErrCanceled, ""
	case errors.As(err, &redirectErr):
		return ErrBadAnswer, redirectErr.Error()
	case errors.Is(err, httpclient.ErrResponseBodyTooLarge):
		return ErrTooLarge, "ask for less, or raise the data source's maxResponseBytes"
	case errors.As(err, &dnsErr) && !dnsErr.IsTimeout:
		return ErrUnreachable, "no such host: " + dnsErr.Name
	case errors.Is(err, context.DeadlineExceeded), isTimeout:
		return ErrTimeout, ""
	case isTLS(err):
		return ErrTLS, err.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return ErrUnreachable, "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ErrUnreachable, "connection reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ErrBadAnswer, "it broke off"
	case errors.Is(err, io.EOF):
		return ErrUnreachable, "connection closed without an answer"
	case strings.Contains(err.Error(), "malformed HTTP"): // net/http has no sentinel for an answer that is not HTTP
		return ErrBadAnswer, "it is not HTTP"
	default:
		return ErrUnreachable, err.Error()
	}
}

// isTLS reports whether err is about certificates or the handshake.
func isTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		op           *net.OpError
	)
	if errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.As(err, &invalid) || errors.As(err, &record) || errors.As(err, &alert) {
		return true
	}
	// An alert that the other side sends, such as "certificate required", has an unexported type within OpError.
	return errors.As(err, &op) && op.Op == "remote error" ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// FromGRPC makes the error of a failed gRPC call. Nil stays nil, an *Error stays itself.
func FromGRPC(store settings.Store, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, memory.ErrBusy) { // the store did nothing
		return err
	}
	s, ok := status.FromError(err)
	if !ok {
		return FromNetwork(store, err)
	}
	kind := kindOfCode(s)
	return &Error{Store: store.Name, Kind: kind, Message: clean(store, grpcMessage(kind, s.Message()), maxMessage)}
}

// grpcMessage says of a connection what network says of one over HTTP; grpc-go's own words about it nest four errors.
func grpcMessage(kind Kind, message string) string {
	switch kind {
	case ErrTimeout, ErrCanceled:
		if message == context.DeadlineExceeded.Error() || message == context.Canceled.Error() {
			return ""
		}
	case ErrUnreachable:
		for _, known := range []string{"connection refused", "connection reset", "no such host"} {
			if strings.Contains(message, known) {
				return known
			}
		}
	}
	return message
}

func kindOfCode(s *status.Status) Kind {
	switch s.Code() {
	case codes.Canceled:
		return ErrCanceled
	case codes.DeadlineExceeded:
		return ErrTimeout
	case codes.Unauthenticated:
		return ErrUnauthorized
	case codes.PermissionDenied:
		return ErrForbidden
	case codes.NotFound:
		return ErrNotFound
	case codes.ResourceExhausted:
		// grpc-go answers with the same code for a message above MaxCallRecvMsgSize as servers do for their rate limit.
		if strings.Contains(s.Message(), "larger than max") {
			return ErrTooLarge
		}
		return ErrRateLimited
	case codes.InvalidArgument, codes.OutOfRange, codes.FailedPrecondition:
		return ErrRefused
	case codes.Unimplemented:
		return ErrUnsupported
	case codes.Unavailable:
		if strings.Contains(s.Message(), "tls: ") || strings.Contains(s.Message(), "x509: ") {
			return ErrTLS
		}
		return ErrUnreachable
	default:
		return ErrServer
	}
}

// BadAnswer makes the error of an answer that came whole and cannot be read; reason must not quote the answer.
func BadAnswer(store settings.Store, reason error) error {
	return &Error{Store: store.Name, Kind: ErrBadAnswer, Message: clean(store, fmt.Sprint(reason), maxMessage)}
}
