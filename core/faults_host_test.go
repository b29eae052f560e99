package core

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// TestFaultF73Soak lets one client renew its tokens for a long time and holds
// that nothing piles up.
func TestFaultF73Soak(t *testing.T) {
	t.Run("F73 soak at virtual time", func(t *testing.T) {
		refreshes := 20_000
		if full() {
			refreshes = 1_000_000
		}
		client, clock := hostClient(t)
		var sources []*Source
		for i := range 50 {
			sources = append(sources, testSource(t, client, fmt.Sprintf("a:%d", i)))
		}
		heap := func() uint64 {
			var stats runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&stats)
			return stats.HeapAlloc
		}
		goroutines := runtime.NumGoroutine()
		var first uint64
		for n := range refreshes {
			if n == refreshes/4 {
				first = heap()
			}
			source := sources[n%len(sources)]
			if n%17 == 0 { // now and then the endpoint fails
				flow := source.NewFlow()
				wantStep(t, flow.Next(clock.read()), StepSign)
				flow.Failed(clock.read(), errors.New("hook"))
				wantStep(t, flow.Next(clock.read()), StepFailed)
			} else {
				fetch(t, source.NewFlow(), clock, n, 120)
			}
			clock.advance(61 * time.Second / time.Duration(len(sources)))
			if n%len(sources) == len(sources)-1 {
				clock.advance(2 * time.Minute)
			}
		}
		if last := heap(); float64(last) > 1.02*float64(first)+64<<10 {
			t.Errorf("the heap grew from %d to %d bytes", first, last)
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines more", n-goroutines)
		}
	})
}

// TestLostHostsDoNotWedgeTheEndpoint: a host that performs the steps may die
// with a request in flight, and never say so. Neither the places in flight nor
// the breaker's probe may stay taken for ever.
func TestLostHostsDoNotWedgeTheEndpoint(t *testing.T) {
	lose := func(t *testing.T, client *Client, clock *manualClock, scope string) {
		flow := testSource(t, client, scope).NewFlow()
		wantStep(t, flow.Next(clock.read()), StepSign)
		flow.Signed(clock.read(), goodSignature)
		wantStep(t, flow.Next(clock.read()), StepSend)
	}
	t.Run("places in flight", func(t *testing.T) {
		client, clock := hostClient(t)
		for i := range maxInFlight {
			lose(t, client, clock, fmt.Sprintf("lost:%d", i))
		}
		source := testSource(t, client, "a:b")
		wantStep(t, source.NewFlow().Next(clock.read()), StepWait)
		clock.advance(flightLease)
		fetch(t, source.NewFlow(), clock, 1, 120)
	})
	t.Run("the probe", func(t *testing.T) {
		client, clock := hostClient(t)
		g := client.guardOf(Test.TokenEndpoint)
		g.failures, g.cause = breakAfter, NewError(CodeConnectionFailed, "down", nil)
		lose(t, client, clock, "lost:probe")
		source := testSource(t, client, "a:b")
		wantStep(t, source.NewFlow().Next(clock.read()), StepFailed)
		clock.advance(flightLease)
		fetch(t, source.NewFlow(), clock, 1, 120)
	})
}

// TestBreakerHearsTheEndpointOnly: a signer that fails, or a flow that is given
// up, shows nothing of the endpoint and must not close its breaker.
func TestBreakerHearsTheEndpointOnly(t *testing.T) {
	for name, end := range map[string]func(*Flow, Instant){
		"signer failed": func(f *Flow, now Instant) { f.Failed(now, errors.New("HSM")) },
		"given up":      func(f *Flow, now Instant) { f.Abandon(now) },
	} {
		t.Run(name, func(t *testing.T) {
			client, clock := hostClient(t)
			g := client.guardOf(Test.TokenEndpoint)
			g.failures, g.cause = breakAfter, NewError(CodeConnectionFailed, "down", nil)
			probe := testSource(t, client, "a:probe").NewFlow()
			wantStep(t, probe.Next(clock.read()), StepSign)
			end(probe, clock.read())
			if g.failures < breakAfter {
				t.Error("the breaker is closed")
			}
			fetch(t, testSource(t, client, "a:b").NewFlow(), clock, 1, 120)
			if g.failures != 0 {
				t.Error("a sound answer does not close the breaker")
			}
		})
	}
}
