package core

import (
	"strings"
	"testing"
	"time"
)

// skewedServer refuses as Maskinporten does, by its own clock.
func skewedServer(clock *manualClock, behind time.Duration, date func(now time.Time) []Header) func(int, seen) (Response, error) {
	return func(n int, r seen) (Response, error) {
		server := clock.read().Time().Add(behind)
		response := tokenResponse(n, 120)
		iat, exp := time.Unix(int64(r.claims["iat"].(float64)), 0), time.Unix(int64(r.claims["exp"].(float64)), 0)
		switch {
		case iat.After(server.Add(10 * time.Second)):
			response = refuses(400, "invalid_grant", "Issue time is after now", "")
		case !exp.After(server):
			response = refuses(400, "invalid_grant", "JWT is expired", "MP-130")
		}
		response.Header = date(server)
		return response, nil
	}
}

func TestClockSkew(t *testing.T) {
	honest := func(now time.Time) []Header { return []Header{{"Date", now.UTC().Format(httpDate)}} }
	const year = 365 * 24 * time.Hour
	tests := []struct {
		name   string
		behind time.Duration // how far our clock is behind
		date   func(time.Time) []Header
		first  int // requests for the first token
		code   Code
	}{
		{"8 s ahead", -8 * time.Second, honest, 1, ""},
		{"8 s behind", 8 * time.Second, honest, 1, ""},
		{"30 s ahead", -30 * time.Second, honest, 2, ""},
		{"90 s behind", 90 * time.Second, honest, 2, ""},
		{"an hour ahead", -time.Hour, honest, 2, ""},
		{"an hour behind", time.Hour, honest, 2, ""},
		{"a year ahead", -year, honest, 2, ""},
		{"a year behind", year, honest, 2, ""},
		{"no Date", time.Hour, func(time.Time) []Header { return nil }, 1, CodeGrantExpired},
		{"two Dates", time.Hour, func(now time.Time) []Header { return append(honest(now), honest(now)...) }, 1, CodeGrantExpired},
		{"from a cache", time.Hour, func(now time.Time) []Header { return append(honest(now), Header{"Age", "1"}) }, 1, CodeGrantExpired},
		{"malformed Date", time.Hour, func(time.Time) []Header { return []Header{{"Date", "yesterday"}} }, 1, CodeGrantExpired},
		{"Date in 1970", time.Hour, func(time.Time) []Header { return []Header{{"Date", "Thu, 01 Jan 1970 00:00:00 GMT"}} }, 1, CodeGrantExpired},
		{"Date in 9999", -time.Hour, func(time.Time) []Header { return []Header{{"Date", "Fri, 31 Dec 9999 23:59:59 GMT"}} }, 1, CodeIssuedInFuture},
		{"a Date that does not explain it", time.Hour, func(now time.Time) []Header { return honest(now.Add(-time.Hour)) }, 1, CodeGrantExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock, events := newManualClock(), &recorder{}
			endpoint := &fakeEndpoint{t: t, answer: skewedServer(clock, test.behind, test.date)}
			config := testConfig(endpoint)
			config.Clock, config.OnEvent = clock.read, events.observe
			client, err := NewClient(config)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, err = testSource(t, client, "a:b").Token(t.Context())
			if test.code != "" {
				wantError(t, err, test.code)
			} else if err != nil {
				t.Fatal(err)
			}
			if endpoint.count() != test.first {
				t.Errorf("%d requests for the first token, want %d", endpoint.count(), test.first)
			}
			learnt := client.ClockOffset()
			if corrected := test.first == 2; corrected != (learnt != 0) || corrected && (learnt-test.behind).Abs() > 2*time.Second {
				t.Errorf("the offset is %v, want %v", learnt, test.behind)
			}
			if told := strings.Contains(events.kinds(), string(EventClockSkew)); told != (learnt != 0) {
				t.Errorf("the offset is %v; events: %s", learnt, events.kinds())
			}
			if test.code == "" {
				if _, err := testSource(t, client, "c:d").Token(t.Context()); err != nil || endpoint.count() != test.first+1 {
					t.Errorf("%d requests for two tokens, %v", endpoint.count(), err)
				}
			}
		})
	}
}

func TestWrongDateOfAnAcceptedGrantIsIgnored(t *testing.T) {
	endpoint := &fakeEndpoint{t: t, answer: func(n int, r seen) (Response, error) {
		response := tokenResponse(n, 120)
		response.Header = []Header{{"Date", "Sun, 01 Mar 2037 12:00:00 GMT"}}
		return response, nil
	}}
	client := testClient(t, endpoint)
	if _, err := testSource(t, client, "a:b").Token(t.Context()); err != nil || client.ClockOffset() != 0 {
		t.Errorf("offset %v, %v", client.ClockOffset(), err)
	}
}
