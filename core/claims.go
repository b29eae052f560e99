package core

import (
	"maps"
	"slices"
	"strings"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// This file is the escape hatch for claims that this package does not know.
// It opens for nothing that would change the meaning of a claim or a header
// member that the package writes itself.

const (
	maxExtraClaims    = 32
	maxExtraClaimSize = 16 << 10
	// maxExactInteger is the largest integer that a double holds exactly, and
	// with it every reader of JSON (RFC 8259 §6).
	maxExactInteger = 1<<53 - 1
)

// reserved are the names that an extra claim must not have, in lower case:
// names that differ in case only would be read as each other by some.
var reserved = func() map[string]string {
	remedies := map[string]string{
		"The library fills it in; leave it out.":                          "aud iss scope iat exp jti",
		"Leave it out; Maskinporten does not document it for grants.":     "nbf sub",
		"It is a member of the header, not a claim; set it on the key.":   "alg kid x5c",
		"It is a member of the header, not a claim; leave it out.":        "typ cty crit b64 jku jwk x5u x5t x5t#s256",
		"Use the request's own member of that name.":                      "resource pid consumer_org iss_onbehalfof",
		"Use the request's consumer_org; no claim has this name.":         "consumer_orgno",
		"Use the request's system_user or consent.":                       "authorization_details systemuser_org externalref",
		"It belongs to the form around the grant, which the library has.": "grant_type assertion client_id client_assertion client_assertion_type",
	}
	table := map[string]string{}
	for remedy, names := range remedies {
		for _, name := range strings.Fields(names) {
			table[name] = remedy
		}
	}
	return table
}()

type claim struct {
	name  string
	value []byte // JSON without white space
}

// extraClaims are in the order of their names: equal requests make equal
// grants and have one cache key.
func (r *TokenRequest) extraClaims() []claim {
	if len(r.ExtraClaims) == 0 {
		return nil
	}
	list := make([]claim, 0, len(r.ExtraClaims))
	for _, name := range slices.Sorted(maps.Keys(r.ExtraClaims)) {
		list = append(list, claim{name, compactJSON(r.ExtraClaims[name])})
	}
	return list
}

func (r *TokenRequest) extraClaimProblems() []Problem {
	if len(r.ExtraClaims) == 0 {
		return nil
	}
	if len(r.ExtraClaims) > maxExtraClaims {
		return []Problem{{"extra_claims", "there are more than " + itoa(maxExtraClaims), "Send only what the API's owner asks for."}}
	}
	var list []Problem
	size := 0
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.ExtraClaims)) {
		size += len(name) + len(r.ExtraClaims[name])
		folded := strings.ToLower(name)
		why, remedy := claimProblem(name, r.ExtraClaims[name])
		if why == "" && seen[folded] {
			why, remedy = "another claim differs from it in case only", "Keep one of them."
		}
		if seen[folded] = true; why != "" {
			list = append(list, Problem{"extra_claims." + vetted(name), why, remedy})
		}
	}
	if size > maxExtraClaimSize {
		// What is wrong with the values does not matter any more.
		return []Problem{{"extra_claims", "they are longer than 16 KiB together", "Send only what the API's owner asks for."}}
	}
	return list
}

// claimProblem never shows the value: it may be secret.
func claimProblem(name, value string) (message, remedy string) {
	if name == "" || len(name) > 128 || !isPrintable(name) || strings.ContainsAny(name, " \"\\") {
		return "it is not a name that a claim can have", "Use 1 to 128 ASCII characters without spaces, quotes and backslashes."
	}
	if remedy, taken := reserved[strings.ToLower(name)]; taken {
		return "it is not an extra claim", remedy
	}
	if len(value) > maxExtraClaimSize {
		return "", "" // told for all of them together
	}
	parsed, err := strictjson.Parse([]byte(value))
	switch {
	case err != nil:
		return "its value is " + err.Error(), `Give the value as JSON text; a string has its quotes, as in "\"text\"".`
	case parsed.Kind == strictjson.Null:
		return "its value is null", "Leave the claim out."
	case !exactNumbers(parsed):
		return "a number in it does not survive every reader of JSON", "Write whole numbers up to 2^53 - 1 and decimals without an exponent, or give the number as a string."
	}
	return "", ""
}

// exactNumbers reports whether no number in v is beyond what doubles hold. An
// exponent is not worked out but refused.
func exactNumbers(v strictjson.Value) bool {
	if v.Kind == strictjson.Number {
		whole, _, _ := strings.Cut(v.Text, ".")
		n, ok := strictjson.Value{Kind: strictjson.Number, Text: whole}.Int()
		return ok && !strings.ContainsAny(v.Text, "eE") && -maxExactInteger <= n && n <= maxExactInteger
	}
	for _, item := range v.Items {
		if !exactNumbers(item) {
			return false
		}
	}
	for _, member := range v.Members {
		if !exactNumbers(member.Value) {
			return false
		}
	}
	return true
}

// compactJSON drops the white space around the tokens of valid JSON.
func compactJSON(text string) []byte {
	out := make([]byte, 0, len(text))
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			out = append(out, c)
			if i++; i < len(text) {
				out = append(out, text[i])
			}
		case c == '"':
			inString = !inString
			out = append(out, c)
		case inString || c != ' ' && c != '\t' && c != '\n' && c != '\r':
			out = append(out, c)
		}
	}
	return out
}
