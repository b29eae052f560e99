package core

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// mapStore is a store that can misbehave.
type mapStore struct {
	mu      sync.Mutex
	entries map[string][]byte
	loads   int
	change  func(key string, entry []byte) ([]byte, error)
}

func (s *mapStore) Load(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	if s.change != nil {
		return s.change(key, s.entries[key])
	}
	return s.entries[key], nil
}

func (s *mapStore) Save(_ context.Context, key string, entry []byte, life time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if life <= 0 {
		return errors.New("no life")
	}
	if s.entries == nil {
		s.entries = map[string][]byte{}
	}
	s.entries[key] = entry
	return nil
}

var testStoreKey = bytes.Repeat([]byte{7}, 32)

// storeSource makes a client of its own on the store, as another process would.
func storeSource(t *testing.T, endpoint *fakeEndpoint, store Store, scope string, exchanges ...Exchange) (*Source, *recorder) {
	t.Helper()
	endpoint.t = t
	events := &recorder{}
	config := testConfig(endpoint)
	config.Store, config.StoreKey, config.OnEvent = store, testStoreKey, events.observe
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return testSource(t, client, scope, exchanges...), events
}

func TestProcessesShareTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint, store := &fakeEndpoint{answer: grants(600)}, &mapStore{}
		var sources []*Source
		for range 8 {
			source, _ := storeSource(t, endpoint, store, "a:b", CustomsExchange(Test))
			sources = append(sources, source)
		}
		for range 60 { // half an hour: a bit more than three lives
			for _, source := range sources {
				if _, err := source.Token(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			time.Sleep(30 * time.Second)
		}
		// Two tokens, renewed at 40 % of their life at the earliest.
		if n, most := endpoint.count(), 2*(1800/240+1); n > most {
			t.Errorf("%d requests of eight processes, want at most %d", n, most)
		}
		for key, entry := range store.entries {
			if strings.Contains(string(entry), canary) || !strings.HasPrefix(key, "maskinporten:1:") {
				t.Errorf("the store has %s under %s", entry, key)
			}
		}
	})
}

func TestStoreThatLies(t *testing.T) {
	var foreign []byte // a good entry, of another key
	for name, change := range map[string]func(key string, entry []byte) ([]byte, error){
		"fails":             func(string, []byte) ([]byte, error) { return nil, errors.New("connection refused " + canary) },
		"panics not, lies":  func(string, []byte) ([]byte, error) { return []byte("x"), nil },
		"another entry":     func(string, []byte) ([]byte, error) { return foreign, nil },
		"a bit flipped":     func(_ string, e []byte) ([]byte, error) { e = bytes.Clone(e); e[len(e)/2] ^= 1; return e, nil },
		"cut off":           func(_ string, e []byte) ([]byte, error) { return e[:len(e)-1], nil },
		"another header":    func(_ string, e []byte) ([]byte, error) { return append([]byte("e30"), e[len(sealHeader):]...), nil },
		"endless":           func(string, []byte) ([]byte, error) { return make([]byte, maxStoreEntry+1), nil },
		"a sixth part":      func(_ string, e []byte) ([]byte, error) { return append(bytes.Clone(e), ".x"...), nil },
		"padded base64":     func(_ string, e []byte) ([]byte, error) { return append(bytes.Clone(e), '='), nil },
		"empty, not absent": func(string, []byte) ([]byte, error) { return []byte{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			endpoint, store := &fakeEndpoint{answer: grants(600)}, &mapStore{}
			other, _ := storeSource(t, endpoint, store, "other:scope")
			other.Token(t.Context())
			first, _ := storeSource(t, endpoint, store, "a:b")
			first.Token(t.Context())
			waitFor(t, func() bool { store.mu.Lock(); defer store.mu.Unlock(); return len(store.entries) == 2 })
			foreign = store.entries[storeKey(other.Key())]
			store.change = change
			source, events := storeSource(t, endpoint, store, "a:b")
			token, err := source.Token(t.Context())
			if err != nil || token.AccessToken() != canary+"-3" {
				t.Errorf("got %v, %v", token.AccessToken(), err)
			}
			if !strings.Contains(events.kinds(), string(EventStoreFailed)) {
				t.Errorf("events: %s", events.kinds())
			}
			for _, e := range events.events {
				if e.Kind == EventStoreFailed && name != "fails" && strings.Contains(e.Err.Error(), canary) {
					t.Errorf("a secret shows in %v", e.Err)
				}
			}
		})
	}
}

// waitFor waits for what another goroutine is about to do.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 1_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it did not happen")
}

func TestStoreEntries(t *testing.T) {
	client, clock := hostClient(t)
	client.sealer, _ = newSealer(testStoreKey)
	now := clock.read()
	token := func(from, life time.Duration) Token {
		sent := now.Add(from)
		return newToken(canary, "a:b", life, sent)
	}
	for name, test := range map[string]struct {
		token Token
		key   string
		ok    bool
	}{
		"good":               {token(-time.Minute, 10*time.Minute), "key", true},
		"over":               {token(-10*time.Minute, 9*time.Minute), "key", false},
		"from the future":    {token(time.Minute, 10*time.Minute), "key", false},
		"a little early":     {token(time.Second, 10*time.Minute), "key", true},
		"longer than a day":  {token(0, 25*time.Hour), "key", false},
		"no life":            {token(0, 0), "key", false},
		"of another key":     {token(0, time.Minute), "other", false},
		"not a bearer token": {newToken("a b", "", time.Minute, now), "key", false},
	} {
		entry, err := client.sealToken(test.key, test.token)
		if err != nil {
			t.Fatal(err)
		}
		got, sent, ok := client.openToken("key", entry, now)
		if ok != test.ok || ok && (got.AccessToken() != canary || got.ExpiresAt().Sub(sent.Time()) != test.token.Life()) {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	other := &Client{}
	other.sealer, _ = newSealer(bytes.Repeat([]byte{8}, 32))
	entry, _ := client.sealToken("key", token(0, time.Minute))
	if _, _, ok := other.openToken("key", entry, now); ok {
		t.Error("another key opens the entry")
	}
}

// TestSealIsJWE: a library that nobody here wrote reads what we seal, and we
// read what it encrypts.
func TestSealIsJWE(t *testing.T) {
	s, err := newSealer(testStoreKey)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := s.seal([]byte("plain"), nil)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseEncryptedCompact(string(ours), []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := parsed.Decrypt(testStoreKey); err != nil || string(plain) != "plain" {
		t.Errorf("go-jose reads %q, %v", plain, err)
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: testStoreKey}, nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := encrypter.Encrypt([]byte("theirs"))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := theirs.CompactSerialize()
	if plain, err := s.open([]byte(text)); err != nil || string(plain) != "theirs" {
		t.Errorf("we read %q, %v", plain, err)
	}
}

func TestStoreConfiguration(t *testing.T) {
	for _, change := range []func(*ClientConfig){
		func(c *ClientConfig) { c.Store = &mapStore{} },
		func(c *ClientConfig) { c.StoreKey = make([]byte, 16) },
		func(c *ClientConfig) { c.StoreKey = make([]byte, 33) },
	} {
		config := testConfig(nil)
		change(&config)
		_, err := NewClient(config)
		if e := wantError(t, err, CodeInvalidConfig); e.Problems[0].Field != "store_key" {
			t.Errorf("%+v", e.Problems)
		}
	}
}

func TestRejectedTokenIsNotLoadedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint, store := &fakeEndpoint{answer: grants(600)}, &mapStore{}
		source, _ := storeSource(t, endpoint, store, "a:b")
		first, err := source.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // for it to be saved
		source.Invalidate(first.AccessToken())
		second, err := source.Token(t.Context())
		if err != nil || second.AccessToken() == first.AccessToken() {
			t.Errorf("got %v, %v", second.AccessToken() == first.AccessToken(), err)
		}
	})
}

func TestReentrancyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{t: t, answer: grants(600)}
		config := testConfig(endpoint)
		hook := &reentrantSigner{}
		config.Key.Signer = hook
		client, err := NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		hook.source = testSource(t, client, "a:b")
		start := time.Now()
		_, err = hook.source.Token(t.Context())
		if wantError(t, err, CodeReentrant); time.Since(start) != 0 {
			t.Errorf("it took %v", time.Since(start))
		}
	})
}

// reentrantSigner asks for the token that it is to sign for.
type reentrantSigner struct{ source *Source }

func (s *reentrantSigner) Sign(ctx context.Context, _ []byte) ([]byte, error) {
	_, err := s.source.Token(ctx)
	return nil, err
}

func TestWaitWhileFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := &fakeEndpoint{t: t, answer: func(n int, r seen) (Response, error) {
			if n <= 3 {
				return Response{}, errors.New("down")
			}
			return tokenResponse(n, 120), nil
		}}
		config := testConfig(endpoint)
		config.WaitWhileFailing = true
		client, err := NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		source := testSource(t, client, "a:b")
		_, err = source.Token(t.Context())
		wantError(t, err, CodeConnectionFailed) // the first flight's own end
		patient, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		if _, err := source.Token(patient); err != nil {
			t.Errorf("a caller with time to wait got %v", err)
		}
	})
}

func TestVerifyHook(t *testing.T) {
	endpoint := &fakeEndpoint{t: t, answer: grants(600)}
	config := testConfig(endpoint)
	config.Key.Verify = func([]byte, []byte) error { return errors.New("another key signed") }
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = testSource(t, client, "a:b").Token(t.Context())
	if wantError(t, err, CodeInvalidSignature); endpoint.count() != 0 {
		t.Error("a grant with a wrong signature was sent")
	}
}
