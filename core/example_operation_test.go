package core_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// kms stands for a key management service that signs and never gives its key.
type kms struct{}

func (kms) Sign(ctx context.Context, signingInput []byte) ([]byte, error) {
	return nil, fmt.Errorf("ask the service to sign %d bytes", len(signingInput))
}

// A key in a KMS or an HSM is described by hand: its kid at Maskinporten, its
// algorithm, the length of its signatures, and who signs.
func ExampleSigner() {
	key := core.Key{KeyID: "kms-2026", Algorithm: core.RS256, SignatureSize: 256, Signer: kms{}}
	fmt.Println(key)
	// Output: core.Key{RS256 kid:kms-2026}
}

// redis stands for the store that a program runs already.
type redis struct {
	mu      sync.Mutex
	entries map[string][]byte
}

func (r *redis) Load(_ context.Context, key string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[key], nil
}

func (r *redis) Save(_ context.Context, key string, entry []byte, life time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[key] = entry // with an expiry of life
	return nil
}

// Processes that share a store and a key share their tokens. What is in the
// store is encrypted and bound to what it is for.
func ExampleStore() {
	shared := make([]byte, 32) // in earnest: from a secret that all processes have
	rand.Read(shared)
	config := core.ClientConfig{Environment: core.Test, ClientID: "client", Key: core.Key{KeyID: "kid", Signer: kms{}},
		Store: &redis{entries: map[string][]byte{}}, StoreKey: shared}
	fmt.Println(config.Validate())
	// Output: <nil>
}

// A new key takes over without a restart; no call fails for it.
func ExampleClient_Rotate() {
	client, err := core.NewClient(core.ClientConfig{Environment: core.Test, ClientID: "client",
		Key:     core.Key{KeyID: "key-2025", Signer: kms{}},
		OnEvent: func(e core.Event) { fmt.Println(e.Kind, e.KeyID) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(client.Rotate(core.Key{KeyID: "key-2026", Signer: kms{}}))
	// Output:
	// keys_rotated kid:key-2026
	// <nil>
}

// The audit trail is one line of JSON for each event, without any secret.
func ExampleAuditLog() {
	config := core.ClientConfig{OnEvent: core.AuditLog(os.Stdout)}
	config.OnEvent(core.Event{Kind: core.EventRetry, Time: time.Unix(1_764_627_080, 0), RequestID: "7-1", Attempt: 1, Wait: 250 * time.Millisecond})
	// Output: {"event":"retry","time":"2025-12-01T22:11:20Z","request_id":"7-1","attempt":1,"wait_ms":250}
}

// Events go to log/slog with a few lines.
func ExampleEvent_slog() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // so that this example prints the same every time
		}
		return a
	}}))
	observe := func(e core.Event) {
		level := slog.LevelDebug
		switch e.Kind {
		case core.EventServedWhileFailing, core.EventClockSkew, core.EventKeyExpiring, core.EventKeyFallback, core.EventStoreFailed:
			level = slog.LevelWarn
		}
		attributes := []slog.Attr{slog.Any("scopes", e.Scopes), slog.String("kid", e.KeyID), slog.Duration("took", e.Duration)}
		if e.Err != nil {
			attributes = append(attributes, slog.String("code", string(e.Err.Code)), slog.String("mp_code", e.Err.MPCode), slog.String("remedy", e.Err.Remedy))
		}
		logger.LogAttrs(context.Background(), level, string(e.Kind), attributes...)
	}
	observe(core.Event{Kind: core.EventKeyFallback, KeyID: "kid:key-2026"})
	// Output: level=WARN msg=key_fallback scopes=[] kid=kid:key-2026 took=0s
}

// span is what this example needs of OpenTelemetry's trace.Span, so that it
// shows the mapping without depending on it.
type span interface {
	SetAttributes(attributes map[string]any)
	End()
}

type printedSpan struct{ name string }

func (s printedSpan) SetAttributes(attributes map[string]any) {
	fmt.Println(s.name, attributes["oauth.scope"], attributes["http.response.status_code"])
}
func (s printedSpan) End() {}

// An attempt becomes a client span of OpenTelemetry, started at Time - Duration.
func ExampleEvent_openTelemetry() {
	start := func(name string, at time.Time) span { return printedSpan{name} }
	observe := func(e core.Event) {
		if e.Kind != core.EventAttempt {
			return
		}
		s := start("maskinporten token", e.Time.Add(-e.Duration))
		s.SetAttributes(map[string]any{"oauth.scope": e.Scopes, "http.response.status_code": e.Status, "maskinporten.jti": e.JTI})
		s.End()
	}
	observe(core.Event{Kind: core.EventAttempt, Scopes: []string{"a:b"}, Status: 200})
	// Output: maskinporten token [a:b] 200
}
