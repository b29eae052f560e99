package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

// KeyFacts are what is known of the first key, without anything secret.
type KeyFacts struct {
	// KeyID is the kid; a key with a certificate chain has Thumbprint instead,
	// the SHA-256 of its leaf in hexadecimal.
	KeyID, Thumbprint string
	Algorithm         string
	// Bits is the size of the key, 0 if it is not known.
	Bits int
	// NotAfter is when the key or its certificate ends (UTC), zero if unknown.
	NotAfter time.Time
	// OrganizationNumber is that of the leaf, if it is one of Norway.
	OrganizationNumber string
	// Signs says that there is a Signer; otherwise the host signs.
	Signs bool
}

func factsOf(key core.Key) KeyFacts {
	facts := KeyFacts{KeyID: key.KeyID, Algorithm: cmp.Or(key.Algorithm, core.RS256), Bits: 8 * key.SignatureSize,
		NotAfter: key.NotAfter, Signs: key.Signer != nil}
	if leaf, ok := leafOf(key); ok {
		facts.Thumbprint, facts.OrganizationNumber = leaf.SHA256, leaf.OrganizationNumber
		facts.NotAfter, facts.Bits = leaf.NotAfter, leaf.KeyBits
	}
	return facts
}

// leafOf reads the leaf of a key's chain, if it has one that can be read.
func leafOf(key core.Key) (keys.Certificate, bool) {
	if len(key.CertificateChain) == 0 {
		return keys.Certificate{}, false
	}
	list, err := keys.ReadCertificates(key.CertificateChain[0])
	if err != nil || len(list) != 1 {
		return keys.Certificate{}, false
	}
	return list[0], true
}

// judgeKeys judges each key by itself, and the next ones beside the first.
func (d *diagnosis) judgeKeys() {
	first := factsOf(d.Config.Key)
	d.judgeKey("key", d.Config.Key)
	for i, key := range d.Config.NextKeys {
		field := fmt.Sprintf("next_keys[%d]", i)
		d.judgeKey(field, key)
		next := factsOf(key)
		if next.KeyID == first.KeyID && next.Thumbprint == first.Thumbprint {
			d.find(Warning, field, "it is the first key again, which does not help when that one is refused", "Give the key that is registered next, or leave it out.")
		}
		if a, b := first.OrganizationNumber, next.OrganizationNumber; a != "" && b != "" && a != b {
			d.find(Error, field, "its certificate is that of organization "+b+", and the first one that of "+a, "Use certificates of the organization that owns the client.")
		}
	}
}

func (d *diagnosis) judgeKey(field string, key core.Key) {
	d.judgeChain(field, key)
	d.judgeEnd(field, key)
	switch facts := factsOf(key); {
	case looksLikeToken(key.KeyID):
		d.find(Error, field+".kid", "what is given looks like a token, not a kid", "Give the kid that the key has in self-service; no token belongs in code or configuration.")
	case key.KeyID != "" && key.KeyID == d.Config.ClientID:
		d.find(Warning, field+".kid", "it is the client id", "Give the kid that the key has in self-service.")
	case facts.Bits > 4096:
		d.find(Note, field, fmt.Sprintf("signing with %d bits takes long", facts.Bits), "Use 2048 to 4096 bits.")
	}
	if key.Algorithm == core.RS384 || key.Algorithm == core.RS512 {
		d.find(Note, field+".alg", key.Algorithm+" is accepted, and RS256 is what nearly everybody uses", "Leave it out, unless a rule of yours asks for it.")
	}
}

// judgeChain asks package keys about the chain. Core has seen the same members,
// without looking into the certificates; it is not said again what it said.
func (d *diagnosis) judgeChain(field string, key core.Key) {
	check := keys.CheckChain
	if d.Config.ESeal {
		check = keys.CheckSealChain
	}
	before := d.findings
	for _, p := range check(d.Config.Environment, key.CertificateChain, d.now) {
		p.Field = strings.Replace(p.Field, "key", field, 1)
		if !slices.ContainsFunc(before, func(f Finding) bool { return f.Field == p.Field }) {
			d.find(Error, p.Field, p.Message, p.Remedy)
		}
	}
	leaf, ok := leafOf(key)
	if size := 8 * key.SignatureSize; ok && size != 0 && leaf.KeyBits != 0 && (leaf.KeyBits+7)/8*8 != size {
		d.find(Error, field+".signature_size", fmt.Sprintf("a signature of %d bits does not come from the key of the certificate, which has %d", size, leaf.KeyBits),
			"Give the certificate that was issued for this key.")
	}
}

// judgeEnd warns of a key that ends. An expired certificate that is sent is an
// error already; one beside a key with a kid is not sent.
func (d *diagnosis) judgeEnd(field string, key core.Key) {
	end := key.NotAfter
	if end.IsZero() {
		end = factsOf(key).NotAfter
	}
	within, due := core.ExpiresWithin(end, d.now)
	ends := end.UTC().Format("2006-01-02 15:04 UTC")
	const renew = "Register a new key, or get a new certificate, and give it as the next key."
	switch {
	case end.IsZero() || !due || within == 0 && len(key.CertificateChain) > 0:
	case within == 0:
		d.find(Warning, field, "it ended at "+ends+", by the certificate beside it or as it was given", "Check its end in self-service, and register a new key if it has passed.")
	case within <= 30*24*time.Hour:
		d.find(Warning, field, "it ends within "+days(within)+", at "+ends, renew)
	default:
		d.find(Note, field, "it ends within "+days(within)+", at "+ends, renew)
	}
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", d/(24*time.Hour)) }
