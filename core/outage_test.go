package core

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The tests of this file and of outage_retry_test.go hold the cache against
// the figures that it was designed for, by which they are named: C for caching
// and refresh, R for reliability. Time is virtual, and requests are counted at
// a simulated endpoint.

// full asks for the long form of a few tests.
func full() bool { return os.Getenv("MASKINPORTEN_MODEL") == "full" }

func TestC1FetchesInSteadyUse(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(1, 1))
	lives := []int{10, 11, 60, 119, 120, 121, 300, 599, 970, 3600, 86_400}
	for range 40 {
		lives = append(lives, 10+dice.IntN(86_391))
	}
	for _, life := range lives {
		synctest.Test(t, func(t *testing.T) {
			endpoint := simulate(t, life)
			source := endpoint.source(t, "a:b")
			const periods = 20
			for range periods * 50 {
				mustToken(t, source)
				time.Sleep(time.Duration(life) * time.Second / 50)
			}
			if most := 2.5*periods + 1; float64(endpoint.count()) > most {
				t.Errorf("life %d s: %d fetches in %d lives, want at most %.0f", life, endpoint.count(), periods, most)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 120)
		source := endpoint.source(t, "a:b")
		const calls = 18_000 // half an hour at 10 Hz
		for range calls {
			mustToken(t, source)
			time.Sleep(100 * time.Millisecond)
		}
		// Caches with a window made for hour-long tokens fetch at every call.
		if n := endpoint.count(); calls/n < 400 {
			t.Errorf("%d fetches for %d calls, want 400 times fewer", n, calls)
		}
	})
}

func TestC2UsableTimeIsMonotone(t *testing.T) {
	usual := newTiming(ClientConfig{})
	for _, draw := range []float64{0, 0.25, 0.5, 0.999999} {
		var soft, hard time.Duration
		for seconds := 1; seconds <= 86_400; seconds++ {
			life := time.Duration(seconds) * time.Second
			s, h := Instant{}.Until(usual.refreshDue(Instant{}, life, draw)), Instant{}.Until(usual.usableUntil(Instant{}, life))
			if s < soft || h < hard || s >= h {
				t.Fatalf("at %v: due after %v, over after %v; one second less: %v, %v", life, s, h, soft, hard)
			}
			soft, hard = s, h
		}
	}
}

// throughOutage asks once a second, before, during and after an outage, and
// returns in how many seconds the caller had an error.
func throughOutage(t *testing.T, life int, before, length time.Duration) (failed, requests int) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, life)
		source := endpoint.source(t, "a:b")
		ask := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
				if _, err := source.Token(t.Context()); err != nil {
					failed++
				}
			}
		}
		ask(before)
		endpoint.breakDown(refused)
		n := endpoint.count()
		ask(length)
		requests = endpoint.count() - n
		endpoint.repair()
		ask(10 * time.Second)
	})
	return failed, requests
}

func TestC3OutagesAreBridged(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(3, 3))
	for _, c := range []struct {
		life         int
		length       time.Duration
		worst        int
		average      float64
		clean        int // of 100 starts, at least, without any error
		mostRequests int
	}{
		{599, 300 * time.Second, 0, 0, 100, 60},
		{120, 30 * time.Second, 0, 0, 100, 60},
		{120, 60 * time.Second, 16, 1, 80, 60}, // of 52 s that are covered for certain
	} {
		worst, sum, clean := 0, 0, 0
		for range 100 {
			before := time.Duration(dice.Int64N(2*int64(c.life))+1)*time.Second + time.Duration(dice.Int64N(int64(time.Second)))
			failed, requests := throughOutage(t, c.life, before, c.length)
			if worst, sum = max(worst, failed), sum+failed; failed == 0 {
				clean++
			}
			if requests > c.mostRequests {
				t.Errorf("life %d s, outage of %v after %v: %d requests", c.life, c.length, before, requests)
			}
		}
		if average := float64(sum) / 100; worst > c.worst || average > c.average || clean < c.clean {
			t.Errorf("life %d s, outage of %v: errors in %d s at worst and %.2f s on average, none in %d of 100", c.life, c.length, worst, average, clean)
		}
	}
}

func TestC4Recovery(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(4, 4))
	starts := 50
	if raceDetector {
		starts = 15
	}
	for range starts {
		length := 150*time.Second + time.Duration(dice.Int64N(int64(5*time.Minute)))
		synctest.Test(t, func(t *testing.T) {
			endpoint := simulate(t, 120)
			source := endpoint.source(t, "a:b")
			mustToken(t, source)
			endpoint.breakDown(refused)
			for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				source.Token(t.Context())
			}
			endpoint.repair()
			recovered := time.Now()
			for {
				if _, err := source.Token(t.Context()); err == nil || time.Since(recovered) > time.Minute {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(recovered); took > 8500*time.Millisecond {
				t.Errorf("after an outage of %v the first token came after %v", length, took)
			}
		})
	}
}

func TestC5OneFlightForAll(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(int, seen) (Response, error){
		"success": nil, "refused": refused, "says no": func(int, seen) (Response, error) {
			return refuses(400, "invalid_grant", "Client not found", "MP-100"), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				endpoint := simulate(t, 120)
				endpoint.latency = 50 * time.Millisecond
				most := 1
				if fault != nil {
					endpoint.breakDown(fault)
					most = 3
				}
				source := endpoint.source(t, "a:b")
				start := time.Now()
				results := make(chan string, 10_000)
				var wg sync.WaitGroup
				for range cap(results) {
					wg.Go(func() {
						token, err := source.Token(t.Context())
						results <- fmt.Sprintf("%q %v after %v", token.AccessToken(), err, time.Since(start))
					})
				}
				wg.Wait()
				first := <-results
				for range cap(results) - 1 {
					if got := <-results; got != first {
						t.Fatalf("one caller got %s, another %s", first, got)
					}
				}
				if endpoint.count() > most {
					t.Errorf("%d requests, want at most %d", endpoint.count(), most)
				}
			})
		})
	}
}

// TestC6CancelledCallers: callers leave at random times, and neither the others
// nor the endpoint notice.
func TestC6CancelledCallers(t *testing.T) {
	schedules := 10_000
	if raceDetector {
		schedules = 1_000
	}
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 120)
		endpoint.latency = 100 * time.Millisecond
		client := endpoint.client(t, nil)
		dice := rand.New(rand.NewPCG(6, 6))
		for i := range schedules {
			source := testSource(t, client, fmt.Sprintf("a:%d", i))
			var wg sync.WaitGroup
			for range 6 {
				limit := time.Duration(dice.Int64N(int64(200*time.Millisecond)) + 1)
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				begin := time.Now()
				wg.Go(func() {
					defer cancel()
					_, err := source.Token(ctx)
					switch took := time.Since(begin); {
					case limit < endpoint.latency && (!errors.Is(err, context.DeadlineExceeded) || took != limit):
						t.Errorf("a caller with %v got %v after %v", limit, err, took)
					case limit > endpoint.latency && (err != nil || took != endpoint.latency):
						t.Errorf("a caller who stayed got %v after %v", err, took)
					}
				})
			}
			wg.Wait()
			time.Sleep(endpoint.latency)
			if endpoint.count() != i+1 {
				t.Fatalf("%d requests for %d keys", endpoint.count(), i+1)
			}
		}
	})
}

func TestC7FlightOutlivesItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 120)
		endpoint.latency = 3 * time.Second
		client := endpoint.client(t, nil)
		source := testSource(t, client, "a:b")
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := source.Token(ctx)
			wantError(t, err, CodeDeadline)
			cancel()
		}
		time.Sleep(3 * time.Second)
		if _, _, _, ok := source.Peek(); !ok || endpoint.count() != 1 {
			t.Errorf("nobody waited: token kept %v after %d requests", ok, endpoint.count())
		}
		client.Close()
		synctest.Wait()
		if left := leftRunning(); left != "" {
			t.Errorf("after Close there runs\n%s", left)
		}
	})
}

func TestC8StalledKeyDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 120)
		stall := func(n int, r seen) (Response, error) {
			if r.claims["scope"] == "a:stalled" {
				time.Sleep(10 * time.Second)
			}
			return tokenResponse(n, 120), nil
		}
		endpoint.breakDown(stall)
		client := endpoint.client(t, nil)
		go testSource(t, client, "a:stalled").Token(context.Background())
		synctest.Wait()
		begin := time.Now()
		source := testSource(t, client, "a:b")
		mustToken(t, source)
		if took := time.Since(begin); took != endpoint.latency {
			t.Errorf("a fetch beside a stalled one took %v, alone it takes %v", took, endpoint.latency)
		}
		for begin = time.Now(); time.Since(begin) < 9*time.Second; time.Sleep(10 * time.Millisecond) {
			asked := time.Now()
			if mustToken(t, source); time.Since(asked) != 0 {
				t.Fatalf("a read waited %v", time.Since(asked))
			}
		}
		time.Sleep(20 * time.Second)
	})
}

// TestC8AndF60Percentile reads one key in turns with and without a stalled fetch
// of another, by the real clock. A reader who waited for the other key would do
// so in every turn; a machine that is busy disturbs some.
func TestC8AndF60Percentile(t *testing.T) {
	release, stalled := make(chan struct{}), make(chan struct{})
	endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
		if r.claims["scope"] == "a:stalled" {
			<-release
		}
		return tokenResponse(n, 3600), nil
	}}
	alone, beside := testClient(t, endpoint), testClient(t, endpoint)
	quiet, source := testSource(t, alone, "a:b"), testSource(t, beside, "a:b")
	mustToken(t, quiet)
	mustToken(t, source)
	go func() {
		defer close(stalled)
		testSource(t, beside, "a:stalled").Token(context.Background())
	}()
	best := math.Inf(1)
	for range 20 {
		best = min(best, percentile99(t, source)/percentile99(t, quiet))
	}
	if best > 1.2 {
		t.Errorf("the 99th percentile beside a stalled key is at least %.2f times that without", best)
	}
	close(release)
	<-stalled
}

// percentile99 times batches of reads, since one is too short for the clock.
func percentile99(t *testing.T, source *Source) float64 {
	batches := make([]float64, 500)
	for i := range batches {
		begin := time.Now()
		for range 20 {
			mustToken(t, source)
		}
		batches[i] = float64(time.Since(begin))
	}
	slices.Sort(batches)
	return batches[len(batches)*99/100]
}
