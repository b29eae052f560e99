package core

import (
	"context"
	"time"
)

// The signature algorithms that Maskinporten accepts for grants (its metadata,
// token_endpoint_auth_signing_alg_values_supported): RSASSA-PKCS1-v1_5 with
// SHA-256, SHA-384 or SHA-512 (RFC 7518 §3.3).
const (
	RS256 = "RS256"
	RS384 = "RS384"
	RS512 = "RS512"
)

// Signer makes signatures. It is the only place where a private key is
// needed, so it can be a key in memory (package keys), an HSM or a KMS.
type Signer interface {
	// Sign returns the RSASSA-PKCS1-v1_5 signature of signingInput with the
	// hash of the key's Algorithm. The signer hashes; signingInput is the
	// whole "header.payload" of RFC 7515 §5.1. It has 5 s, after
	// which ctx ends; one that does not return then keeps its goroutine, and
	// what it answers is dropped. An error that is an [*Error] with Retryable
	// set is tried once more; every other error is final.
	Sign(ctx context.Context, signingInput []byte) (signature []byte, err error)
}

// Key is the public face of a signing key: what goes into the grant's header
// and, in a Go program, who signs. Package keys makes one from PEM, JWK or
// PKCS#12; for a key in an HSM fill it in by hand.
//
// Exactly one of KeyID and CertificateChain is set. Maskinporten wants the kid
// when the key is registered on the client, and the chain (x5c) when nothing
// is registered and the client authenticates with a virksomhetssertifikat.
type Key struct {
	// Algorithm is RS256, RS384 or RS512. Empty means RS256.
	Algorithm string
	// KeyID is the kid under which the key is registered at Maskinporten.
	KeyID string
	// CertificateChain is the X.509 chain in DER, leaf first (RFC 7515 §4.1.6).
	CertificateChain [][]byte
	// SignatureSize is the length of a signature in bytes, which for RSA is
	// the length of the modulus: 256 for a 2048-bit key. Zero means unknown,
	// and only its plausibility is checked.
	SignatureSize int
	// Signer signs. It may be nil when the host signs by itself, step by step.
	Signer Signer
	// Verify, if set, checks every signature before it is used: for keys in an
	// HSM, where a wrong slot shows only as MP-124. It returns nil for a good one.
	Verify func(signingInput, signature []byte) error
	// NotAfter is when the key or its certificate ends (UTC); zero means
	// unknown. It causes warnings only: see [EventKeyExpiring].
	NotAfter time.Time
}

// String names the key without any secret.
func (k Key) String() string {
	return "core.Key{" + k.algorithm() + " " + k.identity() + "}"
}

// GoString is String, so that %#v shows no signer.
func (k Key) GoString() string { return k.String() }

func (k Key) algorithm() string {
	if k.Algorithm == "" {
		return RS256
	}
	return k.Algorithm
}

// identity is the part of the cache key that stands for the key: its kid, or
// the SHA-256 thumbprint of the leaf certificate.
func (k Key) identity() string {
	if k.KeyID != "" {
		return "kid:" + k.KeyID
	}
	if print := k.thumbprint(); print != "" {
		return "x5t#S256:" + print
	}
	return "none"
}

// thumbprint is the SHA-256 of the leaf certificate in hexadecimal, if there
// is one.
func (k Key) thumbprint() string {
	if len(k.CertificateChain) == 0 {
		return ""
	}
	return hexSHA256(k.CertificateChain[0])
}

func (k Key) problems() []Problem {
	var list []Problem
	switch k.algorithm() {
	case RS256, RS384, RS512:
	default:
		list = append(list, Problem{"key.alg", quoted(k.Algorithm) + " is not accepted by Maskinporten",
			"Use RS256, RS384 or RS512 with an RSA key."})
	}
	switch {
	case k.KeyID == "" && len(k.CertificateChain) == 0:
		list = append(list, Problem{"key.kid", "the key has neither a kid nor a certificate chain",
			"Set kid to the id the key has in Maskinporten's self-service, or give the chain of the virksomhetssertifikat."})
	case k.KeyID != "" && len(k.CertificateChain) > 0:
		list = append(list, Problem{"key.kid", "the key has both a kid and a certificate chain",
			"Keep kid if the key is registered on the client, and the chain (x5c) if nothing is registered."})
	}
	if !isKeyID(k.KeyID) {
		list = append(list, Problem{"key.kid", "kid " + quoted(k.KeyID) + " has characters that Maskinporten does not allow",
			"A kid has 1 to 255 letters, digits, '.', '_' and '-'."})
	}
	for i, der := range k.CertificateChain {
		if len(der) == 0 {
			list = append(list, Problem{"key.x5c[" + itoa(i) + "]", "the certificate is empty", "Give every certificate of the chain in DER, leaf first."})
		}
	}
	if k.SignatureSize != 0 && (k.SignatureSize < minSignatureSize || k.SignatureSize > maxSignatureSize) {
		list = append(list, Problem{"key.signature_size", itoa(k.SignatureSize) + " bytes is not the size of an accepted RSA signature",
			"Use an RSA key of 2048 to 8192 bits; its signature has 256 to 1024 bytes."})
	}
	return list
}

const (
	minSignatureSize = 256  // RSA 2048
	maxSignatureSize = 1024 // RSA 8192
)

func isKeyID(id string) bool {
	if len(id) > 255 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
