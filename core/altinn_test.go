package core

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

func altinn(t *testing.T, environment string) Exchange {
	t.Helper()
	x, err := AltinnExchange(environment)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestAltinnEnvironments(t *testing.T) {
	for name, host := range map[string]string{"prod": "platform.altinn.no", "production": "platform.altinn.no", " TT02 ": "platform.tt02.altinn.no",
		"at21": "platform.at21.altinn.cloud", "at22": "platform.at22.altinn.cloud", "at23": "platform.at23.altinn.cloud",
		"at24": "platform.at24.altinn.cloud", "yt01": "platform.yt01.altinn.cloud"} {
		x := altinn(t, name)
		if want := "https://" + host + "/authentication/api/v1/exchange/maskinporten"; x.TokenEndpoint != want || x.Kind != ExchangeAltinn {
			t.Errorf("%s: %+v, want %s", name, x, want)
		}
		if list := x.problems("x", false); len(list) > 0 {
			t.Errorf("%s: %v", name, list)
		}
	}
	for _, name := range []string{"", "test", "at25", "tt03"} {
		_, err := AltinnExchange(name)
		if e := wantError(t, err, CodeInvalidTokenRequest); !strings.Contains(e.Remedy, "tt02") {
			t.Errorf("%q: %s", name, e.Error())
		}
	}
}

// unsignedJWT is a token as far as its form goes, which is all that matters here.
func unsignedJWT(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + "." + canary
}

func TestReadAltinn(t *testing.T) {
	const now = 1_772_366_400 // 2026-03-01 12:00:00 UTC, the time of newManualClock
	sent := newManualClock().read()
	x := altinn(t, "tt02")
	date := func(offset int64) []Header {
		return []Header{{"Date", time.Unix(now+offset, 0).UTC().Format(httpDate)}}
	}
	times := func(exp, iat, nbf int64) string {
		return unsignedJWT(fmt.Sprintf(`{"exp":%d,"iat":%d,"nbf":%d,"urn:altinn:orgNumber":"991825827"}`, now+exp, now+iat, now+nbf))
	}
	whole := times(1800, 0, 0)
	for _, test := range []struct {
		name string
		r    Response
		code Code
		life time.Duration
	}{
		{"raw", Response{Status: 200, Body: []byte(whole)}, "", 30 * time.Minute},
		{"raw with a line break", Response{Status: 200, Body: []byte(whole + "\r\n")}, "", 30 * time.Minute},
		{"quoted", Response{Status: 200, Body: []byte(` "` + whole + `" `)}, "", 30 * time.Minute},
		{"a life of its own", Response{Status: 200, Body: []byte(times(600, 0, 0))}, "", 10 * time.Minute},
		{"a token that is not new", Response{Status: 200, Body: []byte(times(600, -1200, -1200))}, "", 10 * time.Minute},
		{"exp alone", Response{Status: 200, Body: []byte(unsignedJWT(fmt.Sprintf(`{"exp":%d}`, now+900)))}, "", 15 * time.Minute},
		{"our clock is an hour ahead", Response{Status: 200, Header: date(-3600), Body: []byte(times(1800-3600, -3600, -3600))}, "", 30 * time.Minute},
		{"our clock is an hour behind", Response{Status: 200, Header: date(3600), Body: []byte(times(1800+3600, 3600, 3600))}, "", 30 * time.Minute},
		{"our clock is behind, without a Date", Response{Status: 200, Body: []byte(times(1800+3600, 3600, 3600))}, "", 30 * time.Minute},
		{"a Date that is a year behind", Response{Status: 200, Header: date(-365 * 86400), Body: []byte(whole)}, "", 30 * time.Minute},
		{"a Date of 9999", Response{Status: 200, Header: []Header{{"Date", "Fri, 31 Dec 9999 23:59:59 GMT"}}, Body: []byte(whole)}, "", 30 * time.Minute},
		{"from a cache on the way", Response{Status: 200, Header: append(date(1000), Header{"Age", "1000"}), Body: []byte(whole)}, "", 30 * time.Minute},
		{"iat of the subject token", Response{Status: 200, Body: []byte(times(1800, -100, 0))}, "", 30 * time.Minute},
		{"more than a day", Response{Status: 200, Body: []byte(times(1<<40, 0, 0))}, "", 24 * time.Hour},
		{"exp of 40 digits", Response{Status: 200, Body: []byte(unsignedJWT(`{"exp":` + strings.Repeat("9", 40) + `}`))}, "", 24 * time.Hour},
		{"no exp", Response{Status: 200, Body: []byte(unsignedJWT(`{"iat":1}`))}, "", 30 * time.Minute},
		{"exp in quotes", Response{Status: 200, Body: []byte(unsignedJWT(`{"exp":"1"}`))}, "", 30 * time.Minute},
		{"claims are no JSON", Response{Status: 200, Body: []byte("aa.bb.cc")}, "", 30 * time.Minute},
		{"claims are no base64", Response{Status: 200, Body: []byte("aa.b.cc")}, "", 30 * time.Minute},
		{"over already", Response{Status: 200, Body: []byte(times(-1, -1801, -1801))}, CodeInvalidResponse, 0},
		{"over before it begins", Response{Status: 200, Body: []byte(times(100, 200, 200))}, CodeInvalidResponse, 0},
		{"exp negative", Response{Status: 200, Body: []byte(unsignedJWT(`{"exp":-1,"iat":9223372036854775807}`))}, CodeInvalidResponse, 0},
		{"empty", Response{Status: 200}, CodeInvalidResponse, 0},
		{"quotes only", Response{Status: 200, Body: []byte(`""`)}, CodeInvalidResponse, 0},
		{"quote that does not end", Response{Status: 200, Body: []byte(`"` + whole)}, CodeInvalidResponse, 0},
		{"two tokens", Response{Status: 200, Body: []byte(whole + "\n" + whole)}, CodeInvalidResponse, 0},
		{"two parts", Response{Status: 200, Body: []byte("a.b")}, CodeInvalidResponse, 0},
		{"five parts", Response{Status: 200, Body: []byte("a.b.c.d.e")}, CodeInvalidResponse, 0},
		{"an empty part", Response{Status: 200, Body: []byte("a..c")}, CodeInvalidResponse, 0},
		{"standard base64", Response{Status: 200, Body: []byte("a+b.b.c")}, CodeInvalidResponse, 0},
		{"a header in it", Response{Status: 200, Body: []byte("a.b.c\r\nX: y")}, CodeInvalidResponse, 0},
		{"an OAuth answer", Response{Status: 200, Body: []byte(`{"access_token":"` + canary + `"}`)}, CodeInvalidResponse, 0},
		{"a portal", Response{Status: 200, Body: []byte("<html>" + canary)}, CodeInvalidResponse, 0},
		{"over 64 KiB", Response{Status: 200, Body: []byte("a." + strings.Repeat("b", 64<<10) + ".c")}, CodeInvalidResponse, 0},
		{"over 1 MiB", Response{Status: 200, Body: []byte(strings.Repeat(".", 1<<20+1))}, CodeResponseTooLarge, 0},
		{"not accepted", Response{Status: 401, Body: []byte(`{"title":"Unauthorized","status":401}`)}, CodeSubjectTokenRejected, 0},
		{"not accepted, empty", Response{Status: 401}, CodeSubjectTokenRejected, 0},
		{"unknown provider", Response{Status: 400, Body: []byte("x")}, CodeUnexpectedStatus, 0},
		{"gone", Response{Status: 410}, CodeUnexpectedStatus, 0},
		{"too many", Response{Status: 429}, CodeRateLimited, 0},
		{"moved", Response{Status: 302}, CodeRedirected, 0},
		{"in trouble", Response{Status: 502}, CodeServerError, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := ReadExchangeResponse(test.r, x, sent)
			if test.code != "" {
				if e := wantError(t, err, test.code); e.Status != test.r.Status || !token.IsZero() || !strings.Contains(e.Message, "altinn exchange") {
					t.Errorf("%v with %+v", token, e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if life := token.ExpiresAt().Sub(sent.Time()); life != test.life || !isCompactJWS(token.AccessToken()) || token.TokenType() != "Bearer" {
				t.Errorf("%v with a life of %v, want %v", token, life, test.life)
			}
		})
	}
}

// TestAltinnOutlivesItsSubject: while Altinn's token holds, the end of
// Maskinporten's causes no request, and its renewal no exchange.
func TestAltinnOutlivesItsSubject(t *testing.T) {
	w, client := newExchangeWorld(t)
	plain := testSource(t, client, "altinn:x")
	exchanged := testSource(t, client, "altinn:x", altinn(t, "tt02"))
	first, err := exchanged.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.clock.advance(121 * time.Second) // Maskinporten's token is over
		if _, err := plain.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		again, err := exchanged.Token(t.Context())
		if err != nil || again.AccessToken() != first.AccessToken() {
			t.Fatalf("another token of Altinn, or %v", err)
		}
	}
	if m, a := w.count["test.maskinporten.no"], w.count["platform.tt02.altinn.no"]; m != 6 || a != 1 {
		t.Errorf("%d requests to Maskinporten and %d to Altinn, want 6 and 1", m, a)
	}
	w.clock.advance(30 * time.Minute)
	if again, err := exchanged.Token(t.Context()); err != nil || again.AccessToken() == first.AccessToken() {
		t.Errorf("the token is handed out after its end, or %v", err)
	}
	if m, a := w.count["test.maskinporten.no"], w.count["platform.tt02.altinn.no"]; m != 7 || a != 2 {
		t.Errorf("%d requests to Maskinporten and %d to Altinn, want 7 and 2", m, a)
	}
}
