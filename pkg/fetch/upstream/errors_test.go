package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// 499 is what nginx and Grafana call a client that went away.
const closed backend.Status = 499

func TestEveryStatusOfAStoreHasItsKindItsSentenceAndItsSource(t *testing.T) {
	for _, c := range []struct {
		code   int
		kind   Kind
		text   string
		status backend.Status
		source backend.ErrorSource
	}{
		{302, ErrBadAnswer, "Loki answered 302 Found: no", backend.StatusBadGateway, backend.ErrorSourceDownstream},
		{400, ErrRefused, "Loki answered 400 Bad Request: no", backend.StatusBadRequest, backend.ErrorSourceDownstream},
		{401, ErrUnauthorized, "Loki answered 401 Unauthorized: no", backend.StatusUnauthorized, backend.ErrorSourceDownstream},
		{403, ErrForbidden, "Loki answered 403 Forbidden: no", backend.StatusForbidden, backend.ErrorSourceDownstream},
		{404, ErrNotFound, "Loki answered 404 Not Found: no", backend.StatusNotFound, backend.ErrorSourceDownstream},
		{405, ErrUnsupported, "Loki answered 405 Method Not Allowed: no", backend.StatusNotImplemented, backend.ErrorSourceDownstream},
		{408, ErrTimeout, "Loki answered 408 Request Timeout: no", backend.StatusTimeout, backend.ErrorSourceDownstream},
		{414, ErrRefused, "Loki answered 414 Request URI Too Long: no", backend.StatusBadRequest, backend.ErrorSourcePlugin},
		{422, ErrRefused, "Loki answered 422 Unprocessable Entity: no", backend.StatusBadRequest, backend.ErrorSourceDownstream},
		{429, ErrRateLimited, "Loki answered 429 Too Many Requests: no", backend.StatusTooManyRequests, backend.ErrorSourceDownstream},
		{500, ErrServer, "Loki answered 500 Internal Server Error: no", backend.StatusBadGateway, backend.ErrorSourceDownstream},
		{501, ErrUnsupported, "Loki answered 501 Not Implemented: no", backend.StatusNotImplemented, backend.ErrorSourceDownstream},
		{502, ErrServer, "Loki answered 502 Bad Gateway: no", backend.StatusBadGateway, backend.ErrorSourceDownstream},
		{503, ErrServer, "Loki answered 503 Service Unavailable: no", backend.StatusBadGateway, backend.ErrorSourceDownstream},
		{504, ErrTimeout, "Loki answered 504 Gateway Timeout: no", backend.StatusTimeout, backend.ErrorSourceDownstream},
		{599, ErrServer, "Loki answered 599: no", backend.StatusBadGateway, backend.ErrorSourceDownstream},
	} {
		t.Run(http.StatusText(c.code), func(t *testing.T) {
			store := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.code)
				_, _ = io.WriteString(w, "no\n")
			})
			client := newClient(t, store)
			resp, body, err := client.Do(t.Context(), get(t, client, "/"))
			requireError(t, err, c.kind, c.text, c.status, c.source)
			require.Equal(t, c.code, resp.StatusCode)
			require.Empty(t, body)
		})
	}
}

func TestEveryCodeOfGRPCHasItsKind(t *testing.T) {
	for _, c := range []struct {
		code    codes.Code
		message string
		kind    Kind
		text    string
		status  backend.Status
	}{
		{codes.Canceled, "context canceled", ErrCanceled, "Jaeger was not waited for: the query was canceled", closed},
		{codes.Unknown, "boom", ErrServer, "Jaeger failed: boom", backend.StatusBadGateway},
		{codes.InvalidArgument, "boom", ErrRefused, "Jaeger refused the query: boom", backend.StatusBadRequest},
		{codes.DeadlineExceeded, "boom", ErrTimeout, "Jaeger did not answer in time: boom", backend.StatusTimeout},
		{codes.NotFound, "trace not found", ErrNotFound, "Jaeger has no such thing: trace not found", backend.StatusNotFound},
		{codes.PermissionDenied, "boom", ErrForbidden, "Jaeger does not let us: boom", backend.StatusForbidden},
		{codes.ResourceExhausted, "slow down", ErrRateLimited, "Jaeger limits our rate: slow down", backend.StatusTooManyRequests},
		{codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)", ErrTooLarge, "Jaeger gave an answer that is too large: grpc: received message larger than max (5 vs. 4)", backend.StatusBadRequest},
		{codes.FailedPrecondition, "boom", ErrRefused, "Jaeger refused the query: boom", backend.StatusBadRequest},
		{codes.OutOfRange, "boom", ErrRefused, "Jaeger refused the query: boom", backend.StatusBadRequest},
		{codes.Unimplemented, "unknown service", ErrUnsupported, "Jaeger does not support this call: unknown service", backend.StatusNotImplemented},
		{codes.Internal, "boom", ErrServer, "Jaeger failed: boom", backend.StatusBadGateway},
		{codes.Unavailable, "connection refused", ErrUnreachable, "Jaeger cannot be reached: connection refused", backend.StatusBadGateway},
		{codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.7:16685: connect: connection refused"`,
			ErrUnreachable, "Jaeger cannot be reached: connection refused", backend.StatusBadGateway},
		{codes.DeadlineExceeded, "context deadline exceeded", ErrTimeout, "Jaeger did not answer in time", backend.StatusTimeout},
		{codes.Unavailable, "tls: first record does not look like a TLS handshake", ErrTLS, "Jaeger cannot be reached over TLS: tls: first record does not look like a TLS handshake", backend.StatusBadGateway},
		{codes.DataLoss, "boom", ErrServer, "Jaeger failed: boom", backend.StatusBadGateway},
		{codes.Unauthenticated, "boom", ErrUnauthorized, "Jaeger does not know us: boom", backend.StatusUnauthorized},
	} {
		t.Run(c.code.String()+" "+c.message, func(t *testing.T) {
			err := FromGRPC(settings.Store{Name: evidence.Jaeger}, status.Error(c.code, c.message))
			requireError(t, err, c.kind, c.text, c.status, backend.ErrorSourceDownstream)
		})
	}
}

func TestAStatusIsFoundThroughWrapping(t *testing.T) {
	err := FromGRPC(settings.Store{Name: evidence.Jaeger}, fmt.Errorf("find: %w", status.Error(codes.NotFound, "no trace")))
	require.ErrorIs(t, err, ErrNotFound)
}

func TestAnErrorThatIsNoStoresStillHasStatusAndSource(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status backend.Status
		source backend.ErrorSource
	}{
		"none":                      {nil, backend.StatusOK, backend.DefaultErrorSource},
		"our cancellation":          {fmt.Errorf("join: %w", context.Canceled), closed, backend.ErrorSourceDownstream},
		"our deadline":              {fmt.Errorf("join: %w", context.DeadlineExceeded), backend.StatusTimeout, backend.ErrorSourceDownstream},
		"the user's mistake":        {backend.DownstreamErrorf("query: limit is negative"), backend.StatusBadRequest, backend.ErrorSourceDownstream},
		"a bug":                     {errors.New("index out of range"), backend.StatusInternal, backend.ErrorSourcePlugin},
		"a store's, wrapped":        {fmt.Errorf("spans: %w", &Error{Kind: ErrRateLimited}), backend.StatusTooManyRequests, backend.ErrorSourceDownstream},
		"one said to be the plugin": {backend.PluginError(errors.New("x")), backend.StatusInternal, backend.ErrorSourcePlugin},
	} {
		t.Run(name, func(t *testing.T) {
			gotStatus, source := StatusAndSource(c.err)
			require.Equal(t, c.status, gotStatus)
			require.Equal(t, c.source, source)
		})
	}
}

func TestKindsAreFoundThroughWrapping(t *testing.T) {
	err := fmt.Errorf("spans: %w", &Error{Store: evidence.Jaeger, Kind: ErrTimeout})
	require.ErrorIs(t, err, ErrTimeout)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, ErrCanceled)
	require.NotErrorIs(t, err, context.Canceled)
	require.True(t, backend.IsDownstreamError(err))
	require.Equal(t, err.Error(), "spans: Jaeger did not answer in time")
}

func TestClassifyingTwiceChangesNothing(t *testing.T) {
	store := settings.Store{Name: evidence.Loki}
	once := FromStatus(store, http.StatusNotFound, []byte("no"))
	require.Same(t, once, FromNetwork(store, fmt.Errorf("labels: %w", once)))
	require.Same(t, once, FromGRPC(store, once))
	require.NoError(t, FromNetwork(store, nil))
	require.NoError(t, FromGRPC(store, nil))
}

func TestJoinedErrorsSayEachThingOnce(t *testing.T) {
	refused := func(store evidence.Store) error {
		return &Error{Store: store, Kind: ErrUnreachable, Message: "connection refused"}
	}
	err := Join(nil, refused(evidence.Jaeger), refused(evidence.Loki), refused(evidence.Jaeger))
	require.EqualError(t, err, "Jaeger cannot be reached: connection refused\nLoki cannot be reached: connection refused")
	require.ErrorIs(t, err, ErrUnreachable)
	require.NoError(t, Join(nil, nil))
}

func TestASilentStoreIsOneThatDidNotAnswer(t *testing.T) {
	for kind := range verdicts {
		require.Equal(t, kind == ErrTimeout || kind == ErrUnreachable, Silent(fmt.Errorf("spans: %w", &Error{Kind: kind})), kind)
	}
	require.False(t, Silent(nil))
}

func TestEveryKindHasASentence(t *testing.T) {
	for kind, verdict := range verdicts {
		require.NotEmpty(t, verdict, kind)
	}
	require.Len(t, verdicts, 14)
}

func requireError(t *testing.T, err error, kind Kind, text string, status backend.Status, source backend.ErrorSource) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	require.EqualError(t, err, text)
	gotStatus, gotSource := StatusAndSource(fmt.Errorf("wrapped: %w", err))
	require.Equal(t, status, gotStatus)
	require.Equal(t, source, gotSource)
	carried, ok := errors.AsType[backend.ErrorWithSource](err)
	require.True(t, ok)
	require.Equal(t, source, carried.ErrorSource())
}
