package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// The limits of the server. It is for tests, but a test must not wait for it.
const (
	maxBody       = 1 << 20
	maxHeader     = 64 << 10
	headerTimeout = 5 * time.Second
	bodyTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Server is a running sandbox. Its methods may be called from any goroutine.
type Server struct {
	url     string
	started time.Time
	world   atomic.Pointer[world]
	offset  atomic.Int64 // of the clock, in nanoseconds
	journal journal
	faults  faults
	replays replays

	controls http.Handler
	changing sync.Mutex // held while a change makes its world

	http   *http.Server
	cancel context.CancelFunc // ends every wait
	served chan struct{}      // closed when the listener is

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // requests being answered
}

// Start starts a sandbox. It returns when the sandbox can be asked; the first
// in a process takes a moment longer, because it makes its keys. The error
// lists everything that is wrong with the configuration, or says why the
// address cannot be listened on. Close it when done.
func Start(config Config) (*Server, error) {
	world, err := newWorld(config)
	if err != nil {
		return nil, err
	}
	address, err := listenAddress(config.Listen)
	if err != nil {
		return nil, fmt.Errorf("sandbox: listen: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	bound, ok := listener.Addr().(*net.TCPAddr)
	if !ok || !bound.IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("sandbox: %s is not on loopback; use 127.0.0.1", listener.Addr())
	}
	warmKeys(world.key)

	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{url: "http://" + bound.String(), started: time.Now(), cancel: cancel, served: make(chan struct{})}
	s.world.Store(world)
	s.controls = s.controlHandler()
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(s.served)
		s.http.Serve(listener)
	}()
	return s, nil
}

// warmKeys makes the keys of this process, both at once.
func warmKeys(key func() *issuerKey) {
	go exchangeKey()
	key()
	exchangeKey()
}

// Close stops the sandbox, ends what hangs and waits until nothing of it runs.
// A second Close does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if !first {
		return nil
	}
	s.cancel()
	err := s.http.Close()
	<-s.served
	s.running.Wait()
	return err
}

// URL returns the address of the sandbox, without a slash at the end.
func (s *Server) URL() string { return s.url }

// Environment returns the sandbox as an environment for a client.
func (s *Server) Environment() core.Environment {
	return core.Environment{
		Issuer:               s.issuer(),
		TokenEndpoint:        s.url + tokenPath,
		MetadataURL:          s.url + metadataPath,
		CustomsTokenEndpoint: s.url + customsPath,
		CustomsTestAuth:      s.url + customsAuthPath,
		AllowLoopbackHTTP:    true,
	}
}

// AltinnExchange returns the address of the exchange for an Altinn token.
func (s *Server) AltinnExchange() string { return s.url + altinnPath + "maskinporten" }

// SampleAPI returns the address of an API that wants a Maskinporten token.
func (s *Server) SampleAPI() string { return s.url + samplePath }

// Control returns the address under which the control paths are.
func (s *Server) Control() string { return s.url + controlPath }

// Reconfigure replaces the world that the sandbox serves: a key that ends, an
// access that is taken away. The address stays; grants that were used stay used.
func (s *Server) Reconfigure(config Config) error {
	return s.change(func(c *Config) error {
		*c = config
		return nil
	})
}

// SetClockOffset makes the sandbox's clock differ from this machine's: in what
// it accepts, in the tokens it issues and in the Date it sends.
func (s *Server) SetClockOffset(offset time.Duration) { s.offset.Store(int64(offset)) }

func (s *Server) now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

func (s *Server) issuer() string { return s.url + "/" }

// enter notes that a request is being answered, unless the sandbox is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running.Add(1)
	}
	return !s.closed
}

// request is one HTTP request with all that answering it needs.
type request struct {
	*http.Request
	body  []byte
	now   time.Time
	world *world
	fault Fault // which may set what a token has
}

// lifetime is how long a token lives: so long, unless a fault says otherwise.
func (r *request) lifetime(usual time.Duration) time.Duration {
	return seconds(r.fault.ExpiresIn, usual)
}

// serve answers one request: writes it down, applies a fault, lets the route
// judge it, and sends what came of it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.running.Done()

	body, err := readBody(w, r)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		a := plainAnswer(http.StatusRequestEntityTooLarge, "The body is larger than 1 MiB.\n")
		s.send(w, a, s.header(a, Fault{}))
		return
	} else if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.URL.Path == controlPath || strings.HasPrefix(r.URL.Path, controlPath+"/") {
		s.serveControl(w, r, body)
		return
	}

	route, counted, found := routeOf(r.URL.Path)
	seen, at := observe(r, body), time.Since(s.started)
	fault, faulty := s.faults.take(r.URL.Path, strings.Fields(seen.Scope), at)
	seen.Time, seen.AtMS = s.now(), at.Milliseconds()
	seen.Fault = faulty
	visit := s.journal.open(seen, counted, at)
	defer s.journal.leave(visit)

	if !fault.delay(r.Context().Done()) {
		panic(http.ErrAbortHandler)
	}
	if fault.Kind == Close {
		s.journal.leave(visit)
		hangUp(w, false)
		return
	}
	a, replaced := fault.instead(s.url)
	switch {
	case replaced:
	case !found:
		a = plainAnswer(http.StatusNotFound, "The sandbox has nothing here.\n")
	case r.Method != route.method:
		a = plainAnswer(http.StatusMethodNotAllowed, "Use "+route.method+".\n")
		a.header = map[string]string{"Allow": route.method}
	default:
		a = s.judge(route, &request{r, body, s.now(), s.world.Load(), fault})
	}
	if fault.Kind == Drop || fault.Kind == Reset {
		s.journal.leave(visit)
		hangUp(w, fault.Kind == Reset)
		return
	}
	fault.spoil(&a)
	header := s.header(a, fault)
	s.journal.close(visit, a)
	if fault.unusual() {
		fault.write(r.Context(), w, a, header)
		return
	}
	if fault.Kind == Truncated {
		header.Set("Content-Length", strconv.Itoa(len(a.body)))
		a.body = a.body[:len(a.body)/2] // the server then closes the connection
	}
	s.send(w, a, header)
}

// readBody reads the body within its limits. The deadline is for the body
// alone: afterwards the connection is only watched for the client's leaving.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	deadline := http.NewResponseController(w)
	deadline.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer deadline.SetReadDeadline(time.Time{})
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

func (s *Server) send(w http.ResponseWriter, a answer, header http.Header) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	maps.Copy(w.Header(), header)
	w.WriteHeader(a.status)
	w.Write(a.body)
}
