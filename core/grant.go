package core

import (
	"encoding/base64"
	"io"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

const (
	// DefaultGrantLife is exp minus iat when the configuration does not say.
	DefaultGrantLife = 60 * time.Second
	// MaxGrantLife is the longest grant that Maskinporten's documentation allows.
	MaxGrantLife = 120 * time.Second
	// issuedBefore back-dates iat. Maskinporten accepts an iat up to 10 s ahead
	// of its clock and, read strictly, up to 10 s behind it; two seconds leave
	// room for a clock that is wrong by ClockTolerance either way.
	issuedBefore = 2 * time.Second

	grantTypeJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523 §2.1
	formType           = "application/x-www-form-urlencoded"
)

// Grant is an authorization grant before it is signed: a JWT after RFC 7523
// §2.1 with Digdir's claims. It is built for one attempt, never kept and never
// sent twice.
type Grant struct {
	// Algorithm says how SigningInput is to be signed.
	Algorithm string
	// SigningInput is "header.payload" of RFC 7515 §5.1.
	SigningInput []byte
	// JTI makes the grant unique; Maskinporten accepts each one once.
	JTI string
	// IssuedAt and ExpiresAt are iat and exp (UTC, whole seconds).
	IssuedAt, ExpiresAt time.Time

	signatureSize int
}

// GrantParams is what a grant is built from.
type GrantParams struct {
	Environment Environment
	ClientID    string
	Key         Key
	Request     TokenRequest
	// Now is the wall clock at the moment of sending. iat is two seconds before it.
	Now time.Time
	// Life is exp minus iat, from 10 s to MaxGrantLife. Zero means DefaultGrantLife.
	Life time.Duration
	// JTI must be new for each grant; see [NewJTI].
	JTI string
}

// BuildGrant builds the claims and the signing input. It returns an *Error
// that lists everything that is wrong with the parameters.
func BuildGrant(p GrantParams) (Grant, error) {
	life, err := grantLife(p.Life)
	if err != nil {
		return Grant{}, err
	}
	if err := (ClientConfig{Environment: p.Environment, ClientID: p.ClientID, Key: p.Key}).Validate(); err != nil {
		return Grant{}, err
	}
	problems := append(p.Request.problems(), skyportenProblems(p.Environment, p.Request)...)
	if err := invalid(CodeInvalidTokenRequest, problems); err != nil {
		return Grant{}, err
	}
	if p.JTI == "" {
		return Grant{}, NewError(CodeInvalidArgument, "the grant has no jti", nil)
	}
	return buildGrant(p, life), nil
}

// buildGrant is BuildGrant for parameters that were validated before.
func buildGrant(p GrantParams, life time.Duration) Grant {
	issued := p.Now.Add(-issuedBefore).Truncate(time.Second).UTC()
	expires := issued.Add(life)
	encode := base64.RawURLEncoding
	header := p.header(make([]byte, 0, 1<<10)) // room for both, mostly
	claims := p.claims(header[len(header):], issued, expires)
	input := make([]byte, 0, encode.EncodedLen(len(header))+1+encode.EncodedLen(len(claims)))
	input = encode.AppendEncode(input, header)
	input = append(input, '.')
	input = encode.AppendEncode(input, claims)
	return Grant{Algorithm: p.Key.algorithm(), SigningInput: input, JTI: p.JTI,
		IssuedAt: issued, ExpiresAt: expires, signatureSize: p.Key.SignatureSize}
}

func (p *GrantParams) header(room []byte) []byte {
	w := strictjson.NewWriter(room)
	w.String("alg", p.Key.algorithm())
	if p.Key.KeyID != "" {
		w.String("kid", p.Key.KeyID)
		return w.Bytes()
	}
	chain := make([]string, len(p.Key.CertificateChain))
	for i, der := range p.Key.CertificateChain {
		chain[i] = base64.StdEncoding.EncodeToString(der) // RFC 7515 §4.1.6: not base64url
	}
	w.Strings("x5c", chain)
	return w.Bytes()
}

// claims writes the documented claims, in a fixed order, and behind them the
// caller's own; Maskinporten refuses those that it does not know.
func (p *GrantParams) claims(room []byte, issued, expires time.Time) []byte {
	r := &p.Request
	w := strictjson.NewWriter(room)
	w.String("aud", p.Environment.Issuer)
	w.String("iss", p.ClientID)
	w.String("scope", r.scopeClaim())
	w.Int("iat", issued.Unix())
	w.Int("exp", expires.Unix())
	w.String("jti", p.JTI)
	switch len(r.Resource) {
	case 0:
	case 1:
		w.String("resource", r.Resource[0])
	default:
		w.Strings("resource", r.Resource)
	}
	w.Optional("consumer_org", r.ConsumerOrg)
	w.Optional("iss_onbehalfof", r.OnBehalfOf)
	w.Optional("pid", r.PID)
	if details := r.authorizationDetails(); details != nil {
		w.Raw("authorization_details", details)
	}
	for _, extra := range r.extraClaims() {
		w.Raw(extra.name, extra.value)
	}
	return w.Bytes()
}

// Assemble puts the signature behind the signing input and returns the
// assertion in compact form. It checks the length of the signature.
func (g Grant) Assemble(signature []byte) (string, error) {
	size := len(signature)
	if g.signatureSize != 0 && size != g.signatureSize {
		return "", NewError(CodeInvalidSignature, "the signature has "+itoa(size)+" bytes, the key makes "+itoa(g.signatureSize), nil)
	}
	if size < minSignatureSize || size > maxSignatureSize {
		return "", NewError(CodeInvalidSignature, "a signature of "+itoa(size)+" bytes is not one of an RSA key of 2048 to 8192 bits", nil)
	}
	out := make([]byte, 0, len(g.SigningInput)+1+base64.RawURLEncoding.EncodedLen(size))
	out = append(append(out, g.SigningInput...), '.')
	return string(base64.RawURLEncoding.AppendEncode(out, signature)), nil
}

// String shows when the grant ends, and neither claims nor header.
func (g Grant) String() string {
	return "core.Grant{" + redacted + ", exp " + g.ExpiresAt.Format(time.RFC3339) + "}"
}

// GoString is String.
func (g Grant) GoString() string { return g.String() }

// NewTokenRequest makes the HTTP request that sends the assertion (RFC 7523
// §2.1): a form with grant_type and assertion, no client authentication.
func NewTokenRequest(env Environment, assertion string) Request {
	return formRequest(env.TokenEndpoint, [][2]string{{"grant_type", grantTypeJWTBearer}, {"assertion", assertion}})
}

const (
	// attemptTimeout is the whole time of one request, maxBody the size of an
	// answer over which it is refused.
	attemptTimeout = 8 * time.Second
	maxBody        = 1 << 20
)

func formRequest(url string, form [][2]string) Request {
	var body strings.Builder
	for i, field := range form {
		if i > 0 {
			body.WriteByte('&')
		}
		body.WriteString(field[0] + "=" + formEscape(field[1]))
	}
	return Request{Method: "POST", URL: url, Body: []byte(body.String()), Timeout: attemptTimeout, MaxBody: maxBody,
		Header: []Header{{"Content-Type", formType}, {"Accept", "application/json"}}}
}

// formEscape percent-encodes all but the unreserved characters of RFC 3986.
func formEscape(text string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if isKeyID(text[i:i+1]) || c == '~' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// NewJTI returns 32 characters with 192 bits from random, or from the
// operating system when random is nil.
func NewJTI(random io.Reader) (string, error) {
	if random == nil {
		random = systemRandom
	}
	var bits [24]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return "", NewError(CodeRandomFailed, "the random source failed, so no grant was made", err)
	}
	return base64.RawURLEncoding.EncodeToString(bits[:]), nil
}

func grantLife(life time.Duration) (time.Duration, error) {
	if life == 0 {
		return DefaultGrantLife, nil
	}
	if life < 10*time.Second || life > MaxGrantLife || life%time.Second != 0 {
		return 0, invalid(CodeInvalidConfig, []Problem{{"grant_life_seconds", life.String() + " is not a life that a grant can have",
			"Give whole seconds from 10 to 120; leave it out for 60."}})
	}
	return life, nil
}
