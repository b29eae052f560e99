package core

import (
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
				if wantError(t, err, test.code); !got.IsZero() {
					t.Error("an error came with a token")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if life := got.Life(); life != test.life || !got.RequestedAt().Equal(sent.Time()) {
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

func FuzzReadTokenResponse(f *testing.F) {
	f.Add(200, `{"access_token":"x","token_type":"Bearer","expires_in":119}`)
	f.Add(400, `{"error":"invalid_grant","error_description":"Expired key (trace_id: 1)","error_uri":"MP-121"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		token, err := ReadTokenResponse(Response{Status: status, Body: []byte(body)}, nil, Instant{})
		if (err == nil) != isBearer(token.AccessToken()) {
			t.Errorf("token %q with error %v", token.AccessToken(), err)
		}
	})
}

func FuzzReadExchangeResponse(f *testing.F) {
	f.Add(200, "a.eyJleHAiOjF9.c")
	f.Add(200, `"a.b.c"`)
	f.Add(400, `{"error":"invalid_target"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, kind := range []ExchangeKind{ExchangeCustoms, ExchangeAltinn, ExchangeToken} {
			token, err := ReadExchangeResponse(Response{Status: status, Body: []byte(body)}, Exchange{Kind: kind}, Instant{})
			if life := token.Life(); (err == nil) != isBearer(token.AccessToken()) || err == nil && (life <= 0 || life > maxLife) {
				t.Errorf("%s: token %q for %v with error %v", kind, token.AccessToken(), life, err)
			}
		}
	})
}

func FuzzReadMetadata(f *testing.F) {
	f.Add(`{"issuer":"https://test.maskinporten.no/","token_endpoint":"https://test.maskinporten.no/token"}`)
	f.Fuzz(func(t *testing.T, body string) {
		env, err := ReadMetadata(Response{Status: 200, Body: []byte(body)}, Test.Issuer)
		if err == nil && (env.Issuer != Test.Issuer || env.Validate() != nil) {
			t.Errorf("%+v is taken from metadata", env)
		}
	})
}

func FuzzExtraClaims(f *testing.F) {
	f.Add("tomorrow", `{"a":[1]}`)
	f.Add("iss", `"x"`)
	f.Fuzz(func(t *testing.T, name, value string) {
		p := GrantParams{Environment: Test, ClientID: "client", Key: Key{KeyID: "kid-1"}, JTI: "jti-1",
			Request: TokenRequest{Scopes: []string{"a:b"}, ExtraClaims: map[string]string{name: value}}}
		grant, err := BuildGrant(p)
		if err != nil {
			return
		}
		claims := decodePart(t, string(grant.SigningInput)+".", 1)
		if _, there := claims[name]; !there || len(claims) != 7 || claims["iss"] != "client" || claims["scope"] != "a:b" {
			t.Errorf("%q: %q makes the claims %v", name, value, claims)
		}
	})
}
