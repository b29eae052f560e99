package core

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// These are the pitfalls that guides to Maskinporten warn of, each recognised
// before anything is sent or, at the latest, from the answer. Those that only
// show in a key or a certificate are in package keys.

// wantRemedy checks that the remedy of an error, or of its first problem,
// names what to do.
func wantRemedy(t *testing.T, err error, code Code, words ...string) {
	t.Helper()
	e := wantError(t, err, code)
	for _, word := range words {
		if !strings.Contains(e.Remedy, word) {
			t.Errorf("remedy %q does not say %q", e.Remedy, word)
		}
	}
}

// answered is the error that a client gets for an answer of Maskinporten.
func answered(t *testing.T, request TokenRequest, response Response) error {
	t.Helper()
	client := testClient(t, &fakeEndpoint{answer: func(int, seen) (Response, error) { return response, nil }})
	source, err := client.Source(request)
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Token(t.Context())
	return err
}

func plainRequest(scope string) TokenRequest { return TokenRequest{Scopes: []string{scope}} }

func TestPitfallWrongEnvironment(t *testing.T) {
	for _, env := range []Environment{{Issuer: Test.Issuer, TokenEndpoint: Production.TokenEndpoint}, {Issuer: Production.Issuer, TokenEndpoint: Test.TokenEndpoint},
		{Issuer: Skyporten.Issuer, TokenEndpoint: SkyportenTest.TokenEndpoint}, {Issuer: Test.Issuer, TokenEndpoint: "https://ver2.maskinporten.no/token"}} {
		wantError(t, env.Validate(), CodeInvalidConfig)
	}
	_, err := EnvironmentByName("ver2")
	wantRemedy(t, err, CodeInvalidConfig, "https://test.maskinporten.no/")
	err = answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", "Client not found", "MP-100"))
	wantRemedy(t, err, CodeClientUnknown, "environment", "separate clients")
}

func TestPitfallMissingSlash(t *testing.T) {
	env := Test
	env.Issuer = strings.TrimSuffix(env.Issuer, "/")
	wantRemedy(t, env.Validate(), CodeInvalidConfig, "https://test.maskinporten.no/,", "slash")
	env = Skyporten
	env.Issuer += "/"
	wantRemedy(t, env.Validate(), CodeInvalidConfig, "https://sky.maskinporten.no;")
	err := answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", "Invalid assertion. Client authentication failed. Invalid JWT claim aud", "MP-110"))
	wantRemedy(t, err, CodeAudienceWrong, "trailing slash")
}

// TestPitfallScopeCase: a scope in the wrong case is a legal one, so that only
// the answer shows that it was not meant.
func TestPitfallScopeCase(t *testing.T) {
	refused := refuses(400, "invalid_scope", "Token request contains invalid scopes for client, Altinn:serviceowner", "MP-200")
	err := answered(t, TokenRequest{Scopes: []string{"a:b", "Altinn:serviceowner"}}, refused)
	wantRemedy(t, err, CodeScopeNotRegistered, `"Altinn:serviceowner"`, "upper-case")
	err = answered(t, plainRequest("altinn:serviceOwner"), refused)
	wantRemedy(t, err, CodeScopeNotRegistered, "spelling and case")
}

func TestPitfallClock(t *testing.T) {
	clock := newManualClock()
	server := func() []Header {
		return []Header{{"Date", clock.read().Time().Add(-time.Hour).Format(httpDate)}}
	}
	endpoint := &fakeEndpoint{t: t, answer: skewedServer(clock, -time.Hour, func(time.Time) []Header { return server() })}
	config := testConfig(endpoint)
	config.Clock = clock.read
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := testSource(t, client, "a:b").Token(t.Context()); err != nil || endpoint.count() != 2 {
		t.Errorf("a clock an hour ahead: %v after %d requests", err, endpoint.count())
	}
	for text, mp := range map[string]string{"JWT is expired": "MP-130", "Issue time is after now": ""} {
		err := answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", text, mp)) // without a Date to correct by
		var e *Error
		if errors.As(err, &e); e == nil || !strings.Contains(e.Remedy, "NTP") || e.Code != CodeGrantExpired && e.Code != CodeIssuedInFuture {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPitfallExpiredKey(t *testing.T) {
	err := answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", "Invalid assertion. Client authentication failed. Expired key", "MP-121"))
	wantRemedy(t, err, CodeKeyExpired, "one year")
}

func TestPitfallWrongCertificate(t *testing.T) {
	err := answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", "Invalid assertion. Client authentication failed. The JWT is signed with an invalid certificate.", "MP-120"))
	wantRemedy(t, err, CodeCertificateInvalid, "test certificates work only in test", "production certificates only in production")
}

func TestPitfallMissingKeyID(t *testing.T) {
	config := testConfig(nil)
	config.Key.KeyID = ""
	_, err := NewClient(config)
	wantRemedy(t, err, CodeInvalidConfig, "kid", "self-service")
	err = answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", "Invalid assertion. Client authentication failed. Invalid JWT. The client requires pre-registered jwk and no key identifier (kid) provided", ""))
	wantRemedy(t, err, CodeKeyIDRequired, "Set kid")
	err = answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", "Invalid assertion. Client authentication failed. Unknown key identifier (kid) for client.", ""))
	wantRemedy(t, err, CodeKeyIDUnknown, "Register this kid")
}

func TestPitfallOverlongLife(t *testing.T) {
	config := testConfig(nil)
	config.GrantLife = 3 * time.Minute
	_, err := NewClient(config)
	wantRemedy(t, err, CodeInvalidConfig, "10 to 120")
	err = answered(t, plainRequest("a:b"), refuses(400, "invalid_grant", "JWT has too long lifetime.", ""))
	wantRemedy(t, err, CodeLifetimeTooLong, "120 seconds")
}

// TestPitfallHardCodedToken: a token in a place for names is recognised, and one
// that did not come from the source cannot make it drop its own.
func TestPitfallHardCodedToken(t *testing.T) {
	wantRemedy(t, plainRequest("eyJhbGciOiJSUzI1NiJ9."+canary+".x").Validate(), CodeInvalidTokenRequest, "no token belongs in code")
	endpoint := &fakeEndpoint{answer: grants(120)}
	clock := newManualClock()
	endpoint.t = t
	config := testConfig(endpoint)
	config.Clock = clock.read
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	source := testSource(t, client, "a:b")
	copied, err := source.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(2 * time.Minute) // whoever kept the copy is refused from now on
	fresh, err := source.Token(t.Context())
	if err != nil || fresh.AccessToken() == copied.AccessToken() {
		t.Fatalf("the source hands out a token after its end, or %v", err)
	}
	if source.Invalidate(copied.AccessToken()) {
		t.Error("a token that is not the source's own was taken for it")
	}
	if again, err := source.Token(t.Context()); err != nil || again.AccessToken() != fresh.AccessToken() || endpoint.count() != 2 {
		t.Errorf("%d requests, %v", endpoint.count(), err)
	}
}

// TestESealNeedsItsChain holds the rules of a client without a registration.
func TestESealNeedsItsChain(t *testing.T) {
	leaf, issuer := []byte{1}, []byte{2}
	whole := Key{CertificateChain: [][]byte{leaf, issuer}}
	for _, test := range []struct {
		name   string
		key    Key
		next   []Key
		fields string
	}{
		{"whole chain", whole, nil, ""},
		{"leaf only", Key{CertificateChain: [][]byte{leaf}}, nil, "key.x5c"},
		{"kid", Key{KeyID: "kid-1"}, nil, "key.kid key.x5c"},
		{"kid beside the chain", Key{KeyID: "kid-1", CertificateChain: whole.CertificateChain}, nil, "key.kid"},
		{"the next key", whole, []Key{whole, {CertificateChain: [][]byte{leaf}}}, "next_keys[1].x5c"},
	} {
		var fields []string
		for _, p := range esealProblems(ClientConfig{ESeal: true, Key: test.key, NextKeys: test.next}) {
			if fields = append(fields, p.Field); p.Message == "" || !strings.HasSuffix(p.Remedy, ".") {
				t.Errorf("%s: %+v", test.name, p)
			}
		}
		if got := strings.Join(fields, " "); got != test.fields {
			t.Errorf("%s: problems with %q, want %q", test.name, got, test.fields)
		}
		if list := esealProblems(ClientConfig{Key: test.key, NextKeys: test.next}); len(list) > 0 {
			t.Errorf("%s: a client with a registration is held to the rules of eSeals: %v", test.name, list)
		}
	}
}

func TestSkyportenWantsAResource(t *testing.T) {
	none, some := plainRequest("a:b"), TokenRequest{Scopes: []string{"a:b"}, Resource: []string{"https://api.se"}}
	for _, env := range []Environment{Skyporten, SkyportenTest} {
		if err := env.Validate(); err != nil {
			t.Errorf("%s: %v", env.Issuer, err)
		}
		if list := skyportenProblems(env, none); len(list) != 1 || list[0].Field != "resource" {
			t.Errorf("%s: %v", env.Issuer, list)
		}
		if list := skyportenProblems(env, some); len(list) > 0 {
			t.Errorf("%s: %v", env.Issuer, list)
		}
	}
	if list := skyportenProblems(Production, none); len(list) > 0 {
		t.Errorf("production: %v", list)
	}
	for name, want := range map[string]Environment{"skyporten": Skyporten, "skyporten-test": SkyportenTest} {
		if env, err := EnvironmentByName(name); err != nil || env != want || (Environment{Issuer: want.Issuer}).Completed() != want {
			t.Errorf("%s: %v, %v", name, env, err)
		}
	}
}
