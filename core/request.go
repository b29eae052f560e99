package core

import (
	"slices"
	"strings"
)

// TokenRequest is what is asked for. Its fields are the claims of the grant
// (Digdir, "JWT grant"); a zero field is a claim that is left out.
type TokenRequest struct {
	// Scopes are what the token shall give access to, at least one. Their
	// order does not matter, repeats are dropped, case is kept. Digdir
	// recommends one scope for each token.
	Scopes []string
	// Resource are the absolute URIs of the APIs that the token is for; they
	// become its aud (RFC 8707).
	Resource []string
	// ConsumerOrg is the nine-digit organization number of the customer on
	// whose behalf a supplier acts, delegated in Altinn.
	ConsumerOrg string
	// OnBehalfOf is a registered onbehalfof value; it becomes iss_onbehalfof.
	// It excludes ConsumerOrg.
	//
	// Deprecated: Digdir will remove it; delegate in Altinn and use ConsumerOrg.
	OnBehalfOf string
	// PID restricts the token to one person, by the eleven digits of the
	// Norwegian national identity number.
	PID string
	// SystemUser asks for a token for a system user in Altinn.
	SystemUser *SystemUser
	// Consent asks for a token that rests on a consent given in Altinn. It
	// excludes SystemUser. With ConsumerOrg the consent must be given to that
	// organization.
	Consent *Consent
	// ExtraClaims are claims that this package does not know yet: the name of
	// each and its value as JSON text, such as "true" or "[1,2]". Maskinporten
	// refuses claims that it does not know, and this package those that have a
	// field of their own. At most 16 KiB together.
	ExtraClaims map[string]string
}

// Validate returns everything that is wrong with the request as one *Error,
// or nil.
func (r TokenRequest) Validate() error {
	if err := invalid(CodeInvalidTokenRequest, r.problems()); err != nil {
		return err
	}
	return nil
}

const (
	maxScopeClaim = 8192
	maxResources  = 50
)

// clone shares nothing with r: neither what the caller may change later, nor
// the texts, so that the compiler need not move what a caller of Client.Token
// builds for one call from the stack to the heap.
func (r TokenRequest) clone() TokenRequest {
	kept := TokenRequest{Scopes: cloneTexts(r.Scopes), Resource: cloneTexts(r.Resource),
		ConsumerOrg: strings.Clone(r.ConsumerOrg), OnBehalfOf: strings.Clone(r.OnBehalfOf), PID: strings.Clone(r.PID)}
	if u := r.SystemUser; u != nil {
		kept.SystemUser = &SystemUser{strings.Clone(u.Org), strings.Clone(u.ExternalRef)}
	}
	if c := r.Consent; c != nil {
		kept.Consent = &Consent{strings.Clone(c.ID), strings.Clone(c.From)}
	}
	if r.ExtraClaims != nil {
		kept.ExtraClaims = make(map[string]string, len(r.ExtraClaims))
		for name, value := range r.ExtraClaims {
			kept.ExtraClaims[strings.Clone(name)] = strings.Clone(value)
		}
	}
	return kept
}

func cloneTexts(texts []string) []string {
	if texts == nil {
		return nil
	}
	kept := make([]string, len(texts))
	for i, text := range texts {
		kept[i] = strings.Clone(text)
	}
	return kept
}

func (r TokenRequest) problems() []Problem {
	var list []Problem
	add := func(field, message, remedy string) { list = append(list, Problem{field, message, remedy}) }
	if len(r.Scopes) == 0 {
		add("scopes", "no scope is given", "Give at least one scope that is registered on the client.")
	}
	for i, scope := range r.Scopes {
		if why, remedy := scopeProblem(scope); why != "" {
			add("scopes["+itoa(i)+"]", why, remedy)
			if len(list) >= 20 {
				break
			}
		}
	}
	size := 0 // with repeats
	for _, scope := range r.Scopes {
		size += len(scope) + 1
	}
	if size > maxScopeClaim && len(r.scopeClaim()) > maxScopeClaim {
		add("scopes", "all scopes together are longer than "+itoa(maxScopeClaim)+" characters", "Ask for fewer scopes in one token; Digdir recommends one.")
	}
	if len(r.Resource) > maxResources {
		add("resource", "there are more than "+itoa(maxResources)+" resources", "Ask for the API that the token is for.")
	}
	for i, uri := range r.Resource[:min(len(r.Resource), maxResources)] {
		if why := resourceProblem(uri); why != "" {
			add("resource["+itoa(i)+"]", why, "Give an absolute URI without a fragment, such as https://api.example.no.")
		}
	}
	if r.ConsumerOrg != "" {
		if why, remedy := organizationProblem(r.ConsumerOrg); why != "" {
			add("consumer_org", why, remedy)
		}
	}
	if r.PID != "" && !isDigits(r.PID, 11) {
		add("pid", "a national identity number has eleven digits", "Give all eleven digits without spaces.")
	}
	if value := r.OnBehalfOf; len(value) > 255 || !isPrintable(value) || strings.Contains(value, " ") {
		add("iss_onbehalfof", "it is longer than 255 characters or has one that the value cannot have", "Give the onbehalfof value as it is registered on the client.")
	}
	if r.OnBehalfOf != "" && r.ConsumerOrg != "" {
		add("iss_onbehalfof", "it stands beside consumer_org", "Keep consumer_org; iss_onbehalfof is deprecated, and a grant has one of them.")
	}
	list = append(list, r.detailsProblems()...)
	return append(list, r.extraClaimProblems()...)
}

// scopeClaim is the sorted set of scopes, separated by spaces.
func (r TokenRequest) scopeClaim() string {
	return strings.Join(r.scopeSet(), " ")
}

func (r TokenRequest) scopeSet() []string { return scopeSet(r.Scopes) }

// scopeSet returns the scopes sorted and without repeats. It does not change
// what it is given, but returns it if it is so already.
func scopeSet(scopes []string) []string {
	for i := 1; ; i++ {
		if i >= len(scopes) {
			return scopes
		}
		if scopes[i-1] >= scopes[i] {
			break
		}
	}
	set := slices.Clone(scopes)
	slices.Sort(set)
	return slices.Compact(set)
}

// scopeProblem checks the characters of RFC 6749 §3.3 and the slips people make.
func scopeProblem(scope string) (message, remedy string) {
	switch {
	case scope == "":
		return "the scope is empty", "Remove it."
	case strings.HasPrefix(scope, "eyJ"):
		return "what is given looks like a token, not a scope", "Give the scope's name; no token belongs in code or configuration, a Source has one whenever it is needed."
	case strings.ContainsAny(scope, " \t\r\n\u00a0"):
		return quoted(scope) + " has a space in it", "Give each scope as an item of its own, without spaces."
	case strings.Contains(scope, ","):
		return quoted(scope) + " has a comma in it", "Give each scope as an item of its own."
	}
	for i := range len(scope) {
		if c := scope[i]; c < '!' || c > '~' || c == '"' || c == '\\' {
			return quoted(scope) + " has a character that a scope cannot have", "Copy the scope from self-service; it is ASCII without quotes and backslashes."
		}
	}
	return "", ""
}

// ScopeAdvice says what is unusual about a scope that is legal. Digdir gives
// out prefixes in lower case, and scopes are matched by case.
func ScopeAdvice(scope string) (message, remedy string) {
	switch {
	case !strings.Contains(scope, ":"):
		return quoted(scope) + " has no prefix", "Write the whole scope, as in prefix:name; copy it from self-service."
	case hasUpperPrefix(scope):
		return quoted(scope) + " has upper-case letters in its prefix", "Check its case; scopes are matched by case, and prefixes are in lower case."
	}
	return "", ""
}

func hasUpperPrefix(scope string) bool {
	prefix, _, _ := strings.Cut(scope, ":")
	return prefix != strings.ToLower(prefix)
}

func resourceProblem(uri string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	switch {
	case !ok || rest == "" || !isScheme(scheme):
		return quoted(uri) + " is not an absolute URI"
	case strings.Contains(uri, "#"):
		return quoted(uri) + " has a fragment"
	case len(uri) > 2048:
		return "the URI is longer than 2048 characters"
	case !isPrintable(uri) || strings.Contains(uri, " "):
		return quoted(uri) + " has a character that a URI cannot have"
	}
	return ""
}

func isScheme(text string) bool {
	for i := range len(text) {
		c := text[i] | 0x20
		if letter := 'a' <= c && c <= 'z'; !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(text[i]))) {
			return false
		}
	}
	return text != ""
}

// organizationProblem checks a Norwegian organization number: nine digits, the
// last of which is a modulus 11 check digit.
func organizationProblem(number string) (message, remedy string) {
	if plain, ok := strings.CutPrefix(number, "0192:"); ok {
		return quoted(number) + " has the prefix 0192:", "Write the nine digits only: " + vetted(plain) + "."
	}
	if !isDigits(number, 9) {
		return quoted(number) + " is not an organization number", "Give nine digits without spaces or prefix."
	}
	sum := 0
	for i, weight := range [8]int{3, 2, 7, 6, 5, 4, 3, 2} {
		sum += int(number[i]-'0') * weight
	}
	if check := (11 - sum%11) % 11; check != int(number[8]-'0') {
		return quoted(number) + " has a wrong check digit", "Check the number for a typing error."
	}
	return "", ""
}

func isDigits(text string, length int) bool {
	if len(text) != length {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// isPrintable reports whether text is printable ASCII.
func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
