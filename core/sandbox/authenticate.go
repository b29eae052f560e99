package sandbox

import (
	"crypto/rsa"
)

// The rules for who a grant is from, when a client is registered. A grant of a
// European eSeal has none; checkSeal comes first and finds those.

const (
	methodKey         = "private_key_jwt"
	methodCertificate = "virksomhetssertifikat"
)

func checkClient(t *tokenRequest) *refusal {
	id := text(t.grant.claims, "iss")
	t.client = t.world.clients[id]
	if t.client == nil {
		return clientUnknown.because("there is no client %q", shorten(id))
	}
	return nil
}

// checkKeyChoice decides between kid and x5c. A client with registered keys
// must use one of them by its kid; a client without must send a certificate.
func checkKeyChoice(t *tokenRequest) *refusal {
	kid := text(t.grant.header, "kid")
	key, registered := t.client.keys[kid]
	_, chain := t.grant.header["x5c"]
	switch {
	case kid == "" && len(t.client.keys) > 0:
		return keyRequired.because("the client has %d registered keys and the header has no kid", len(t.client.keys))
	case kid != "" && !registered:
		return keyUnknown.because("the key %q is not registered on the client", shorten(kid))
	case kid != "" && chain:
		// Undocumented. The rule is one or the other, so the mixture is refused.
		return malformedGrant.because("the header has both kid and x5c")
	}
	t.key, t.method = key, methodKey
	return nil
}

// checkChain reads x5c and wants a certificate that is valid now and was
// issued under a trusted root.
func checkChain(t *tokenRequest) *refusal {
	if t.key.public != nil {
		return nil
	}
	chain, err := readChain(t.grant.header["x5c"])
	if err != nil {
		return chainMalformed.because("%v", err)
	}
	if err := t.world.verifyChain(chain, t.now); err != nil {
		return certificateInvalid.because("%v", err)
	}
	t.chain, t.method = chain, methodCertificate
	t.key = registeredKey{public: chain[0].PublicKey.(*rsa.PublicKey)}
	return nil
}

func checkOrganization(t *tokenRequest) *refusal {
	if t.chain == nil {
		return nil
	}
	if number := organizationOf(t.chain[0]); number != t.client.organization {
		return organizationMismatch.because("the certificate is of organization %q, the client of %q", number, t.client.organization)
	}
	return nil
}

func checkKeyExpiry(t *tokenRequest) *refusal {
	if t.key.expires != 0 && t.now.Unix() >= t.key.expires {
		return keyExpired.because("the registration of the key ended %d s ago", t.now.Unix()-t.key.expires)
	}
	return nil
}

// checkSignature uses the algorithm of the header, which is an accepted one.
// That it may differ from the alg of the registered key is deliberate: nothing
// documented ties them.
func checkSignature(t *tokenRequest) *refusal {
	if err := t.grant.verify(t.key.public); err != nil {
		return signatureInvalid.because("%v", err)
	}
	return nil
}
