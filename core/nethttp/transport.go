// Package nethttp sends the requests of package core with net/http, and adds
// access tokens to the requests of a Go program.
package nethttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// Config is for a Transport. The zero value is right for most programs.
type Config struct {
	// RootCAs are the trusted roots; nil means those of the operating system.
	RootCAs *x509.CertPool
	// Proxy chooses the proxy for a request; nil means the usual environment
	// variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
	Proxy func(*http.Request) (*url.URL, error)
}

// Transport is a [core.Transport]. It needs TLS 1.2, follows no redirect,
// keeps no cookies and gives up a connection that stays silent. It is safe for
// concurrent use.
type Transport struct{ http *http.Transport }

// New returns a Transport.
func New(config Config) *Transport {
	proxy := config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	dialer := &dialer{net.Dialer{KeepAlive: 30 * time.Second}}
	return &Transport{&http.Transport{
		Proxy:                  proxy,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  5 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           16,
		MaxIdleConnsPerHost:    4,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            config.RootCAs,
			ClientSessionCache: tls.NewLRUClientSessionCache(16),
		},
	}}
}

// Send does one request. A response of any status is a result; the error of a
// request that got none is a *core.Error with code connection_failed, timeout
// or tls_failed.
func (t *Transport) Send(ctx context.Context, request core.Request) (core.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	var body body
	r, err := http.NewRequestWithContext(t.watched(ctx, &body), request.Method, request.URL, bytes.NewReader(request.Body))
	if err != nil {
		return core.Response{}, core.NewError(core.CodeInvalidConfig, "the address of the endpoint cannot be used", nil)
	}
	r.GetBody = nil // or HTTP/2 would send the same grant again after a refused stream
	for _, h := range request.Header {
		r.Header.Set(h.Name, h.Value)
	}
	answer, err := t.http.RoundTrip(r) // a RoundTripper, unlike a Client, follows no redirect
	if err != nil {
		return core.Response{}, classify(ctx, err)
	}
	defer answer.Body.Close()
	if answer.Body == http.NoBody && answer.ProtoMajor == 1 {
		t.http.CloseIdleConnections()
	}
	text, err := body.read(answer, request.MaxBody+1)
	if err != nil {
		return core.Response{}, classify(ctx, err)
	}
	response := core.Response{Status: answer.StatusCode, Body: text}
	for name, values := range answer.Header {
		for _, value := range values {
			response.Header = append(response.Header, core.Header{Name: name, Value: value})
		}
	}
	return response, nil
}

// CloseIdleConnections lets go of connections that are not in use.
func (t *Transport) CloseIdleConnections() { t.http.CloseIdleConnections() }

// classify says what kept the request from an answer. Errors about the peer's
// certificate are final; the rest may pass.
func classify(ctx context.Context, err error) *core.Error {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var operation *net.OpError
	var network net.Error
	switch {
	case errors.As(err, &verification), errors.As(err, &record),
		errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"): // a TLS alert
		return core.NewError(core.CodeTLSFailed, "no trusted TLS connection to the endpoint", err)
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return core.NewError(core.CodeTimeout, "the endpoint did not answer in time", err)
	}
	return core.NewError(core.CodeConnectionFailed, "the request got no answer", err)
}
