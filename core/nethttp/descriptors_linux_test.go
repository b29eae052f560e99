package nethttp_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// TestF73DescriptorsStayFlat sends to a server that fails in every way it can.
// It is not parallel, because descriptors are those of the whole process.
func TestF73DescriptorsStayFlat(t *testing.T) {
	ways := []func(net.Conn) bool{
		writeGood, reset, writeGood,
		func(net.Conn) bool { return false },
		func(conn net.Conn) bool {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
			return reset(conn)
		},
		func(conn net.Conn) bool {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}")
			return true
		},
		func(conn net.Conn) bool { io.WriteString(conn, "no HTTP\r\n"); return true },
		func(conn net.Conn) bool { time.Sleep(30 * time.Millisecond); return writeGood(conn) }, // after the client's patience
	}
	server := newFaultServer(t, func(n int, conn net.Conn) bool { return ways[n%len(ways)](conn) })
	transport := nethttp.New(nethttp.Config{})
	good := 0
	quarter := func() int {
		for n := range 20 * len(ways) {
			r := request(server.url())
			if n%len(ways) == 0 {
				r.Timeout = 20 * time.Millisecond
			}
			if response, err := send(t, transport, r); err == nil && response.Status == 200 {
				good++
			}
		}
		transport.CloseIdleConnections()
		return descriptors(t)
	}
	first := quarter()
	quarter()
	quarter()
	last := quarter()
	for range 100 { // the server's ends may take a moment
		if last <= first {
			break
		}
		time.Sleep(10 * time.Millisecond)
		last = descriptors(t)
	}
	if last > first || good == 0 {
		t.Errorf("%d descriptors after a quarter, %d at the end; %d requests succeeded", first, last, good)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(fmt.Sprint("this machine does not list descriptors: ", err))
	}
	return len(list)
}
