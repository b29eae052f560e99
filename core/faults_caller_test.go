package core

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The rows F57 to F67 of the fault table: many callers, and callers who leave.

// crowd lets n callers ask at once and returns how often each answer came.
func (f *faultRun) crowd(n int) map[string]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	answers := map[string]int{}
	for range n {
		wg.Go(func() {
			begin := time.Now()
			token, err := f.source.Token(f.Context())
			answer := fmt.Sprintf("%s %v after %v", token.AccessToken(), err, time.Since(begin))
			mu.Lock()
			defer mu.Unlock()
			answers[answer]++
		})
	}
	wg.Wait()
	return answers
}

func TestFaultsOfConcurrency(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(int, seen) (Response, error){"success": nil, "failure": refused} {
		row(t, "F57 10,000 callers cold, "+name, 120, nil, func(f *faultRun) {
			if fault != nil {
				f.breakDown(fault)
			}
			if answers := f.crowd(10_000); len(answers) != 1 {
				f.Errorf("%d different answers", len(answers))
			}
			if fault == nil {
				f.requests(1)
			} else {
				f.requests(3)
			}
		})
	}
	row(t, "F58 10,000 callers at soft, and at hard", 100, nil, func(f *faultRun) {
		f.works()
		time.Sleep(48*time.Second - f.latency)
		if answers := f.crowd(10_000); answers[canary+"-1 <nil> after 0s"] != 10_000 {
			f.Errorf("at soft: %v", answers)
		}
		f.requests(2)
		time.Sleep(90 * time.Second) // past hard of the second
		if answers := f.crowd(10_000); answers[fmt.Sprintf("%s-3 <nil> after %v", canary, f.latency)] != 10_000 {
			f.Errorf("at hard: %v", answers)
		}
		f.requests(3)
	})
	row(t, "F59 1,000 keys of 10 callers", 600, nil, func(f *faultRun) {
		const keys = 1_000
		fair := time.Duration((keys - burst) / maxPerSecond * float64(time.Second))
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range keys {
			source := testSource(f.T, f.client, fmt.Sprintf("a:%d", i))
			for range 10 {
				wg.Go(func() {
					for {
						_, err := source.Token(f.Context())
						if err == nil {
							return
						}
						var e *Error
						if !errors.As(err, &e) || !e.Retryable || time.Since(begin) > 2*fair {
							f.Errorf("key %d has no token after %v: %v", i, time.Since(begin), err)
							return
						}
						time.Sleep(max(time.Until(e.NextAttempt), time.Millisecond))
					}
				})
			}
		}
		wg.Wait()
		// A request that is let through when its flight has no time left is cut
		// off, and made again.
		if n := f.count(); n < keys || n > keys+maxInFlight || f.most > maxInFlight {
			f.Errorf("%d requests, %d in flight", n, f.most)
		}
	})
	row(t, "F60 key A stalled", 120, nil, func(f *faultRun) {
		f.breakDown(func(n int, r seen) (Response, error) {
			if r.claims["scope"] == "a:stalled" {
				time.Sleep(5 * time.Second)
			}
			return tokenResponse(n, 120), nil
		})
		go testSource(f.T, f.client, "a:stalled").Token(context.Background())
		synctest.Wait()
		begin := time.Now()
		if f.works(); time.Since(begin) != f.latency {
			f.Errorf("key B took %v", time.Since(begin))
		}
		f.held()
		f.requests(2)
	})
	row(t, "F61 Invalidate during a flight, 1,000 rejects of one token", 100, nil, func(f *faultRun) {
		first := f.works()
		time.Sleep(48 * time.Second)
		f.latency = time.Second
		f.held() // which begins a renewal
		synctest.Wait()
		for range 1_000 {
			f.source.Invalidate(first.AccessToken())
		}
		if answers := f.crowd(1_000); answers[canary+"-2 <nil> after 1s"] != 1_000 {
			f.Errorf("%v", answers)
		}
		f.requests(2)
	})
	row(t, "F62 Close during a flight, twice, and calls after it", 120, nil, func(f *faultRun) {
		f.latency = 5 * time.Second
		failed := make(chan error)
		for range 10 {
			go func() {
				_, err := f.source.Token(context.Background())
				failed <- err
			}()
		}
		synctest.Wait()
		begin := time.Now()
		f.client.Close()
		f.client.Close()
		for range 10 {
			wantError(f.T, <-failed, CodeClosed)
		}
		if f.fails(CodeClosed); time.Since(begin) != 0 {
			f.Errorf("it took %v", time.Since(begin))
		}
		f.requests(1)
	})
	row(t, "F63 eviction pressure during a flight", 120, func(c *ClientConfig) { c.CacheLimit = 5 }, func(f *faultRun) {
		f.latency = time.Second
		got := make(chan Token)
		go func() { got <- f.works() }()
		synctest.Wait()
		for i := range 500 {
			testSource(f.T, f.client, fmt.Sprintf("a:%d", i))
			if n := len(f.client.entries); n > 5 {
				f.Fatalf("%d keys are kept", n)
			}
		}
		if token := <-got; f.held().AccessToken() != token.AccessToken() {
			f.Error("the flight's result was lost")
		}
		f.requests(1)
	})
}

func TestFaultsOfCancellation(t *testing.T) {
	dice := rand.New(rand.NewPCG(64, 64))
	for range 10 {
		at := time.Duration(dice.Int64N(int64(time.Second)))
		row(t, fmt.Sprintf("F64 leader cancelled after %v", at), 120, nil, func(f *faultRun) {
			f.latency = time.Second
			ctx, cancel := context.WithTimeout(f.Context(), at)
			defer cancel()
			led := make(chan error)
			go func() {
				_, err := f.source.Token(ctx)
				led <- err
			}()
			synctest.Wait()
			if answers := f.crowd(20); len(answers) != 1 || answers[canary+"-1 <nil> after 1s"] != 20 {
				f.Errorf("followers got %v", answers)
			}
			wantError(f.T, <-led, CodeDeadline)
			f.requests(1)
		})
	}
	row(t, "F65 all callers cancelled", 120, nil, func(f *faultRun) {
		f.latency = 3 * time.Second
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(f.Context(), time.Second)
				defer cancel()
				_, err := f.source.Token(ctx)
				wantError(f.T, err, CodeDeadline)
			})
		}
		wg.Wait()
		time.Sleep(3 * time.Second)
		f.held()
		f.requests(1)
	})
	row(t, "F66 follower with 30 ms behind a fetch of 5 s", 120, nil, func(f *faultRun) {
		f.latency = 5 * time.Second
		go f.source.Token(context.Background())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(f.Context(), 30*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_, err := f.source.Token(ctx)
		if wantError(f.T, err, CodeDeadline); time.Since(begin) != 30*time.Millisecond {
			f.Errorf("it returned after %v", time.Since(begin))
		}
		time.Sleep(5 * time.Second)
		f.requests(1)
	})
	row(t, "F67 deadline past on entry", 120, nil, func(f *faultRun) {
		past, cancel := context.WithDeadline(f.Context(), time.Now().Add(-time.Second))
		defer cancel()
		_, err := f.source.Token(past)
		wantError(f.T, err, CodeDeadline)
		f.requests(0)
		f.works()
		if _, err := f.source.Token(past); err != nil {
			f.Errorf("with a usable token: %v", err)
		}
		f.requests(1)
	})
}
