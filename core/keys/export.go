package keys

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
)

// PublicJWK returns the public key as Maskinporten's self-service wants it
// registered: a JSON object of exactly kty, use, alg, kid, n and e, in this
// order. It never has a private member.
//
// A key that authenticates by certificate has no kid; what stands here then is
// its thumbprint (RFC 7638, SHA-256), a stable name to register it under.
func (p *Private) PublicJWK() []byte {
	keyID := p.keyID
	if keyID == "" {
		keyID = p.thumbprint()
	}
	return append(p.appendPublic(nil, keyID), '}')
}

// PublicJWKS returns the JWK set {"keys":[…]} with PublicJWK in it, the body
// that the self-service API takes.
func (p *Private) PublicJWKS() []byte {
	return append(append([]byte(`{"keys":[`), p.PublicJWK()...), `]}`...)
}

// JWK returns the private key as a JWK (RFC 7518 §6.3.2): a secret. It has the
// kid, or else the certificates as x5c, so that [Parse] makes the same key of
// it. It is nil once the key is destroyed.
func (p *Private) JWK() []byte {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.key == nil {
		return nil
	}
	// Large enough never to grow, which would leave pieces of the key behind.
	text := p.appendPublic(make([]byte, 0, 10*p.public.Size()+512), p.keyID)
	for _, member := range []struct {
		name  string
		value *big.Int
	}{
		{"d", p.key.D}, {"p", p.key.Primes[0]}, {"q", p.key.Primes[1]},
		{"dp", p.key.Precomputed.Dp}, {"dq", p.key.Precomputed.Dq}, {"qi", p.key.Precomputed.Qinv},
	} {
		text = appendMember(text, member.name, member.value)
	}
	if p.keyID == "" {
		separator := `,"x5c":["`
		for _, certificate := range p.chain {
			text = append(text, separator...)
			text = base64.StdEncoding.AppendEncode(text, certificate.Raw)
			separator = `","`
		}
		text = append(text, `"]`...)
	}
	return append(text, '}')
}

// PKCS8 returns the private key in DER (RFC 5958), as WebCrypto imports it: a
// secret. It is nil once the key is destroyed.
func (p *Private) PKCS8() []byte {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.key == nil {
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil { // not for an RSA key that was validated
		return nil
	}
	return der
}

// PEM returns the private key as a PRIVATE KEY block (RFC 7468 §10), not
// encrypted: a secret. The certificates follow, if the key authenticates by
// them. It is nil once the key is destroyed.
func (p *Private) PEM() []byte {
	der := p.PKCS8()
	if der == nil {
		return nil
	}
	defer clear(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if p.keyID == "" {
		for _, certificate := range p.chain {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
		}
	}
	return text
}

// appendPublic appends a JWK of the public members, its end left open. No
// value needs escaping: alg and kid were checked, the rest is base64url.
func (p *Private) appendPublic(text []byte, keyID string) []byte {
	text = append(text, `{"kty":"RSA","use":"sig","alg":"`+p.algorithm+`"`...)
	if keyID != "" {
		text = append(text, `,"kid":"`+keyID+`"`...)
	}
	text = appendMember(text, "n", p.public.N)
	return appendMember(text, "e", big.NewInt(int64(p.public.E)))
}

func appendMember(text []byte, name string, value *big.Int) []byte {
	octets := value.Bytes()
	defer clear(octets)
	text = append(text, `,"`+name+`":"`...)
	text = base64.RawURLEncoding.AppendEncode(text, octets)
	return append(text, '"')
}

// thumbprint is the SHA-256 thumbprint of RFC 7638 §3, in base64url.
func (p *Private) thumbprint() string {
	text := appendMember(nil, "e", big.NewInt(int64(p.public.E)))
	text[0] = '{'
	text = append(text, `,"kty":"RSA"`...)
	text = append(appendMember(text, "n", p.public.N), '}')
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
