package core

import (
	"testing"
	"time"
	"unsafe"
)

// TestToken: what a token is made of comes out again, and of none nothing.
func TestToken(t *testing.T) {
	requested := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	full := NewToken(TokenFields{"secret", "a:b c:d", requested, 2 * time.Minute, 10 * time.Second})
	for _, test := range []struct {
		token                       Token
		access, header, kind, scope string
		requested, expires, usable  time.Time
		life                        time.Duration
		printed                     string
	}{
		{full, "secret", "Bearer secret", "Bearer", "a:b c:d", requested, requested.Add(2 * time.Minute), requested.Add(110 * time.Second), 2 * time.Minute,
			"core.Token{Bearer [redacted], scope \"a:b c:d\", until 2026-03-01T12:02:00Z}"},
		{printed: "core.Token{}"},
	} {
		got := test.token
		if got.AccessToken() != test.access || got.Header() != test.header || got.TokenType() != test.kind || got.Scope() != test.scope ||
			got.RequestedAt() != test.requested || got.ExpiresAt() != test.expires || got.UsableUntil() != test.usable || got.Life() != test.life ||
			got.IsZero() != (test.access == "") || got.String() != test.printed {
			t.Errorf("%v is %q %q %q %q %v %v %v %v", got, got.AccessToken(), got.Header(), got.TokenType(), got.Scope(), got.RequestedAt(), got.ExpiresAt(), got.UsableUntil(), got.Life())
		}
	}
	if size := unsafe.Sizeof(full); size != unsafe.Sizeof(uintptr(0)) {
		t.Errorf("a token has %d bytes, so a cached read does not return it in one register", size)
	}
}
