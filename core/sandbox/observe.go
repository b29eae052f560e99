package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// observe reads, for the journal and for choosing a fault, what a request
// carries: a grant, a token to exchange, or a bearer token. It is lenient and
// trusts nothing; judging comes later and by other code.
func observe(r *http.Request, body []byte) Entry {
	entry := Entry{Method: shorten(r.Method), Path: shorten(r.URL.Path)}
	form, _ := url.ParseQuery(string(body))
	switch r.URL.Path {
	case tokenPath:
		header, claims := peek(form.Get("assertion"))
		entry.ClientID = member(claims, "iss")
		entry.KeyID = member(header, "kid")
		entry.JTI = member(claims, "jti")
		entry.ConsumerOrg = member(claims, "consumer_org")
		entry.Scope = scopeOf(claims)
		var chain []json.RawMessage
		json.Unmarshal(header["x5c"], &chain)
		entry.Certificates = len(chain)
		return entry
	case customsPath:
		_, claims := peek(form.Get("subject_token"))
		entry.ClientID, entry.Scope = member(claims, "client_id"), scopeOf(claims)
	default:
		token, _ := bearer(r)
		_, claims := peek(token)
		entry.ClientID, entry.Scope = member(claims, "client_id"), scopeOf(claims)
	}
	return entry
}

// peek returns the header and claims of a JWT, as far as they can be read.
func peek(compact string) (header, claims map[string]json.RawMessage) {
	encodedHeader, rest, _ := strings.Cut(compact, ".")
	encodedClaims, _, _ := strings.Cut(rest, ".")
	if decoded, err := decodeBase64URL(encodedHeader); err == nil {
		json.Unmarshal(decoded, &header)
	}
	if decoded, err := decodeBase64URL(encodedClaims); err == nil {
		json.Unmarshal(decoded, &claims)
	}
	return header, claims
}

func member(object map[string]json.RawMessage, name string) string {
	var value string
	json.Unmarshal(object[name], &value)
	return shorten(value)
}

// scopeOf is longer than other members may be, and cut between scopes.
func scopeOf(object map[string]json.RawMessage) string {
	const limit = 8 << 10
	var value string
	json.Unmarshal(object["scope"], &value)
	if len(value) > limit {
		value = value[:max(0, strings.LastIndexByte(value[:limit], ' '))]
	}
	return value
}

// bearer returns the token of the Authorization header (RFC 6750 §2.1).
func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}
