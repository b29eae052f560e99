package core

import (
	"fmt"
	"io"
	"time"
)

const redacted = "[redacted]"

// Token is an access token and how long it holds. To a client it is opaque:
// nothing here is read from inside it.
type Token struct {
	// AccessToken is the secret text that goes behind "Authorization: Bearer".
	AccessToken string
	// TokenType is always "Bearer".
	TokenType string
	// Scope is what was granted, separated by spaces. Informational. A token
	// from an exchange may have none.
	Scope string
	// RequestedAt is when the request for it was sent. Its life counts from here.
	RequestedAt time.Time
	// ExpiresAt is RequestedAt plus the life that the server gave (UTC).
	ExpiresAt time.Time
	// UsableUntil is when the cache stops handing it out, a margin before
	// ExpiresAt that covers the way to the API (UTC).
	UsableUntil time.Time

	_ [8]byte // 128 bytes are copied faster than 120, and copying is most of a cached read
}

// Header returns the value of the Authorization header: "Bearer …". It is a secret.
func (t Token) Header() string { return "Bearer " + t.AccessToken }

// String describes the token without its secret.
func (t Token) String() string {
	return "core.Token{" + t.TokenType + " " + redacted + ", scope " + quoted(t.Scope) + ", until " + t.ExpiresAt.Format(time.RFC3339) + "}"
}

// Format makes every verb of package fmt print String.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// MarshalText is String, for log/slog and for JSON made for logs. (A LogValue
// method would link package log into every program that uses core.)
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
