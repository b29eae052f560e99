package core

import "strings"

// rejectionRow recognises one row of Digdir's troubleshooting page.
type rejectionRow struct {
	mp   string // "" for rows that carry no code
	code Code
	// texts are parts of error_description in lower case, new wording first.
	// They decide when the answer carries no MP code.
	texts []string
	// yields says that the MP code alone is weak evidence: the code is a
	// general one, or once had another meaning. A text of another row beats it.
	yields bool
}

// rejections is searched by MP code first and then, in this order, by text:
// a more specific text stands before one that it contains.
var rejections = []rejectionRow{
	{mp: "MP-012", code: CodeGrantReused, texts: []string{"grant is used before"}},
	{mp: "MP-110", code: CodeAudienceWrong, texts: []string{"invalid jwt claim aud"}},
	{mp: "MP-120", code: CodeCertificateInvalid, texts: []string{"signed with an invalid certificate"}},
	{mp: "MP-121", code: CodeKeyExpired, texts: []string{"expired key"}},
	{mp: "MP-122", code: CodeOrganizationMismatch, texts: []string{"does not match certificate orgno", "invalid organization number for client"}},
	{mp: "MP-123", code: CodeX5CMalformed, texts: []string{"invalid jwt header x5c", "failed to extract certificate from jwt"}},
	{mp: "MP-124", code: CodeSignatureRejected, texts: []string{"invalid jwt signature", "could not validate jwt signature"}},
	{code: CodeKeyIDUnknown, texts: []string{"unknown key identifier (kid)"}},
	{code: CodeKeyIDRequired, texts: []string{"requires pre-registered jwk"}},
	{mp: "MP-130", code: CodeGrantExpired, texts: []string{"jwt is expired", "jwt has expired"}},
	{code: CodeIssuedInFuture, texts: []string{"issue time is after now", "issue time is in the future"}},
	{code: CodeLifetimeTooLong, texts: []string{"too long lifetime"}},
	{code: CodeConsumerOrgInvalid, texts: []string{"combination consumer_org in claim"}},
	{mp: "MP-200", code: CodeScopeNotRegistered, texts: []string{"contains invalid scopes for client"}},
	{mp: "MP-201", code: CodeScopeNotAllowed, texts: []string{"scopes not allowed for maskinporten", "only allowed for user login"}},
	{mp: "MP-250", code: CodeAccessNotGranted, texts: []string{"has not been granted access to the scope"}},
	{mp: "MP-251", code: CodeNotDelegated, texts: []string{"has not delegated access to the scope"}},
	// Until June 2024, MP-301 was what is MP-251 now.
	{mp: "MP-301", code: CodeDetailsTypeUnknown, texts: []string{"unknown authorization details type"}, yields: true},
	{mp: "MP-302", code: CodeDetailsFieldUnknown, texts: []string{"unknown fields in the authorization details"}},
	{mp: "MP-303", code: CodeDetailsInvalid, texts: []string{"invalid authorization details values"}},
	{mp: "MP-100", code: CodeClientUnknown, texts: []string{"client not found"}, yields: true},
	{mp: "MP-011", code: CodeGrantMalformed, texts: []string{"invalid parameter value"}, yields: true},
}

// openings begin most of the texts above. Alone they are all that is said.
var openings = []rejectionRow{
	{code: CodeClientUnknown, texts: []string{"client authentication failed"}},
	{code: CodeGrantMalformed, texts: []string{"invalid assertion"}},
}

// oauthCodes is the last resort: what the "error" member alone says.
var oauthCodes = map[string]Code{
	"invalid_scope":                         CodeScopeNotRegistered,
	"invalid_client":                        CodeClientUnknown,
	"unauthorized_client":                   CodeClientUnknown,
	"invalid_altinn_customer_configuration": CodeDetailsInvalid,
	"invalid_authorization_details":         CodeDetailsInvalid,
}

// rejection reads what the token endpoint of Maskinporten says.
func rejection(said oauthError, _ int) *Error {
	row, mp := rowByCode(append(mpCodes(said.uri), mpCodes(said.description)...))
	return said.fill(NewError(rejectionCode(row, said), "Maskinporten refused the grant", nil), mp)
}

// rowByCode returns the row of the first MP code that is known, and that code,
// or else the first code.
func rowByCode(codes []string) (row *rejectionRow, mp string) {
	for _, mp := range codes {
		for i := range rejections {
			if rejections[i].mp == mp {
				return &rejections[i], mp
			}
		}
	}
	if len(codes) > 0 {
		mp = codes[0]
	}
	return nil, mp
}

func rejectionCode(byCode *rejectionRow, said oauthError) Code {
	text := strings.ToLower(said.description)
	if byCode != nil && !byCode.yields {
		return byCode.code
	}
	if row := rowByText(rejections, text); row != nil {
		return row.code
	}
	if byCode != nil {
		return byCode.code
	}
	if row := rowByText(openings, text); row != nil {
		return row.code
	}
	if code, known := oauthCodes[said.code]; known {
		return code
	}
	return CodeRejected
}

func rowByText(rows []rejectionRow, text string) *rejectionRow {
	for i := range rows {
		for _, part := range rows[i].texts {
			if strings.Contains(text, part) {
				return &rows[i]
			}
		}
	}
	return nil
}

// scopeRemedy names the first scope that has an upper-case letter before its
// colon: prefixes are in lower case, and scopes are matched by case.
func scopeRemedy(scopes []string, remedy string) string {
	for _, scope := range scopes {
		if hasUpperPrefix(scope) {
			return "Check the case of " + quoted(scope) + ", which has upper-case letters in its prefix, and that the scope is added to the client in self-service."
		}
	}
	return remedy
}

// exchangeRejection reads what an exchange says. That of Customs documents no
// errors, so the status tells a bad subject token from a bad request, except
// for errors that another subject token would not mend (RFC 8693 §2.2.2, RFC
// 6749 §5.2).
func exchangeRejection(said oauthError, status int) *Error {
	err := NewError(CodeRejected, "the exchange refused the token", nil)
	switch said.code {
	case "invalid_target", "invalid_scope", "invalid_client", "unauthorized_client", "unsupported_grant_type":
		err.Message = "the exchange refused the request"
		err.Remedy = "Check the audience, resource and scopes of the exchange, and that its endpoint lets this client in."
	default:
		if status == 400 || status == 401 {
			err = NewError(CodeSubjectTokenRejected, err.Message, nil)
		}
	}
	return said.fill(err, "")
}

func (said oauthError) fill(err *Error, mp string) *Error {
	// The trailer stands behind a text that may be cut, so it is taken first.
	text, trace := splitTrace(said.description)
	err.OAuthError, err.MPCode, err.Description, err.TraceID = vetted(said.code), mp, vetted(text), trace
	if err.Description != "" {
		err.Message += ": " + strings.TrimRight(err.Description, ". ")
	}
	return err
}

// mpCodes finds every "MP-nnn", in any case, and returns them in upper case.
func mpCodes(text string) []string {
	var codes []string
	text = strings.ToUpper(text)
	isWord := func(c byte) bool { return 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' }
	for at := 0; ; {
		next := strings.Index(text[at:], "MP-")
		if next < 0 {
			return codes
		}
		at += next
		end := at + len("MP-nnn")
		if end <= len(text) && isDigits(text[at+3:end], 3) && (end == len(text) || !isWord(text[end])) && (at == 0 || !isWord(text[at-1])) {
			codes = append(codes, text[at:end])
		}
		at += len("MP-")
	}
}

// splitTrace takes the trailer "(trace_id: …)", or "(correlation id: …)" of
// older answers, off the description.
func splitTrace(description string) (text, trace string) {
	for _, opening := range []string{"(trace_id:", "(correlation id:"} {
		before, after, found := strings.Cut(description, opening)
		id, rest, closed := strings.Cut(after, ")")
		if id = strings.TrimSpace(id); found && closed && isTraceID(id) {
			return strings.TrimSpace(strings.TrimRight(before, " ") + rest), id
		}
	}
	return description, ""
}

// isTraceID accepts hexadecimal digits with or without hyphens.
func isTraceID(id string) bool {
	for i := range len(id) {
		if !isHex(id[i]) && id[i] != '-' {
			return false
		}
	}
	return id != "" && len(id) <= 64
}
