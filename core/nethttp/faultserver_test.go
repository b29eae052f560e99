package nethttp_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// faultServer is an HTTP/1.1 server on loopback that does wrong what it is told.
type faultServer struct {
	t        *testing.T
	listener net.Listener
	accept   func(n int, conn net.Conn) (serve bool) // of the n-th connection
	answer   func(n int, conn net.Conn) (keep bool)  // of the n-th request

	mu          sync.Mutex
	connections int
	jti         []string // of the requests that came
	open        []net.Conn
}

func newFaultServer(t *testing.T, answer func(n int, conn net.Conn) bool) *faultServer {
	t.Helper()
	return start(&faultServer{t: t, listener: listen(t), answer: answer})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func start(s *faultServer) *faultServer {
	go s.run()
	s.t.Cleanup(s.close)
	return s
}

func (s *faultServer) run() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.connections++
		n := s.connections
		s.open = append(s.open, conn)
		s.mu.Unlock()
		go s.serve(n, conn)
	}
}

func (s *faultServer) serve(n int, conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if s.accept != nil && !s.accept(n, conn) {
		return
	}
	for reader := bufio.NewReader(conn); ; {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		if count := s.note(string(body)); !s.answer(count, conn) {
			return
		}
	}
}

func (s *faultServer) note(body string) int {
	form, _ := url.ParseQuery(body)
	var claims struct{ JTI string }
	if parts := strings.Split(form.Get("assertion"), "."); len(parts) == 3 {
		text, _ := base64.RawURLEncoding.DecodeString(parts[1])
		json.Unmarshal(text, &claims)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jti = append(s.jti, claims.JTI)
	return len(s.jti)
}

// requests holds how many requests came, and that each had a jti of its own.
func (s *faultServer) requests(want int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	distinct := map[string]bool{}
	for _, jti := range s.jti {
		distinct[jti] = true
	}
	if len(s.jti) != want || len(distinct) != want {
		s.t.Errorf("%d requests with %d jti, want %d", len(s.jti), len(distinct), want)
	}
}

// came counts the requests so far, and the connections.
func (s *faultServer) came() (requests, connections int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jti), s.connections
}

func (s *faultServer) close() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.open {
		conn.Close()
	}
}

func (s *faultServer) url() string { return "http://" + s.listener.Addr().String() }

// reset ends a connection without a FIN.
func reset(conn net.Conn) bool {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	return false
}

const goodBody = `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":120}`

func writeGood(conn net.Conn) bool {
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(goodBody), goodBody)
	return true
}

// raw answers with these bytes and ends the connection.
func raw(text string) func(int, net.Conn) bool {
	return func(_ int, conn net.Conn) bool {
		io.WriteString(conn, text)
		return false
	}
}

// firstly does that to the first answers, and then answers well.
func firstly(n int, fault func(conn net.Conn) bool) func(int, net.Conn) bool {
	return func(i int, conn net.Conn) bool {
		if i <= n {
			return fault(conn)
		}
		return writeGood(conn)
	}
}

type canarySigner struct{}

func (canarySigner) Sign(context.Context, []byte) ([]byte, error) {
	return []byte(strings.Repeat(canary, 43)[:256]), nil
}

// clientAt is a client of the endpoint, through a Transport of its own.
func clientAt(t *testing.T, endpoint string, config nethttp.Config) *core.Client {
	t.Helper()
	transport := nethttp.New(config)
	client, err := core.NewClient(core.ClientConfig{ClientID: "client", Transport: transport,
		Environment: core.Environment{Issuer: endpoint + "/", TokenEndpoint: endpoint + "/token", AllowLoopbackHTTP: true},
		Key:         core.Key{KeyID: "kid-1", SignatureSize: 256, Signer: canarySigner{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		transport.CloseIdleConnections()
	})
	return client
}

func sourceOf(t *testing.T, client *core.Client, scope string) *core.Source {
	t.Helper()
	source, err := client.Source(core.TokenRequest{Scopes: []string{scope}})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func sourceAt(t *testing.T, endpoint string, config nethttp.Config) *core.Source {
	t.Helper()
	return sourceOf(t, clientAt(t, endpoint, config), "a:b")
}

// get asks, and searches what came of it for secrets.
func get(t *testing.T, source *core.Source) error {
	t.Helper()
	token, err := source.Token(t.Context())
	out := fmt.Sprintf("%v %+v %#v %s", token, token, token, token)
	if err != nil {
		text, _ := json.Marshal(err)
		out += fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, text)
	}
	for _, form := range []string{canary, hex.EncodeToString([]byte(canary)), base64.RawURLEncoding.EncodeToString([]byte(canary)),
		base64.RawURLEncoding.EncodeToString([]byte("x" + canary))[2:8], base64.RawURLEncoding.EncodeToString([]byte("xx" + canary))[3:10]} {
		if strings.Contains(out, form) {
			t.Errorf("a secret shows, as %q, in %s", form, out)
		}
	}
	return err
}
