package nethttp

import (
	"context"
	"io"
	"net/http"

	"github.com/maskinporten-core/maskinporten/core"
)

// TokenSource is what a Bearer needs; *core.Source is one.
type TokenSource interface {
	Token(ctx context.Context) (core.Token, error)
	Invalidate(accessToken string) bool
}

// Bearer is an http.RoundTripper that adds "Authorization: Bearer …" (RFC 6750
// §2.1) to every request. When the API answers 401 it gets one new token and
// tries once more, if the request's body can be sent again (GetBody).
//
//	client := &http.Client{Transport: &nethttp.Bearer{Source: source}}
//
// Give it to a client that talks to one API only: the token goes wherever the
// client goes, redirects to other hosts included, unless its CheckRedirect
// refuses them.
type Bearer struct {
	// Source gives the tokens.
	Source TokenSource
	// Base does the requests; nil means http.DefaultTransport.
	Base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b *Bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	base := b.Base
	if base == nil {
		base = http.DefaultTransport
	}
	first, err := b.Source.Token(request.Context())
	if err != nil {
		closeBody(request)
		return nil, err
	}
	response, err := base.RoundTrip(withToken(request, first, request.Body))
	if err != nil || response.StatusCode != http.StatusUnauthorized || request.Body != nil && request.Body != http.NoBody && request.GetBody == nil {
		return response, err
	}
	b.Source.Invalidate(first.AccessToken())
	second, err := b.Source.Token(request.Context())
	if err != nil || second.AccessToken() == first.AccessToken() {
		return response, nil // the API's own answer says more
	}
	body := request.Body
	if request.GetBody != nil {
		if body, err = request.GetBody(); err != nil {
			return response, nil
		}
	}
	io.Copy(io.Discard, io.LimitReader(response.Body, 4<<10))
	response.Body.Close()
	return base.RoundTrip(withToken(request, second, body))
}

// withToken copies the request, as RoundTripper must not change it.
func withToken(request *http.Request, token core.Token, body io.ReadCloser) *http.Request {
	copied := request.Clone(request.Context())
	copied.Header.Set("Authorization", token.Header())
	copied.Body = body
	return copied
}

func closeBody(request *http.Request) {
	if request.Body != nil {
		request.Body.Close()
	}
}
