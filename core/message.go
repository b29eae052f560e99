package core

import (
	"context"
	"strings"
	"time"
)

// Transport sends one HTTP request. Package nethttp has one for Go programs.
type Transport interface {
	// Send returns the response of any status, or an error when there is
	// none. It must not follow redirects, must read at most
	// Request.MaxBody+1 bytes of the body. After Request.Timeout ctx ends; a
	// Transport that does not return then keeps its goroutine, and what it
	// answers is dropped. An error that is an [*Error] is taken as it is; any
	// other error counts as a connection that failed and is retried.
	Send(ctx context.Context, request Request) (Response, error)
}

// Header is one HTTP header field.
type Header struct{ Name, Value string }

// Request is an HTTP request to be sent exactly as it stands.
type Request struct {
	Method string
	URL    string
	Header []Header
	Body   []byte
	// Timeout is the time for the whole attempt.
	Timeout time.Duration
	// MaxBody is the size in bytes over which a response is refused.
	MaxBody int
}

// String shows where the request goes and nothing of its body or header,
// which hold the grant or a token.
func (r Request) String() string { return r.Method + " " + r.URL + " [redacted]" }

// GoString is String.
func (r Request) GoString() string { return r.String() }

// Response is an HTTP response, with the body after content decoding.
type Response struct {
	Status int
	Header []Header
	Body   []byte
}

// String shows the status only: the body holds a token.
func (r Response) String() string { return "HTTP " + itoa(r.Status) + " [redacted]" }

// GoString is String.
func (r Response) GoString() string { return r.String() }

// get returns the values of the header field with that name, in order.
func (r Response) get(name string) []string {
	var values []string
	for _, h := range r.Header {
		if strings.EqualFold(h.Name, name) {
			values = append(values, h.Value)
		}
	}
	return values
}
