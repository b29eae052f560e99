package core

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The fault table, row by row, in virtual time: this file has the network, and
// faults_answer_test.go, faults_clock_test.go, faults_key_test.go,
// faults_caller_test.go and faults_host_test.go the rest. The rows that need
// real sockets are in package nethttp: F03 to F12, F14, F15, F22, F23, F25 to
// F27, F30 to F34, F36.

// faultRun is one row: a simulated endpoint, a client whose every secret has a
// canary in it, and all that the client lets anybody see.
type faultRun struct {
	*testing.T
	*simulator
	client *Client
	source *Source

	mu  sync.Mutex
	out bytes.Buffer
}

// canarySigner signs with a text that would be known again.
type canarySigner struct{}

var canarySignature = []byte(strings.Repeat(canary, 43)[:256])

func (canarySigner) Sign(context.Context, []byte) ([]byte, error) { return canarySignature, nil }

// row runs one fault, and then searches all output for secrets.
func row(t *testing.T, name string, life int, change func(*ClientConfig), run func(*faultRun)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := &faultRun{T: t, simulator: simulate(t, life)}
			audit := AuditLog(f)
			f.client = f.simulator.client(t, func(c *ClientConfig) {
				c.Key.Signer = canarySigner{}
				c.OnEvent = func(e Event) {
					audit(e)
					f.show(e, e.Err)
				}
				if change != nil {
					change(c)
				}
			})
			f.source = testSource(t, f.client, "a:b")
			run(f)
			f.client.Close()
			time.Sleep(2 * time.Minute) // so that whatever runs ends, and is shown
			f.show(f.client, f.client.config, f.source, f.client.config.Key)
			if form := leaked(f.out.String()); form != "" {
				t.Errorf("a secret is in the output, as %q", form)
			}
		})
	})
}

func (f *faultRun) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Write(line)
}

// show prints values the ways that logs do.
func (f *faultRun) show(values ...any) {
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(f, verb+"\n", value)
		}
		if text, err := json.Marshal(value); err == nil {
			f.Write(text)
		}
	}
}

// leaked searches for a canary: plain, in hexadecimal, and in base64 at each of
// the three offsets, as it would stand in a JWT or its signature.
func leaked(output string) string {
	forms := []string{canary, hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary)))}
	for shift := range 3 {
		text := base64.RawURLEncoding.EncodeToString([]byte("xx"[:shift] + canary))
		forms = append(forms, text[(8*shift+5)/6:8*(shift+len(canary))/6])
	}
	for _, form := range forms {
		if strings.Contains(output, form) {
			return form
		}
	}
	return ""
}

func TestLeakedFindsEveryForm(t *testing.T) {
	for _, secret := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", "a"+canary), base64.StdEncoding.EncodeToString([]byte(canary + "-1")),
		base64.RawURLEncoding.EncodeToString([]byte("a" + canary)), base64.RawURLEncoding.EncodeToString(canarySignature[2:])} {
		if leaked("before "+secret+" after") == "" {
			t.Errorf("%q is not found", secret)
		}
	}
	if form := leaked("the key, the token, the grant"); form != "" {
		t.Errorf("%q is found in a harmless text", form)
	}
}

// get asks for a token and shows what came of it.
func (f *faultRun) get() (Token, error) { return f.ask(f.source) }

func (f *faultRun) ask(source *Source) (Token, error) {
	token, err := source.Token(f.Context())
	f.show(token, &token)
	if err != nil {
		f.show(err)
		var e *Error
		if errors.As(err, &e) {
			f.show(*e)
		}
	}
	return token, err
}

// held asks for a token that must be there without a wait.
func (f *faultRun) held() Token {
	f.Helper()
	asked := time.Now()
	token, err := f.get()
	if err != nil || time.Since(asked) != 0 {
		f.Fatalf("a caller with a usable token waited %v and got %v", time.Since(asked), err)
	}
	return token
}

// fails asks and wants that error.
func (f *faultRun) fails(code Code) *Error {
	f.Helper()
	_, err := f.get()
	return wantError(f.T, err, code)
}

func (f *faultRun) works() Token {
	f.Helper()
	token, err := f.get()
	if err != nil {
		f.Fatal(err)
	}
	return token
}

// requests holds the count of requests that the endpoint saw.
func (f *faultRun) requests(want int) {
	f.Helper()
	if got := f.count(); got != want {
		f.Errorf("%d requests, want %d", got, want)
	}
}

// firstly is a fault of the first n answers.
func (f *faultRun) firstly(n int, fault func(int, seen) (Response, error)) {
	f.breakDown(func(i int, r seen) (Response, error) {
		if i <= n {
			return fault(i, r)
		}
		return tokenResponse(i, f.life), nil
	})
}

func TestFaultsOfTheNetwork(t *testing.T) {
	t.Parallel()
	dial := func(int, seen) (Response, error) {
		return Response{}, errors.New("dial tcp 127.0.0.1:1: connect: connection refused")
	}
	row(t, "F01 connection refused for 30 s, a token held", 599, nil, func(f *faultRun) {
		f.works()
		time.Sleep(288 * time.Second)
		f.breakDown(dial)
		for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
			f.held()
		}
		if n := f.count() - 1; n > 10 {
			f.Errorf("%d attempts in 30 s", n)
		}
		if last := f.at[len(f.at)-1].Sub(f.at[len(f.at)-2]); last < 4*time.Second || last > 8100*time.Millisecond {
			f.Errorf("the last pause was %v, want 4 to 8 s", last)
		}
	})
	row(t, "F02 refused, nothing cached, a caller with 5 s", 599, nil, func(f *faultRun) {
		f.breakDown(dial)
		ctx, cancel := context.WithTimeout(f.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		_, err := f.source.Token(ctx)
		f.show(err)
		if e := wantError(f.T, err, CodeConnectionFailed); !strings.Contains(e.Error(), "dial") || time.Since(begin) > 5*time.Second {
			f.Errorf("after %v: %v", time.Since(begin), e)
		}
		f.requests(3)
	})
	row(t, "F06 reset before any byte", 120, nil, func(f *faultRun) {
		f.firstly(1, func(int, seen) (Response, error) { return Response{}, errors.New("connection reset by peer") })
		f.works()
		f.requests(2) // the endpoint holds that their jti differ
	})
	row(t, "F13 latency of 1 to 5 s, 1,000 callers cold", 120, nil, func(f *faultRun) {
		f.latency = 4300 * time.Millisecond
		begin := time.Now()
		var wg sync.WaitGroup
		for range 1_000 {
			wg.Go(func() {
				if _, err := f.source.Token(f.Context()); err != nil || time.Since(begin) != f.latency {
					f.Errorf("%v after %v", err, time.Since(begin))
				}
			})
		}
		wg.Wait()
		f.requests(1)
	})
	row(t, "F16 full outage of 300 s, a token held", 599, nil, func(f *faultRun) {
		f.works()
		time.Sleep(287 * time.Second)
		f.held() // the last moment before the outage: a renewal may have begun, or not
		f.breakDown(refused)
		for begin := time.Now(); time.Since(begin) < 300*time.Second; time.Sleep(time.Second) {
			if _, err := f.get(); err != nil {
				f.Fatalf("after %v: %v", time.Since(begin), err)
			}
		}
		if n := f.count(); n > 62 {
			f.Errorf("%d requests", n)
		}
	})
	t.Run("F17 outage of 60 s, life of 120 s", func(t *testing.T) {
		clean, worst := 0, 0
		for start := range 100 {
			failed, _ := throughOutage(t, 120, 240*time.Second+time.Duration(start)*1200*time.Millisecond, time.Minute)
			if worst = max(worst, failed); failed == 0 {
				clean++
			}
		}
		if clean < 80 || worst > 16 {
			t.Errorf("no error in %d of 100 starts, %d s of them at worst", clean, worst)
		}
	})
	row(t, "F18 outage with many keys", 120, nil, func(f *faultRun) {
		f.breakDown(refused)
		var wg sync.WaitGroup
		for i := range 200 {
			source := testSource(f.T, f.client, fmt.Sprintf("a:%d", i))
			wg.Go(func() {
				for range 20 {
					if _, err := source.Token(f.Context()); err == nil {
						f.Error("a token in an outage")
					}
					time.Sleep(time.Second)
				}
			})
		}
		wg.Wait()
		if n := f.busiest(10 * time.Second); n > burst+10*maxPerSecond || f.most > maxInFlight {
			f.Errorf("%d requests in ten seconds, %d in flight", n, f.most)
		}
	})
}
