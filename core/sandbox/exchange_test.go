package sandbox

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// customsSubject is a Maskinporten token that Customs takes.
func (f *fixture) customsSubject() string {
	f.Helper()
	d := f.keyGrant()
	d.claims["scope"] = f.demo.Scopes.Customs
	token, _ := f.token(d)
	return token
}

func (f *fixture) customs(form url.Values) reply {
	f.Helper()
	r, err := postForm(f.Environment().CustomsTokenEndpoint, form)
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func TestCustoms(t *testing.T) {
	f := start(t, nil)
	subject := f.customsSubject()
	r := f.customs(customsForm(subject))
	answer := r.json(t)
	if r.status != 200 || !reflect.DeepEqual(members(answer), []string{"access_token", "expires_in", "issued_token_type", "token_type"}) {
		t.Fatalf("status %d, members %v", r.status, members(answer))
	}
	if answer["issued_token_type"] != "access_token" || answer["token_type"] != "Bearer" || answer["expires_in"] != 970.0 {
		t.Errorf("%v, %v, %v", answer["issued_token_type"], answer["token_type"], answer["expires_in"])
	}
	token := answer["access_token"].(string)
	testAuth := f.Environment().CustomsTestAuth
	if r := f.get(testAuth, token); r.status != 200 {
		t.Errorf("test-auth with the Customs token: %d", r.status)
	}
	for name, r := range map[string]reply{
		"no token":            f.do("GET", testAuth, nil, ""),
		"Maskinporten token":  f.get(testAuth, subject),
		"not a token":         f.get(testAuth, "x"),
		"another scheme":      f.do("GET", testAuth, map[string]string{"Authorization": "Basic " + token}, ""),
		"at the sample API":   f.get(f.SampleAPI(), token),
		"spoilt signature":    f.get(testAuth, token[:len(token)-6]+"AAAAAA"),
		"exchanged once more": f.get(f.AltinnExchange(), token),
	} {
		if r.status != 401 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if r := f.get(testAuth, subject); r.header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
		t.Errorf("WWW-Authenticate is %q", r.header.Get("WWW-Authenticate"))
	}
	if r := f.customs(customsForm(subject)); r.status != 200 {
		t.Errorf("a token is exchanged again: %d", r.status)
	}
	f.SetClockOffset(971 * time.Second)
	if r := f.get(testAuth, token); r.status != 401 {
		t.Errorf("test-auth after its end: %d", r.status)
	}
}

func TestCustomsRefusals(t *testing.T) {
	f := start(t, nil)
	subject := f.customsSubject()
	plain, _ := f.token(f.keyGrant())
	const cannot, invalid = "The token cannot be exchanged.", "Invalid request."
	for _, row := range []struct {
		name, parameter, value string
		want                   outcome
	}{
		{"URN as grant type", "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", outcome{400, "unsupported_grant_type", "", "Unsupported grant type."}},
		{"no grant type", "grant_type", "", outcome{400, "invalid_request", "", invalid}},
		{"URN as token type", "subject_token_type", "urn:ietf:params:oauth:token-type:access_token", outcome{400, "invalid_request", "", invalid}},
		{"no token", "subject_token", "", outcome{400, "invalid_request", "", cannot}},
		{"not a token", "subject_token", "a.b.c", outcome{400, "invalid_request", "", cannot}},
		{"scope of others", "subject_token", plain, outcome{400, "invalid_request", "", cannot}},
		{"spoilt signature", "subject_token", subject[:len(subject)-6] + "AAAAAA", outcome{400, "invalid_request", "", cannot}},
	} {
		t.Run(row.name, func(t *testing.T) {
			inner := &fixture{t, f.Server, f.demo}
			form := customsForm(subject)
			form.Set(row.parameter, row.value)
			inner.refused(inner.customs(form), row.want)
		})
	}
	f.SetClockOffset(601 * time.Second)
	f.refused(f.customs(customsForm(subject)), outcome{400, "invalid_request", "", cannot})
}

func TestAltinn(t *testing.T) {
	f := start(t, nil)
	d := f.keyGrant()
	d.claims["scope"], d.claims["authorization_details"], d.claims["resource"] = f.demo.Scopes.SystemUser, f.systemUser(), "https://a.example.no"
	subject, _ := f.token(d)
	_, original := decode(t, subject)

	exchange := func(accept string) reply {
		header := map[string]string{"Authorization": "bearer " + subject}
		if accept != "" {
			header["Accept"] = accept
		}
		return f.do("GET", f.AltinnExchange(), header, "")
	}
	for _, row := range []struct {
		accept string
		quoted bool
	}{
		{"", false}, {"*/*", false}, {"text/plain", false}, {"text/html", false}, {"application/json, */*", false},
		{"application/json", true}, {"application/json; charset=utf-8", true}, {"text/plain;q=0.5, application/json", true}, {"application/json;q=0.5, text/plain", false},
	} {
		r := exchange(row.accept)
		token, contentType := string(r.body), "text/plain; charset=utf-8"
		if row.quoted {
			contentType = "application/json; charset=utf-8"
			if err := json.Unmarshal(r.body, &token); err != nil {
				t.Fatalf("Accept %q: %v", row.accept, err)
			}
		}
		if r.status != 200 || strings.Count(token, ".") != 2 || r.header.Get("Content-Type") != contentType {
			t.Errorf("Accept %q: status %d, %s, %q…", row.accept, r.status, r.header.Get("Content-Type"), token[:min(3, len(token))])
		}
	}

	header, claims := decode(t, string(exchange("").body))
	if !reflect.DeepEqual(members(header), []string{"alg", "kid", "typ", "x5t"}) || header["typ"] != "JWT" {
		t.Errorf("the header is %v", header)
	}
	want := []string{"authorization_details", "client_id", "consumer", "exp", "iat", "iss", "jti", "nbf", "scope", "sid", "token_type",
		"urn:altinn:authenticatemethod", "urn:altinn:authlevel", "urn:altinn:orgNumber"}
	if got := members(claims); !reflect.DeepEqual(got, want) {
		t.Errorf("the claims are %v", got)
	}
	if claims["iss"] != f.URL()+"/authentication/api/v1/openid/" || claims["urn:altinn:orgNumber"] != f.demo.Organization ||
		claims["urn:altinn:authenticatemethod"] != "maskinporten" || claims["urn:altinn:authlevel"] != 3.0 {
		t.Errorf("the claims are %v", claims)
	}
	if life(claims) != 1800 || claims["nbf"] != claims["iat"] {
		t.Errorf("life %v, nbf %v, iat %v", life(claims), claims["nbf"], claims["iat"])
	}
	if list := original["authorization_details"].([]any); !reflect.DeepEqual(claims["authorization_details"], list[0]) {
		t.Errorf("authorization_details is %v", claims["authorization_details"])
	}
}

func TestAltinnRefusals(t *testing.T) {
	f := start(t, nil)
	subject, _ := f.token(f.keyGrant())
	authorization := map[string]string{"Authorization": "Bearer " + subject}
	exchange := f.AltinnExchange()
	provider := strings.TrimSuffix(exchange, "maskinporten")

	// A European eSeal's token, as the real service makes it.
	key := maskinportenKey()
	seal := key.sign(key.header(), accessToken{Issuer: f.URL() + "/", Scope: "sandbox:eu", Expires: f.now().Unix() + 60,
		Consumer: participant{Authority: "etsi-en-319-412", ID: "NTRNO-555555555"}})

	for _, row := range []struct {
		name, url string
		header    map[string]string
		status    int
	}{
		{"no token", exchange, nil, 401},
		{"not a token", exchange, map[string]string{"Authorization": "Bearer x"}, 401},
		{"eSeal", exchange, map[string]string{"Authorization": "Bearer " + seal}, 401},
		{"enterprise user", exchange, map[string]string{"Authorization": "Bearer " + subject, "X-Altinn-EnterpriseUser-Authentication": "dXNlcjpwYXNz"}, 410},
		{"other provider", provider + "somebody", authorization, 400},
		{"provider in other case", provider + "Maskinporten", authorization, 200},
		{"no provider", provider, authorization, 404},
	} {
		if r := f.do("GET", row.url, row.header, ""); r.status != row.status {
			t.Errorf("%s: status %d, want %d", row.name, r.status, row.status)
		}
	}
	// The token holds for ten seconds longer than it says, and no more.
	for offset, status := range map[time.Duration]int{125 * time.Second: 200, 135 * time.Second: 401} {
		f.SetClockOffset(offset)
		if r := f.get(exchange, subject); r.status != status {
			t.Errorf("%s after issue: status %d, want %d", offset, r.status, status)
		}
	}
}

func TestAltinnServiceOwner(t *testing.T) {
	const name = "altinn:serviceowner/instances.read"
	f := start(t, func(c *Config) {
		c.Organizations[0].AltinnCode = "digdir"
		c.Scopes = append(c.Scopes, Scope{Name: name, AccessibleForAll: true})
		client := c.Clients[0]
		client.Scopes = append([]string{name}, client.Scopes...)
		c.Clients[0] = client
	})
	d := f.keyGrant()
	d.claims["scope"] = name
	owner, _ := f.token(d)
	plain, _ := f.token(f.keyGrant())
	for _, row := range []struct {
		url, token string
		code       any
	}{
		{f.AltinnExchange(), owner, "digdir"},
		{f.AltinnExchange() + "?test=true", owner, "ttd"},
		{f.AltinnExchange(), plain, nil},
	} {
		if _, claims := decode(t, string(f.get(row.url, row.token).body)); claims["urn:altinn:org"] != row.code {
			t.Errorf("%s: urn:altinn:org is %v, want %v", row.url, claims["urn:altinn:org"], row.code)
		}
	}
}

func TestSampleAPI(t *testing.T) {
	f := start(t, nil)
	d := f.keyGrant()
	d.claims["pid"] = "12345678901"
	token, _ := f.token(d)
	got := f.get(f.SampleAPI(), token).json(t)
	if got["consumer"] != f.demo.Organization || got["scope"] != f.demo.Scopes.Plain || got["client_id"] != f.demo.ClientID || got["pid"] != "12345678901" {
		t.Errorf("the API saw %v", got)
	}
	if _, present := got["supplier"]; present {
		t.Error("the API saw a supplier")
	}
	if r := f.do("GET", f.SampleAPI(), nil, ""); r.status != 401 || r.header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d", r.status)
	}
	elsewhere := start(t, nil)
	if r := f.get(elsewhere.SampleAPI(), token); r.status != 401 {
		t.Errorf("at another issuer with the same keys: %d", r.status)
	}
	f.SetClockOffset(121 * time.Second)
	if r := f.get(f.SampleAPI(), token); r.status != 401 {
		t.Errorf("after its end: %d", r.status)
	}
}
