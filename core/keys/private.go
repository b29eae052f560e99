package keys

import (
	"context"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // SHA-256 of RS256
	_ "crypto/sha512" // SHA-384 and SHA-512 of RS384 and RS512
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"slices"
	"sync"

	"github.com/maskinporten-core/maskinporten/core"
)

const redacted = "[redacted]"

var hashes = map[string]crypto.Hash{
	core.RS256: crypto.SHA256,
	core.RS384: crypto.SHA384,
	core.RS512: crypto.SHA512,
}

// Private is an RSA private key with what identifies it to Maskinporten. It is
// a [core.Signer], safe for concurrent use, and prints as "[redacted]".
//
// Make one with [Parse] or [Generate]; copies share the key.
type Private struct {
	// Behind a pointer, so that not even the reflection of package fmt on a
	// struct that holds a Private reaches the numbers.
	*material
}

type material struct {
	algorithm string
	keyID     string // empty for a key that authenticates by certificate
	public    rsa.PublicKey
	chain     []*x509.Certificate // leaf first

	mu  sync.RWMutex    // guards key: signing reads it, Destroy writes it
	key *rsa.PrivateKey // nil once destroyed
}

func newPrivate(key *rsa.PrivateKey, algorithm, keyID string, chain []*x509.Certificate) *Private {
	public := rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}
	return &Private{&material{algorithm: algorithm, keyID: keyID, public: public, chain: chain, key: key}}
}

// Key returns the public face of the key for a [core.ClientConfig], with p as
// its Signer. It has a KeyID or a CertificateChain, never both.
func (p *Private) Key() core.Key {
	key := core.Key{Algorithm: p.algorithm, KeyID: p.keyID, SignatureSize: p.public.Size(), Signer: p}
	if p.keyID == "" {
		for _, certificate := range p.chain {
			key.CertificateChain = append(key.CertificateChain, slices.Clone(certificate.Raw))
		}
	}
	if len(p.chain) > 0 {
		key.NotAfter = p.chain[0].NotAfter
	}
	return key
}

// Sign returns the RSASSA-PKCS1-v1_5 signature of signingInput (RFC 8017 §8.2)
// with the hash of the key's algorithm, as many bytes as the modulus has.
// Signing takes milliseconds and is not interrupted; a context that is over
// when it starts is an error.
func (p *Private) Sign(ctx context.Context, signingInput []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, core.NewError(core.CodeCancelled, "the wait was over before signing began", err)
	}
	hash := hashes[p.algorithm]
	h := hash.New()
	h.Write(signingInput)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.key == nil {
		err := core.NewError(core.CodeSigningFailed, "the key was destroyed", nil)
		err.Remedy = "Parse the key again and give the client the new one."
		return nil, err
	}
	signature, err := rsa.SignPKCS1v15(nil, p.key, hash, h.Sum(nil))
	if err != nil {
		// Its text is left out: nothing of a key may reach a message.
		return nil, core.NewError(core.CodeSigningFailed, fmt.Sprintf("crypto/rsa could not sign with this %d-bit key", p.public.N.BitLen()), nil)
	}
	return signature, nil
}

// Certificates returns the chain that belongs to the key, leaf first, or none.
// For a key with a kid it is informational and not sent to Maskinporten.
func (p *Private) Certificates() []*x509.Certificate { return slices.Clone(p.chain) }

// Destroy overwrites the numbers of the key and makes every later signature
// fail; a signature under way is finished first. The public half stays usable.
//
// It reaches what this package holds: the big integers of the key. It does not
// reach what Go's crypto library derived from them, which is left to the
// garbage collector, nor copies that Go's runtime made, nor the data the key
// was parsed from, nor what [Private.JWK], [Private.PEM] and [Private.PKCS8]
// returned. A key that must not be in this process's memory belongs in an HSM
// or a KMS, with a [core.Signer] in front.
func (p *Private) Destroy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil {
		return
	}
	wipe(p.key.D, p.key.Precomputed.Dp, p.key.Precomputed.Dq, p.key.Precomputed.Qinv)
	wipe(p.key.Primes...)
	p.key = nil
}

// wipe overwrites numbers in place.
func wipe(numbers ...*big.Int) {
	for _, n := range numbers {
		if n != nil {
			bits := n.Bits()
			clear(bits[:cap(bits)])
			n.SetInt64(0)
		}
	}
}

// String returns "[redacted]".
func (Private) String() string { return redacted }

// GoString returns "[redacted]".
func (Private) GoString() string { return redacted }

// Format makes every verb of package fmt print "[redacted]".
func (Private) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns "[redacted]", for log/slog and everything that encodes
// by reflection. [Private.JWK] is the way to the key itself.
func (Private) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns the string "[redacted]".
func (Private) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
