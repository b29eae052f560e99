package nethttp_test

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// standardLog is what the standard logger wrote during all tests of this package.
var standardLog struct {
	sync.Mutex
	bytes.Buffer
}

type lockedLog struct{}

func (lockedLog) Write(line []byte) (int, error) {
	standardLog.Lock()
	defer standardLog.Unlock()
	return standardLog.Write(line)
}

// TestMain holds that nothing of any answer comes into the standard log, where
// net/http writes.
func TestMain(m *testing.M) {
	log.SetOutput(lockedLog{})
	code := m.Run()
	standardLog.Lock()
	defer standardLog.Unlock()
	if text := standardLog.String(); strings.Contains(text, "Unsolicited") || strings.Contains(text, canary) {
		fmt.Println("net/http has logged what came on a connection:\n" + text)
		code = 1
	}
	os.Exit(code)
}

// TestConnectionsAreKept: a connection serves again after an answer that is
// whole, and no other.
func TestConnectionsAreKept(t *testing.T) {
	length := func(body string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	chunked := func(parts ...string) string {
		text := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		for _, part := range append(parts, "") {
			text += fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
		}
		return text
	}
	for _, c := range []struct {
		name, answer, body string
		kept               bool
	}{
		{"an object", length(goodBody), goodBody, true},
		{"an object and a line's end", length(goodBody + "\n"), goodBody + "\n", true},
		{"a string", length(`"eyJ.eyJ.c\"\\"`), `"eyJ.eyJ.c\"\\"`, true},
		{"an array", length(`[{"a":"}"}]`), `[{"a":"}"}]`, true},
		{"chunks", chunked(goodBody[:9], goodBody[9:]), goodBody, true},
		{"an object that has not ended", length(goodBody[:30]), goodBody[:30], false},
		{"an object within one that has not ended", length(`{"a":{"b":{}}`), `{"a":{"b":{}}`, false},
		{"a string that has not ended", length(`"eyJ.eyJ.c\"`), `"eyJ.eyJ.c\"`, false},
		{"chunks of an object that has not ended", chunked(goodBody[:30]), goodBody[:30], false},
		{"a bare token", length("eyJ.eyJ.c"), "eyJ.eyJ.c", false},
		{"nothing", length(""), "", false},
		{"one character", length("{"), "{", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := newFaultServer(t, func(_ int, conn net.Conn) bool {
				fmt.Fprint(conn, c.answer)
				return true
			})
			transport := nethttp.New(nethttp.Config{})
			defer transport.CloseIdleConnections()
			for range 3 {
				if response, err := send(t, transport, request(server.url())); err != nil || string(response.Body) != c.body {
					t.Fatalf("%q, %v", response.Body, err)
				}
			}
			want := 3
			if c.kept {
				want = 1
			}
			if _, connections := server.came(); connections != want {
				t.Errorf("%d connections for 3 requests, want %d", connections, want)
			}
		})
	}
}
