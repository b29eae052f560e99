package sandbox

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// issuerKey is a key that the sandbox signs tokens with.
type issuerKey struct {
	private *rsa.PrivateKey
	// id is the SHA-256 thumbprint of the key (RFC 7638), 43 characters, as
	// the kid of the real service looks.
	id          string
	certificate *x509.Certificate
}

// The keys of this process. Making one takes up to seconds, so all sandboxes
// share them.
var (
	// maskinportenKey has the size of the real one.
	maskinportenKey = sync.OnceValue(func() *issuerKey { return newIssuerKey("Maskinporten", 3072) })
	// fastKey is for Config.FastTokens.
	fastKey = sync.OnceValue(func() *issuerKey { return newIssuerKey("Maskinporten, fast", 2048) })
	// exchangeKey signs what Customs and Altinn issue.
	exchangeKey = sync.OnceValue(func() *issuerKey { return newIssuerKey("token exchange", 2048) })
)

func newIssuerKey(name string, bits int) *issuerKey {
	private := must(rsa.GenerateKey(rand.Reader, bits))
	thumbprint := must((&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{Country: []string{"NO"}, CommonName: "Sandbox of maskinporten-core, " + name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
	return &issuerKey{private, base64.RawURLEncoding.EncodeToString(thumbprint), must(x509.ParseCertificate(der))}
}

// publishedKey is a key in the answer to GET /jwk.
type publishedKey struct {
	Key
	Chain []string `json:"x5c"`
}

// jwks is the body of GET /jwk.
func (k *issuerKey) jwks() any {
	chain := []string{base64.StdEncoding.EncodeToString(k.certificate.Raw)}
	return map[string]any{"keys": []publishedKey{{PublicKey(k.id, &k.private.PublicKey), chain}}}
}

// tokenHeader is the whole header of an access token. The type and the
// thumbprint are only in Altinn's.
type tokenHeader struct {
	KeyID      string `json:"kid"`
	Algorithm  string `json:"alg"`
	Thumbprint string `json:"x5t,omitempty"`
	Type       string `json:"typ,omitempty"`
}

// header is Maskinporten's.
func (k *issuerKey) header() tokenHeader { return tokenHeader{KeyID: k.id, Algorithm: "RS256"} }

// altinnHeader has what Altinn's tokens have besides. Nothing reads x5t; it is
// of the right length and not SHA-1, which FIPS mode forbids.
func (k *issuerKey) altinnHeader() tokenHeader {
	sum := sha256.Sum256(k.certificate.Raw)
	return tokenHeader{k.id, "RS256", base64.RawURLEncoding.EncodeToString(sum[:20]), "JWT"}
}

// sign returns the claims as a compact JWS.
func (k *issuerKey) sign(header tokenHeader, claims any) string {
	encode := func(v any) string { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }
	input := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(input))
	signature := must(rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:]))
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// verify returns the claims of a token that this key signed for that issuer
// and that has not ended. leeway is how long after its end it still holds.
func (k *issuerKey) verify(token, issuer string, now time.Time, leeway time.Duration) (map[string]any, error) {
	parsed, err := parseJWS(token)
	if err != nil {
		return nil, err
	}
	if parsed.header["alg"] != "RS256" || parsed.header["kid"] != k.id {
		return nil, errors.New("the token is not signed with the expected key")
	}
	if err := parsed.verify(&k.private.PublicKey); err != nil {
		return nil, err
	}
	if parsed.claims["iss"] != issuer {
		return nil, errors.New("the token has another issuer")
	}
	expires, ok := numericDate(parsed.claims["exp"])
	if !ok || !now.Before(expires.Add(leeway)) {
		return nil, errors.New("the token has expired")
	}
	return parsed.claims, nil
}

// randomID returns 256 random bits as 43 characters, the form of the jti in
// real access tokens.
func randomID() string {
	var bits [32]byte
	rand.Read(bits[:])
	return base64.RawURLEncoding.EncodeToString(bits[:])
}

// must is for what cannot fail with the arguments of this package.
func must[T any](value T, err error) T {
	if err != nil {
		panic("sandbox: " + err.Error())
	}
	return value
}
