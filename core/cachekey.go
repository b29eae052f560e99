package core

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// cacheKey is a SHA-256 over everything that makes one token differ from
// another. Each part is preceded by its length, so that no two lists of parts
// can run together; it holds no secret and can be logged.
func (c *Client) cacheKey(r TokenRequest, exchanges []Exchange) string {
	hash := sha256.New()
	part := func(texts ...string) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(texts)))
		hash.Write(size[:])
		for _, text := range texts {
			binary.BigEndian.PutUint64(size[:], uint64(len(text)))
			hash.Write(size[:])
			hash.Write([]byte(text))
		}
	}
	part(c.config.Environment.Issuer, c.config.Environment.TokenEndpoint, c.config.ClientID, c.ring.Load().identity())
	part(r.scopeSet()...)
	part(r.Resource...)
	part(r.ConsumerOrg, r.PID, string(r.authorizationDetails()))
	for _, x := range exchanges {
		part(x.Name, x.TokenEndpoint, x.GrantType, x.SubjectTokenType)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
