//go:build integration && unix

package alerts

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sinks stand where PagerDuty, Slack and a mail server are.
type sinks struct {
	web, tls  *httptest.Server // of tls only the certificate is used, by the mail server
	mail      net.Listener
	pagerDuty chan pagerDutyEvent
	slack     chan slackMessage
	email     chan email
}

// pagerDutyEvent is what Events API v2 takes.
type pagerDutyEvent struct {
	RoutingKey string `json:"routing_key"`
	DedupKey   string `json:"dedup_key"`
	Action     string `json:"event_action"`
	Payload    struct {
		Summary, Severity string
		Details           map[string]any `json:"custom_details"`
	}
	Links []struct{ Href, Text string }
}

// slackMessage is what an incoming webhook takes.
type slackMessage struct {
	Channel, Text string
	Attachments   []struct{ Title, Text, Color, Fallback, Pretext, Footer string }
}

type email struct {
	user, password string
	from, to       string
	*mail.Message
	text, html string
}

func newSinks(t *testing.T) *sinks {
	t.Helper()
	s := &sinks{pagerDuty: make(chan pagerDutyEvent, 100), slack: make(chan slackMessage, 100), email: make(chan email, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/enqueue", func(w http.ResponseWriter, r *http.Request) {
		take(t, r.Body, s.pagerDuty)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /services/T/B/secret", func(w http.ResponseWriter, r *http.Request) {
		take(t, r.Body, s.slack)
		_, _ = io.WriteString(w, "ok") // another word would be an error
	})
	s.web, s.tls = httptest.NewServer(mux), httptest.NewTLSServer(nil)
	var err error
	s.mail, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mails sync.WaitGroup
	mails.Go(func() { s.serveMail(t, &mails) })
	t.Cleanup(func() { // after Alertmanager's end, so that nobody writes any more
		s.web.Close()
		s.tls.Close()
		require.NoError(t, s.mail.Close())
		mails.Wait()
	})
	return s
}

func take[M any](t *testing.T, body io.Reader, to chan M) {
	var message M
	if err := json.NewDecoder(body).Decode(&message); hungUp(err) {
		return
	} else if err != nil {
		t.Error(err)
	}
	select {
	case to <- message:
	default:
		t.Error("more messages than anybody reads")
	}
}

// hungUp tells an Alertmanager that was stopped in the middle of a message, which happens at the end of a test, from one that
// says something wrong. A test that waits for the message says that it did not come.
func hungUp(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// patience is long after any pause that Alertmanager makes: only a failure waits for it.
const patience = time.Minute

// next is the next message.
func next[M any](t *testing.T, from chan M) M {
	t.Helper()
	select {
	case message := <-from:
		return message
	case <-time.After(patience):
		require.FailNow(t, "nothing was delivered")
		panic("unreachable")
	}
}

// ca is the certificate by which the mail server is known.
func (s *sinks) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.tls.Certificate().Raw})
}

func (s *sinks) serveMail(t *testing.T, sessions *sync.WaitGroup) {
	for {
		connection, err := s.mail.Accept()
		if err != nil {
			return // the test is over
		}
		sessions.Go(func() {
			if err := s.session(connection); err != nil && !hungUp(err) {
				t.Error("mail:", err)
			}
		})
	}
}

// session is as much of SMTP as is needed to send: nothing is taken before STARTTLS and AUTH PLAIN.
func (s *sinks) session(connection net.Conn) error {
	defer func() { _ = connection.Close() }()
	var e email
	talk, secure := textproto.NewConn(connection), false
	if err := talk.PrintfLine("220 sink ESMTP"); err != nil {
		return err
	}
	for {
		line, err := talk.ReadLine()
		if err != nil {
			return err
		}
		command, rest, _ := strings.Cut(line, " ")
		answer := "250 ok"
		switch strings.ToUpper(command) {
		case "EHLO":
			answer = "250-sink\r\n250 STARTTLS"
			if secure {
				answer = "250-sink\r\n250 AUTH PLAIN"
			}
		case "STARTTLS":
			if err := talk.PrintfLine("220 go ahead"); err != nil {
				return err
			}
			talk, secure = textproto.NewConn(tls.Server(connection, &tls.Config{Certificates: s.tls.TLS.Certificates, MinVersion: tls.VersionTLS12})), true
			continue
		case "AUTH":
			text, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if err != nil {
				return err
			}
			parts := strings.Split(string(text), "\x00")
			e.user, e.password, answer = parts[1], parts[2], "235 welcome"
		case "MAIL":
			e.from = rest
			if !secure || e.user == "" {
				answer = "530 first STARTTLS and AUTH"
			}
		case "RCPT":
			e.to = rest
		case "DATA":
			if err := talk.PrintfLine("354 go ahead"); err != nil {
				return err
			}
			if e.Message, err = mail.ReadMessage(talk.DotReader()); err != nil {
				return err
			}
			if e.text, e.html, err = parts(e.Message); err != nil {
				return err
			}
			s.email <- e
		case "QUIT":
			return talk.PrintfLine("221 bye")
		}
		if err := talk.PrintfLine("%s", answer); err != nil {
			return err
		}
	}
}

// parts are a message's body as text and as HTML, "" where it has none. Grafana sends HTML alone.
func parts(m *mail.Message) (text, html string, err error) {
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", "", err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		var body io.Reader = m.Body
		if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		whole, err := io.ReadAll(body)
		if kind == "text/html" {
			return "", string(whole), err
		}
		return string(whole), "", err
	}
	reader := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return text, html, nil
		} else if err != nil {
			return "", "", err
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return "", "", err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			html = string(body)
		} else {
			text = string(body)
		}
	}
}
