package core

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestExchangeRequests(t *testing.T) {
	plain := TokenExchange("https://idp.example.no/token")
	full := plain
	full.Audience, full.Resource, full.Scopes = []string{"a b", "c"}, []string{"https://api.no"}, []string{"y:z", "x:y", "y:z"}
	full.SubjectTokenType, full.RequestedTokenType = "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:access_token"
	urn := "urn:ietf:params:oauth:"
	for _, test := range []struct {
		name string
		x    Exchange
		want url.Values
	}{
		{"customs", CustomsExchange(Test), url.Values{"grant_type": {"token-exchange"}, "subject_token_type": {"access_token"}, "subject_token": {"s+/="}}},
		{"RFC 8693", plain, url.Values{"grant_type": {urn + "grant-type:token-exchange"}, "subject_token_type": {urn + "token-type:access_token"}, "subject_token": {"s+/="}}},
		{"RFC 8693 with everything", full, url.Values{"grant_type": {urn + "grant-type:token-exchange"}, "subject_token_type": {urn + "token-type:jwt"}, "subject_token": {"s+/="},
			"audience": {"a b", "c"}, "resource": {"https://api.no"}, "scope": {"x:y y:z"}, "requested_token_type": {urn + "token-type:access_token"}}},
	} {
		request := NewExchangeRequest(test.x, "s+/=")
		form, err := url.ParseQuery(string(request.Body))
		if err != nil || !reflect.DeepEqual(form, test.want) || request.Method != "POST" || request.URL != test.x.TokenEndpoint {
			t.Errorf("%s: %v to %s\nform is %v\nwant %v", test.name, err, request, form, test.want)
		}
		if list := test.x.problems("x", false); len(list) > 0 {
			t.Errorf("%s: %v", test.name, list)
		}
	}
	x := altinn(t, "tt02")
	request := NewExchangeRequest(x, "secret")
	if want := []Header{{"Authorization", "Bearer secret"}, {"Accept", "text/plain"}}; request.Method != "GET" || request.URL != x.TokenEndpoint || len(request.Body) > 0 || !reflect.DeepEqual(request.Header, want) {
		t.Errorf("altinn: %s %+v", request, request.Header)
	}
	x.TestOrganization = true
	if request := NewExchangeRequest(x, "secret"); request.URL != x.TokenEndpoint+"?test=true" || strings.Contains(request.String(), "secret") {
		t.Errorf("altinn for the test organization: %s", request)
	}
}

func TestExchangeProblems(t *testing.T) {
	generic := func(change func(*Exchange)) Exchange {
		x := TokenExchange("https://idp.example.no/token")
		change(&x)
		return x
	}
	for _, test := range []struct {
		name, field string
		x           Exchange
	}{
		{"zero", "x.type", Exchange{}},
		{"unknown", "x.type", Exchange{Kind: "saml", TokenEndpoint: "https://a.no/"}},
		{"customs of no environment", "x.token_endpoint", CustomsExchange(Environment{})},
		{"customs with an audience", "x.type", Exchange{Kind: ExchangeCustoms, TokenEndpoint: Test.CustomsTokenEndpoint, Audience: []string{"a"}}},
		{"customs for a test organization", "x.test", Exchange{Kind: ExchangeCustoms, TokenEndpoint: Test.CustomsTokenEndpoint, TestOrganization: true}},
		{"altinn without endpoint", "x.endpoint", Exchange{Kind: ExchangeAltinn}},
		{"altinn with a query", "x.endpoint", Exchange{Kind: ExchangeAltinn, TokenEndpoint: "https://a.no/?test=true"}},
		{"altinn with scopes", "x.type", Exchange{Kind: ExchangeAltinn, TokenEndpoint: "https://a.no/", Scopes: []string{"a:b"}}},
		{"name", "x.name", generic(func(x *Exchange) { x.Name = "a\n" })},
		{"plain http", "x.token_endpoint", generic(func(x *Exchange) { x.TokenEndpoint = "http://a.no/token" })},
		{"subject token type", "x.subject_token_type", generic(func(x *Exchange) { x.SubjectTokenType = "access_token" })},
		{"requested token type", "x.requested_token_type", generic(func(x *Exchange) { x.RequestedTokenType = "jwt" })},
		{"empty audience", "x.audience[1]", generic(func(x *Exchange) { x.Audience = []string{"a", ""} })},
		{"1,000 audiences", "x.audience", generic(func(x *Exchange) { x.Audience = make([]string, 1000) })},
		{"relative resource", "x.resource[0]", generic(func(x *Exchange) { x.Resource = []string{"/a"} })},
		{"scope with a space", "x.scopes[0]", generic(func(x *Exchange) { x.Scopes = []string{"a b"} })},
		{"64 KiB scope", "x.scopes", generic(func(x *Exchange) { x.Scopes = []string{strings.Repeat("a", 64<<10)} })},
	} {
		if list := test.x.problems("x", false); len(list) != 1 || list[0].Field != test.field || list[0].Message == "" || !strings.HasSuffix(list[0].Remedy, ".") {
			t.Errorf("%s: %+v, want a problem with %s", test.name, list, test.field)
		}
	}
	if list := (Exchange{Kind: ExchangeAltinn, TokenEndpoint: "http://127.0.0.1:8080/x"}).problems("x", true); len(list) > 0 {
		t.Errorf("the sandbox's exchange is refused: %v", list)
	}
}

// TestExchangeThatRefusesAll recognises, before anything is sent, exchanges
// that do not take the client's tokens.
func TestExchangeThatRefusesAll(t *testing.T) {
	sandbox := Environment{Issuer: "http://127.0.0.1:8080/", TokenEndpoint: "http://127.0.0.1:8080/token", AllowLoopbackHTTP: true}
	token := TokenExchange("https://idp.example.no/token")
	for _, test := range []struct {
		name      string
		config    ClientConfig
		exchanges []Exchange
		field     string
	}{
		{"an eSeal at Altinn", ClientConfig{Environment: Test, ESeal: true}, []Exchange{altinn(t, "tt02")}, "exchanges[0].type"},
		{"an eSeal at Altinn, later", ClientConfig{Environment: sandbox, ESeal: true}, []Exchange{token, altinn(t, "at22")}, "exchanges[1].type"},
		{"an eSeal at Customs", ClientConfig{Environment: Test, ESeal: true}, []Exchange{CustomsExchange(Test)}, ""},
		{"test and Altinn in production", ClientConfig{Environment: Test}, []Exchange{altinn(t, "prod")}, "exchanges[0].endpoint"},
		{"production and tt02", ClientConfig{Environment: Production}, []Exchange{altinn(t, "tt02")}, "exchanges[0].endpoint"},
		{"production and yt01", ClientConfig{Environment: Production}, []Exchange{altinn(t, "yt01")}, "exchanges[0].endpoint"},
		{"test and Customs in production", ClientConfig{Environment: Test}, []Exchange{CustomsExchange(Production)}, "exchanges[0].token_endpoint"},
		{"production and Customs in test", ClientConfig{Environment: Production}, []Exchange{CustomsExchange(Test)}, "exchanges[0].token_endpoint"},
		{"production and production", ClientConfig{Environment: Production}, []Exchange{altinn(t, "prod"), CustomsExchange(Production)}, ""},
		{"test and test", ClientConfig{Environment: Test}, []Exchange{altinn(t, "at24"), CustomsExchange(Test)}, ""},
		{"an environment of one's own", ClientConfig{Environment: sandbox}, []Exchange{altinn(t, "prod"), token}, ""},
	} {
		list := exchangeProblemsFor(test.config, test.exchanges)
		if test.field == "" && len(list) > 0 || test.field != "" && (len(list) != 1 || list[0].Field != test.field || list[0].Remedy == "") {
			t.Errorf("%s: %+v, want a problem with %q", test.name, list, test.field)
		}
	}
}

func TestEveryProblemOfASource(t *testing.T) {
	config := ClientConfig{Environment: SkyportenTest, ESeal: true}
	e := wantError(t, config.ValidateSource(TokenRequest{}, Exchange{Kind: "x"}, altinn(t, "tt02")), CodeInvalidTokenRequest)
	fields := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		fields[i] = p.Field
	}
	if want := []string{"scopes", "resource", "exchanges[0].type", "exchanges[1].type", "exchanges[1].endpoint"}; !reflect.DeepEqual(fields, want) {
		t.Errorf("problems are with %v, want %v", fields, want)
	}
}

func TestReadTokenExchange(t *testing.T) {
	x := TokenExchange("https://idp.example.no/token")
	x.Scopes, x.RequestedTokenType = []string{"a:b"}, tokenTypeAccessToken
	body := func(more string) string {
		return `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":600` + more + `}`
	}
	for _, test := range []struct {
		name   string
		status int
		body   string
		code   Code
	}{
		{"documented", 200, body(`,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token","scope":"a:b c:d"`), ""},
		{"no issued_token_type", 200, body(""), ""},
		{"another issued_token_type", 200, body(`,"issued_token_type":"urn:ietf:params:oauth:token-type:id_token"`), CodeInvalidResponse},
		{"issued_token_type is a number", 200, body(`,"issued_token_type":1`), CodeInvalidResponse},
		{"fewer scopes", 200, body(`,"scope":"c:d"`), CodeScopeReduced},
		{"not a bearer token", 200, `{"access_token":"x","token_type":"N_A"}`, CodeInvalidResponse},
		{"subject refused", 400, `{"error":"invalid_request"}`, CodeSubjectTokenRejected},
		{"grant refused", 400, `{"error":"invalid_grant","error_description":"expired"}`, CodeSubjectTokenRejected},
		{"target refused", 400, `{"error":"invalid_target"}`, CodeRejected},
		{"scope refused", 400, `{"error":"invalid_scope"}`, CodeRejected},
		{"client refused", 401, `{"error":"invalid_client"}`, CodeRejected},
		{"no token endpoint", 404, ``, CodeUnexpectedStatus},
		{"in trouble", 503, `{"error":"temporarily_unavailable","error_description":"later (trace_id: 00ff)"}`, CodeServerError},
	} {
		token, err := ReadExchangeResponse(Response{Status: test.status, Body: []byte(test.body)}, x, Instant{})
		if test.code == "" {
			if err != nil || token.AccessToken() != canary {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if e := wantError(t, err, test.code); test.status == 503 && (e.TraceID != "00ff" || e.Description != "later") {
			t.Errorf("%s: %+v", test.name, e)
		}
	}
}

// exchangeWorld answers for Maskinporten with tokens of 120 s, and for every
// exchange with tokens of its own life.
type exchangeWorld struct {
	fakeEndpoint
	clock *manualClock
	count map[string]int // by host
}

func newExchangeWorld(t *testing.T) (*exchangeWorld, *Client) {
	w := &exchangeWorld{clock: newManualClock(), count: map[string]int{}}
	w.t = t
	w.answer = func(n int, r seen) (Response, error) {
		host := hostOf(r.url)
		w.count[host]++
		switch {
		case strings.Contains(host, "altinn"):
			now := w.clock.read().Wall / int64(time.Second)
			return Response{Status: 200, Body: []byte(unsignedJWT(fmt.Sprintf(`{"exp":%d,"iat":%d,"n":%d}`, now+1800, now, n)))}, nil
		case strings.Contains(host, "toll"):
			return tokenResponse(n, 970), nil
		}
		return tokenResponse(n, 120), nil
	}
	config := testConfig(w)
	config.Clock = w.clock.read
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return w, client
}

// TestExchangesChain leads a token through two exchanges; each hop is kept for
// its own life.
func TestExchangesChain(t *testing.T) {
	w, client := newExchangeWorld(t)
	last := TokenExchange("https://idp.example.no/token")
	source := testSource(t, client, "toll:x", CustomsExchange(Test), last)
	for range 3 {
		if _, err := source.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(121 * time.Second) // the last hop's token is over, that of Customs is not
	}
	want := map[string]int{"test.maskinporten.no": 1, "api-test.toll.no": 1, "idp.example.no": 3}
	if !reflect.DeepEqual(w.count, want) {
		t.Errorf("requests are %v, want %v", w.count, want)
	}
	if subject := w.seen[2].form.Get("subject_token"); subject != canary+"-2" {
		t.Errorf("the last hop got the token %q, not that of Customs", subject)
	}
}
