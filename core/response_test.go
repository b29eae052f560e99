package core

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestReadTokenResponse(t *testing.T) {
	const ok = Code("")
	token := `"access_token":"` + canary + `.a-b_c~+/=","token_type":"Bearer"`
	tests := []struct {
		name string
		body string
		code Code
		life time.Duration
	}{
		{"documented", `{` + token + `,"expires_in":119,"scope":"a:b"}`, ok, 119 * time.Second},
		{"unknown members", `{"x":[1,{"y":null}],` + token + `,"expires_in":119}`, ok, 119 * time.Second},
		{"white space around", " \r\n{" + token + `,"expires_in":599}` + "\n", ok, 599 * time.Second},
		{"bearer in lower case", `{"access_token":"x","token_type":"bearer","expires_in":119}`, ok, 119 * time.Second},
		{"more scopes than asked", `{` + token + `,"expires_in":119,"scope":"z:z a:b"}`, ok, 119 * time.Second},
		{"expires_in absent", `{` + token + `}`, ok, 60 * time.Second},
		{"expires_in null", `{` + token + `,"expires_in":null}`, ok, 60 * time.Second},
		{"expires_in 1", `{` + token + `,"expires_in":1}`, ok, time.Second},
		{"expires_in over a day", `{` + token + `,"expires_in":86401}`, ok, 24 * time.Hour},
		{"expires_in 2^63", `{` + token + `,"expires_in":9223372036854775808}`, ok, 24 * time.Hour},
		{"expires_in 40 digits", `{` + token + `,"expires_in":` + strings.Repeat("9", 40) + `}`, ok, 24 * time.Hour},
		{"expires_in 0", `{` + token + `,"expires_in":0}`, CodeInvalidResponse, 0},
		{"expires_in negative", `{` + token + `,"expires_in":-5}`, CodeInvalidResponse, 0},
		{"expires_in text", `{` + token + `,"expires_in":"119"}`, CodeInvalidResponse, 0},
		{"expires_in 1e3", `{` + token + `,"expires_in":1e3}`, CodeInvalidResponse, 0},
		{"expires_in 119.0", `{` + token + `,"expires_in":119.0}`, CodeInvalidResponse, 0},
		{"scope reduced", `{` + token + `,"expires_in":119,"scope":"z:z"}`, CodeScopeReduced, 0},
		{"scope empty", `{` + token + `,"expires_in":119,"scope":""}`, CodeScopeReduced, 0},
		{"scope array", `{` + token + `,"expires_in":119,"scope":["a:b"]}`, CodeInvalidResponse, 0},
		{"no token", `{"token_type":"Bearer","expires_in":119}`, CodeInvalidResponse, 0},
		{"upper-case member only", `{"ACCESS_TOKEN":"x","token_type":"Bearer","expires_in":119}`, CodeInvalidResponse, 0},
		{"two cases", `{"Access_Token":"y",` + token + `,"expires_in":119}`, CodeInvalidResponse, 0},
		{"duplicate token", `{"access_token":"y",` + token + `,"expires_in":119}`, CodeInvalidResponse, 0},
		{"token empty", `{"access_token":"","token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token null", `{"access_token":null,"token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token number", `{"access_token":1,"token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token object", `{"access_token":{},"token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token with CR LF", `{"access_token":"CANARY\r\nX: y","token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token with NUL", `{"access_token":"CANARY\u0000","token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token with space", `{"access_token":"CANARY a","token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token with emoji", `{"access_token":"CANARY😀","token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token with lone surrogate", `{"access_token":"CANARY\ud800","token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"token over 64 KiB", `{"access_token":"` + strings.Repeat("a", 64<<10+1) + `","token_type":"Bearer"}`, CodeInvalidResponse, 0},
		{"16 MiB of dots", `{"access_token":"` + strings.Repeat(".", 16<<20) + `","token_type":"Bearer"}`, CodeResponseTooLarge, 0},
		{"token_type absent", `{"access_token":"x","expires_in":119}`, CodeInvalidResponse, 0},
		{"token_type DPoP", `{"access_token":"x","token_type":"DPoP"}`, CodeInvalidResponse, 0},
		{"error with 200", `{"error":"invalid_scope",` + token + `}`, CodeScopeNotRegistered, 0},
		{"empty", ``, CodeInvalidResponse, 0},
		{"null", `null`, CodeInvalidResponse, 0},
		{"array", `[]`, CodeInvalidResponse, 0},
		{"text", `"` + canary + `"`, CodeInvalidResponse, 0},
		{"HTML", `<html>` + canary, CodeInvalidResponse, 0},
		{"BOM", "\ufeff{" + token + `}`, CodeInvalidResponse, 0},
		{"UTF-16", "{\x00\"\x00", CodeInvalidResponse, 0},
		{"two objects", `{` + token + `}{}`, CodeInvalidResponse, 0},
		{"comment", `{/**/` + token + `}`, CodeInvalidResponse, 0},
		{"NaN", `{` + token + `,"expires_in":NaN}`, CodeInvalidResponse, 0},
		{"single quotes", `{'access_token':'x'}`, CodeInvalidResponse, 0},
		{"deep", `{"x":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `,` + token + `}`, CodeInvalidResponse, 0},
	}
	sent := newManualClock().read()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ReadTokenResponse(Response{Status: 200, Body: []byte(test.body)}, []string{"a:b"}, sent)
			if test.code != ok {
				if wantError(t, err, test.code); got != (Token{}) {
					t.Error("an error came with a token")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if life := got.ExpiresAt.Sub(got.RequestedAt); life != test.life || !got.RequestedAt.Equal(sent.Time()) {
				t.Errorf("life is %v, want %v", life, test.life)
			}
		})
	}
}

// TestTruncatedResponse cuts a good answer at every byte.
func TestTruncatedResponse(t *testing.T) {
	body := `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":119,"scope":"a:b"}`
	for n := range len(body) {
		_, err := ReadTokenResponse(Response{Status: 200, Body: []byte(body[:n])}, nil, Instant{})
		wantError(t, err, CodeInvalidResponse)
	}
}

func TestResponseStatus(t *testing.T) {
	token := `{"access_token":"x","token_type":"Bearer","expires_in":119}`
	for status, code := range map[int]Code{201: CodeUnexpectedStatus, 204: CodeUnexpectedStatus, 206: CodeUnexpectedStatus, 304: CodeRedirected,
		301: CodeRedirected, 307: CodeRedirected, 400: CodeUnexpectedStatus, 404: CodeUnexpectedStatus, 405: CodeUnexpectedStatus, 415: CodeUnexpectedStatus,
		408: CodeServerError, 429: CodeRateLimited, 500: CodeServerError, 501: CodeServerError, 503: CodeServerError} {
		_, err := ReadTokenResponse(Response{Status: status, Body: []byte(token)}, nil, Instant{})
		if e := wantError(t, err, code); e.Status != status {
			t.Errorf("%d: status is %d", status, e.Status)
		}
	}
}

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
	if err != nil || token.ExpiresAt.Sub(token.RequestedAt) != 970*time.Second || token.UsableUntil.Sub(token.RequestedAt) != 960*time.Second {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestRetryAfter(t *testing.T) {
	const date = "Sun, 01 Mar 2026 12:00:00 GMT"
	for value, want := range map[string]time.Duration{
		"0": 0, "1": time.Second, " 5": 5 * time.Second, "86400": 24 * time.Hour, "0000000010": 10 * time.Second,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second, "Sun, 01 Mar 2026 11:00:00 GMT": -1,
		"": -1, "5s": -1, "0x10": -1, "-1": -1, "1e3": -1, "garbage": -1, "99999999999999999999": -1,
	} {
		response := Response{Header: []Header{{"retry-after", value}, {"Date", date}}}
		if got := retryAfter(response); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	if got := retryAfter(Response{Header: []Header{{"Retry-After", "1"}, {"Retry-After", "2"}}}); got != -1 {
		t.Errorf("two values: %v", got)
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

func FuzzReadTokenResponse(f *testing.F) {
	f.Add(200, `{"access_token":"x","token_type":"Bearer","expires_in":119}`)
	f.Add(400, `{"error":"invalid_grant","error_description":"Expired key (trace_id: 1)","error_uri":"MP-121"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		token, err := ReadTokenResponse(Response{Status: status, Body: []byte(body)}, nil, Instant{})
		if (err == nil) != isBearer(token.AccessToken) {
			t.Errorf("token %q with error %v", token.AccessToken, err)
		}
	})
}
