package wire

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/maskinporten-core/maskinporten/core"
)

const wholeRequest = `{"scopes":["a:b"],"resource":"https://api.no","consumer_org":"910753614","pid":"01017012345",
"consent":{"id":"77ed8698-e01a-4dc6-b9bf-8f2c1a2b3c4d","from":"urn:altinn:organization:identifier-no:991825827"},
"extra_claims":{"tomorrow":{ "a" : [1, "x"] },"flag":true}}`

// claimsOf starts a flow for the request and reads the claims of its grant.
func claimsOf(t *testing.T, h *Host, client uint64, request string) map[string]any {
	t.Helper()
	source, failure := h.SourceNew(client, []byte(request))
	ok(t, failure)
	defer func() { ok(t, h.SourceFree(source)) }()
	flow, failure := h.FlowNew(source)
	ok(t, failure)
	defer func() { ok(t, h.FlowFree(flow)) }()
	text, failure := h.FlowNext(flow)
	ok(t, failure)
	var step struct {
		Step  string `json:"step"`
		Input string `json:"signing_input"`
	}
	if err := json.Unmarshal(text, &step); err != nil || step.Step != "sign" {
		t.Fatalf("step is %s", text)
	}
	_, payload, _ := strings.Cut(step.Input, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(decoded, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestRequestMembers(t *testing.T) {
	h := NewHost(nil, nil)
	client, failure := h.ClientNew([]byte(hostConfig))
	ok(t, failure)
	claims := claimsOf(t, h, client, wholeRequest)
	for name, want := range map[string]string{
		"scope": `"a:b"`, "resource": `"https://api.no"`, "consumer_org": `"910753614"`, "pid": `"01017012345"`, "flag": `true`, "tomorrow": `{"a":[1,"x"]}`,
		"authorization_details": `[{"from":"urn:altinn:organization:identifier-no:991825827","id":"77ed8698-e01a-4dc6-b9bf-8f2c1a2b3c4d","type":"urn:altinn:consent"}]`,
	} {
		if got, _ := json.Marshal(claims[name]); string(got) != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if claims := claimsOf(t, h, client, `{"scopes":["a:b"],"iss_onbehalfof":"x.no","consent":null,"extra_claims":{},"exchanges":[]}`); claims["iss_onbehalfof"] != "x.no" || len(claims) != 7 {
		t.Errorf("claims are %v", claims)
	}
}

func TestRequestProblems(t *testing.T) {
	h := NewHost(nil, nil)
	client, failure := h.ClientNew([]byte(hostConfig))
	ok(t, failure)
	for members, words := range map[string][]string{
		`"iss_onbehalfof":""`:                                   {`"iss_onbehalfof"`, "empty"},
		`"iss_onbehalfof":"x","consumer_org":"910753614"`:       {`"iss_onbehalfof"`, "beside consumer_org"},
		`"consent":{}`:                                          {`"consent.id"`, `"consent.from"`},
		`"consent":"x"`:                                         {`"consent"`, "a string", "Give an object"},
		`"consent":{"id":1,"from":"urn:x","to":"y"}`:            {`"consent.id"`, "a number", `"consent.from"`, `"consent.to"`, "no such member"},
		`"extra_claims":[]`:                                     {`"extra_claims"`, "an array"},
		`"extra_claims":{"iss":"x","ALG":1,"ok":2}`:             {`"extra_claims.iss"`, `"extra_claims.ALG"`},
		`"extra_claims":{"x":null}`:                             {`"extra_claims.x"`, "null"},
		`"extra_claims":{"x":9007199254740993}`:                 {`"extra_claims.x"`, "2^53"},
		`"exchanges":{}`:                                        {`"exchanges"`, "an object"},
		`"exchanges":[{}]`:                                      {`"exchanges[0].type"`},
		`"exchanges":[{"type":"saml","endpoint":"x"}]`:          {`"exchanges[0].type"`, "saml", "token_exchange"},
		`"exchanges":[{"type":"customs","token_endpoint":""}]`:  {`"exchanges[0].token_endpoint"`, "empty"},
		`"exchanges":[{"type":"customs","environment":"test"}]`: {`"exchanges[0].environment"`, "no such member"},
		`"exchanges":[{"type":"altinn"}]`:                       {`"exchanges[0].environment"`, "missing", "tt02"},
		`"exchanges":[{"type":"altinn","environment":7}]`:       {`"exchanges[0].environment"`, "a number"},
		`"exchanges":[{"type":"altinn","environment":"tt03"}]`:  {`"exchanges[0].environment"`, "tt03", "yt01"},
		`"exchanges":[{"type":"altinn","environment":"tt02","endpoint":"https://a.no"}]`:                           {`"exchanges[0].environment"`, "beside endpoint"},
		`"exchanges":[{"type":"altinn","environment":"tt02","test":"yes"}]`:                                        {`"exchanges[0].test"`, "a string"},
		`"exchanges":[{"type":"altinn","environment":"prod"}]`:                                                     {`"exchanges[0].endpoint"`, "does not trust", "test.maskinporten.no"},
		`"exchanges":[{"type":"token_exchange"}]`:                                                                  {`"exchanges[0].token_endpoint"`},
		`"exchanges":[{"type":"token_exchange","token_endpoint":"http://a.no"}]`:                                   {`"exchanges[0].token_endpoint"`, "not encrypted"},
		`"exchanges":[{"type":"token_exchange","token_endpoint":"https://a.no","audience":[1],"actor_token":"x"}]`: {`"exchanges[0].audience[0]"`, `"exchanges[0].actor_token"`},
	} {
		_, failure := h.SourceNew(client, []byte(`{"scopes":["a:b"],`+members+`}`))
		if failure == nil {
			t.Errorf("%s is accepted", members)
			continue
		}
		wantFailure(t, failure, core.CodeInvalidTokenRequest, words...)
	}
}

// TestExchangeMembers goes through the exchanges that a request can name, up to
// the request that each of them sends.
func TestExchangeMembers(t *testing.T) {
	h := NewHost(nil, nil)
	client, failure := h.ClientNew([]byte(hostConfig))
	ok(t, failure)
	const altinn = "https://platform.tt02.altinn.no/authentication/api/v1/exchange/maskinporten"
	for _, test := range []struct {
		exchange, method, url string
		form                  url.Values
	}{
		{`{"type":"customs"}`, "POST", core.Test.CustomsTokenEndpoint, url.Values{"grant_type": {"token-exchange"}, "subject_token_type": {"access_token"}, "subject_token": {canary}}},
		{`{"type":"customs","token_endpoint":"https://toll.example.no/t","name":"toll"}`, "POST", "https://toll.example.no/t", nil},
		{`{"type":"altinn","environment":"tt02"}`, "GET", altinn, nil},
		{`{"type":"altinn","environment":"tt02","test":true}`, "GET", altinn + "?test=true", nil},
		{`{"type":"altinn","endpoint":"https://altinn.example.no/x"}`, "GET", "https://altinn.example.no/x", nil},
		{`{"type":"token_exchange","token_endpoint":"https://idp.no/t","audience":"x","resource":["urn:a","urn:b"],"scopes":["s"],"requested_token_type":"urn:r","subject_token_type":"urn:s"}`,
			"POST", "https://idp.no/t", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:s"}, "subject_token": {canary},
				"audience": {"x"}, "resource": {"urn:a", "urn:b"}, "scope": {"s"}, "requested_token_type": {"urn:r"}}},
	} {
		source, failure := h.SourceNew(client, []byte(`{"scopes":["a:b"],"exchanges":[`+test.exchange+`]}`))
		ok(t, failure)
		flow, failure := h.FlowNew(source)
		ok(t, failure)
		next := func() (step struct {
			Step, Method, URL, Body string
			Headers                 map[string]string
		}) {
			t.Helper()
			text, failure := h.FlowNext(flow)
			ok(t, failure)
			if err := json.Unmarshal(text, &step); err != nil {
				t.Fatal(err)
			}
			return step
		}
		if next().Step == "sign" { // the first row's subject token serves all of them
			ok(t, h.FlowSigned(flow, make([]byte, 256)))
			next()
			ok(t, h.FlowReceived(flow, []byte(`{"status":200}`), []byte(`{"access_token":"`+canary+`","token_type":"Bearer","expires_in":120}`)))
		}
		step := next()
		if step.Step != "send" || step.Method != test.method || step.URL != test.url {
			t.Errorf("%s: %s %s %s", test.exchange, step.Step, step.Method, step.URL)
		}
		if test.method == "GET" && (step.Body != "" || step.Headers["Authorization"] != "Bearer "+canary || step.Headers["Accept"] != "text/plain") {
			t.Errorf("%s: headers %v, body %q", test.exchange, step.Headers, step.Body)
		}
		if form, err := url.ParseQuery(step.Body); err != nil || test.form != nil && form.Encode() != test.form.Encode() {
			t.Errorf("%s: form is %v, want %v", test.exchange, form, test.form)
		}
		ok(t, h.FlowFree(flow))
		ok(t, h.SourceFree(source))
	}
}

func TestESealOverJSON(t *testing.T) {
	h := NewHost(nil, nil)
	config := func(key string) []byte {
		return []byte(`{"environment":"test","client_id":"bolag","eseal":true,"key":` + key + `}`)
	}
	_, failure := h.ClientNew(config(`{"kid":"kid-1"}`))
	wantFailure(t, failure, core.CodeInvalidConfig, `"key.kid"`, `"key.x5c"`)
	_, failure = h.ClientNew(config(`{"x5c":["AQ=="]}`))
	wantFailure(t, failure, core.CodeInvalidConfig, `"key.x5c"`, "whole chain")
	_, failure = h.ClientNew(config(`{"pem":"x"}`))
	if wantFailure(t, failure, core.CodeInvalidKey); strings.Contains(string(failure.JSON), "key.kid") {
		t.Errorf("a key that cannot be read is blamed for a kid: %s", failure.JSON)
	}
	client, failure := h.ClientNew(config(`{"x5c":["AQ==","Ag=="],"signature_size":256}`))
	ok(t, failure)
	_, failure = h.SourceNew(client, []byte(`{"scopes":["toll:eu/x"],"exchanges":[{"type":"altinn","environment":"tt02"}]}`))
	wantFailure(t, failure, core.CodeInvalidTokenRequest, `"exchanges[0].type"`, "eSeal")
	_, failure = h.SourceNew(client, []byte(`{"scopes":["toll:eu/x"],"exchanges":[{"type":"customs"}]}`))
	ok(t, failure)
}
