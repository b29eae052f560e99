package core

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRejections has one row for each error that Maskinporten is known to
// answer, in its new and its older wordings.
func TestRejections(t *testing.T) {
	tests := []struct {
		status              int
		oauth, text, mp     string
		code                Code
		remedy, wantMessage string
	}{
		{400, "invalid_request", "Invalid assertion. Invalid parameter value", "MP-011", CodeGrantMalformed, "claim", "Invalid parameter"},
		{400, "invalid_grant", "Grant is used before", "MP-012", CodeGrantReused, "jti", "used before"},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed.", "MP-100", CodeClientUnknown, "client id", ""},
		{400, "invalid_grant", "Client not found", "MP-100", CodeClientUnknown, "client id", ""},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed. Invalid JWT claim aud", "MP-110", CodeAudienceWrong, "slash", "claim aud"},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed. The JWT is signed with an invalid certificate.", "MP-120", CodeCertificateInvalid, "virksomhetssertifikat", ""},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed. Expired key", "MP-121", CodeKeyExpired, "one year", "Expired key"},
		{400, "invalid_grant", "Invalid JWT. Invalid organization number for client. Does not match certificate orgno", "MP-122", CodeOrganizationMismatch, "organization", ""},
		{400, "invalid_grant", "Client orgno 991825827 does not match certificate orgno 910753614", "MP-122", CodeOrganizationMismatch, "organization", ""},
		{400, "invalid_grant", "Invalid JWT header x5c", "MP-123", CodeX5CMalformed, "array of strings", ""},
		{400, "invalid_grant", "Failed to extract certificate from jwt", "MP-123", CodeX5CMalformed, "array of strings", ""},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed. Invalid JWT signature", "MP-124", CodeSignatureRejected, "private key", ""},
		{400, "invalid_grant", "Could not validate JWT Signature", "MP-124", CodeSignatureRejected, "private key", ""},
		{400, "invalid_grant", "Invalid JWT signature", "MP-124", CodeSignatureRejected, "certificate is valid", ""},
		{400, "invalid_grant", "Invalid assertion", "", CodeGrantMalformed, "extra claims", ""},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed", "", CodeClientUnknown, "environment", ""},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed. Unknown key identifier (kid) for client", "", CodeKeyIDUnknown, "15 minutes", ""},
		{400, "invalid_grant", "Invalid assertion. Client authentication failed. Invalid JWT. The client requires pre-registered jwk and no key identifier (kid) provided", "", CodeKeyIDRequired, "Set kid", ""},
		{400, "invalid_grant", "JWT is expired", "MP-130", CodeGrantExpired, "NTP", ""},
		{400, "invalid_grant", "JWT has expired.", "", CodeGrantExpired, "NTP", ""},
		{400, "invalid_grant", "Issue time is after now", "", CodeIssuedInFuture, "NTP", ""},
		{400, "invalid_grant", "Issue time is in the future.", "", CodeIssuedInFuture, "NTP", ""},
		{400, "invalid_request", "Invalid assertion. JWT has too long lifetime.", "MP-011", CodeLifetimeTooLong, "120 seconds", ""},
		{400, "invalid_request", "Validation of JWT claim failed: The combination consumer_org in claim and delegation scope on client is invalid", "", CodeConsumerOrgInvalid, "own organization", ""},
		{400, "invalid_scope", "Token request contains invalid scopes for client, altinn:serviceowners/read", "MP-200", CodeScopeNotRegistered, "case", "altinn:serviceowners/read"},
		{400, "invalid_scope", "Token request contains scopes not allowed for maskinporten", "MP-201", CodeScopeNotAllowed, "integration type", ""},
		{400, "invalid_scope", "Token request contains scopes with integration types only allowed for user login", "MP-201", CodeScopeNotAllowed, "integration type", ""},
		{403, "forbidden", "Consumer has not been granted access to the scope a:b", "MP-250", CodeAccessNotGranted, "consumer_org", "a:b"},
		{403, "forbidden", "Consumer 910753614 has not delegated access to the scope a:b to supplier 991825827", "MP-251", CodeNotDelegated, "Altinn", ""},
		{400, "invalid_authorization_details", "Unknown authorization details type", "MP-301", CodeDetailsTypeUnknown, "urn:altinn:systemuser", ""},
		{400, "invalid_authorization_details", "Unknown fields in the authorization details", "MP-302", CodeDetailsFieldUnknown, "member", ""},
		{400, "invalid_altinn_customer_configuration", "Invalid authorization details values", "MP-303", CodeDetailsInvalid, "externalRef", ""},
		{400, "invalid_altinn_customer_configuration", "System user not found", "", CodeDetailsInvalid, "externalRef", ""},
		{400, "invalid_authorization_details", "The consent is not for this consumer", "", CodeDetailsInvalid, "consent", "consent"},
		{400, "invalid_scope", "something new", "", CodeScopeNotRegistered, "scope", ""},
		{401, "invalid_client", "", "", CodeClientUnknown, "client id", ""},
		{400, "invalid_grant", "something new", "MP-199", CodeRejected, "trace id", "something new"},
	}
	for _, test := range tests {
		t.Run(string(test.code)+" "+test.text, func(t *testing.T) {
			for _, trailer := range []string{"", " (trace_id: 35660123456789abcdef0123456789ab)", ". (correlation id: 35660123-4567-89ab-cdef-0123456789ab)"} {
				for _, mp := range []string{test.mp, ""} {
					body := fmt.Sprintf(`{"error":%q,"error_description":%q`, test.oauth, test.text+trailer)
					if mp != "" {
						body += fmt.Sprintf(`,"error_uri":"https://test.maskinporten.no/errors/%s"`, strings.ToLower(mp))
					}
					_, err := ReadTokenResponse(Response{Status: test.status, Body: []byte(body + "}")}, nil, Instant{})
					e := wantError(t, err, test.code)
					if e.MPCode != mp || e.Status != test.status || e.OAuthError != test.oauth || e.Kind != Remote {
						t.Errorf("got %+v", e)
					}
					if (trailer != "") != strings.HasPrefix(e.TraceID, "3566") || strings.Contains(e.Description, "3566") {
						t.Errorf("trace id %q, description %q", e.TraceID, e.Description)
					}
					if !strings.Contains(e.Remedy, test.remedy) || !strings.Contains(e.Message, test.wantMessage) {
						t.Errorf("remedy %q, message %q", e.Remedy, e.Message)
					}
				}
			}
		})
	}
}

// TestAmbiguousRejections has answers whose parts do not agree.
func TestAmbiguousRejections(t *testing.T) {
	const uri = "https://test.maskinporten.no/errors/"
	for _, test := range []struct {
		name, oauth, text, uri string
		code                   Code
		mp                     string
	}{
		{"code in the text only", "invalid_grant", "MP-121: Invalid assertion", "", CodeKeyExpired, "MP-121"},
		{"code in brackets", "invalid_grant", "[mp-110] something", "", CodeAudienceWrong, "MP-110"},
		{"odd case", "invalid_grant", "x", "https://test.maskinporten.no/ERRORS/Mp-124", CodeSignatureRejected, "MP-124"},
		{"with a query behind it", "invalid_grant", "x", uri + "MP-130?lang=nb", CodeGrantExpired, "MP-130"},
		{"the URI beats the text's code", "invalid_grant", "MP-124 Invalid JWT signature", uri + "MP-121", CodeKeyExpired, "MP-121"},
		{"the URI beats the text", "invalid_grant", "Invalid JWT signature", uri + "MP-121", CodeKeyExpired, "MP-121"},
		{"the first known code counts", "invalid_grant", "MP-999 after MP-012 and MP-121", "", CodeGrantReused, "MP-012"},
		{"an unknown URI and a known text", "invalid_grant", "Expired key", uri + "MP-777", CodeKeyExpired, "MP-777"},
		{"an unknown URI and a known code", "invalid_grant", "see MP-121", uri + "MP-777", CodeKeyExpired, "MP-121"},
		{"four digits are no code", "invalid_grant", "x", uri + "MP-1211", CodeRejected, ""},
		{"two digits are no code", "invalid_grant", "x", uri + "MP-12", CodeRejected, ""},
		{"a longer word is no code", "invalid_grant", "BUMP-121 and MP-121a", "", CodeRejected, ""},
		{"a general code with a specific text", "invalid_grant", "Invalid assertion. Client authentication failed. Unknown key identifier (kid) for client.", uri + "MP-100", CodeKeyIDUnknown, "MP-100"},
		{"a general code and a clock", "invalid_request", "Invalid assertion. Issue time is after now", uri + "MP-011", CodeIssuedInFuture, "MP-011"},
		{"a general code with an opening only", "invalid_request", "Invalid assertion. Client authentication failed.", uri + "MP-011", CodeGrantMalformed, "MP-011"},
		{"MP-301 of before June 2024", "forbidden", "Consumer 910753614 has not delegated access to the scope a:b to supplier 991825827", uri + "MP-301", CodeNotDelegated, "MP-301"},
		{"MP-300 of before June 2024", "forbidden", "Consumer has not been granted access to the scope a:b", uri + "MP-300", CodeAccessNotGranted, "MP-300"},
		{"MP-301 without a text", "invalid_request", "", uri + "MP-301", CodeDetailsTypeUnknown, "MP-301"},
		{"two texts, the specific one counts", "invalid_grant", "Client not found. Expired key", "", CodeKeyExpired, ""},
		{"text in capitals", "invalid_grant", "EXPIRED KEY", "", CodeKeyExpired, ""},
		{"forbidden, in new words", "forbidden", "No", "", CodeRejected, ""},
		{"only error", "invalid_grant", "", "", CodeRejected, ""},
	} {
		body := fmt.Sprintf(`{"error":%q,"error_description":%q,"error_uri":%q}`, test.oauth, test.text, test.uri)
		_, err := ReadTokenResponse(Response{Status: 400, Body: []byte(body)}, nil, Instant{})
		if e := wantError(t, err, test.code); e.MPCode != test.mp {
			t.Errorf("%s: MP code is %q, want %q", test.name, e.MPCode, test.mp)
		}
	}
}

func TestTraceIDs(t *testing.T) {
	for description, want := range map[string][2]string{
		"Text. (trace_id: 00ff)":                               {"Text.", "00ff"},
		"Text (trace_id:00ff)":                                 {"Text", "00ff"},
		"Text (correlation id: 0a-0b)":                         {"Text", "0a-0b"},
		"Text (trace_id: 00ff). More":                          {"Text. More", "00ff"},
		"(trace_id: 00ff)":                                     {"", "00ff"},
		"Text (trace_id: )":                                    {"Text (trace_id: )", ""},
		"Text (trace_id: 00ff":                                 {"Text (trace_id: 00ff", ""},
		"Text (trace_id: <script>)":                            {"Text (trace_id: <script>)", ""},
		"Text (trace_id: " + strings.Repeat("0", 65) + ")":     {"Text (trace_id: " + "[redacted]", ""},
		strings.Repeat("long ", 100) + "(trace_id: 00ff)":      {strings.Repeat("long ", 51) + "l…", "00ff"},
		"Text (trace_id: 00ff) and again (trace_id: eeeeeeee)": {"Text and again (trace_id: eeeeeeee)", "00ff"},
	} {
		body := fmt.Sprintf(`{"error":"invalid_grant","error_description":%q}`, description)
		_, err := ReadTokenResponse(Response{Status: 400, Body: []byte(body)}, nil, Instant{})
		if e := wantError(t, err, CodeRejected); [2]string{e.Description, e.TraceID} != want {
			t.Errorf("%q: %q and %q, want %q", description, e.Description, e.TraceID, want)
		}
	}
}

func TestHostileErrorBody(t *testing.T) {
	jwt := "eyJhbGciOiJSUzI1NiJ9." + canary + ".sig"
	long := strings.Repeat("A", 1<<19)
	body := fmt.Sprintf(`{"error":%q,"error_description":"\u001b[31mred %s %s","error_uri":"%s"}`, strings.Repeat("e", 10<<10), jwt, long, "x")
	_, err := ReadTokenResponse(Response{Status: 400, Body: []byte(body)}, nil, Instant{})
	e := wantError(t, err, CodeRejected)
	if len(e.Description) > 260 || len(e.OAuthError) > 260 || len(e.Error()) > 1000 || strings.ContainsAny(e.Error(), "\x1b\n") {
		t.Errorf("the text of the server is not vetted: %d %d %q", len(e.Description), len(e.OAuthError), e.Error())
	}
	for _, body := range []string{`"x"`, `[]`, `<html>`, ``, `{"error":1}`, `{"error":""}`, `{"error":null}`} {
		_, err := ReadTokenResponse(Response{Status: 400, Body: []byte(body)}, nil, Instant{})
		wantError(t, err, CodeUnexpectedStatus)
	}
}

func TestExchangeRejections(t *testing.T) {
	x := CustomsExchange(Test)
	for _, test := range []struct {
		status int
		body   string
		code   Code
	}{
		{401, ``, CodeSubjectTokenRejected}, {400, `{"error":"invalid_request"}`, CodeSubjectTokenRejected},
		{403, `{"error":"forbidden"}`, CodeRejected}, {404, ``, CodeUnexpectedStatus}, {503, `{"error":"x"}`, CodeServerError},
		{200, `{"issued_token_type":"access_token"}`, CodeInvalidResponse},
	} {
		_, err := ReadExchangeResponse(Response{Status: test.status, Body: []byte(test.body)}, x, Instant{})
		wantError(t, err, test.code)
	}
	token, err := ReadExchangeResponse(Response{Status: 200, Body: []byte(`{"issued_token_type":"access_token","access_token":"t","token_type":"Bearer","expires_in":970}`)}, x, Instant{})
	if err != nil || token.Life() != 970*time.Second || token.UsableUntil().Sub(token.RequestedAt()) != 960*time.Second {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestCodeNumbersAreUnique(t *testing.T) {
	seen := map[int32]Code{}
	for _, code := range Codes() {
		row := codeTable[code]
		if other, twice := seen[row.number]; twice {
			t.Errorf("%s and %s share number %d", code, other, row.number)
		}
		seen[row.number] = code
		if row.kind == "" || row.remedy == "" {
			t.Errorf("%s has no kind or remedy", code)
		}
	}
	for _, row := range rejections {
		if row.code.Number() == 0 {
			t.Errorf("%s is not in the table of codes", row.code)
		}
	}
}
