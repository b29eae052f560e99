package nethttp_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// The frames of HTTP/2 that these tests need (RFC 9113 §6).
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	flagAck        = 1
	flagEndStream  = 1
	flagEndHeaders = 4

	errorNone     = 0
	errorRefused  = 7
	errorInternal = 2
)

// http2Server answers requests with frames. fault is done in place of the first
// answer; it reports whether the connection goes on.
type http2Server struct {
	*faultServer
	fault func(w io.Writer, stream uint32) (keep bool)
}

func frame(w io.Writer, kind, flags byte, stream uint32, payload []byte) (sent bool) {
	head := make([]byte, 9, 9+len(payload))
	head[1], head[2], head[3], head[4] = byte(len(payload)>>8), byte(len(payload)), kind, flags
	binary.BigEndian.PutUint32(head[5:], stream)
	_, err := w.Write(append(head, payload...))
	return err == nil
}

func number(n ...uint32) (bytes []byte) {
	for _, n := range n {
		bytes = binary.BigEndian.AppendUint32(bytes, n)
	}
	return bytes
}

func (s *http2Server) serve(_ int, conn net.Conn) bool {
	reader := bufio.NewReader(conn)
	if _, err := io.CopyN(io.Discard, reader, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return false
	}
	frame(conn, frameSettings, 0, 0, nil)
	bodies := map[uint32][]byte{}
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(reader, head); err != nil {
			return false
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(reader, payload); err != nil {
			return false
		}
		stream := binary.BigEndian.Uint32(head[5:]) & (1<<31 - 1)
		switch kind, flags := head[3], head[4]; {
		case kind == frameSettings && flags&flagAck == 0:
			frame(conn, frameSettings, flagAck, 0, nil)
		case kind == framePing && flags&flagAck == 0:
			frame(conn, framePing, flagAck, 0, payload)
		case kind == frameData:
			bodies[stream] = append(bodies[stream], payload...)
			if flags&flagEndStream == 0 {
				break
			}
			if s.note(string(bodies[stream])) == 1 {
				if !s.fault(conn, stream) {
					return false
				}
				break
			}
			frame(conn, frameHeaders, flagEndHeaders, stream, []byte{0x88}) // ":status: 200" of HPACK's static table
			frame(conn, frameData, flagEndStream, stream, []byte(goodBody))
		}
	}
}

func TestFaultsOfHTTP2(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		name  string
		fault func(w io.Writer, stream uint32) bool
	}{
		{"F25 RST_STREAM", func(w io.Writer, stream uint32) bool {
			return frame(w, frameReset, 0, stream, number(errorInternal))
		}},
		{"F25 REFUSED_STREAM", func(w io.Writer, stream uint32) bool {
			return frame(w, frameReset, 0, stream, number(errorRefused))
		}},
		{"F25 GOAWAY that covers the request", func(w io.Writer, stream uint32) bool {
			return !frame(w, frameGoAway, 0, 0, number(stream, errorInternal))
		}},
		{"F25 GOAWAY before the request", func(w io.Writer, _ uint32) bool {
			return frame(w, frameGoAway, 0, 0, number(0, errorNone))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &http2Server{fault: c.fault}
			config := &tls.Config{Certificates: []tls.Certificate{ca.leaf(t, ecKey(t), nil)}, NextProtos: []string{"h2"}}
			s.faultServer = &faultServer{t: t, listener: tls.NewListener(listen(t), config), accept: s.serve}
			start(s.faultServer)
			if err := get(t, sourceAt(t, s.secureURL(), nethttp.Config{RootCAs: ca.pool()})); err != nil {
				t.Error(err)
			}
			s.requests(2) // each with a jti of its own
		})
	}
}
