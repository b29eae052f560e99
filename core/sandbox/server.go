package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// The paths that a sandbox has, besides the control paths.
const (
	tokenPath       = "/token"
	jwksPath        = "/jwk"
	metadataPath    = "/.well-known/oauth-authorization-server"
	customsPath     = "/api/access/external/oauth/token"
	customsAuthPath = "/api/movement/road/v1/test-auth"
	altinnPath      = "/authentication/api/v1/exchange/"
	samplePath      = "/api/sample"
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
	warmKeys()

	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{url: "http://" + bound.String(), started: time.Now(), cancel: cancel, served: make(chan struct{})}
	s.world.Store(world)
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
func warmKeys() {
	go exchangeKey()
	maskinportenKey()
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
	world, err := newWorld(config)
	if err != nil {
		return err
	}
	s.world.Store(world)
	return nil
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
	body     []byte
	now      time.Time
	world    *world
	lifetime time.Duration // of the token, if a fault sets it
}

// route is a method and path with what answers it.
type route struct {
	method string
	answer func(*Server, *request) answer
}

var routes = map[string]route{
	tokenPath:       {http.MethodPost, (*Server).token},
	jwksPath:        {http.MethodGet, (*Server).jwks},
	metadataPath:    {http.MethodGet, (*Server).metadata},
	customsPath:     {http.MethodPost, (*Server).customsToken},
	customsAuthPath: {http.MethodGet, (*Server).customsTestAuth},
	samplePath:      {http.MethodGet, (*Server).sample},
}

// routeOf returns the route of a path and what it is counted under. Altinn's
// has the provider as its last segment, in any case.
func routeOf(path string) (r route, counted string, found bool) {
	if provider, ok := strings.CutPrefix(path, altinnPath); ok && provider != "" && !strings.Contains(provider, "/") {
		return route{http.MethodGet, (*Server).altinnToken}, altinnPath + "maskinporten", true
	}
	if r, found = routes[path]; found || path == redirectedPath {
		return r, path, found
	}
	return r, otherPaths, false
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
		s.send(w, plainAnswer(http.StatusRequestEntityTooLarge, "The body is larger than 1 MiB.\n"))
		return
	} else if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.URL.Path == controlPath || strings.HasPrefix(r.URL.Path, controlPath+"/") {
		s.send(w, s.control(r, body))
		return
	}

	route, counted, found := routeOf(r.URL.Path)
	seen := observe(r, body)
	fault, faulty := s.faults.take(r.URL.Path, strings.Fields(seen.Scope))
	seen.Time, seen.AtMS = s.now(), time.Since(s.started).Milliseconds()
	seen.Fault = faulty
	entry := s.journal.open(seen, counted)

	if !fault.delay(r.Context().Done()) {
		panic(http.ErrAbortHandler)
	}
	if fault.Kind == Close {
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
		a = s.judge(route, &request{r, body, s.now(), s.world.Load(), time.Duration(fault.ExpiresIn) * time.Second})
	}
	if fault.Kind == Reset {
		hangUp(w, true)
		return
	}
	s.journal.close(entry, a)
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", string(fault.RetryAfter))
	}
	if fault.Kind == Truncated {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		a.body = a.body[:len(a.body)/2] // the server then closes the connection
	}
	s.send(w, a)
}

// judge lets the route answer. A mistake of the sandbox's own becomes a 500 and
// is in the journal, rather than a connection that ends for no visible reason.
func (s *Server) judge(route route, r *request) (a answer) {
	defer func() {
		if mistake := recover(); mistake != nil {
			a = plainAnswer(http.StatusInternalServerError, "The sandbox made a mistake; see its journal.\n")
			a.detail = fmt.Sprintf("a mistake of the sandbox: %v", mistake)
		}
	}()
	return route.answer(s, r)
}

// readBody reads the body within its limits. The deadline is for the body
// alone: afterwards the connection is only watched for the client's leaving.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	deadline := http.NewResponseController(w)
	deadline.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer deadline.SetReadDeadline(time.Time{})
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

func (s *Server) send(w http.ResponseWriter, a answer) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	header := w.Header()
	for name, value := range a.header {
		header.Set(name, value)
	}
	header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	header["Content-Type"] = nil // nothing is guessed
	if a.contentType != "" {
		header.Set("Content-Type", a.contentType)
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}
