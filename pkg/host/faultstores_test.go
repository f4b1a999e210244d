package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// fakeStore answers with the sound telemetry of telemetry_test.go until it is made to fail.
type fakeStore struct {
	url   string
	wire  *wire
	fault atomic.Pointer[fault]
	asked atomic.Int64
	mu    sync.Mutex
	texts []string // of the queries in PromQL or LogQL
}

// newFakeStore serves a store on a free port of loopback.
func newFakeStore(t testing.TB, store evidence.Store) *fakeStore {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &fakeStore{wire: &wire{Listener: listener, conns: map[net.Conn]struct{}{}}}
	if store == evidence.Jaeger {
		s.url = "grpc://" + listener.Addr().String()
		server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var request rawMessage
			if err := stream.RecvMsg(&request); err != nil {
				return err
			}
			method, _ := grpc.MethodFromServerStream(stream)
			return s.serve(&grpcCall{stream: stream, store: s, method: method, request: request})
		}))
		var served sync.WaitGroup
		served.Go(func() { _ = server.Serve(s.wire) }) // ends with Stop
		t.Cleanup(func() { server.Stop(); served.Wait() })
		return s
	}
	s.url = "http://" + listener.Addr().String() + "/behind/" + string(store)
	found := map[evidence.Store]func(*http.Request, bool) string{evidence.Prometheus: prometheusAnswer, evidence.Loki: lokiAnswer}[store]
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // what cannot be parsed is asked for in vain
		_ = s.serve(&httpCall{w: w, r: r, store: s, found: found})
	}))
	_ = server.Listener.Close() // the one that httptest opened
	server.Listener = s.wire
	server.Start()
	t.Cleanup(server.Close)
	return s
}

func (s *fakeStore) serve(c exchange) error {
	s.asked.Add(1)
	s.mu.Lock()
	s.texts = append(s.texts, c.texts()...)
	s.mu.Unlock()
	if f := s.fault.Load(); f != nil {
		return f.instead(c)
	}
	return c.answer()
}

// fail makes the store fail from now on.
func (s *fakeStore) fail(f fault) {
	if f.instead == nil {
		s.wire.down()
		return
	}
	s.fault.Store(&f)
}

// fault is one way in which a store does not do what it is asked to.
type fault struct {
	name    string
	instead func(exchange) error // what it does instead of answering; nil: nothing listens any more
	status  backend.Status       // of a query that cannot do without the store
	half    bool                 // some of the answer came
}

// exchange is one call to a fake store, over either protocol.
type exchange interface {
	answer() error                           // in full
	half() error                             // only the beginning of the answer
	empty() error                            // soundly, that there is nothing
	body(text string) error                  // something else than an answer
	refuse(httpStatus int, why string) error // with the code that means this HTTP status
	quote() string                           // all that we were sent, secrets and URL
	texts() []string                         // in the store's query language
	context() context.Context
	line() *wire
}

// faults is the list of section 2: a store that is down, refuses, is slow, denies, or talks rubbish.
var faults = []fault{
	{name: "down", status: backend.StatusBadGateway},
	{name: "refused", status: backend.StatusBadRequest, instead: refusing(http.StatusBadRequest)},
	{name: "slow", status: backend.StatusTimeout, instead: waiting},
	{name: "stalled half-way", half: true, status: backend.StatusTimeout, instead: func(c exchange) error { _ = c.half(); return waiting(c) }},
	{name: "401", status: backend.StatusUnauthorized, instead: refusing(http.StatusUnauthorized)},
	{name: "403", status: backend.StatusForbidden, instead: refusing(http.StatusForbidden)},
	{name: "404", status: backend.StatusNotFound, instead: refusing(http.StatusNotFound)},
	{name: "429", status: backend.StatusTooManyRequests, instead: refusing(http.StatusTooManyRequests)},
	{name: "500", status: backend.StatusBadGateway, instead: refusing(http.StatusInternalServerError)},
	{name: "reset", status: backend.StatusBadGateway, instead: breaking(abruptly, "")},
	{name: "truncated", half: true, status: backend.StatusBadGateway, instead: func(c exchange) error { _ = c.half(); return breaking(orderly, "")(c) }},
	{name: "garbage", status: backend.StatusBadGateway, instead: func(c exchange) error { return c.body("\xff\xfe<html>" + c.quote()) }},
	{name: "another protocol", status: backend.StatusBadGateway, instead: breaking(orderly, "220 mail.example.com ready\r\n")},
	{name: "oversize", status: backend.StatusBadRequest, instead: func(c exchange) error { return c.body(strings.Repeat(" ", 2*settings.MinMaxResponse)) }},
}

// emptiness is no fault: a store that has nothing has answered.
var emptiness = fault{name: "empty", status: backend.StatusOK, instead: exchange.empty}

// refusing denies as gateways at their worst do: by quoting what they were sent.
func refusing(httpStatus int) func(exchange) error {
	return func(c exchange) error { return c.refuse(httpStatus, "no: "+c.quote()) }
}

func waiting(c exchange) error {
	<-c.context().Done()
	return c.context().Err()
}

func breaking(reset bool, lastWords string) func(exchange) error {
	return func(c exchange) error {
		c.line().breakOff(reset, lastWords)
		return errGone
	}
}

var errGone = errors.New("the fake store broke the connection off")

// httpCall is a call to Prometheus or Loki.
type httpCall struct {
	w     http.ResponseWriter
	r     *http.Request
	store *fakeStore
	found func(r *http.Request, empty bool) string
}

func (c *httpCall) answer() error            { return c.body(c.found(c.r, false)) }
func (c *httpCall) empty() error             { return c.body(c.found(c.r, true)) }
func (c *httpCall) context() context.Context { return c.r.Context() }
func (c *httpCall) line() *wire              { return c.store.wire }

func (c *httpCall) body(text string) error {
	c.w.Header().Set("Content-Type", "application/json")
	_, err := c.w.Write([]byte(text))
	return err
}

func (c *httpCall) half() error {
	text := c.found(c.r, false)
	c.w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	_ = c.body(text[:len(text)/2])
	return http.NewResponseController(c.w).Flush()
}

func (c *httpCall) refuse(httpStatus int, why string) error {
	http.Error(c.w, why, httpStatus)
	return nil
}

func (c *httpCall) quote() string {
	return fmt.Sprint(c.r.Header, " at ", c.store.url, c.r.URL.Path, "?", c.r.Form.Encode())
}

func (c *httpCall) texts() []string { return append(c.r.Form["query"], c.r.Form["match[]"]...) }

// grpcCall is a call to Jaeger, whose messages are bytes here.
type grpcCall struct {
	stream  grpc.ServerStream
	store   *fakeStore
	method  string
	request []byte
}

func (c *grpcCall) context() context.Context { return c.stream.Context() }
func (c *grpcCall) line() *wire              { return c.store.wire }

func (c *grpcCall) answer() error {
	messages, err := jaegerAnswer(c.method, c.request)
	for i := 0; i < len(messages) && err == nil; i++ {
		err = c.body(string(messages[i]))
	}
	return err
}

func (c *grpcCall) half() error {
	messages, err := jaegerAnswer(c.method, c.request)
	if err != nil || len(messages) == 0 {
		return err
	}
	return c.body(string(messages[0]))
}

func (c *grpcCall) empty() error {
	if strings.HasSuffix(c.method, "/FindTraces") || strings.HasSuffix(c.method, "/GetTrace") {
		return nil // a stream without messages
	}
	return c.body("")
}

func (c *grpcCall) body(text string) error {
	message := rawMessage(text)
	return c.stream.SendMsg(&message)
}

var grpcCodes = map[int]codes.Code{
	http.StatusBadRequest: codes.InvalidArgument, http.StatusUnauthorized: codes.Unauthenticated, http.StatusForbidden: codes.PermissionDenied,
	http.StatusNotFound: codes.NotFound, http.StatusTooManyRequests: codes.ResourceExhausted, http.StatusInternalServerError: codes.Internal,
	http.StatusServiceUnavailable: codes.Unavailable,
}

func (c *grpcCall) refuse(httpStatus int, why string) error {
	return status.Error(grpcCodes[httpStatus], why)
}

func (c *grpcCall) quote() string {
	sent, _ := metadata.FromIncomingContext(c.stream.Context())
	return fmt.Sprint(sent, " at ", c.store.url, c.method, "?", bytes.ToValidUTF8(c.request, nil))
}

func (c *grpcCall) texts() []string { return nil } // Jaeger has no language that one could break out of

// rawCodec passes messages on as bytes.
type rawCodec struct{}

type rawMessage []byte

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*rawMessage), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*rawMessage) = bytes.Clone(data)
	return nil
}

// wire is a listener that knows its connections, so that a store can go away below its protocol.
type wire struct {
	net.Listener
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Accept remembers the connection.
func (w *wire) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.conns[conn] = struct{}{}
	}
	return conn, err
}

// How a connection ends: with a reset, or after all that was written.
const (
	abruptly = true
	orderly  = false
)

// breakOff ends every connection, after some last words in whatever language.
func (w *wire) breakOff(reset bool, last string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_, _ = conn.Write([]byte(last)) // it may be gone already
		_ = conn.Close()
	}
	clear(w.conns)
}

// down leaves nothing that listens.
func (w *wire) down() {
	_ = w.Close()
	w.breakOff(abruptly, "")
}
