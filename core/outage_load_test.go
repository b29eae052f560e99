package core

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The figures C10 to C14: key change, memory, exchanges, rejected tokens,
// replicas. See outage_test.go.

func TestC10KeyChangeUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 120)
		var kids sync.Map // of the tokens
		endpoint.breakDown(func(n int, r seen) (Response, error) {
			kids.Store(fmt.Sprintf("%s-%d", canary, n), kidOf(t, r))
			return tokenResponse(n, 120), nil
		})
		client := endpoint.client(t, nil)
		source := testSource(t, client, "a:b")
		var active atomic.Pointer[string]
		first := "kid-1"
		active.Store(&first)
		done := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond / 10)
				for {
					select {
					case <-done:
						return
					case <-time.After(7 * time.Millisecond):
					}
					want := *active.Load() // what Rotate had returned with when the call began
					token, err := source.Token(t.Context())
					if err != nil {
						t.Errorf("a call failed for a change of keys: %v", err)
						continue
					}
					if kid, _ := kids.Load(token.AccessToken()); kid.(string) < want {
						t.Errorf("a token of %s was handed out after the change to %s", kid, want)
					}
				}
			})
		}
		for i := 2; i <= 9; i++ {
			time.Sleep(33 * time.Millisecond)
			kid := fmt.Sprintf("kid-%d", i)
			if err := client.Rotate(namedKey(kid)); err != nil {
				t.Error(err)
			}
			active.Store(&kid)
		}
		time.Sleep(50 * time.Millisecond)
		close(done)
		wg.Wait()
		if most := 2 * 9; endpoint.count() > most {
			t.Errorf("%d requests for nine keys", endpoint.count())
		}
	})
}

// TestC11MemoryIsBounded offers a hundred times as many keys as are kept, each
// with a token.
func TestC11MemoryIsBounded(t *testing.T) {
	offered, limit, growth := 10_000, 100, uint64(60<<20)/100
	if full() {
		offered, limit, growth = 1_000_000, 10_000, 60<<20
	}
	clock := newManualClock()
	config := testConfig(nil)
	config.Key.Signer, config.Clock, config.CacheLimit = nil, clock.read, limit
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var flights []*Flow // under way all the time
	var sources []*Source
	for i := range 10 {
		source := testSource(t, client, fmt.Sprintf("flying:%d", i))
		flow := source.NewFlow()
		wantStep(t, flow.Next(clock.read()), StepSign)
		flights, sources = append(flights, flow), append(sources, source)
	}
	for i := range offered {
		fetch(t, testSource(t, client, fmt.Sprintf("a:%d", i)).NewFlow(), clock, i, 120)
		if clock.advance(time.Millisecond); i%20 == 0 {
			clock.advance(time.Second) // the endpoint's rate
		}
		if n := len(client.entries); n > limit {
			t.Fatalf("%d keys are kept, want at most %d", n, limit)
		}
	}
	for i, flow := range flights {
		flow.Signed(clock.read(), goodSignature)
		wantStep(t, flow.Next(clock.read()), StepSend)
		flow.Received(clock.read(), tokenResponse(i, 120))
		wantStep(t, flow.Next(clock.read()), StepDone)
		if _, _, _, ok := sources[i].Peek(); !ok {
			t.Errorf("the flight of key %d was evicted", i)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > int64(growth) {
		t.Errorf("%d bytes more for %d keys, want at most %d", grown, limit, growth)
	}
	runtime.KeepAlive(client)
}

// customs is a simulated Maskinporten with Customs behind it.
func customs(t *testing.T, subjectLife, life int) (endpoint *simulator, grants, exchanges *atomic.Int32) {
	endpoint, grants, exchanges = simulate(t, subjectLife), &atomic.Int32{}, &atomic.Int32{}
	endpoint.breakDown(func(n int, r seen) (Response, error) {
		if r.url == Test.CustomsTokenEndpoint {
			exchanges.Add(1)
			return tokenResponse(n, life), nil
		}
		grants.Add(1)
		return tokenResponse(n, subjectLife), nil
	})
	return endpoint, grants, exchanges
}

func TestC12ExchangedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint, grants, exchanges := customs(t, 120, 970)
		source := endpoint.source(t, "toll:x", CustomsExchange(Test))
		mustToken(t, source)
		time.Sleep(5 * time.Minute) // the subject token is over, the exchanged one fresh
		mustToken(t, source)
		if grants.Load() != 1 || exchanges.Load() != 1 {
			t.Errorf("a hit after the subject token's end made %d grants, %d exchanges", grants.Load()-1, exchanges.Load()-1)
		}
		time.Sleep(4 * time.Minute) // the exchanged one is due
		mustToken(t, source)
		time.Sleep(time.Second)
		if grants.Load() != 2 || exchanges.Load() != 2 {
			t.Errorf("a renewal made %d grants, %d exchanges, want one each", grants.Load()-1, exchanges.Load()-1)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		endpoint, grants, exchanges := customs(t, 600, 60)
		plain := *endpoint.fault.Load()
		endpoint.breakDown(func(n int, r seen) (Response, error) {
			if response, err := plain(n, r); r.url != Test.CustomsTokenEndpoint || exchanges.Load() != 2 {
				return response, err
			}
			return Response{Status: 401}, nil
		})
		source := endpoint.source(t, "toll:x", CustomsExchange(Test))
		first := mustToken(t, source)
		time.Sleep(time.Minute)
		if second := mustToken(t, source); second.AccessToken() == first.AccessToken() || grants.Load() != 2 || exchanges.Load() != 3 {
			t.Errorf("after a refused subject token: %d grants, %d exchanges, want 2 and 3", grants.Load(), exchanges.Load())
		}
	})
}

func TestC13RejectedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 600)
		source := endpoint.source(t, "a:b")
		old := mustToken(t, source)
		report := func(token Token) {
			var wg sync.WaitGroup
			for range 1_000 {
				wg.Go(func() {
					source.Invalidate(token.AccessToken())
					mustToken(t, source)
				})
			}
			wg.Wait()
		}
		if report(old); endpoint.count() != 2 {
			t.Errorf("1,000 reports of one token made %d requests", endpoint.count()-1)
		}
		if report(old); endpoint.count() != 2 {
			t.Errorf("1,000 reports of an older token made %d requests", endpoint.count()-2)
		}
		for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(100 * time.Millisecond) {
			source.Invalidate(mustToken(t, source).AccessToken())
		}
		if forced := endpoint.count() - 2; forced > 13 {
			t.Errorf("%d forced fetches in a minute, want one in five seconds", forced)
		}
	})
}

// TestC14Replicas: a thousand replicas that start in one second do not refresh
// in one second.
func TestC14Replicas(t *testing.T) {
	t.Parallel()
	clock, dice := newManualClock(), rand.New(rand.NewPCG(14, 14))
	var sources []*Source
	for range 1_000 {
		config := testConfig(nil)
		config.Key.Signer, config.Clock = nil, clock.read
		client, err := NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		client.jitter = dice.Float64
		sources = append(sources, testSource(t, client, "a:b"))
	}
	perSecond := make([]int, 12*60)
	for second := range perSecond {
		for i, source := range sources {
			if _, _, lease, ok := source.Peek(); !ok || lease == 0 {
				fetch(t, source.NewFlow(), clock, i, 120)
				perSecond[second]++
			}
		}
		clock.advance(time.Second)
	}
	peak := func(from, to int) (most int) {
		for _, n := range perSecond[from:to] {
			most = max(most, n)
		}
		return most
	}
	if first, later := peak(1, 70), peak(600, len(perSecond)); perSecond[0] != 1_000 || first > 135 || later > 75 {
		t.Errorf("refreshes in one second: %d in the first wave, %d after ten minutes; want at most 135 and 75", first, later)
	}
}
