package sandbox

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The rules of a grant's form: what can be said of it without knowing anybody.

func checkAssertion(t *tokenRequest) *refusal {
	grant, err := parseJWS(t.form.Get("assertion"))
	if err != nil {
		return malformedGrant.because("the assertion is not a compact JWS: %v", err)
	}
	t.grant = grant
	return nil
}

// checkHeader wants an accepted algorithm and members of the right type. How
// the real service refuses other algorithms is undocumented.
func checkHeader(t *tokenRequest) *refusal {
	header := t.grant.header
	if !slices.Contains(acceptedAlgorithms, text(header, "alg")) {
		return malformedGrant.because("alg is not one of %s", strings.Join(acceptedAlgorithms, ", "))
	}
	if kid, present := header["kid"]; present && !isText(kid) {
		return malformedGrant.because("kid is not a string")
	}
	if _, present := header["typ"]; present && !strings.EqualFold(text(header, "typ"), "JWT") {
		return malformedGrant.because("typ is not \"JWT\"")
	}
	// A receiver that does not know a critical extension must refuse (RFC 7515 §4.1.11).
	if _, present := header["crit"]; present {
		return malformedGrant.because("crit names an extension that is not understood")
	}
	return nil
}

// claimRules are the claims that a grant may have.
var claimRules = map[string]struct {
	required bool
	form     string
	valid    func(any) bool
}{
	"iss":                   {true, "a string", isText},
	"aud":                   {true, "a string", func(v any) bool { return isText(v) || isTexts(v) }}, // an array is a wrong audience, not a wrong form
	"scope":                 {true, "a string with at least one scope", func(v any) bool { return isText(v) && len(strings.Fields(v.(string))) > 0 }},
	"iat":                   {true, "whole seconds since 1970", isNumericDate},
	"exp":                   {true, "whole seconds since 1970", isNumericDate},
	"nbf":                   {false, "whole seconds since 1970", isNumericDate},
	"sub":                   {false, "a string", isText},
	"jti":                   {false, "a string", isText},
	"resource":              {false, "an absolute URI, or an array of them", isResource},
	"pid":                   {false, "a string of eleven digits", func(v any) bool { return isText(v) && isDigits(v.(string), 11) }},
	"consumer_org":          {false, "a string of nine digits, without 0192:", func(v any) bool { return isText(v) && isDigits(v.(string), 9) }},
	"iss_onbehalfof":        {false, "a string", isText},
	"authorization_details": {false, "present", func(any) bool { return true }}, // judged by checkDetails
}

// undocumentedClaims have a rule for their form, but are accepted only when
// the configuration allows them.
var undocumentedClaims = map[string]bool{"nbf": true, "sub": true}

// checkClaims refuses unknown, missing and ill-formed claims. The code for a
// missing claim and for a wrong pid is undocumented.
func checkClaims(t *tokenRequest) *refusal {
	claims := t.grant.claims
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		rule, known := claimRules[name]
		switch {
		case !t.world.allowedClaims[name] && (!known || undocumentedClaims[name]):
			return malformedGrant.because("the claim %q is not known", shorten(name))
		case known && !rule.valid(claims[name]):
			return malformedGrant.because("the claim %s is not %s", name, rule.form)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(claimRules)) {
		if _, present := claims[name]; claimRules[name].required && !present {
			return malformedGrant.because("the claim %s is missing", name)
		}
	}
	_, consumer := claims["consumer_org"]
	if _, onBehalfOf := claims["iss_onbehalfof"]; consumer && onBehalfOf {
		return malformedGrant.because("consumer_org and iss_onbehalfof exclude each other")
	}
	return nil
}

func isText(value any) bool {
	text, ok := value.(string)
	return ok && text != ""
}

func isTexts(value any) bool {
	list, ok := value.([]any)
	return ok && len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { return !isText(v) })
}

func isNumericDate(value any) bool {
	_, ok := numericDate(value)
	return ok
}

func isResource(value any) bool {
	list := []any{value}
	if array, ok := value.([]any); ok {
		list = array
	}
	if !isTexts(list) {
		return false
	}
	for _, resource := range list {
		uri, err := url.Parse(resource.(string))
		if err != nil || !uri.IsAbs() || uri.Fragment != "" { // RFC 8707 §2
			return false
		}
	}
	return true
}

// checkAudience wants exactly the issuer, as one string. A grant for the token
// endpoint or without the slash is for somebody else.
func checkAudience(t *tokenRequest) *refusal {
	switch aud := t.grant.claims["aud"].(type) {
	case string:
		if aud != t.server.issuer() {
			return audienceWrong.because("aud is %q, not %q", shorten(aud), t.server.issuer())
		}
		return nil
	default:
		return audienceWrong.because("aud is an array, not the string %q", t.server.issuer())
	}
}

const (
	clockTolerance   = 10 * time.Second
	maxGrantLifetime = 120 * time.Second
)

// times are iat and exp, which checkClaims has found well-formed.
func (t *tokenRequest) times() (issued, expires time.Time) {
	issued, _ = numericDate(t.grant.claims["iat"])
	expires, _ = numericDate(t.grant.claims["exp"])
	return issued, expires
}

func checkIssueTime(t *tokenRequest) *refusal {
	issued, _ := t.times()
	ahead := issued.Sub(t.now)
	switch {
	case ahead > clockTolerance:
		return issuedInFuture.because("iat is %s ahead", roundSeconds(ahead))
	case t.world.strictIssueTime && -ahead > clockTolerance:
		return issuedLongAgo.because("iat is %s ago", roundSeconds(-ahead))
	}
	return nil
}

func checkExpiry(t *tokenRequest) *refusal {
	if _, expires := t.times(); !expires.After(t.now) {
		return grantExpired.because("exp was %s ago", roundSeconds(t.now.Sub(expires)))
	}
	return nil
}

func checkLifetime(t *tokenRequest) *refusal {
	issued, expires := t.times()
	if expires.Sub(issued) > maxGrantLifetime {
		return lifetimeTooLong.because("exp - iat is %s, more than %s", expires.Sub(issued), maxGrantLifetime)
	}
	return nil
}

func roundSeconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
