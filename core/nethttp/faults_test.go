package nethttp_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// The rows of the fault table that need real sockets, by their names: F03, F06
// to F12, F15, F22, F23, F26, F27 and F36 are here, those of DNS, of TLS and of
// HTTP/2 in files of their own, and the rest in package core in virtual time.
// Nothing is held against the real time that passed.

func TestFaultsOfConnections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		answer   func(int, net.Conn) bool
		requests int
		code     core.Code // "" for a token
	}{
		{"F07 reset after the request", firstly(1, reset), 2, ""},
		{"F08 reset in mid body", firstly(1, func(conn net.Conn) bool {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"+goodBody)
			return reset(conn)
		}), 2, ""},
		{"F12 slow, but in time", firstly(1, func(conn net.Conn) bool {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(goodBody))
			for i := range len(goodBody) {
				io.WriteString(conn, goodBody[i:i+1])
			}
			return true
		}), 1, ""},
		{"F22 redirect", raw("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/?" + canary + "\r\nContent-Length: 0\r\n\r\n"), 1, core.CodeRedirected},
		{"F23 100-continue before the answer", firstly(1, func(conn net.Conn) bool {
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			return writeGood(conn)
		}), 1, ""},
		{"F23 103 early hints before the answer", firstly(1, func(conn net.Conn) bool {
			io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
			return writeGood(conn)
		}), 1, ""},
		{"F26 HTTP/1.0, body ends with the connection", raw("HTTP/1.0 200 OK\r\n\r\n" + goodBody), 1, ""},
		{"F26 HTTP/1.0, body cut by the end of the connection", raw("HTTP/1.0 200 OK\r\n\r\n" + goodBody[:40]), 2, core.CodeInvalidResponse},
		{"F26 chunked with trailers", raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n%x\r\n%s\r\n0\r\nX: y\r\n\r\n", len(goodBody), goodBody)), 1, ""},
		{"F26 last chunk missing", raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(goodBody), goodBody)), 3, core.CodeConnectionFailed},
		{"F26 Content-Length too large", raw("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + goodBody), 3, core.CodeConnectionFailed},
		{"F26 Content-Length too small", raw("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + goodBody), 2, core.CodeInvalidResponse},
		{"F26 Content-Length 0", raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 2, core.CodeInvalidResponse},
		{"F26 Content-Length of all but one", raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(goodBody)-1, goodBody)), 2, core.CodeInvalidResponse},
		{"F26 chunks end too early", raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n%s\r\n0\r\n\r\n%s", goodBody[:20], goodBody[20:])), 2, core.CodeInvalidResponse},
		{"F26 Content-Length negative", raw("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + goodBody), 3, core.CodeConnectionFailed},
		{"F26 two different Content-Length", raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + goodBody), 3, core.CodeConnectionFailed},
		{"F27 header of 1 MiB", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n" + goodBody), 3, core.CodeConnectionFailed},
		{"F27 10,000 headers", raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: yyyyyy\r\n", 10_000) + "\r\n" + goodBody), 3, core.CodeConnectionFailed},
		{"F36 gzip that is none", raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(goodBody), goodBody)), 3, core.CodeConnectionFailed},
		{"F36 unknown Content-Encoding", raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 8\r\n\r\n%s", "\x0b\x03\x80{}\x03xx")), 2, core.CodeInvalidResponse},
		{"no HTTP at all", raw("SSH-2.0-OpenSSH_9.2\r\n"), 3, core.CodeConnectionFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := newFaultServer(t, c.answer)
			source := sourceAt(t, server.url(), nethttp.Config{})
			err := get(t, source)
			if c.code != "" {
				wantCode(t, err, c.code)
			} else if err != nil {
				t.Error(err)
			}
			if _, _, _, kept := source.Peek(); kept != (c.code == "") {
				t.Errorf("a token is cached: %v", kept)
			}
			server.requests(c.requests)
		})
	}
	t.Run("F06 reset before any byte", func(t *testing.T) {
		server := start(&faultServer{t: t, listener: listen(t), answer: firstly(0, nil),
			accept: func(n int, conn net.Conn) bool { return n > 1 || reset(conn) }})
		if err := get(t, sourceAt(t, server.url(), nethttp.Config{})); err != nil {
			t.Error(err)
		}
		server.requests(1)
	})
	t.Run("F09 idle connection closed by the server", func(t *testing.T) {
		server := newFaultServer(t, func(_ int, conn net.Conn) bool {
			writeGood(conn)
			return false
		})
		client := clientAt(t, server.url(), nethttp.Config{})
		for i := range 5 {
			if err := get(t, sourceOf(t, client, fmt.Sprintf("a:%d", i))); err != nil {
				t.Errorf("fetch %d: %v", i, err)
			}
		}
		server.requests(5)
	})
	t.Run("F10 idle connection that is dead", func(t *testing.T) {
		t.Parallel()
		over := make(chan struct{})
		server := newFaultServer(t, func(n int, conn net.Conn) bool {
			if n == 2 { // which comes on the connection of the first
				<-over
				return false
			}
			return writeGood(conn)
		})
		t.Cleanup(func() { close(over) })
		client := clientAt(t, server.url(), nethttp.Config{})
		for _, scope := range []string{"a:b", "c:d"} {
			if err := get(t, sourceOf(t, client, scope)); err != nil {
				t.Error(err)
			}
		}
		server.requests(3)
		if _, n := server.came(); n != 2 {
			t.Errorf("%d connections, want the dead one and one more", n)
		}
	})
}

// TestFaultsOfTime has those that only a time limit of the transport ends. None
// of them runs into the limit of the request, which is set far off.
func TestFaultsOfTime(t *testing.T) {
	t.Parallel()
	patient := func(url string) core.Request {
		r := request(url)
		r.Timeout = time.Minute
		return r
	}
	slowly := func(text string) func(int, net.Conn) bool {
		return func(_ int, conn net.Conn) bool {
			for i := range text {
				if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
					return false
				}
				time.Sleep(time.Second)
			}
			return false
		}
	}
	t.Run("F11 headers of a byte each second", func(t *testing.T) {
		t.Parallel()
		server := newFaultServer(t, slowly("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		_, err := send(t, nethttp.New(nethttp.Config{}), patient(server.url()))
		wantCode(t, err, core.CodeTimeout)
	})
	t.Run("F11 body of a byte each second", func(t *testing.T) {
		t.Parallel()
		server := newFaultServer(t, func(n int, conn net.Conn) bool {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
			return slowly(goodBody)(n, conn)
		})
		r := request(server.url())
		r.Timeout = 300 * time.Millisecond // of which the core gives eight seconds
		_, err := send(t, nethttp.New(nethttp.Config{}), r)
		wantCode(t, err, core.CodeTimeout)
	})
	t.Run("F03 SYN dropped", func(t *testing.T) {
		t.Parallel()
		_, err := send(t, nethttp.New(nethttp.Config{}), patient("http://"+blackHole(t)))
		wantCode(t, err, core.CodeTimeout)
		if err != nil && !strings.Contains(err.Error(), "dial") {
			t.Errorf("the error does not name the dial: %v", err)
		}
	})
}

func TestFaultsOfTheProxy(t *testing.T) {
	for name, status := range map[string]int{"F15 proxy refuses CONNECT": http.StatusForbidden, "F15 proxy wants authentication": http.StatusProxyAuthRequired} {
		t.Run(name, func(t *testing.T) {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodConnect {
					t.Errorf("the proxy got a %s request", r.Method)
				}
				w.WriteHeader(status)
			}))
			defer proxy.Close()
			address, _ := url.Parse(strings.Replace(proxy.URL, "http://", "http://user:"+canary+"@", 1))
			_, err := send(t, nethttp.New(nethttp.Config{Proxy: http.ProxyURL(address)}), request("https://endpoint.example/token"))
			wantCode(t, err, core.CodeConnectionFailed)
			var e *core.Error
			if errors.As(err, &e) && !strings.Contains(fmt.Sprintf("%+v", e), "Proxy") && !strings.Contains(e.Error(), "Forbidden") {
				t.Errorf("the error does not say what the proxy said: %v", e)
			}
		})
	}
}
