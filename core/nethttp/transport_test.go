package nethttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

const canary = "CANARY"

func request(url string) core.Request {
	return core.Request{Method: "POST", URL: url, Body: []byte("assertion=" + canary), Timeout: 2 * time.Second, MaxBody: 1 << 20,
		Header: []core.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}}
}

func send(t *testing.T, transport *nethttp.Transport, r core.Request) (core.Response, error) {
	t.Helper()
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.Send(t.Context(), r)
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("a secret shows in %v", err)
	}
	return response, err
}

func wantCode(t *testing.T, err error, code core.Code) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want code %s", err, code)
	}
}

func quiet(server *httptest.Server) *httptest.Server {
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	return server
}

func TestSend(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || string(body) != "assertion="+canary || len(r.Cookies()) > 0 {
			t.Errorf("the server got %s %v %s", r.Method, r.Header, body)
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short")
	}))
	defer server.Close()
	transport := nethttp.New(nethttp.Config{})
	for range 2 { // the second time there would be a cookie to send back
		response, err := send(t, transport, request(server.URL))
		if err != nil || response.Status != 418 || string(response.Body) != "short" {
			t.Fatalf("%v, %v", response, err)
		}
		var two []string
		for _, h := range response.Header {
			if h.Name == "X-Two" {
				two = append(two, h.Value)
			}
		}
		if strings.Join(two, ",") != "1,2" {
			t.Errorf("header values are %v", two)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(other.URL+"/?secret="+canary, status))
		response, err := send(t, nethttp.New(nethttp.Config{}), request(server.URL))
		if err != nil || response.Status != status {
			t.Errorf("%d: %v, %v", status, response, err)
		}
		server.Close()
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests reached the other server", reached.Load())
	}
}

func TestBodyIsLimited(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	zip.Write(make([]byte, 8<<20))
	zip.Close()
	for name, write := range map[string]func(http.ResponseWriter){
		"endless": func(w http.ResponseWriter) {
			for block := make([]byte, 64<<10); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
		"gzip bomb": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes())
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(w) }))
			defer server.Close()
			response, err := send(t, nethttp.New(nethttp.Config{}), request(server.URL))
			if err != nil || len(response.Body) != 1<<20+1 {
				t.Errorf("%d bytes were read, %v", len(response.Body), err)
			}
		})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }))
	defer server.Close()
	_, err := send(t, nethttp.New(nethttp.Config{}), request(server.URL))
	wantCode(t, err, core.CodeConnectionFailed)
}

func TestNoAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	listener.Close()
	_, err = send(t, nethttp.New(nethttp.Config{}), request(nobody))
	wantCode(t, err, core.CodeConnectionFailed)

	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	late := request(server.URL)
	late.Timeout = 50 * time.Millisecond
	_, err = send(t, nethttp.New(nethttp.Config{}), late)
	wantCode(t, err, core.CodeTimeout)

	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
	}))
	defer cut.Close()
	_, err = send(t, nethttp.New(nethttp.Config{}), request(cut.URL))
	wantCode(t, err, core.CodeConnectionFailed)
}

func TestTLS(t *testing.T) {
	var asked atomic.Int32
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	trusted := quiet(httptest.NewTLSServer(count))
	defer trusted.Close()
	roots := x509.NewCertPool()
	roots.AddCert(trusted.Certificate())
	if _, err := send(t, nethttp.New(nethttp.Config{RootCAs: roots}), request(trusted.URL)); err != nil {
		t.Errorf("a trusted server: %v", err)
	}
	if asked.Swap(0) != 1 {
		t.Error("the trusted server was not asked")
	}

	_, err := send(t, nethttp.New(nethttp.Config{}), request(trusted.URL))
	wantCode(t, err, core.CodeTLSFailed) // unknown root

	_, port, _ := net.SplitHostPort(trusted.Listener.Addr().String())
	_, err = send(t, nethttp.New(nethttp.Config{RootCAs: roots}), request("https://localhost:"+port))
	wantCode(t, err, core.CodeTLSFailed) // wrong name

	old := quiet(httptest.NewUnstartedServer(count))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	_, err = send(t, nethttp.New(nethttp.Config{RootCAs: roots}), request(old.URL))
	wantCode(t, err, core.CodeTLSFailed)

	if asked.Load() != 0 {
		t.Errorf("%d requests were sent over connections that must not be trusted", asked.Load())
	}
}

func TestProxyCredentialsStaySecret(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer proxy.Close()
	address, _ := url.Parse(strings.Replace(proxy.URL, "http://", "http://user:"+canary+"@", 1))
	_, err := send(t, nethttp.New(nethttp.Config{Proxy: http.ProxyURL(address)}), request("https://example.invalid/token"))
	wantCode(t, err, core.CodeConnectionFailed)
}

// tokens is a TokenSource that gives a new token after each Invalidate.
type tokens struct {
	n    int
	last string
	err  error
}

func (s *tokens) Token(context.Context) (core.Token, error) {
	s.last = strings.Repeat("t", s.n+1)
	return core.NewToken(core.TokenFields{AccessToken: s.last}), s.err
}

func (s *tokens) Invalidate(accessToken string) bool {
	if accessToken == s.last {
		s.n++
	}
	return true
}

func TestBearer(t *testing.T) {
	for name, test := range map[string]struct {
		body     func() io.Reader
		good     string // the token that the API accepts
		status   int
		requests int
	}{
		"accepted at once":                         {func() io.Reader { return nil }, "t", 200, 1},
		"renewed once":                             {func() io.Reader { return nil }, "tt", 200, 2},
		"renewed once, with a body":                {func() io.Reader { return strings.NewReader("body") }, "tt", 200, 2},
		"never accepted":                           {func() io.Reader { return nil }, "none", 401, 2},
		"a body that cannot be sent a second time": {func() io.Reader { return io.MultiReader(strings.NewReader("body")) }, "tt", 401, 1},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if body, _ := io.ReadAll(r.Body); test.body() != nil && string(body) != "body" {
					t.Errorf("the body is %q", body)
				}
				if r.Header.Get("Authorization") != "Bearer "+test.good {
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			defer server.Close()
			client := &http.Client{Transport: &nethttp.Bearer{Source: &tokens{}}}
			r, err := http.NewRequest("POST", server.URL, test.body())
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != test.status || requests != test.requests {
				t.Errorf("status %d after %d requests, want %d after %d", answer.StatusCode, requests, test.status, test.requests)
			}
			if r.Header.Get("Authorization") != "" {
				t.Error("the caller's request was changed")
			}
		})
	}
	refusal := errors.New("no token")
	if _, err := (&http.Client{Transport: &nethttp.Bearer{Source: &tokens{err: refusal}}}).Get("http://127.0.0.1:1"); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
}
