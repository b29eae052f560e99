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

// The figures R1 to R7: retries, pauses, the endpoint's protection. See
// outage_test.go and, for R8 to R10, outage_clock_test.go.

// everyFault is what an endpoint may do wrong, for tests of all of it.
var everyFault = map[string]func(int, seen) (Response, error){
	"refused": refused,
	"silent": func(int, seen) (Response, error) {
		time.Sleep(time.Minute)
		return Response{}, errors.New("nobody reads this")
	},
	"TLS":           func(int, seen) (Response, error) { return Response{}, NewError(CodeTLSFailed, "no trust", nil) },
	"500":           func(int, seen) (Response, error) { return Response{Status: 500}, nil },
	"501":           func(int, seen) (Response, error) { return Response{Status: 501}, nil },
	"503":           func(int, seen) (Response, error) { return Response{Status: 503}, nil },
	"503 in 9 s":    func(int, seen) (Response, error) { return retryLater(503, "9"), nil },
	"429":           func(int, seen) (Response, error) { return Response{Status: 429}, nil },
	"429 in 1 s":    func(int, seen) (Response, error) { return retryLater(429, "1"), nil },
	"302":           func(int, seen) (Response, error) { return Response{Status: 302}, nil },
	"404":           func(int, seen) (Response, error) { return Response{Status: 404}, nil },
	"portal":        func(int, seen) (Response, error) { return Response{Status: 200, Body: []byte("<html>")}, nil },
	"empty":         func(int, seen) (Response, error) { return Response{Status: 200}, nil },
	"reused":        answers(400, "invalid_grant", "Grant is used before", "MP-012"),
	"client":        answers(400, "invalid_grant", "Client not found", "MP-100"),
	"expired key":   answers(400, "invalid_grant", "Expired key", "MP-121"),
	"expired grant": answers(400, "invalid_grant", "JWT is expired", "MP-130"),
	"scope":         answers(400, "invalid_scope", "contains invalid scopes for client", "MP-200"),
	"delegation":    answers(403, "forbidden", "has not delegated access to the scope", "MP-251"),
}

func answers(status int, code, description, mp string) func(int, seen) (Response, error) {
	return func(int, seen) (Response, error) { return refuses(status, code, description, mp), nil }
}

func retryLater(status int, value string) Response {
	return Response{Status: status, Header: []Header{{"Retry-After", value}, {"Date", time.Now().UTC().Format(httpDate)}}}
}

func TestR1EveryGrantIsNew(t *testing.T) {
	t.Parallel()
	for name, fault := range everyFault {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				endpoint := simulate(t, 120) // which holds that no jti comes twice
				endpoint.breakDown(func(n int, r seen) (Response, error) {
					iat := time.Unix(int64(r.claims["iat"].(float64)), 0)
					if age := time.Since(iat) - endpoint.latency; age < 0 || age >= issuedBefore+time.Second {
						t.Errorf("iat is %v before the moment of sending", age)
					}
					return fault(n, r)
				})
				source := endpoint.source(t, "a:b")
				for range 300 {
					source.Token(t.Context())
					time.Sleep(1370 * time.Millisecond)
				}
				if endpoint.count() < 2 {
					t.Error("the fault was not tried again")
				}
				time.Sleep(time.Minute)
			})
		})
	}
	count := 200_000
	if full() {
		count = 1_000_000
	}
	jti := make(map[string]struct{}, count)
	for range count {
		id, err := NewJTI(nil)
		if err != nil {
			t.Fatal(err)
		}
		jti[id] = struct{}{}
	}
	if len(jti) != count {
		t.Errorf("%d of %d jti are different", len(jti), count)
	}
}

func TestR2AttemptsAndTime(t *testing.T) {
	for name, fault := range everyFault {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				endpoint := simulate(t, 100)
				endpoint.breakDown(fault)
				source := endpoint.source(t, "a:b")
				begin := time.Now()
				_, err := source.Token(t.Context())
				if took := time.Since(begin); err == nil || endpoint.count() > 3 || took > foregroundBudget+100*time.Millisecond {
					t.Errorf("cold: %d attempts in %v, %v", endpoint.count(), took, err)
				}
				time.Sleep(2 * time.Minute)

				endpoint.repair()
				mustToken(t, source)
				time.Sleep(50 * time.Second)
				endpoint.breakDown(fault)
				before, begin := endpoint.count(), time.Now()
				if mustToken(t, source); time.Since(begin) != 0 {
					t.Errorf("background: the caller waited %v", time.Since(begin))
				}
				time.Sleep(backgroundBudget + 100*time.Millisecond)
				if n := endpoint.count() - before; n != 1 {
					t.Errorf("background: %d attempts, want one", n)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestR3RetryAfter(t *testing.T) {
	t.Parallel()
	date := func(d time.Duration) func() string {
		return func() string { return time.Now().Add(d).UTC().Format(httpDate) }
	}
	text := func(value string) func() string { return func() string { return value } }
	for _, c := range []struct {
		name        string
		value       func() string
		least, most time.Duration // until the next request of a 429
	}{
		{"1 second, once within the flight", text("1"), time.Second, time.Second},
		{"30 seconds", text("30"), 30 * time.Second, 30 * time.Second},
		{"a day", text("86400"), time.Minute, time.Minute},
		{"40 digits", text("9999999999999999999999999999999999999999"), 5 * time.Second, time.Minute},
		{"10^12", text("1000000000000"), time.Minute, time.Minute},
		{"zero", text("0"), 0, time.Second},
		{"negative", text("-1"), 5 * time.Second, 5 * time.Second},
		{"NaN", text("NaN"), 5 * time.Second, 5 * time.Second},
		{"garbage", text("soon"), 5 * time.Second, 5 * time.Second},
		{"empty", text(""), 5 * time.Second, 5 * time.Second},
		{"a date in 20 s", date(20 * time.Second), 19 * time.Second, 20 * time.Second},
		{"a date of tomorrow", date(24 * time.Hour), time.Minute, time.Minute},
		{"a date of yesterday", date(-24 * time.Hour), 5 * time.Second, 5 * time.Second},
	} {
		for _, status := range []int{429, 503} {
			t.Run(fmt.Sprintf("%d, %s", status, c.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					endpoint := simulate(t, 600)
					endpoint.latency = 0
					endpoint.breakDown(func(int, seen) (Response, error) { return retryLater(status, c.value()), nil })
					source := endpoint.source(t, "a:b")
					for begin := time.Now(); time.Since(begin) < 3*time.Minute; time.Sleep(50 * time.Millisecond) {
						source.Token(t.Context())
					}
					gap := func(i int) time.Duration { return endpoint.at[i].Sub(endpoint.at[i-1]) }
					if status == 429 && (gap(1) < c.least || gap(1) > c.most+50*time.Millisecond) {
						t.Errorf("the second request came after %v, want %v to %v", gap(1), c.least, c.most)
					}
					for i := 1; i < endpoint.count(); i++ {
						if gap(i) > time.Minute+100*time.Millisecond {
							t.Errorf("a pause of %v", gap(i))
						}
					}
					// What cannot be understood (a 429 then waits the default of five
					// seconds) leaves a 503 to the random pauses within a flight.
					most := 11 // one in 500 ms
					if c.least == defaultRetryAfter {
						most = 20
					}
					if n := endpoint.busiest(5 * time.Second); n > most {
						t.Errorf("%d requests in five seconds, want at most %d", n, most)
					}
				})
			})
		}
	}
	synctest.Test(t, func(t *testing.T) { // and meanwhile the token that holds is served
		endpoint := simulate(t, 600)
		source := endpoint.source(t, "a:b")
		mustToken(t, source)
		endpoint.breakDown(func(int, seen) (Response, error) { return retryLater(429, "60"), nil })
		for begin := time.Now(); time.Since(begin) < 590*time.Second-endpoint.latency; time.Sleep(time.Second) {
			asked := time.Now()
			if mustToken(t, source); time.Since(asked) != 0 {
				t.Fatalf("a caller waited %v", time.Since(asked))
			}
		}
	})
}

func TestR4NegativeMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 600)
		endpoint.breakDown(answers(401, "invalid_client", "Client not found", "MP-100"))
		client := endpoint.client(t, nil)
		source := testSource(t, client, "a:b")
		calls := 0
		for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(10 * time.Millisecond) {
			asked, before := time.Now(), endpoint.count()
			_, err := source.Token(t.Context())
			if e := wantError(t, err, CodeClientUnknown); e.MPCode != "MP-100" {
				t.Fatalf("call %d: MP code %q", calls, e.MPCode)
			}
			if took := time.Since(asked); endpoint.count() == before && took != 0 {
				t.Fatalf("a remembered error took %v", took)
			}
			calls++
		}
		if endpoint.count() > 8 {
			t.Errorf("%d requests for %d calls in a minute, want at most 8", endpoint.count(), calls)
		}
		endpoint.repair()
		if err := client.Rotate(namedKey("kid-2")); err != nil {
			t.Fatal(err)
		}
		if mustToken(t, source); endpoint.count() > 9 {
			t.Errorf("%d requests after the change of keys", endpoint.count())
		}
	})
}

func TestR5ErrorsStayWithTheirKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 120)
		endpoint.breakDown(func(n int, r seen) (Response, error) {
			if r.claims["scope"] == "a:refused" || r.claims["consumer_org"] == "910753614" {
				return refuses(403, "forbidden", "Consumer has not delegated access to the scope", "MP-251"), nil
			}
			return tokenResponse(n, 120), nil
		})
		client := endpoint.client(t, nil)
		sound, refused := testSource(t, client, "a:b"), testSource(t, client, "a:refused")
		delegated, err := client.Source(TokenRequest{Scopes: []string{"a:b"}, ConsumerOrg: "910753614"})
		if err != nil {
			t.Fatal(err)
		}
		for range 600 {
			mustToken(t, sound)
			for _, source := range []*Source{refused, delegated} {
				_, err := source.Token(t.Context())
				wantError(t, err, CodeNotDelegated)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestR6ManyKeysInAnOutage: a bureau with 2,000 delegations, each of whose
// callers asks once a second, through an outage of two minutes.
func TestR6ManyKeysInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, outage := 2_000, 2*time.Minute
		if raceDetector {
			keys, outage = 600, 30*time.Second
		}
		endpoint := simulate(t, 600)
		endpoint.latency = 200 * time.Millisecond
		endpoint.breakDown(refused)
		client := endpoint.client(t, nil)
		var fresh atomic.Int32
		var wg sync.WaitGroup
		done := make(chan struct{})
		for i := range keys {
			source := testSource(t, client, fmt.Sprintf("a:%d", i))
			wg.Go(func() {
				for first := true; ; {
					select {
					case <-done:
						return
					case <-time.After(time.Second):
					}
					if _, err := source.Token(t.Context()); err == nil && first {
						first = false
						fresh.Add(1)
					}
				}
			})
		}
		time.Sleep(outage)
		if n := endpoint.count(); n > burst+int(outage/time.Second) {
			t.Errorf("%d requests in the outage, want the burst and a probe a second", n)
		}
		endpoint.repair()
		for begin := time.Now(); int(fresh.Load()) < keys; time.Sleep(time.Second) {
			if time.Since(begin) > 2*time.Minute {
				t.Fatalf("%d keys are fresh after two minutes", fresh.Load())
			}
		}
		if endpoint.most > maxInFlight {
			t.Errorf("%d requests in flight", endpoint.most)
		}
		if n := endpoint.busiest(10 * time.Second); n > burst+10*maxPerSecond+1 {
			t.Errorf("%d requests in ten seconds", n)
		}
		close(done)
		wg.Wait()
	})
}

func TestR7OpenBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := simulate(t, 600)
		client := endpoint.client(t, nil)
		held := testSource(t, client, "a:held")
		mustToken(t, held)
		endpoint.breakDown(func(int, seen) (Response, error) { return Response{Status: 503}, nil })
		for i := 0; client.guardOf(Test.TokenEndpoint).failures < breakAfter; i++ {
			testSource(t, client, fmt.Sprintf("a:%d", i)).Token(t.Context())
		}
		for i := range 100 {
			before, asked := endpoint.count(), time.Now()
			_, err := testSource(t, client, fmt.Sprintf("b:%d", i)).Token(t.Context())
			e := wantError(t, err, CodeServerError)
			if until := e.NextAttempt.Sub(asked); endpoint.count() != before || time.Since(asked) != 0 || e.Status != 503 || until <= 0 || until > 5*time.Second {
				t.Fatalf("%d requests, %v; next attempt in %v, status %d", endpoint.count()-before, time.Since(asked), until, e.Status)
			}
		}
		mustToken(t, held)
	})
}
