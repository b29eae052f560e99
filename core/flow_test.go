package core

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// hostClient is a client without signer and transport, on a manual clock: the
// way a host in another language sees it.
func hostClient(t *testing.T) (*Client, *manualClock) {
	t.Helper()
	clock := newManualClock()
	config := testConfig(nil)
	config.Key.Signer, config.Clock = nil, clock.read
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, clock
}

var goodSignature = []byte(strings.Repeat("s", 256))

func wantStep(t *testing.T, step Step, kind StepKind) Step {
	t.Helper()
	if step.Kind != kind {
		t.Fatalf("step is %s (%v), want %s", step.Kind, step.Err, kind)
	}
	return step
}

// fetch runs a flow from sign to done.
func fetch(t *testing.T, f *Flow, clock *manualClock, n, life int) Token {
	t.Helper()
	wantStep(t, f.Next(clock.read()), StepSign)
	if err := f.Signed(clock.read(), goodSignature); err != nil {
		t.Fatal(err)
	}
	wantStep(t, f.Next(clock.read()), StepSend)
	if err := f.Received(clock.read(), tokenResponse(n, life)); err != nil {
		t.Fatal(err)
	}
	return wantStep(t, f.Next(clock.read()), StepDone).Token
}

func TestFlowStepByStep(t *testing.T) {
	client, clock := hostClient(t)
	source := testSource(t, client, "a:b")
	f := source.NewFlow()
	sign := wantStep(t, f.Next(clock.read()), StepSign)
	if again := f.Next(clock.read()); string(again.SigningInput) != string(sign.SigningInput) {
		t.Error("Next does not repeat its answer")
	}
	for name, call := range map[string]func() error{
		"Received": func() error { return f.Received(clock.read(), tokenResponse(1, 120)) },
	} {
		wantError(t, call(), CodeOutOfOrder)
		if again := wantStep(t, f.Next(clock.read()), StepSign); string(again.SigningInput) != string(sign.SigningInput) {
			t.Errorf("%s out of order changed the flow", name)
		}
	}
	if err := f.Signed(clock.read(), goodSignature); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.Signed(clock.read(), goodSignature), CodeOutOfOrder)
	send := wantStep(t, f.Next(clock.read()), StepSend)
	if !strings.Contains(string(send.Request.Body), string(sign.SigningInput)) || send.Request.Timeout != attemptTimeout || send.Request.MaxBody != 1<<20 {
		t.Errorf("request is %+v", send.Request)
	}
	sentAt := clock.read()
	clock.advance(7 * time.Second) // the answer takes its time; the life counts from sending
	if err := f.Received(clock.read(), tokenResponse(1, 100)); err != nil {
		t.Fatal(err)
	}
	token := wantStep(t, f.Next(clock.read()), StepDone).Token
	if !token.RequestedAt().Equal(sentAt.Time()) || token.ExpiresAt().Sub(sentAt.Time()) != 100*time.Second {
		t.Errorf("the life counts from %v to %v", token.RequestedAt(), token.ExpiresAt())
	}
	wantError(t, f.Received(clock.read(), tokenResponse(1, 120)), CodeOutOfOrder)
	wantError(t, f.Failed(clock.read(), errors.New("x")), CodeOutOfOrder)
	wantStep(t, source.NewFlow().Next(clock.read()), StepDone)
}

func TestFlowRetriesWithANewGrant(t *testing.T) {
	client, clock := hostClient(t)
	f := testSource(t, client, "a:b").NewFlow()
	inputs := map[string]bool{}
	for attempt := range 3 {
		sign := wantStep(t, f.Next(clock.read()), StepSign)
		if inputs[string(sign.SigningInput)] {
			t.Error("a grant was used again")
		}
		inputs[string(sign.SigningInput)] = true
		f.Signed(clock.read(), goodSignature)
		wantStep(t, f.Next(clock.read()), StepSend)
		if err := f.Failed(clock.read(), errors.New("reset by "+canary)); err != nil {
			t.Fatal(err)
		}
		if attempt == 2 {
			break
		}
		wait := wantStep(t, f.Next(clock.read()), StepWait)
		if wait.Wait <= 0 || wait.Wait > 2*time.Second {
			t.Errorf("pause of %v", wait.Wait)
		}
		clock.advance(wait.Wait / 2)
		wantStep(t, f.Next(clock.read()), StepWait)
		clock.advance(wait.Wait)
	}
	failed := wantStep(t, f.Next(clock.read()), StepFailed)
	if failed.Err.Code != CodeConnectionFailed || failed.Err.Attempts != 3 {
		t.Errorf("got %+v", failed.Err)
	}
}

func TestWrongSignatureEndsTheFlow(t *testing.T) {
	client, clock := hostClient(t)
	f := testSource(t, client, "a:b").NewFlow()
	f.Next(clock.read())
	wantError(t, f.Signed(clock.read(), goodSignature[1:]), CodeInvalidSignature)
	wantError(t, wantStep(t, f.Next(clock.read()), StepFailed).Err, CodeInvalidSignature)
}

func TestSecondFlowWaitsForTheFirst(t *testing.T) {
	client, clock := hostClient(t)
	source := testSource(t, client, "a:b")
	first, second := source.NewFlow(), source.NewFlow()
	wantStep(t, first.Next(clock.read()), StepSign)
	if wait := wantStep(t, second.Next(clock.read()), StepWait).Wait; wait <= 0 || wait > 100*time.Millisecond {
		t.Errorf("wait of %v", wait)
	}
	got := fetch(t, first, clock, 1, 120)
	if token := wantStep(t, second.Next(clock.read()), StepDone).Token; token.AccessToken() != got.AccessToken() {
		t.Error("the flows have different tokens")
	}
}

func TestAbandonedFlowIsReplaced(t *testing.T) {
	client, clock := hostClient(t)
	source := testSource(t, client, "a:b")
	first, second := source.NewFlow(), source.NewFlow()
	wantStep(t, first.Next(clock.read()), StepSign)
	wantStep(t, second.Next(clock.read()), StepWait)
	first.Abandon(clock.read())
	first.Abandon(clock.read())
	wantError(t, first.Next(clock.read()).Err, CodeCancelled)
	fetch(t, second, clock, 1, 120)
}

func TestLostFlowHoldsTheKeyForItsLeaseOnly(t *testing.T) {
	client, clock := hostClient(t)
	source := testSource(t, client, "a:b")
	lost, next := source.NewFlow(), source.NewFlow()
	wantStep(t, lost.Next(clock.read()), StepSign)
	lost.Signed(clock.read(), goodSignature)
	wantStep(t, lost.Next(clock.read()), StepSend)
	wantStep(t, next.Next(clock.read()), StepWait)
	clock.advance(19 * time.Second)
	wantStep(t, next.Next(clock.read()), StepWait)
	clock.advance(time.Second)
	fetch(t, next, clock, 2, 600)
	// The lost one comes back with a token that ends earlier: the newer stays.
	if err := lost.Received(clock.read(), tokenResponse(1, 60)); err != nil {
		t.Fatal(err)
	}
	if held, _, _, _ := source.Peek(); held.AccessToken() != canary+"-2" {
		t.Errorf("the cache holds %s", held.AccessToken())
	}
}

func TestEitherClockEndsAToken(t *testing.T) {
	for name, move := range map[string]func(*manualClock){
		"suspend: the wall runs, the monotonic stands": func(c *manualClock) { c.now.Wall += int64(10 * time.Minute) },
		"the wall steps back, the monotonic runs":      func(c *manualClock) { c.now.Wall -= int64(time.Hour); c.now.Monotonic += int64(110 * time.Second) },
		"both run":                      func(c *manualClock) { c.advance(110 * time.Second) },
		"the wall steps forward a year": func(c *manualClock) { c.now.Wall += int64(365 * 24 * time.Hour) },
	} {
		client, clock := hostClient(t)
		source := testSource(t, client, "a:b")
		fetch(t, source.NewFlow(), clock, 1, 120)
		move(clock)
		if _, _, _, ok := source.Peek(); ok {
			t.Errorf("%s: the token is still handed out", name)
		}
		fetch(t, source.NewFlow(), clock, 2, 120)
	}
}

// TestCacheStates follows one key through its life.
func TestCacheStates(t *testing.T) {
	client, clock := hostClient(t)
	client.jitter = func() float64 { return 1 } // due at 48 %, pauses at their longest
	source := testSource(t, client, "a:b")
	peek := func(usable, due bool) {
		t.Helper()
		_, left, lease, ok := source.Peek()
		if ok != usable || ok && (lease == 0) != due || ok && left <= 0 || lease > left {
			t.Fatalf("usable %v (%v left), lease %v; want %v, due %v", ok, left, lease, usable, due)
		}
	}
	peek(false, false) // empty
	fetch(t, source.NewFlow(), clock, 1, 100)
	peek(true, false) // fresh
	clock.advance(47 * time.Second)
	peek(true, false)
	clock.advance(time.Second)
	peek(true, true) // due
	refresh := source.NewFlow()
	wantStep(t, refresh.Next(clock.read()), StepSign)
	peek(true, false)                                          // refreshing
	wantStep(t, source.NewFlow().Next(clock.read()), StepDone) // nobody else works on it
	refresh.Signed(clock.read(), goodSignature)
	wantStep(t, refresh.Next(clock.read()), StepSend)
	refresh.Failed(clock.read(), errors.New("down"))
	wantStep(t, refresh.Next(clock.read()), StepFailed) // a background flow makes one attempt
	peek(true, false)                                   // backing off
	clock.advance(time.Second)
	peek(true, true) // due again
	second := source.NewFlow()
	wantStep(t, second.Next(clock.read()), StepSign)
	second.Signed(clock.read(), goodSignature)
	wantStep(t, second.Next(clock.read()), StepSend)
	clock.advance(40 * time.Second)
	second.Received(clock.read(), refuses(400, "invalid_grant", "Client not found", "MP-100"))
	peek(true, false)
	clock.advance(time.Second) // past hard, at 90 s
	peek(false, false)
	// Passing hard drops the pause once …
	third := source.NewFlow()
	wantStep(t, third.Next(clock.read()), StepSign)
	third.Signed(clock.read(), goodSignature)
	wantStep(t, third.Next(clock.read()), StepSend)
	third.Received(clock.read(), refuses(400, "invalid_grant", "Client not found", "MP-100"))
	// … and then the error is remembered, for longer each time.
	for _, pause := range []time.Duration{24 * time.Second, 48 * time.Second, 60 * time.Second, 60 * time.Second} {
		failed := wantStep(t, source.NewFlow().Next(clock.read()), StepFailed)
		if left := failed.Err.NextAttempt.Sub(clock.read().Time()); left != pause {
			t.Errorf("the error is kept for %v, want %v", left, pause)
		}
		clock.advance(pause)
		again := source.NewFlow()
		wantStep(t, again.Next(clock.read()), StepSign)
		again.Signed(clock.read(), goodSignature)
		again.Next(clock.read())
		again.Received(clock.read(), refuses(400, "invalid_grant", "Client not found", "MP-100"))
	}
	clock.advance(time.Minute)
	fetch(t, source.NewFlow(), clock, 9, 100)
	peek(true, false)
}

func TestExchangeFlow(t *testing.T) {
	client, clock := hostClient(t)
	source := testSource(t, client, "toll:x", CustomsExchange(Test))
	f := source.NewFlow()
	wantStep(t, f.Next(clock.read()), StepSign)
	f.Signed(clock.read(), goodSignature)
	if send := wantStep(t, f.Next(clock.read()), StepSend); send.Request.URL != Test.TokenEndpoint {
		t.Errorf("first request goes to %s", send.Request.URL)
	}
	f.Received(clock.read(), tokenResponse(1, 120))
	if send := wantStep(t, f.Next(clock.read()), StepSend); send.Request.URL != Test.CustomsTokenEndpoint || !strings.Contains(string(send.Request.Body), canary+"-1") {
		t.Errorf("second request is %v", send.Request)
	}
	wantError(t, f.Signed(clock.read(), goodSignature), CodeOutOfOrder)
	f.Received(clock.read(), tokenResponse(2, 970))
	if token := wantStep(t, f.Next(clock.read()), StepDone).Token; token.AccessToken() != canary+"-2" {
		t.Errorf("got %s", token.AccessToken())
	}
}

// TestLifeHasNoCliff: a token that lives longer is never due or over earlier.
func TestLifeHasNoCliff(t *testing.T) {
	var before snapshot
	usual := newTiming(ClientConfig{})
	draw := rand.Float64()
	for seconds := 1; seconds <= 86_400; seconds++ {
		life := time.Duration(seconds) * time.Second
		now := snapshot{soft: usual.refreshDue(Instant{}, life, draw), hard: usual.usableUntil(Instant{}, life)}
		if now.soft.Wall < before.soft.Wall || now.hard.Wall < before.hard.Wall || now.soft.Wall >= now.hard.Wall {
			t.Fatalf("at %v: due at %v, over at %v; one second less: %v, %v", life, now.soft, now.hard, before.soft, before.hard)
		}
		before = now
	}
	for seconds, hard := range map[int]time.Duration{1: 900 * time.Millisecond, 30: 27 * time.Second, 120: 110 * time.Second, 599: 589 * time.Second, 3600: 3590 * time.Second} {
		if got := time.Duration(usual.usableUntil(Instant{}, time.Duration(seconds)*time.Second).Wall); got != hard {
			t.Errorf("%d s: over at %v, want %v", seconds, got, hard)
		}
	}
}
