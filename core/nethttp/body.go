package nethttp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
)

// When HTTP/1 has read an answer to the end that its framing gives, net/http
// keeps the connection for the next request and logs what else comes on it. If
// the framing was wrong, as with a Content-Length that is too small, that is the
// rest of an access token. So a connection is kept only if the answer was a
// whole JSON text; any other one is closed before net/http looks at it again.

// body is an answer's body while it is read.
type body struct {
	begun bool
	text  jsonText
	// last is where the last byte is read into. It is there already when
	// net/http, within that very Read, puts the connection among the idle ones.
	last [1]byte
}

// watched returns a context that makes net/http tell when it puts the
// connection of the request among the idle ones, which is before it reads more
// of it. If the body is not whole by then, they are closed. An answer without
// a body has not been handed over by then, and would be lost with its
// connection: Send closes that one as soon as it has the answer. (So what a
// broken server sends at once behind a Content-Length of 0 may still be logged.)
func (t *Transport) watched(ctx context.Context, b *body) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{PutIdleConn: func(error) {
		if !b.begun {
			return
		}
		text := b.text
		if text.add(b.last[:]); !text.ended() {
			t.http.CloseIdleConnections()
		}
	}})
}

// read reads at most limit bytes.
func (b *body) read(answer *http.Response, limit int) ([]byte, error) {
	b.begun = true
	from := io.LimitReader(answer.Body, int64(limit))
	if answer.ProtoMajor > 1 { // which frames in another way
		return io.ReadAll(from)
	}
	var all []byte
	if length := answer.ContentLength; length > 1 && length <= int64(limit) {
		all = make([]byte, length-1, length)
		if n, err := io.ReadFull(from, all); err != nil {
			return all[:n], err
		}
		b.text.add(all)
	}
	for { // any byte of a chunked body may be the last
		b.last[0] = ' ' // which changes nothing if there is none
		n, err := from.Read(b.last[:])
		b.text.add(b.last[:n])
		all = append(all, b.last[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// jsonText follows a JSON text as far as is needed to see where it ends. It
// does not see whether it is valid.
type jsonText struct {
	begun, inString, escaped bool
	depth                    int
}

func (t *jsonText) add(text []byte) {
	for _, c := range text {
		switch {
		case t.escaped:
			t.escaped = false
		case t.inString:
			t.escaped, t.inString = c == '\\', c != '"'
		case c == '"':
			t.begun, t.inString = true, true
		case c == '{' || c == '[':
			t.begun = true
			t.depth++
		case c == '}' || c == ']':
			t.depth--
		}
	}
}

func (t *jsonText) ended() bool { return t.begun && !t.inString && t.depth == 0 }
