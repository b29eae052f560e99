package core

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// The figures R8 to R10: clocks and the life of grants. See outage_test.go.

func TestR8WrongClock(t *testing.T) {
	honest := func(now time.Time) []Header { return []Header{{"Date", now.UTC().Format(httpDate)}} }
	dated := func(value string) func(time.Time) []Header {
		return func(time.Time) []Header { return []Header{{"Date", value}} }
	}
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		behind time.Duration
		date   func(time.Time) []Header
		first  int
		code   Code
	}{
		{"8 s behind", 8 * time.Second, honest, 1, ""}, {"8 s ahead", -8 * time.Second, honest, 1, ""},
		{"30 s behind", 30 * time.Second, honest, 2, ""}, {"30 s ahead", -30 * time.Second, honest, 2, ""},
		{"1 h behind", time.Hour, honest, 2, ""}, {"1 h ahead", -time.Hour, honest, 2, ""},
		{"1 year behind", year, honest, 2, ""}, {"1 year ahead", -year, honest, 2, ""},
		{"no Date", time.Hour, func(time.Time) []Header { return nil }, 1, CodeGrantExpired},
		{"Date from a cache", time.Hour, func(now time.Time) []Header { return append(honest(now), Header{"Age", "3"}) }, 1, CodeGrantExpired},
		{"malformed Date", time.Hour, dated("2026-03-01T12:00:00Z"), 1, CodeGrantExpired},
		{"Date of 1970", time.Hour, dated("Thu, 01 Jan 1970 00:00:00 GMT"), 1, CodeGrantExpired},
		{"Date of 9999", -time.Hour, dated("Fri, 31 Dec 9999 23:59:59 GMT"), 1, CodeIssuedInFuture},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newManualClock()
			endpoint := simulate(t, 120)
			endpoint.latency = 0
			endpoint.breakDown(skewedServer(clock, c.behind, c.date))
			client := endpoint.client(t, func(config *ClientConfig) { config.Clock = clock.read })
			_, err := testSource(t, client, "a:b").Token(t.Context())
			if c.code != "" {
				wantError(t, err, c.code)
			} else if err != nil {
				t.Error(err)
			}
			// 30 s behind is within a grant's life of 60 s, if the server reads iat leniently.
			if n := endpoint.count(); n > c.first || c.first == 1 && n != 1 {
				t.Errorf("%d requests for the first token, want %d", n, c.first)
			}
			if (client.ClockOffset() != 0) != (endpoint.count() == 2) {
				t.Errorf("offset %v after %d requests", client.ClockOffset(), endpoint.count())
			}
			if before := endpoint.count(); c.code == "" {
				for i := range 5 {
					mustToken(t, testSource(t, client, fmt.Sprintf("c:%d", i)))
				}
				if n := endpoint.count() - before; n != 5 {
					t.Errorf("%d requests for five later tokens", n)
				}
			}
		})
	}
}

func TestR9SuspendAndSteps(t *testing.T) {
	for _, c := range []struct {
		name    string
		move    func(*manualClock)
		fetches int // more
	}{
		{"suspend of 10 min", func(c *manualClock) { c.now.Wall += int64(10 * time.Minute) }, 1},
		{"wall back 1 h, nothing else", func(c *manualClock) { c.now.Wall -= int64(time.Hour) }, 0},
		{"wall back 1 h, past the true end", func(c *manualClock) {
			c.now.Wall -= int64(time.Hour)
			c.now.Monotonic += int64(120 * time.Second)
		}, 1},
		{"wall forward 1 h", func(c *manualClock) { c.now.Wall += int64(time.Hour) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newManualClock()
			endpoint := simulate(t, 120)
			endpoint.latency = 0
			source := testSource(t, endpoint.client(t, func(config *ClientConfig) { config.Clock = clock.read }), "a:b")
			first := mustToken(t, source)
			clock.mu.Lock()
			c.move(clock)
			clock.mu.Unlock()
			for range 10 {
				if token := mustToken(t, source); c.fetches > 0 && token.AccessToken() == first.AccessToken() {
					t.Error("an expired token was handed out")
				}
			}
			if n := endpoint.count() - 1; n != c.fetches {
				t.Errorf("%d fetches more, want %d", n, c.fetches)
			}
		})
	}
}

func TestR10GrantLife(t *testing.T) {
	count := 50_000
	if full() {
		count = 1_000_000
	}
	dice := rand.New(rand.NewPCG(10, 10))
	accepted := 0
	for range count {
		life := time.Duration(dice.Int64N(int64(130 * time.Second)))
		if dice.IntN(2) == 0 {
			life = life.Truncate(time.Second)
		}
		now := time.Unix(dice.Int64N(1<<33), dice.Int64N(1e9)).Add(time.Duration(dice.Int64N(int64(48*time.Hour))) - 24*time.Hour)
		valid, err := grantLife(life)
		if err != nil {
			if life == 0 || life >= 10*time.Second && life <= MaxGrantLife && life%time.Second == 0 {
				t.Fatalf("a life of %v is refused: %v", life, err)
			}
			continue
		}
		accepted++
		grant := buildGrant(GrantParams{Environment: Test, ClientID: "c", Key: Key{KeyID: "k"}, Request: TokenRequest{Scopes: []string{"a:b"}}, Now: now, JTI: "j"}, valid)
		if d := grant.ExpiresAt.Unix() - grant.IssuedAt.Unix(); d < 1 || d > 120 {
			t.Fatalf("exp - iat is %d for a life of %v at %v", d, life, now)
		}
	}
	if accepted < count/4 {
		t.Errorf("only %d of %d configurations were tried", accepted, count)
	}
}
