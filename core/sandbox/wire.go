package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// What a fault does on the connection, where net/http would not let an answer
// be sent as it is meant.

// unusual reports whether a fault needs the connection to itself.
func (f Fault) unusual() bool {
	_, length := f.lookup("Content-Length")
	_, encoding := f.lookup("Transfer-Encoding")
	return length || encoding || f.Kind == CloseDelimited || f.Kind == Trailers || f.Kind == Endless ||
		len(f.Informational) > 0 || f.HeadBytesPerSecond > 0 || f.BytesPerSecond > 0
}

func (f Fault) lookup(name string) (values []string, present bool) {
	for given, values := range f.Header {
		if http.CanonicalHeaderKey(given) == name {
			return values, true
		}
	}
	return nil, false
}

// head returns the status line and header of an answer, and what comes before
// them.
func (f Fault) head(a answer, header http.Header) []byte {
	var head bytes.Buffer
	for _, status := range f.Informational {
		fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n\r\n", status, http.StatusText(status))
	}
	version := "HTTP/1.1"
	_, length := f.lookup("Content-Length")
	_, encoding := f.lookup("Transfer-Encoding")
	switch {
	case f.Kind == CloseDelimited:
		version = "HTTP/1.0"
	case f.Kind == Trailers:
		header.Set("Transfer-Encoding", "chunked")
		header.Set("Trailer", "Sandbox-Trailer")
	case f.Kind != Endless && !length && !encoding:
		header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	header.Set("Connection", "close")
	fmt.Fprintf(&head, "%s %03d %s\r\n", version, a.status, http.StatusText(a.status))
	header.Write(&head)
	head.WriteString("\r\n")
	return head.Bytes()
}

// write sends an answer as the fault has it, and ends the connection.
func (f Fault) write(ctx context.Context, w http.ResponseWriter, a answer, header http.Header) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { connection.Close() })() // Close of the sandbox does not wait for a slow client

	body := a.body
	if f.Kind == Trailers {
		half := len(body) / 2
		body = fmt.Appendf(nil, "%x\r\n%s\r\n%x\r\n%s\r\n0\r\nSandbox-Trailer: end\r\n\r\n", half, body[:half], len(body)-half, body[half:])
	}
	err = pace(ctx, connection, f.head(a, header), f.HeadBytesPerSecond)
	if err == nil {
		err = pace(ctx, connection, body, f.BytesPerSecond)
	}
	for more := bytes.Repeat([]byte("A"), 64<<10); err == nil && f.Kind == Endless; {
		err = pace(ctx, connection, more, f.BytesPerSecond)
	}
}

// pace writes so many bytes a second, in at most ten portions, or all at once
// if that is 0.
func pace(ctx context.Context, connection net.Conn, data []byte, perSecond int) error {
	portion, pause := len(data), time.Duration(0)
	if perSecond > 0 {
		portion = max(1, perSecond/10)
		pause = time.Second * time.Duration(portion) / time.Duration(perSecond)
	}
	for len(data) > 0 {
		n := min(portion, len(data))
		connection.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := connection.Write(data[:n]); err != nil {
			return err
		}
		if data = data[n:]; len(data) > 0 && !sleep(ctx.Done(), pause) {
			return ctx.Err()
		}
	}
	return nil
}

// sleep waits, and reports false if it was cut short.
func sleep(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}

// delay waits for the fault's latency, and with Hang for ever. It reports
// false when the wait was cut short and nobody needs an answer.
func (f Fault) delay(done <-chan struct{}) bool {
	if f.LatencyMS > 0 && !sleep(done, time.Duration(f.LatencyMS)*time.Millisecond) {
		return false
	}
	if f.Kind == Hang {
		<-done
		return false
	}
	return true
}

// hangUp ends the connection without an answer, in order or with a reset.
func hangUp(w http.ResponseWriter, reset bool) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0) // close then sends RST
	}
	connection.Close()
}
