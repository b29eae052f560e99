package core

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bureau is a client with many keys whose callers ask once a second.
func bureau(t *testing.T, keys int, endpoint *fakeEndpoint) (sources []*Source) {
	client := testClient(t, endpoint)
	for i := range keys {
		sources = append(sources, testSource(t, client, fmt.Sprintf("a:%d", i)))
	}
	return sources
}

func TestPolitenessInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const keys = 2_000
		var inFlight, most, requests atomic.Int32
		var down atomic.Bool
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			requests.Add(1)
			if now := inFlight.Add(1); now > most.Load() {
				most.Store(now)
			}
			time.Sleep(200 * time.Millisecond)
			inFlight.Add(-1)
			if down.Load() {
				return Response{}, errors.New("down")
			}
			return tokenResponse(n, 600), nil
		}}
		sources := bureau(t, keys, endpoint)
		round := func() (fresh int) {
			var wg sync.WaitGroup
			var ok atomic.Int32
			for _, source := range sources {
				wg.Go(func() {
					if _, err := source.Token(t.Context()); err == nil {
						ok.Add(1)
					}
				})
			}
			wg.Wait()
			return int(ok.Load())
		}
		down.Store(true)
		start := time.Now()
		for time.Since(start) < 2*time.Minute {
			round()
			time.Sleep(time.Second)
		}
		if rate := float64(requests.Load()) / time.Since(start).Seconds(); rate > 1 {
			t.Errorf("%.2f requests a second while the breaker is open, want at most one probe", rate)
		}
		down.Store(false)
		recovered, before := time.Now(), requests.Load()
		for round() < keys && time.Since(recovered) < 5*time.Minute {
			time.Sleep(time.Second)
		}
		took := time.Since(recovered)
		if took > 2*time.Minute {
			t.Errorf("all keys were fresh after %v, want two minutes", took)
		}
		if rate := float64(requests.Load()-before-int32(burst)) / took.Seconds(); rate > maxPerSecond+0.5 {
			t.Errorf("%.1f requests a second after the outage", rate)
		}
		if most.Load() > maxInFlight {
			t.Errorf("%d requests in flight", most.Load())
		}
	})
}

func TestBreakerAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(int, seen) (Response, error) { return Response{Status: 503}, nil }}
		sources := bureau(t, 30, endpoint)
		for _, source := range sources[:20] {
			source.Token(t.Context())
		}
		count, start := endpoint.count(), time.Now()
		_, err := sources[29].Token(t.Context())
		if e := wantError(t, err, CodeServerError); endpoint.count() != count || time.Since(start) != 0 || e.NextAttempt.Sub(start) > 5*time.Second {
			t.Errorf("%d requests more after %v; next at %v", endpoint.count()-count, time.Since(start), e.NextAttempt.Sub(start))
		}
	})
}

func TestForegroundGoesFirst(t *testing.T) {
	now := SystemClock()
	g := newGuard(now)
	g.bucket = 1
	background, foreground := g.queue(true), g.queue(false)
	if v := g.ask(background, now); v.admitted {
		t.Error("a background renewal went before a caller who waits")
	}
	if v := g.ask(foreground, now); !v.admitted {
		t.Errorf("the caller waits: %+v", v)
	}
	now = now.Add(time.Second)
	if v := g.ask(background, now); !v.admitted {
		t.Errorf("the renewal waits: %+v", v)
	}
	g.leave(foreground, nil, now, 0)
	g.leave(background, nil, now, 0)
	if g.inFlight != 0 {
		t.Errorf("%d in flight", g.inFlight)
	}
}

func TestRetryBudget(t *testing.T) {
	now := SystemClock()
	g := newGuard(now)
	granted := 0
	for range 1_000 {
		if g.mayRetry(now) {
			granted++
		}
	}
	if granted != int(retryBurst) {
		t.Errorf("%d repeats at once", granted)
	}
	if now = now.Add(3 * time.Second); !g.mayRetry(now) || !g.mayRetry(now) || !g.mayRetry(now) || g.mayRetry(now) {
		t.Error("the budget does not refill by one a second")
	}
}

func TestRateIsHalvedBy429(t *testing.T) {
	now := SystemClock()
	g := newGuard(now)
	ticket := g.queue(false)
	g.ask(ticket, now)
	g.leave(ticket, NewError(CodeRateLimited, "slow down", nil), now, 0)
	if g.rate != maxPerSecond/2 {
		t.Errorf("the rate is %v", g.rate)
	}
}
