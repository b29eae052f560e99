package core

import "time"

const (
	redacted     = "[redacted]"
	bearerPrefix = "Bearer " // RFC 6750 §2.1
)

// Token is an access token and how long it holds. To a client it is opaque:
// nothing here is read from inside it. A Token never changes and is one word
// long, so it can be copied freely. Two of them cannot be compared by ==: what
// AccessToken returns can. The zero Token is none, and all its parts are empty.
type Token struct {
	_     [0]func() // no ==
	facts *tokenFacts
}

type tokenFacts struct {
	header       string // the whole value of the Authorization header, made once
	scope        string
	requestedAt  time.Time
	life, margin time.Duration
}

// TokenFields is what a Token is made of, for those who make one themselves:
// doubles of a Source in tests, or tokens that come from elsewhere.
type TokenFields struct {
	AccessToken, Scope string
	RequestedAt        time.Time
	// Life is ExpiresAt minus RequestedAt, Margin is ExpiresAt minus UsableUntil.
	Life, Margin time.Duration
}

// NewToken makes a Bearer token of its fields, whatever they are.
func NewToken(f TokenFields) Token {
	return Token{facts: &tokenFacts{bearerPrefix + f.AccessToken, f.Scope, f.RequestedAt.UTC(), f.Life, f.Margin}}
}

// newToken makes a token that lives from sent, with the usual margin.
func newToken(access, scope string, life time.Duration, sent Instant) Token {
	usual := newTiming(ClientConfig{})
	return NewToken(TokenFields{access, scope, sent.Time(), life, usual.handOutMargin(life)})
}

// withMargin is the same token as a client hands it out.
func (t Token) withMargin(margin time.Duration) Token {
	if t.facts == nil || t.facts.margin == margin {
		return t
	}
	facts := *t.facts
	facts.margin = margin
	return Token{facts: &facts}
}

// IsZero reports whether this is the zero Token, which is none.
func (t Token) IsZero() bool { return t.facts == nil }

// AccessToken returns the secret text that goes behind "Authorization: Bearer".
func (t Token) AccessToken() string {
	if t.facts == nil {
		return ""
	}
	return t.facts.header[len(bearerPrefix):]
}

// Header returns the value of the Authorization header: "Bearer …". It is a secret.
func (t Token) Header() string {
	if t.facts == nil {
		return ""
	}
	return t.facts.header
}

// TokenType returns "Bearer", the only type that there is.
func (t Token) TokenType() string {
	if t.facts == nil {
		return ""
	}
	return "Bearer"
}

// Scope returns what was granted, separated by spaces. Informational. A token
// from an exchange may have none.
func (t Token) Scope() string {
	if t.facts == nil {
		return ""
	}
	return t.facts.scope
}

// RequestedAt returns when the request for it was sent (UTC). Its life counts
// from here.
func (t Token) RequestedAt() time.Time {
	if t.facts == nil {
		return time.Time{}
	}
	return t.facts.requestedAt
}

// Life returns how long it holds from RequestedAt on, as the server said.
func (t Token) Life() time.Duration {
	if t.facts == nil {
		return 0
	}
	return t.facts.life
}

// ExpiresAt returns RequestedAt plus Life (UTC).
func (t Token) ExpiresAt() time.Time { return t.RequestedAt().Add(t.Life()) }

// UsableUntil returns when the cache stops handing it out (UTC), a margin
// before ExpiresAt that covers the way to the API.
func (t Token) UsableUntil() time.Time {
	if t.facts == nil {
		return time.Time{}
	}
	return t.ExpiresAt().Add(-t.facts.margin)
}

// String describes the token without its secret.
func (t Token) String() string {
	if t.IsZero() {
		return "core.Token{}"
	}
	return "core.Token{Bearer " + redacted + ", scope " + quoted(t.Scope()) + ", until " + t.ExpiresAt().Format(time.RFC3339) + "}"
}

// MarshalText is String, for log/slog and for JSON made for logs. (A LogValue
// method would link package log into every program that uses core.)
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
