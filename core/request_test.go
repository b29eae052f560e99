package core

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRequestProblems(t *testing.T) {
	good := TokenRequest{Scopes: []string{"toll:movement/road/v2"}}
	tests := []struct {
		name    string
		change  func(*TokenRequest)
		field   string
		message string
		remedy  string
	}{
		{"no scope", func(r *TokenRequest) { r.Scopes = nil }, "scopes", "no scope", "at least one"},
		{"empty scope", func(r *TokenRequest) { r.Scopes = []string{""} }, "scopes[0]", "empty", "Remove"},
		{"space", func(r *TokenRequest) { r.Scopes = []string{"a:b c:d"} }, "scopes[0]", "space", "item of its own"},
		{"trailing newline", func(r *TokenRequest) { r.Scopes = []string{"a:b\n"} }, "scopes[0]", "space", "item of its own"},
		{"comma", func(r *TokenRequest) { r.Scopes = []string{"a:b,c:d"} }, "scopes[0]", "comma", "item of its own"},
		{"quote", func(r *TokenRequest) { r.Scopes = []string{`a:"b"`} }, "scopes[0]", "character", "self-service"},
		{"not ASCII", func(r *TokenRequest) { r.Scopes = []string{"skatteetaten:ø"} }, "scopes[0]", "character", "ASCII"},
		{"64 KiB scope", func(r *TokenRequest) { r.Scopes = []string{"a:" + strings.Repeat("b", 64<<10)} }, "scopes", "longer", "fewer"},
		{"prefixed org", func(r *TokenRequest) { r.ConsumerOrg = "0192:910753614" }, "consumer_org", "prefix 0192:", "910753614"},
		{"eight digits", func(r *TokenRequest) { r.ConsumerOrg = "91075361" }, "consumer_org", "not an organization number", "nine digits"},
		{"spaces in org", func(r *TokenRequest) { r.ConsumerOrg = "910 753 614" }, "consumer_org", "not an organization number", "nine digits"},
		{"check digit", func(r *TokenRequest) { r.ConsumerOrg = "910753615" }, "consumer_org", "check digit", "typing error"},
		{"relative resource", func(r *TokenRequest) { r.Resource = []string{"/api"} }, "resource[0]", "absolute", "https://"},
		{"empty resource", func(r *TokenRequest) { r.Resource = []string{"https://a.no", ""} }, "resource[1]", "absolute", "https://"},
		{"fragment", func(r *TokenRequest) { r.Resource = []string{"https://a.no/#x"} }, "resource[0]", "fragment", "fragment"},
		{"1,000 resources", func(r *TokenRequest) {
			r.Resource = strings.Split(strings.Repeat("https://a.no ", 999)+"https://a.no", " ")
		}, "resource", "more than", "API"},
		{"short pid", func(r *TokenRequest) { r.PID = "1234567890" }, "pid", "eleven", "eleven"},
		{"system user org", func(r *TokenRequest) { r.SystemUser = &SystemUser{Org: "0192:310702641"} }, "system_user.org", "prefix", "310702641"},
		{"external ref", func(r *TokenRequest) { r.SystemUser = &SystemUser{Org: "310702641", ExternalRef: "a\x00"} }, "system_user.external_ref", "printable", "externalRef"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := good
			test.change(&request)
			e := wantError(t, request.Validate(), CodeInvalidTokenRequest)
			p := e.Problems[0]
			if p.Field != test.field || !strings.Contains(p.Message, test.message) || !strings.Contains(p.Remedy, test.remedy) {
				t.Errorf("got %+v", p)
			}
		})
	}
	good.ConsumerOrg, good.PID, good.Resource = "991825827", "01017012345", []string{"https://api.example.no", "urn:altinn:x"}
	good.SystemUser = &SystemUser{Org: "310702641", ExternalRef: "ref-1"}
	if err := good.Validate(); err != nil {
		t.Errorf("a good request is refused: %v", err)
	}
}

func TestEveryProblemIsListed(t *testing.T) {
	e := wantError(t, TokenRequest{Scopes: []string{"a b", "c,d"}, ConsumerOrg: "1", PID: "2"}.Validate(), CodeInvalidTokenRequest)
	if len(e.Problems) != 4 {
		t.Errorf("%d problems, want 4: %+v", len(e.Problems), e.Problems)
	}
	for _, p := range e.Problems {
		if !strings.Contains(e.Error(), p.Field) {
			t.Errorf("the text does not name %s: %s", p.Field, e.Error())
		}
	}
}

// TestProblemsAreBounded: a list of a thousand bad scopes is not answered with
// a thousand problems.
func TestProblemsAreBounded(t *testing.T) {
	e := wantError(t, TokenRequest{Scopes: make([]string, 1000)}.Validate(), CodeInvalidTokenRequest)
	if len(e.Problems) != 20 {
		t.Errorf("%d problems, want 20", len(e.Problems))
	}
}

func TestEnvironmentProblems(t *testing.T) {
	for _, good := range []Environment{Production, Test,
		{Issuer: "https://test.sky.maskinporten.no", TokenEndpoint: "https://test.sky.maskinporten.no/token"},
		{Issuer: "http://127.0.0.1:8080/", TokenEndpoint: "http://127.0.0.1:8080/token", AllowLoopbackHTTP: true},
		{Issuer: "http://[::1]:8080/", TokenEndpoint: "http://[::1]:8080/token", AllowLoopbackHTTP: true},
		{Issuer: "http://localhost/", TokenEndpoint: "http://localhost/token", AllowLoopbackHTTP: true}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%s: %v", good.Issuer, err)
		}
	}
	tests := []struct{ issuer, endpoint, word string }{
		{"https://test.maskinporten.no", Test.TokenEndpoint, "slash"},
		{"https://maskinporten.no", Production.TokenEndpoint, "slash"},
		{"https://test.maskinporten.no/token", Test.TokenEndpoint, "not an issuer"},
		{"https://ver2.maskinporten.no/", "https://ver2.maskinporten.no/token", "2024-06-10"},
		{"https://www.maskinporten.no/", Production.TokenEndpoint, "no www"},
		{"https://test.sky.maskinporten.no/", "https://test.sky.maskinporten.no/token", "no trailing slash"},
		{Test.Issuer, Production.TokenEndpoint, "different environments"},
		{Production.Issuer, Test.TokenEndpoint, "different environments"},
		{"", Test.TokenEndpoint, "missing"},
		{Test.Issuer, "", "missing"},
		{"https://TEST.maskinporten.no/", Test.TokenEndpoint, "upper-case"},
		{"https://test.maskinporten.no//", Test.TokenEndpoint, "double slash"},
		{"https://a:b@test.maskinporten.no/", Test.TokenEndpoint, "user or password"},
		{"https://x.no/?a=b", "https://x.no/token", "query"},
		{"https://x.no/#a", "https://x.no/token", "query or a fragment"},
		{"http://x.no/", "https://x.no/token", "not encrypted"},
		{"http://127.0.0.1/", "http://127.0.0.1/token", "allow_loopback_http"},
		{"ftp://x.no/", "https://x.no/token", "https://"},
		{"//x.no/", "https://x.no/token", "https://"},
		{"file:///etc/passwd", "https://x.no/token", "https://"},
		{"https://xn--mskinporten-x8a.no/", "https://x.no/token", "ASCII"},
		{"https://måskinporten.no/", "https://x.no/token", "ASCII"},
		{"https://x.no/", "https://169.254.169.254/token", "not the address"},
		{"https://x.no/", "https://0.0.0.0/token", "not the address"},
		{"https://x.no/", "https://[fe80::1%25eth0]/token", "host name"},
		{"https://x.no/\n", "https://x.no/token", "ASCII"},
		{"https://x.no/", "https://x.no/" + strings.Repeat("a", 2048), "longer than 2048"},
		{"https://sky.maskinporten.no/token", "https://sky.maskinporten.no/token", "not an issuer"},
		{"https://sky.maskinporten.no", "https://test.sky.maskinporten.no/token", "different environments"},
		{"https://x.no/", Test.TokenEndpoint, "different environments"},
		{Test.Issuer, "https://x.no/token", "different environments"},
	}
	for _, test := range tests {
		e := wantError(t, Environment{Issuer: test.issuer, TokenEndpoint: test.endpoint}.Validate(), CodeInvalidConfig)
		if e != nil && !strings.Contains(e.Error(), test.word) {
			t.Errorf("%q %q: %q does not say %q", test.issuer, test.endpoint, e.Error(), test.word)
		}
	}
	// Plain http is for this machine only, even when loopback is allowed.
	for _, host := range []string{"http://example.no/", "http://127.0.0.1.example.no/", "http://1270.0.0.1/", "http://10.0.0.1/"} {
		if err := (Environment{Issuer: host, TokenEndpoint: host + "token", AllowLoopbackHTTP: true}).Validate(); err == nil {
			t.Errorf("%s is accepted", host)
		}
	}
}

func TestEnvironmentByName(t *testing.T) {
	for name, want := range map[string]Environment{"test": Test, "production": Production, " PROD ": Production} {
		if got, err := EnvironmentByName(name); err != nil || got != want {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	for name, word := range map[string]string{"ver2": "2024-06-10", "": "test", "staging": "production"} {
		_, err := EnvironmentByName(name)
		if e := wantError(t, err, CodeInvalidConfig); !strings.Contains(e.Error(), word) {
			t.Errorf("%q: %s", name, e.Error())
		}
	}
}

func TestBuiltInEnvironmentIsCompleted(t *testing.T) {
	config := testConfig(nil)
	config.Environment = Environment{Issuer: Test.Issuer, TokenEndpoint: Test.TokenEndpoint}
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	if got := CustomsExchange(client.Environment()).TokenEndpoint; got != Test.CustomsTokenEndpoint {
		t.Errorf("Customs are at %q", got)
	}
}

func TestClientConfigProblems(t *testing.T) {
	tests := []struct {
		field  string
		change func(*ClientConfig)
	}{
		{"client_id", func(c *ClientConfig) { c.ClientID = "" }},
		{"client_id", func(c *ClientConfig) { c.ClientID = "a b" }},
		{"client_id", func(c *ClientConfig) { c.ClientID = "a\n" }},
		{"client_id", func(c *ClientConfig) { c.ClientID = strings.Repeat("a", 1<<20) }},
		{"key.alg", func(c *ClientConfig) { c.Key.Algorithm = "PS256" }},
		{"key.alg", func(c *ClientConfig) { c.Key.Algorithm = "none" }},
		{"key.kid", func(c *ClientConfig) { c.Key.KeyID = "" }},
		{"key.kid", func(c *ClientConfig) { c.Key.KeyID = "a/b" }},
		{"key.kid", func(c *ClientConfig) { c.Key.CertificateChain = [][]byte{{1}} }},
		{"key.x5c[0]", func(c *ClientConfig) { c.Key.KeyID, c.Key.CertificateChain = "", [][]byte{{}} }},
		{"key.signature_size", func(c *ClientConfig) { c.Key.SignatureSize = 128 }},
		{"grant_life_seconds", func(c *ClientConfig) { c.GrantLife = 121 * time.Second }},
		{"grant_life_seconds", func(c *ClientConfig) { c.GrantLife = -1 }},
		{"grant_life_seconds", func(c *ClientConfig) { c.GrantLife = 500 * time.Millisecond }},
		{"cache_limit", func(c *ClientConfig) { c.CacheLimit = -1 }},
		{"refresh_at", func(c *ClientConfig) { c.RefreshAt = 0.9 }},
		{"margin_seconds", func(c *ClientConfig) { c.Margin = time.Second }},
	}
	for _, test := range tests {
		config := testConfig(nil)
		test.change(&config)
		_, err := NewClient(config)
		if e := wantError(t, err, CodeInvalidConfig); len(e.Problems) == 0 || e.Problems[0].Field != test.field {
			t.Errorf("want a problem with %s, got %+v", test.field, e.Problems)
		}
	}
}

func TestMissingHooksAreNamed(t *testing.T) {
	config := testConfig(nil)
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = testSource(t, client, "a:b").Token(context.Background())
	wantError(t, err, CodeNoTransport)
	config.Transport, config.Key.Signer = &fakeEndpoint{}, nil
	client, _ = NewClient(config)
	_, err = testSource(t, client, "a:b").Token(context.Background())
	wantError(t, err, CodeNoSigner)
}

func TestSecretsDoNotPrint(t *testing.T) {
	token := NewToken(TokenFields{AccessToken: canary})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, secret := range []any{token, &token, []Token{token}, Request{Body: []byte(canary)}, Response{Body: []byte(canary)},
			Grant{SigningInput: []byte(canary)}} {
			got := fmt.Sprintf(verb, secret)
			if strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s of %T shows the secret: %s", verb, secret, got)
			}
		}
	}
	if text, _ := token.MarshalText(); strings.Contains(string(text), canary) {
		t.Error("MarshalText shows the secret")
	}
}
