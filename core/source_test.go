package core

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneFetchForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			time.Sleep(50 * time.Millisecond)
			return tokenResponse(n, 120), nil
		}}
		source := testSource(t, testClient(t, endpoint), "a:b")
		var wg sync.WaitGroup
		var tokens sync.Map
		for range 10_000 {
			wg.Go(func() {
				token, err := source.Token(t.Context())
				if err != nil {
					t.Error(err)
				}
				tokens.Store(token.AccessToken(), true)
			})
		}
		wg.Wait()
		if endpoint.count() != 1 {
			t.Errorf("%d requests, want 1", endpoint.count())
		}
		tokens.Range(func(key, _ any) bool {
			if key != canary+"-1" {
				t.Errorf("a caller got %v", key)
			}
			return true
		})
	})
}

func TestOneFailureForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(int, seen) (Response, error) {
			time.Sleep(50 * time.Millisecond)
			return refuses(400, "invalid_grant", "Client not found", "MP-100"), nil
		}}
		source := testSource(t, testClient(t, endpoint), "a:b")
		var wg sync.WaitGroup
		for range 1_000 {
			wg.Go(func() {
				_, err := source.Token(t.Context())
				wantError(t, err, CodeClientUnknown)
			})
		}
		wg.Wait()
		if endpoint.count() != 1 {
			t.Errorf("%d requests, want 1", endpoint.count())
		}
		// The error is remembered: asking again costs no request.
		start := time.Now()
		_, err := source.Token(t.Context())
		if e := wantError(t, err, CodeClientUnknown); endpoint.count() != 1 || time.Since(start) != 0 || !e.NextAttempt.After(time.Now()) {
			t.Errorf("%d requests after %v, next at %v", endpoint.count(), time.Since(start), e.NextAttempt)
		}
		time.Sleep(time.Minute)
		source.Token(t.Context())
		if endpoint.count() != 2 {
			t.Errorf("%d requests after a minute, want 2", endpoint.count())
		}
	})
}

func TestSourceKeys(t *testing.T) {
	endpoint := &fakeEndpoint{answer: grants(120)}
	client := testClient(t, endpoint)
	key := func(r TokenRequest, x ...Exchange) string {
		s, err := client.Source(r, x...)
		if err != nil {
			t.Fatal(err)
		}
		return s.Key()
	}
	base := key(TokenRequest{Scopes: []string{"a:a", "b:b"}})
	if base != key(TokenRequest{Scopes: []string{"b:b", "a:a", "b:b"}}) {
		t.Error("the order or repeats of scopes change the key")
	}
	seenKeys := map[string]string{base: "base"}
	for name, r := range map[string]TokenRequest{
		"case": {Scopes: []string{"A:a", "b:b"}}, "other split": {Scopes: []string{"a:ab:b"}}, "fewer": {Scopes: []string{"a:a"}},
		"resource": {Scopes: []string{"a:a", "b:b"}, Resource: []string{"https://a.no"}}, "consumer": {Scopes: []string{"a:a", "b:b"}, ConsumerOrg: "910753614"},
		"pid": {Scopes: []string{"a:a", "b:b"}, PID: "01017012345"}, "system user": {Scopes: []string{"a:a", "b:b"}, SystemUser: &SystemUser{Org: "310702641"}},
		"system user with ref": {Scopes: []string{"a:a", "b:b"}, SystemUser: &SystemUser{Org: "310702641", ExternalRef: "x"}},
		"resource as scope":    {Scopes: []string{"a:a"}, Resource: []string{"b:b"}},
	} {
		k := key(r)
		if other, twice := seenKeys[k]; twice {
			t.Errorf("%s and %s share a key", name, other)
		}
		seenKeys[k] = name
	}
	if key(TokenRequest{Scopes: []string{"a:a", "b:b"}}, CustomsExchange(Test)) == base {
		t.Error("an exchange does not change the key")
	}
	for _, change := range []func(*ClientConfig){func(c *ClientConfig) { c.ClientID = "x" }, func(c *ClientConfig) { c.Key.KeyID = "x" },
		func(c *ClientConfig) { c.Environment = Production }, func(c *ClientConfig) { c.Key.KeyID, c.Key.CertificateChain = "", [][]byte{{1}} }} {
		config := testConfig(endpoint)
		change(&config)
		other, err := NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		if s, _ := other.Source(TokenRequest{Scopes: []string{"a:a", "b:b"}}); s.Key() == base {
			t.Error("a change of the client does not change the key")
		}
	}
}

func TestAnotherKeysFetchDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			if r.claims["scope"] == "slow:slow" {
				time.Sleep(2 * time.Second)
			}
			return tokenResponse(n, 120), nil
		}}
		client := testClient(t, endpoint)
		fast, slow := testSource(t, client, "fast:fast"), testSource(t, client, "slow:slow")
		if _, err := fast.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		go slow.Token(context.Background())
		synctest.Wait()
		start := time.Now()
		for range 100 {
			if _, err := fast.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := testSource(t, client, "third:third").Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("reads and another fetch waited %v for a hanging one", waited)
		}
		time.Sleep(3 * time.Second)
	})
}

func TestDueTokenIsServedWhileItIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			if n > 1 {
				time.Sleep(time.Second)
			}
			return tokenResponse(n, 100), nil
		}}
		source := testSource(t, testClient(t, endpoint), "a:b")
		get := func() string {
			t.Helper()
			start := time.Now()
			token, err := source.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("the caller waited %v", waited)
			}
			return token.AccessToken()
		}
		get()
		time.Sleep(39 * time.Second)
		if get(); endpoint.count() != 1 {
			t.Error("a fresh token was renewed")
		}
		time.Sleep(9 * time.Second) // 48 s: due at the latest
		for range 50 {
			if got := get(); got != canary+"-1" {
				t.Errorf("got %s", got)
			}
		}
		time.Sleep(2 * time.Second)
		if got := get(); got != canary+"-2" || endpoint.count() != 2 {
			t.Errorf("got %s after %d requests", got, endpoint.count())
		}
	})
}

func TestOutageIsBridged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			if down.Load() {
				return Response{}, errors.New("connection refused")
			}
			return tokenResponse(n, 599), nil
		}}
		source := testSource(t, testClient(t, endpoint), "a:b")
		source.Token(t.Context())
		time.Sleep(288 * time.Second)
		down.Store(true)
		for range 300 {
			time.Sleep(time.Second)
			if _, err := source.Token(t.Context()); err != nil {
				t.Fatalf("an error during an outage of 300 s: %v", err)
			}
		}
		if n := endpoint.count(); n > 61 {
			t.Errorf("%d requests in the outage, want at most 60", n-1)
		}
		// Past the end there is an error, at once or after one probe: so many
		// failures in a row have opened the breaker.
		time.Sleep(8 * time.Second)
		before := endpoint.count()
		_, err := source.Token(t.Context())
		if e := wantError(t, err, CodeConnectionFailed); endpoint.count()-before > 1 || e.Attempts > 1 || !e.Retryable || e.NextAttempt.IsZero() {
			t.Errorf("%d requests at the end, error %+v", endpoint.count()-before, e)
		}
		down.Store(false)
		time.Sleep(8 * time.Second)
		if _, err := source.Token(t.Context()); err != nil {
			t.Errorf("no recovery: %v", err)
		}
	})
}

func TestCancellationEndsOneWaitOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			time.Sleep(5 * time.Second)
			return tokenResponse(n, 120), nil
		}}
		source := testSource(t, testClient(t, endpoint), "a:b")
		leader, cancel := context.WithCancel(t.Context())
		follower, stop := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer stop()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := source.Token(leader)
			if wantError(t, err, CodeCancelled); !errors.Is(err, context.Canceled) {
				t.Errorf("%v is not context.Canceled", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			start := time.Now()
			_, err := source.Token(follower)
			if wantError(t, err, CodeDeadline); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 30*time.Millisecond {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
		wg.Go(func() {
			if _, err := source.Token(t.Context()); err != nil {
				t.Errorf("a follower failed with the leader: %v", err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		cancel()
		wg.Wait()
		// With nobody waiting the fetch ends all the same, and its token serves the next caller.
		if _, err := source.Token(t.Context()); err != nil || endpoint.count() != 1 {
			t.Errorf("%v after %d requests", err, endpoint.count())
		}
	})
}

func TestContextThatHasEnded(t *testing.T) {
	endpoint := &fakeEndpoint{answer: grants(120)}
	source := testSource(t, testClient(t, endpoint), "a:b")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := source.Token(ended)
	if wantError(t, err, CodeCancelled); endpoint.count() != 0 {
		t.Error("a request was sent for a caller who had gone")
	}
	source.Token(t.Context())
	if _, err := source.Token(ended); err != nil {
		t.Errorf("a cached token is refused: %v", err)
	}
}

func TestRetryUsesANewGrant(t *testing.T) {
	tests := []struct {
		name   string
		first  func() (Response, error)
		times  int // how often it comes
		want   int // requests
		code   Code
		maxing time.Duration
	}{
		{"reset", func() (Response, error) { return Response{}, errors.New("reset") }, 1, 2, "", time.Second},
		{"reset for ever", func() (Response, error) { return Response{}, errors.New("reset") }, 9, 3, CodeConnectionFailed, 20 * time.Second},
		{"500", func() (Response, error) { return Response{Status: 500}, nil }, 1, 2, "", time.Second},
		{"503 for ever", func() (Response, error) { return Response{Status: 503}, nil }, 9, 3, CodeServerError, 20 * time.Second},
		{"501", func() (Response, error) { return Response{Status: 501}, nil }, 9, 1, CodeServerError, 0},
		{"503 with Retry-After", func() (Response, error) { return Response{Status: 503, Header: []Header{{"Retry-After", "3"}}}, nil }, 1, 2, "", 3 * time.Second},
		{"429 soon", func() (Response, error) { return Response{Status: 429, Header: []Header{{"Retry-After", "2"}}}, nil }, 1, 2, "", 2 * time.Second},
		{"429 later", func() (Response, error) { return Response{Status: 429, Header: []Header{{"Retry-After", "30"}}}, nil }, 1, 1, CodeRateLimited, 0},
		{"broken", func() (Response, error) { return Response{Status: 200}, nil }, 1, 2, "", time.Second},
		{"broken twice", func() (Response, error) { return Response{Status: 200}, nil }, 2, 2, CodeInvalidResponse, time.Second},
		{"grant used before", func() (Response, error) { return refuses(400, "invalid_grant", "Grant is used before", "MP-012"), nil }, 1, 2, "", 0},
		{"grant used before twice", func() (Response, error) { return refuses(400, "invalid_grant", "Grant is used before", "MP-012"), nil }, 2, 2, CodeGrantReused, 0},
		{"redirect", func() (Response, error) { return Response{Status: 307}, nil }, 9, 1, CodeRedirected, 0},
		{"refused", func() (Response, error) {
			return refuses(400, "invalid_scope", "Token request contains invalid scopes for client, a:b", "MP-200"), nil
		}, 9, 1, CodeScopeNotRegistered, 0},
		{"TLS", func() (Response, error) { return Response{}, NewError(CodeTLSFailed, "no trust", nil) }, 9, 1, CodeTLSFailed, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
					if n <= test.times {
						return test.first()
					}
					return tokenResponse(n, 120), nil
				}}
				source := testSource(t, testClient(t, endpoint), "a:b")
				start := time.Now()
				_, err := source.Token(t.Context())
				if test.code == "" && err != nil {
					t.Error(err)
				} else if test.code != "" {
					if e := wantError(t, err, test.code); e.Attempts != test.want {
						t.Errorf("the error counts %d attempts", e.Attempts)
					}
				}
				if endpoint.count() != test.want {
					t.Errorf("%d requests, want %d", endpoint.count(), test.want)
				}
				if took := time.Since(start); took > test.maxing {
					t.Errorf("it took %v, at most %v expected", took, test.maxing)
				}
			})
		})
	}
}

func TestSilentEndpointEndsWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(int, seen) (Response, error) {
			time.Sleep(time.Hour)
			return Response{}, nil
		}}
		source := testSource(t, testClient(t, endpoint), "a:b")
		start := time.Now()
		_, err := source.Token(t.Context())
		if e := wantError(t, err, CodeTimeout); e.Attempts > 3 || time.Since(start) > 20*time.Second {
			t.Errorf("%d attempts in %v", e.Attempts, time.Since(start))
		}
		time.Sleep(time.Hour)
	})
}

func TestSigner(t *testing.T) {
	transient := NewError(CodeSigningFailed, "the HSM is busy", nil)
	transient.Retryable = true
	own := errors.New("PIN " + canary)
	for name, test := range map[string]struct {
		signer Signer
		code   Code
		calls  int
	}{
		"its error arrives":    {&fakeSigner{err: own}, CodeSigningFailed, 1},
		"a transient one once": {&fakeSigner{err: transient}, CodeSigningFailed, 2},
		"panic":                {panicSigner{}, CodeInternal, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				endpoint := &fakeEndpoint{t: t, answer: grants(120)}
				config := testConfig(endpoint)
				config.Key.Signer = test.signer
				client, err := NewClient(config)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				_, err = testSource(t, client, "a:b").Token(t.Context())
				var e *Error
				if !errors.As(err, &e) || e.Code != test.code || endpoint.count() != 0 {
					t.Fatalf("got %v after %d requests", err, endpoint.count())
				}
				if fake, ok := test.signer.(*fakeSigner); ok && (fake.calls != test.calls || fake.err == own && !errors.Is(err, own)) {
					t.Errorf("%d calls, error %v", fake.calls, err)
				}
				if _, err := testSource(t, client, "other:scope").Token(t.Context()); err == nil {
					t.Error("no error")
				}
			})
		})
	}
}

type panicSigner struct{}

func (panicSigner) Sign(context.Context, []byte) ([]byte, error) { panic("out of order") }

func TestInvalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: grants(120)}
		source := testSource(t, testClient(t, endpoint), "a:b")
		first, _ := source.Token(t.Context())
		if source.Invalidate("another") || endpoint.count() != 1 {
			t.Error("another token's rejection dropped this one")
		}
		dropped := 0
		for range 1_000 {
			if source.Invalidate(first.AccessToken()) {
				dropped++
			}
			source.Token(t.Context())
		}
		second, _ := source.Token(t.Context())
		if dropped != 1 || endpoint.count() != 2 || second.AccessToken() == first.AccessToken() {
			t.Errorf("%d drops, %d requests", dropped, endpoint.count())
		}
		if source.Invalidate(second.AccessToken()) {
			t.Error("a second forced fetch within five seconds")
		}
		time.Sleep(5 * time.Second)
		if !source.Invalidate(second.AccessToken()) {
			t.Error("no forced fetch after five seconds")
		}
	})
}

func TestExchangeHasALifeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := map[string]int{}
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			counts[r.form.Get("grant_type")]++
			if r.url == Test.CustomsTokenEndpoint {
				if r.form.Get("subject_token_type") != "access_token" || !strings.HasPrefix(r.form.Get("subject_token"), canary) {
					return Response{Status: 400}, nil
				}
				return tokenResponse(n, 970), nil
			}
			return tokenResponse(n, 120), nil
		}}
		source := testSource(t, testClient(t, endpoint), "toll:x", CustomsExchange(Test))
		for range 60 { // ten minutes
			if _, err := source.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(6 * time.Second)
		}
		if counts["token-exchange"] != 1 || counts[grantTypeJWTBearer] != 1 {
			t.Errorf("requests: %v, want one of each: the exchanged token holds longer than its subject token", counts)
		}
		time.Sleep(10 * time.Minute)
		source.Token(t.Context())
		if counts["token-exchange"] != 2 || counts[grantTypeJWTBearer] != 2 {
			t.Errorf("requests: %v, want two of each", counts)
		}
	})
}

func TestExchangeRejectsTheSubjectToken(t *testing.T) {
	for name, stubborn := range map[string]bool{"once": false, "always": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exchanges, fetches := 0, 0
				endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
					if r.url != Test.CustomsTokenEndpoint {
						fetches++
					} else if exchanges++; exchanges == 1 || stubborn {
						return Response{Status: 401}, nil
					}
					return tokenResponse(n, 120), nil
				}}
				_, err := testSource(t, testClient(t, endpoint), "toll:x", CustomsExchange(Test)).Token(t.Context())
				if stubborn {
					wantError(t, err, CodeSubjectTokenRejected)
				} else if err != nil {
					t.Error(err)
				}
				if exchanges != 2 || fetches != 2 {
					t.Errorf("%d exchanges of %d tokens, want 2 of 2", exchanges, fetches)
				}
			})
		})
	}
}

func TestExchangeSharesTheSubjectToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			time.Sleep(time.Second)
			return tokenResponse(n, 970), nil
		}}
		client := testClient(t, endpoint)
		plain, customs := testSource(t, client, "toll:x"), testSource(t, client, "toll:x", CustomsExchange(Test))
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { plain.Token(t.Context()) })
			wg.Go(func() {
				if _, err := customs.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if endpoint.count() != 2 {
			t.Errorf("%d requests, want one grant and one exchange", endpoint.count())
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{answer: func(n int, r seen) (Response, error) {
			time.Sleep(5 * time.Second)
			return tokenResponse(n, 120), nil
		}}
		client := testClient(t, endpoint)
		source := testSource(t, client, "a:b")
		released := make(chan error)
		go func() {
			_, err := source.Token(context.Background())
			released <- err
		}()
		synctest.Wait()
		start := time.Now()
		client.Close()
		client.Close()
		if wantError(t, <-released, CodeClosed); time.Since(start) != 0 {
			t.Errorf("the waiter was released after %v", time.Since(start))
		}
		_, err := source.Token(context.Background())
		wantError(t, err, CodeClosed)
		_, err = client.Source(TokenRequest{Scopes: []string{"a:b"}})
		wantError(t, err, CodeClosed)
		time.Sleep(10 * time.Second)
	})
}

func TestCacheLimit(t *testing.T) { synctest.Test(t, testCacheLimit) }

func testCacheLimit(t *testing.T) {
	endpoint := &fakeEndpoint{t: t, answer: grants(120)}
	config := testConfig(endpoint)
	config.CacheLimit = 100
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var sources []*Source
	for i := range 1_000 {
		source := testSource(t, client, fmt.Sprintf("a:%d", i))
		if _, err := source.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
	}
	if n := len(client.entries); n > 100 {
		t.Errorf("%d entries are kept, want at most 100", n)
	}
	// A source whose token was evicted fetches it again.
	for _, source := range sources {
		if _, err := source.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
