package core

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is an observer that keeps what it is told.
type recorder struct {
	mu     sync.Mutex
	events []Event
}

func (r *recorder) observe(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// take returns the events so far and forgets them.
func (r *recorder) take() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

func (r *recorder) kinds() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var kinds []string
	for _, e := range r.events {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, " ")
}

func namedKey(kid string) Key {
	return Key{KeyID: kid, SignatureSize: 256, Signer: &fakeSigner{}}
}

func kidOf(t *testing.T, r seen) string {
	t.Helper()
	return decodePart(t, r.form.Get("assertion"), 0)["kid"].(string)
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kids []string
		events := &recorder{}
		endpoint := &fakeEndpoint{t: t, answer: func(n int, r seen) (Response, error) {
			kids = append(kids, kidOf(t, r))
			time.Sleep(time.Second)
			return tokenResponse(n, 120), nil
		}}
		config := testConfig(endpoint)
		config.OnEvent = events.observe
		client, err := NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		source := testSource(t, client, "a:b")
		before := source.Key()
		first, err := source.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// One caller waits for a fetch with the old key while the key changes.
		waiting := make(chan Token)
		other := testSource(t, client, "c:d")
		go func() {
			token, err := other.Token(t.Context())
			if err != nil {
				t.Errorf("a caller failed for a rotation: %v", err)
			}
			waiting <- token
		}()
		synctest.Wait()
		if err := client.Rotate(namedKey("kid-2")); err != nil {
			t.Fatal(err)
		}
		if got := <-waiting; got.AccessToken() != canary+"-3" {
			t.Errorf("the caller got %s, of the old key", got.AccessToken())
		}
		second, err := source.Token(t.Context())
		if err != nil || second.AccessToken() == first.AccessToken() || source.Key() == before {
			t.Errorf("after the rotation: %v, %v", second, err)
		}
		if got := strings.Join(kids, " "); got != "kid-1 kid-1 kid-2 kid-2" {
			t.Errorf("signed with %s", got)
		}
		if !strings.Contains(events.kinds(), string(EventKeysRotated)) {
			t.Errorf("events: %s", events.kinds())
		}
		wantError(t, client.Rotate(Key{}), CodeInvalidConfig)
	})
}

func TestNextKeyIsTriedOnce(t *testing.T) {
	expired := func() (Response, error) {
		return refuses(400, "invalid_grant", "Invalid assertion. Client authentication failed. Expired key", "MP-121"), nil
	}
	for name, test := range map[string]struct {
		good string
		kids string
		code Code
	}{
		"the second works": {"kid-2", "kid-1 kid-2", ""},
		"the third works":  {"kid-3", "kid-1 kid-2 kid-3", ""},
		"none works":       {"none", "kid-1 kid-2 kid-3", CodeKeyExpired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kids []string
				endpoint := &fakeEndpoint{t: t, answer: func(n int, r seen) (Response, error) {
					kids = append(kids, kidOf(t, r))
					if kids[len(kids)-1] != test.good {
						return expired()
					}
					return tokenResponse(n, 120), nil
				}}
				config := testConfig(endpoint)
				config.NextKeys = []Key{namedKey("kid-2"), namedKey("kid-3")}
				client, err := NewClient(config)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				_, err = testSource(t, client, "a:b").Token(t.Context())
				if test.code != "" {
					wantError(t, err, test.code)
				} else if err != nil {
					t.Error(err)
				}
				if got := strings.Join(kids, " "); got != test.kids {
					t.Errorf("signed with %s, want %s", got, test.kids)
				}
				if test.code == "" { // the key that worked is the one to begin with
					kids = nil
					if _, err := testSource(t, client, "c:d").Token(t.Context()); err != nil || strings.Join(kids, " ") != test.good {
						t.Errorf("then signed with %v, %v", kids, err)
					}
				}
			})
		})
	}
}

func TestExpiryWarnings(t *testing.T) {
	clock := newManualClock()
	events := &recorder{}
	config := testConfig(&fakeEndpoint{t: t, answer: grants(60)})
	config.Clock, config.OnEvent = clock.read, events.observe
	config.Key.NotAfter = clock.read().Time().Add(61 * 24 * time.Hour)
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	source := testSource(t, client, "a:b")
	warnings := 0
	for day := range 70 {
		if _, err := source.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, e := range events.take() {
			if e.Kind == EventKeyExpiring {
				if left := 61 - day; left != 60 && left != 30 && left != 7 && left != 0 {
					t.Errorf("a warning %d days before the end", left)
				}
				warnings++
			}
		}
		clock.advance(24 * time.Hour)
	}
	if warnings != 4 {
		t.Errorf("%d warnings, want 4", warnings)
	}
}

func TestEventsOfOneAcquisition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := &recorder{}
		endpoint := &fakeEndpoint{t: t, answer: func(n int, r seen) (Response, error) {
			if n == 1 {
				return Response{Status: 503}, nil
			}
			return tokenResponse(n, 120), nil
		}}
		config := testConfig(endpoint)
		config.OnEvent = func(e Event) {
			events.observe(e)
			panic("an observer that fails")
		}
		client, err := NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		source := testSource(t, client, "a:b")
		if _, err := source.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := events.kinds(), "acquisition_started attempt retry attempt acquisition_ended"; got != want {
			t.Errorf("events: %s, want %s", got, want)
		}
		jti := map[string]bool{}
		for _, e := range events.events {
			if e.RequestID != events.events[0].RequestID || e.Source != source.Key() || e.Scopes[0] != "a:b" || e.KeyID != "kid:kid-1" || e.Time.IsZero() {
				t.Errorf("event %+v", e)
			}
			if e.Kind == EventAttempt {
				jti[e.JTI] = true
			}
		}
		if len(jti) != 2 {
			t.Errorf("%d jti in two attempts", len(jti))
		}
	})
}
