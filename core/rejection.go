package core

import "strings"

// rejectionRow recognises one row of Digdir's troubleshooting page.
type rejectionRow struct {
	mp   string // "" for rows that carry no code
	code Code
	// texts are parts of error_description in lower case, new wording first.
	// They decide when the answer carries no MP code.
	texts []string
}

// rejections is searched by MP code first and then, in this order, by text:
// a more specific text stands before one that it contains.
var rejections = []rejectionRow{
	{"MP-012", CodeGrantReused, []string{"grant is used before"}},
	{"MP-110", CodeAudienceWrong, []string{"invalid jwt claim aud"}},
	{"MP-120", CodeCertificateInvalid, []string{"signed with an invalid certificate"}},
	{"MP-121", CodeKeyExpired, []string{"expired key"}},
	{"MP-122", CodeOrganizationMismatch, []string{"does not match certificate orgno", "invalid organization number for client"}},
	{"MP-123", CodeX5CMalformed, []string{"invalid jwt header x5c", "failed to extract certificate from jwt"}},
	{"MP-124", CodeSignatureRejected, []string{"invalid jwt signature", "could not validate jwt signature"}},
	{"", CodeKeyIDUnknown, []string{"unknown key identifier (kid)"}},
	{"", CodeKeyIDRequired, []string{"requires pre-registered jwk"}},
	{"MP-130", CodeGrantExpired, []string{"jwt is expired", "jwt has expired"}},
	{"", CodeIssuedInFuture, []string{"issue time is after now", "issue time is in the future"}},
	{"", CodeLifetimeTooLong, []string{"too long lifetime"}},
	{"", CodeConsumerOrgInvalid, []string{"combination consumer_org in claim"}},
	{"MP-200", CodeScopeNotRegistered, []string{"contains invalid scopes for client"}},
	{"MP-201", CodeScopeNotAllowed, []string{"scopes not allowed for maskinporten", "only allowed for user login"}},
	{"MP-250", CodeAccessNotGranted, []string{"has not been granted access to the scope"}},
	{"MP-251", CodeNotDelegated, []string{"has not delegated access to the scope"}},
	{"MP-301", CodeDetailsTypeUnknown, []string{"unknown authorization details type"}},
	{"MP-302", CodeDetailsFieldUnknown, []string{"unknown fields in the authorization details"}},
	{"MP-303", CodeDetailsInvalid, []string{"invalid authorization details values"}},
	{"MP-100", CodeClientUnknown, []string{"client not found"}},
	{"MP-011", CodeGrantMalformed, []string{"invalid parameter value"}},
	// These two come last: their words begin most of the texts above.
	{"", CodeClientUnknown, []string{"client authentication failed"}},
	{"", CodeGrantMalformed, []string{"invalid assertion"}},
}

// rejection reads what the token endpoint of Maskinporten says.
func rejection(said oauthError, status int) *Error {
	mp := mpCode(said.uri)
	if mp == "" {
		mp = mpCode(said.description)
	}
	err := NewError(rejectionCode(mp, said), "Maskinporten refused the grant", nil)
	return said.fill(err, mp)
}

func rejectionCode(mp string, said oauthError) Code {
	text := strings.ToLower(said.description)
	if mp != "" {
		for _, row := range rejections {
			if row.mp == mp {
				// A text without a code of its own is more specific than the
				// general code that the server may put beside it.
				if row.code == CodeGrantMalformed && strings.Contains(text, "too long lifetime") {
					return CodeLifetimeTooLong
				}
				return row.code
			}
		}
	}
	for _, row := range rejections {
		for _, part := range row.texts {
			if strings.Contains(text, part) {
				return row.code
			}
		}
	}
	switch said.code {
	case "invalid_scope":
		return CodeScopeNotRegistered
	case "invalid_client", "unauthorized_client":
		return CodeClientUnknown
	case "invalid_altinn_customer_configuration":
		return CodeDetailsInvalid
	}
	return CodeRejected
}

// exchangeRejection reads what an exchange says. Its errors are undocumented,
// so only the status tells a bad subject token from a bad request.
func exchangeRejection(said oauthError, status int) *Error {
	code := CodeRejected
	if status == 400 || status == 401 {
		code = CodeSubjectTokenRejected
	}
	return said.fill(NewError(code, "the exchange refused the token", nil), "")
}

func (said oauthError) fill(err *Error, mp string) *Error {
	err.OAuthError, err.MPCode = vetted(said.code), mp
	err.Description, err.TraceID = splitTrace(vetted(said.description))
	if err.Description != "" {
		err.Message += ": " + strings.TrimRight(err.Description, ". ")
	}
	return err
}

// mpCode finds "MP-nnn" in any case and returns it in upper case.
func mpCode(text string) string {
	text = strings.ToUpper(text)
	for {
		i := strings.Index(text, "MP-")
		if i < 0 {
			return ""
		}
		if text = text[i:]; len(text) >= 6 && isDigits(text[3:6], 3) && (len(text) == 6 || text[6] < '0' || text[6] > '9') {
			return text[:6]
		}
		text = text[3:]
	}
}

// splitTrace takes the trailer "(trace_id: …)", or "(correlation id: …)" of
// older answers, off the description.
func splitTrace(description string) (text, trace string) {
	for _, opening := range []string{"(trace_id: ", "(correlation id: "} {
		before, after, found := strings.Cut(description, opening)
		if id, _, closed := strings.Cut(after, ")"); found && closed && len(id) <= 64 {
			return strings.TrimSpace(before), id
		}
	}
	return description, ""
}
