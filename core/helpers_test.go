package core

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// canary stands in every secret that the tests make. It must never be seen.
const canary = "CANARY"

// fakeSigner "signs" with bytes of the right length: the judge of signatures
// is the sandbox, not these tests.
type fakeSigner struct {
	err   error
	calls int
	mu    sync.Mutex
}

func (s *fakeSigner) Sign(context.Context, []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return []byte(strings.Repeat("s", 256)), s.err
}

// seen is one request as the fake endpoint saw it.
type seen struct {
	url    string
	form   url.Values
	claims map[string]any
}

// fakeEndpoint is a Transport. answer decides what each request gets; it may
// block. Every jti must be new.
type fakeEndpoint struct {
	t      testing.TB
	answer func(n int, r seen) (Response, error)

	mu   sync.Mutex
	seen []seen
	jti  map[string]bool
}

func (e *fakeEndpoint) Send(ctx context.Context, request Request) (Response, error) {
	form, err := url.ParseQuery(string(request.Body))
	if err != nil {
		e.t.Errorf("body is no form: %v", err)
	}
	r := seen{url: request.URL, form: form}
	if assertion := form.Get("assertion"); assertion != "" {
		r.claims = decodeClaims(e.t, assertion)
	}
	e.mu.Lock()
	if e.jti == nil {
		e.jti = map[string]bool{}
	}
	if r.claims != nil {
		jti := r.claims["jti"].(string)
		if e.jti[jti] {
			e.t.Errorf("jti %s was sent twice", jti)
		}
		e.jti[jti] = true
	}
	e.seen = append(e.seen, r)
	n := len(e.seen)
	e.mu.Unlock()
	type outcome struct {
		response Response
		err      error
	}
	done := make(chan outcome, 1)
	go func() {
		response, err := e.answer(n, r)
		done <- outcome{response, err}
	}()
	select {
	case o := <-done:
		return o.response, o.err
	case <-ctx.Done():
		return Response{}, NewError(CodeTimeout, "no answer in time", ctx.Err())
	}
}

func (e *fakeEndpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.seen)
}

func decodeClaims(t testing.TB, assertion string) map[string]any {
	t.Helper()
	return decodePart(t, assertion, 1)
}

// decodePart reads the header (0) or the claims (1) of a JWT.
func decodePart(t testing.TB, jwt string, part int) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("assertion has %d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// grants answers with a token that names the request's number.
func grants(life int) func(int, seen) (Response, error) {
	return func(n int, r seen) (Response, error) { return tokenResponse(n, life), nil }
}

func tokenResponse(n, life int) Response {
	return Response{Status: 200, Body: fmt.Appendf(nil, `{"access_token":"%s-%d","token_type":"Bearer","expires_in":%d}`, canary, n, life)}
}

func refuses(status int, code, description, mp string) Response {
	body := map[string]string{"error": code, "error_description": description + ". (trace_id: 0123456789abcdef0123456789abcdef)"}
	if mp != "" {
		body["error_uri"] = "https://test.maskinporten.no/errors/" + mp
	}
	text, _ := json.Marshal(body)
	return Response{Status: status, Body: text}
}

func testConfig(transport Transport) ClientConfig {
	return ClientConfig{Environment: Test, ClientID: "7e7f6d5c-client", Transport: transport,
		Key: Key{KeyID: "kid-1", SignatureSize: 256, Signer: &fakeSigner{}}}
}

func testClient(t *testing.T, endpoint *fakeEndpoint) *Client {
	t.Helper()
	endpoint.t = t
	client, err := NewClient(testConfig(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func testSource(t *testing.T, client *Client, scope string, exchanges ...Exchange) *Source {
	t.Helper()
	source, err := client.Source(TokenRequest{Scopes: []string{scope}}, exchanges...)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// wantError checks the code, that there is a remedy, and that no secret shows.
func wantError(t *testing.T, err error, code Code) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error with code %s", err, code)
	}
	if e.Code != code {
		t.Errorf("code is %s (%s), want %s", e.Code, e.Message, code)
	}
	if e.Remedy == "" || !strings.HasSuffix(e.Remedy, ".") {
		t.Errorf("remedy %q is not a sentence", e.Remedy)
	}
	for _, form := range []string{err.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", *e)} {
		if strings.Contains(form, canary) {
			t.Errorf("a secret shows in %s", form)
		}
	}
	return e
}

// manualClock is a clock whose two hands can be moved apart.
type manualClock struct {
	mu  sync.Mutex
	now Instant
}

func newManualClock() *manualClock {
	return &manualClock{now: Instant{Wall: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano(), Monotonic: int64(time.Hour)}}
}

func (c *manualClock) read() Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
