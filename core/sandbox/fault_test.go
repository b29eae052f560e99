package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tooLong bounds waits for something that should come at once.
const tooLong = 30 * time.Second

func await(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(tooLong):
		t.Fatalf("%s did not happen", what)
	}
}

// arrived waits until a request has been written down.
func (f *fixture) arrived(path string, n int) {
	f.Helper()
	for deadline := time.Now().Add(tooLong); f.Count(path) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatalf("%d requests for %s, want %d", f.Count(path), path, n)
		}
	}
}

// idle is closed when the sandbox answers nothing any more.
func (f *fixture) idle() <-chan struct{} {
	done := make(chan struct{})
	go func() { f.running.Wait(); close(done) }()
	return done
}

// tryPost sends a grant that may get no answer.
func (f *fixture) tryPost(d *draft) (reply, error) {
	return postForm(f.URL()+"/token", grantForm(d.sign()))
}

func TestFaultStatus(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Path: "/token", Status: 503, RetryAfter: "7", Times: 2}})
	for range 2 {
		d := f.keyGrant()
		if r := f.post(d.sign()); r.status != 503 || r.header.Get("Retry-After") != "7" {
			t.Errorf("status %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
		}
		if r := f.do("GET", f.URL()+"/jwk", nil, ""); r.status != 200 {
			t.Errorf("another path: %d", r.status)
		}
	}
	f.token(f.keyGrant())
	if entries := f.Journal(); !entries[0].Fault || entries[0].Status != 503 || f.last().Fault {
		t.Errorf("the journal is %+v … %+v", entries[0], f.last())
	}
}

func TestFaultForOneScope(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Scope: f.demo.Scopes.Customs, Status: 500}})
	d := f.keyGrant()
	d.claims["scope"] = f.demo.Scopes.Plain + " " + f.demo.Scopes.Customs
	if r := f.post(d.sign()); r.status != 500 {
		t.Errorf("the scope of the fault: %d", r.status)
	}
	f.token(f.keyGrant())
	f.SetFaults(nil)
	subject := f.customsSubject()
	f.SetFaults([]Fault{{Scope: f.demo.Scopes.Customs, Status: 502}})
	if r := f.customs(customsForm(subject)); r.status != 502 {
		t.Errorf("an exchange of a token with the scope: %d", r.status)
	}
	if r := f.get(f.SampleAPI(), subject); r.status != 502 {
		t.Errorf("a call with such a token: %d", r.status)
	}
}

func TestFaultBodies(t *testing.T) {
	f := start(t, nil)
	for _, row := range []struct {
		fault       Fault
		status      int
		contentType string
		length      int // -1 means any but none
	}{
		{Fault{Kind: HTML}, 200, "text/html; charset=utf-8", -1},
		{Fault{Kind: HTML, Status: 502}, 502, "text/html; charset=utf-8", -1},
		{Fault{Kind: Empty}, 200, "", 0},
		{Fault{Kind: Huge}, 200, "application/json", 4 << 20},
		{Fault{Status: 204}, 204, "text/plain; charset=utf-8", 0},
	} {
		f.SetFaults([]Fault{row.fault})
		r := f.post(f.keyGrant().sign())
		if r.status != row.status || r.header.Get("Content-Type") != row.contentType || row.length >= 0 && len(r.body) != row.length || row.length < 0 && len(r.body) == 0 {
			t.Errorf("%+v: status %d, %s, %d bytes", row.fault, r.status, r.header.Get("Content-Type"), len(r.body))
		}
	}
}

func TestFaultRedirect(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Path: "/token", Kind: Redirect}, {Path: "/jwk", Kind: Redirect, Status: 301, Location: "https://example.no/x"}})
	r := f.post(f.keyGrant().sign())
	if r.status != 307 || r.header.Get("Location") != f.URL()+"/redirected" || f.Count("/redirected") != 0 {
		t.Errorf("status %d to %q, %d followed", r.status, r.header.Get("Location"), f.Count("/redirected"))
	}
	if r := f.do("POST", r.header.Get("Location"), nil, ""); r.status != 404 || f.Count("/redirected") != 1 {
		t.Errorf("where it leads: status %d, %d counted", r.status, f.Count("/redirected"))
	}
	if r := f.do("GET", f.URL()+"/jwk", nil, ""); r.status != 301 || r.header.Get("Location") != "https://example.no/x" {
		t.Errorf("status %d to %q", r.status, r.header.Get("Location"))
	}
}

// What a fault does to the connection, and whether the grant is spent by it.
func TestFaultConnections(t *testing.T) {
	for _, row := range []struct {
		kind  FaultKind
		is    error
		spent bool
	}{
		{Close, io.EOF, false},
		{Reset, syscall.ECONNRESET, true},
		{Truncated, io.ErrUnexpectedEOF, true},
	} {
		t.Run(string(row.kind), func(t *testing.T) {
			f := start(t, nil)
			f.SetFaults([]Fault{{Kind: row.kind, Times: 1}})
			d := f.keyGrant()
			r, err := f.tryPost(d)
			if !errors.Is(err, row.is) {
				t.Errorf("the error is %v, want %v", err, row.is)
			}
			if row.kind == Truncated && (r.status != 200 || len(r.body) == 0) {
				t.Errorf("status %d, %d bytes", r.status, len(r.body))
			}
			if !row.spent {
				f.token(d)
				return
			}
			f.refused(f.post(d.sign()), outcome{400, "invalid_grant", "MP-012", "Grant is used before"})
		})
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Path: "/jwk", Kind: Hang}})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		request, _ := http.NewRequestWithContext(ctx, "GET", f.URL()+"/jwk", nil)
		if _, err := httpClient.Do(request); !errors.Is(err, context.Canceled) {
			t.Errorf("the request ended with %v", err)
		}
	}()
	f.arrived("/jwk", 1)
	f.token(f.keyGrant()) // others are served meanwhile
	if entry := f.Journal()[0]; entry.Path != "/jwk" || entry.Status != 0 {
		t.Errorf("the journal has %+v", entry)
	}
	leave()
	await(t, "the client's leaving", left)
	await(t, "the end of the hanging request", f.idle())
}

func TestHangEndsWithTheServer(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Path: "/token", Kind: Hang}, {Path: "/jwk", LatencyMS: maxLatencyMS}})
	ended := make(chan error, 2)
	go func() { _, err := f.tryPost(f.keyGrant()); ended <- err }()
	go func() { _, err := do("GET", f.URL()+"/jwk", nil, nil); ended <- err }()
	f.arrived("/token", 1)
	f.arrived("/jwk", 1)
	closed := make(chan struct{})
	go func() { f.Close(); close(closed) }()
	await(t, "Close", closed)
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("a request that hung was answered")
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if _, err := f.tryPost(f.keyGrant()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Close: %v", err)
	}
}

func TestFaultLatencyAndLife(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Path: "/token", LatencyMS: 80, ExpiresIn: 3, Times: 1}, {ExpiresIn: 5}})
	began := time.Now()
	token, answer := f.token(f.keyGrant())
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	if claims := f.verified(token); answer["expires_in"] != 3.0 || life(claims) != 3 {
		t.Errorf("expires_in %v, life %v", answer["expires_in"], life(claims))
	}
	answer = f.customs(customsForm(f.customsSubject())).json(t)
	if _, claims := decode(t, answer["access_token"].(string)); answer["expires_in"] != 5.0 || life(claims) != 5 {
		t.Errorf("Customs: expires_in %v, life %v", answer["expires_in"], life(claims))
	}
}

func TestInvalidFaults(t *testing.T) {
	f := start(t, nil)
	for _, row := range []struct{ body, says string }{
		{`{}`, "array"},
		{`[{"kind":"explode"}]`, `"explode"`},
		{`[{"times":-1},{"status":99}]`, "fault 1: status 99"},
		{`[{"latency_ms":9999999}]`, "latency_ms"},
		{`[{"statsu":500}]`, "statsu"},
		{`[{"retry_after":true}]`, "array of faults"},
	} {
		r := f.do("PUT", f.Control()+"/faults", nil, row.body)
		if r.status != 400 || !strings.Contains(string(r.body), row.says) {
			t.Errorf("%s: %d %s", row.body, r.status, r.body)
		}
	}
	f.token(f.keyGrant())
	defer func() {
		if recover() == nil {
			t.Error("SetFaults took an invalid fault")
		}
	}()
	f.SetFaults([]Fault{{Kind: "explode"}})
}
