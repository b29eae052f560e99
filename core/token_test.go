package core

import (
	"testing"
	"time"
	"unsafe"
)

// TestToken: what a token is made of comes out again, and of none nothing.
func TestToken(t *testing.T) {
	requested := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fields := TokenFields{"secret", "a:b c:d", requested, requested.Add(2 * time.Minute), requested.Add(110 * time.Second)}
	full := NewToken(fields)
	for _, test := range []struct {
		token           Token
		want            TokenFields
		header, kind    string
		life            time.Duration
		zero            bool
		printedAs, what string
	}{
		{full, fields, "Bearer secret", "Bearer", 2 * time.Minute, false, "core.Token{Bearer [redacted], scope \"a:b c:d\", until 2026-03-01T12:02:00Z}", "a token"},
		{Token{}, TokenFields{}, "", "", 0, true, "core.Token{}", "none"},
	} {
		got := TokenFields{test.token.AccessToken(), test.token.Scope(), test.token.RequestedAt(), test.token.ExpiresAt(), test.token.UsableUntil()}
		if got != test.want || test.token.Header() != test.header || test.token.TokenType() != test.kind || test.token.Life() != test.life ||
			test.token.IsZero() != test.zero || test.token.String() != test.printedAs {
			t.Errorf("%s is %+v, %v, %v", test.what, got, test.token, test.token.Life())
		}
	}
	if size := unsafe.Sizeof(full); size != unsafe.Sizeof(uintptr(0)) {
		t.Errorf("a token has %d bytes, so a cached read does not return it in one register", size)
	}
}
