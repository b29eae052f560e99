package nethttp_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// TestMemoryOfHugeAnswers holds the rows F27 and F36 to their 8 MiB: a request
// allocates less than that in all, so it cannot make the process grow by more.
// It is not parallel, because allocations are counted for the whole process.
func TestMemoryOfHugeAnswers(t *testing.T) {
	zeros := make([]byte, 64<<10)
	endless := func(to io.Writer) {
		for {
			if _, err := to.Write(zeros); err != nil {
				return
			}
		}
	}
	for name, answer := range map[string]func(net.Conn){
		"F27 header of 1 MiB": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
			io.WriteString(conn, strings.Repeat("x", 1<<20)+"\r\n\r\n")
		},
		"F27 10,000 headers": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X: yyyyyy\r\n", 10_000)+"\r\n")
		},
		"F36 endless body": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			endless(conn)
		},
		"F36 body of 10 GiB": func(conn net.Conn) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 10<<30)
			endless(conn)
		},
		"F36 gzip bomb": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
			endless(gzip.NewWriter(conn))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newFaultServer(t, func(_ int, conn net.Conn) bool {
				answer(conn)
				return false
			})
			transport := nethttp.New(nethttp.Config{})
			defer transport.CloseIdleConnections()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			response, err := send(t, transport, request(server.url()))
			runtime.ReadMemStats(&after)
			if grew := after.TotalAlloc - before.TotalAlloc; grew > 8<<20 || len(response.Body) > 1<<20+1 {
				t.Errorf("%d bytes were allocated for a body of %d (%v)", grew, len(response.Body), err)
			} else {
				t.Logf("%d KiB were allocated for a body of %d KiB (%v)", grew>>10, len(response.Body)>>10, err)
			}
		})
	}
}
