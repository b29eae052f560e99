package core

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// cacheKey is a SHA-256 over everything that makes one token differ from
// another. Each list and each text in it is preceded by its length, so that no
// two of them can run together; the key holds no secret and can be logged.
func (c *Client) cacheKey(r TokenRequest, exchanges []Exchange) string {
	hash := sha256.New()
	length := func(n int) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(n))
		hash.Write(size[:])
	}
	part := func(texts ...string) {
		length(len(texts))
		for _, text := range texts {
			length(len(text))
			hash.Write([]byte(text))
		}
	}
	part(c.config.Environment.Issuer, c.config.Environment.TokenEndpoint, c.config.ClientID, flag(c.config.ESeal), c.ring.Load().identity())
	part(r.scopeSet()...)
	part(r.Resource...)
	part(r.ConsumerOrg, r.OnBehalfOf, r.PID, string(r.authorizationDetails()))
	for _, extra := range r.extraClaims() {
		part("extra claim", extra.name, string(extra.value))
	}
	for _, x := range exchanges {
		part("exchange", string(x.Kind), x.name(), x.TokenEndpoint, flag(x.TestOrganization), x.SubjectTokenType, x.RequestedTokenType)
		part(x.Audience...)
		part(x.Resource...)
		part(scopeSet(x.Scopes)...)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func flag(set bool) string {
	if set {
		return "true"
	}
	return "false"
}
