package core

import "encoding/binary"

// cacheKey is a SHA-256 over everything that makes one token differ from
// another. Each list and each text in it is preceded by its length, so that no
// two of them can run together; the key holds no secret and can be logged.
func (c *Client) cacheKey(r TokenRequest, exchanges []Exchange) string {
	hashed := make([]byte, 0, 512)
	length := func(n int) {
		hashed = binary.BigEndian.AppendUint64(hashed, uint64(n))
	}
	part := func(texts ...string) {
		length(len(texts))
		for _, text := range texts {
			length(len(text))
			hashed = append(hashed, text...)
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
	return hexSHA256(hashed)
}

// hexSHA256 is the digest in hexadecimal. (Package hex would bring fmt and os.)
func hexSHA256(data []byte) string {
	const digits = "0123456789abcdef"
	var text [64]byte
	for i, b := range sumSHA256(data) {
		text[2*i], text[2*i+1] = digits[b>>4], digits[b&15]
	}
	return string(text[:])
}

func flag(set bool) string {
	if set {
		return "true"
	}
	return "false"
}
