package core

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// claimCase is one way to ask for a claim. With want, the part of the grant
// has exactly that value (nil: it is absent); with field, the request or the
// configuration is refused, and the problem is with that field.
type claimCase struct {
	name   string
	change func(*GrantParams)
	want   any
	field  string
}

func asking(change func(*TokenRequest)) func(*GrantParams) {
	return func(p *GrantParams) { change(&p.Request) }
}

func claiming(name, value string) func(*GrantParams) {
	return asking(func(r *TokenRequest) { r.ExtraClaims = map[string]string{name: value} })
}

// taken are the cases of a name that the package writes itself.
func taken(name string) claimCase {
	return claimCase{"as an extra claim", claiming(name, `"x"`), nil, "extra_claims." + name}
}

const (
	someConsent  = "77ed8698-e01a-4dc6-b9bf-8f2c1a2b3c4d"
	somePerson   = "urn:altinn:person:identifier-no:01017012345"
	someBusiness = "urn:altinn:organization:identifier-no:991825827"
)

// TestEveryClaim has a row for each member of the header and each claim of
// the grant that Digdir documents, with its legal and illegal forms.
func TestEveryClaim(t *testing.T) {
	der := []byte{0xfb, 0xff}
	now := time.Unix(1_764_627_080, 0)
	systemUser := map[string]any{"type": "urn:altinn:systemuser", "systemuser_org": map[string]any{"authority": "iso6523-actorid-upis", "ID": "0192:310702641"}}
	consent := func(from string) []any {
		return []any{map[string]any{"type": "urn:altinn:consent", "id": someConsent, "from": from}}
	}
	consents := func(c Consent) func(*GrantParams) {
		return asking(func(r *TokenRequest) { r.Consent = &c })
	}
	tests := map[string][]claimCase{
		"header alg": {
			{"default", nil, "RS256", ""},
			{"RS384", func(p *GrantParams) { p.Key.Algorithm = RS384 }, "RS384", ""},
			{"RS512", func(p *GrantParams) { p.Key.Algorithm = RS512 }, "RS512", ""},
			{"ES256", func(p *GrantParams) { p.Key.Algorithm = "ES256" }, nil, "key.alg"},
			{"PS256", func(p *GrantParams) { p.Key.Algorithm = "PS256" }, nil, "key.alg"},
			{"lower case", func(p *GrantParams) { p.Key.Algorithm = "rs256" }, nil, "key.alg"},
			taken("alg"),
		},
		"header kid": {
			{"registered key", nil, "kid-1", ""},
			{"certificate", func(p *GrantParams) { p.Key = Key{CertificateChain: [][]byte{der}} }, nil, ""},
			{"neither", func(p *GrantParams) { p.Key = Key{} }, nil, "key.kid"},
			{"both", func(p *GrantParams) { p.Key.CertificateChain = [][]byte{der} }, nil, "key.kid"},
			{"slash", func(p *GrantParams) { p.Key.KeyID = "a/b" }, nil, "key.kid"},
			taken("kid"),
		},
		"header x5c": {
			{"registered key", nil, nil, ""},
			{"leaf only", func(p *GrantParams) { p.Key = Key{CertificateChain: [][]byte{der}} }, []any{"+/8="}, ""},
			{"chain", func(p *GrantParams) { p.Key = Key{CertificateChain: [][]byte{der, {1}}} }, []any{"+/8=", "AQ=="}, ""},
			{"empty certificate", func(p *GrantParams) { p.Key = Key{CertificateChain: [][]byte{der, {}}} }, nil, "key.x5c[1]"},
			taken("x5c"),
		},
		"header typ": {{"never", nil, nil, ""}, taken("typ")},
		"header x5t": {{"never", nil, nil, ""}, taken("x5t"), taken("x5t#S256")},
		"aud": {
			{"the issuer", nil, "https://test.maskinporten.no/", ""},
			{"Skyporten's issuer", func(p *GrantParams) {
				p.Environment, p.Request.Resource = SkyportenTest, []string{"https://api.se"}
			}, "https://test.sky.maskinporten.no", ""},
			{"no slash", func(p *GrantParams) { p.Environment.Issuer = "https://test.maskinporten.no" }, nil, "environment.issuer"},
			{"token endpoint", func(p *GrantParams) { p.Environment.Issuer = Test.TokenEndpoint }, nil, "environment.issuer"},
			taken("aud"),
		},
		"iss": {
			{"client id", nil, "client", ""},
			{"legacy client id", func(p *GrantParams) { p.ClientID = "oidc_difi_x" }, "oidc_difi_x", ""},
			{"missing", func(p *GrantParams) { p.ClientID = "" }, nil, "client_id"},
			{"line break", func(p *GrantParams) { p.ClientID = "client\n" }, nil, "client_id"},
			taken("iss"),
		},
		"scope": {
			{"sorted, without repeats", nil, "a:one b:two", ""},
			{"case is kept", asking(func(r *TokenRequest) { r.Scopes = []string{"a:One", "a:one"} }), "a:One a:one", ""},
			{"all that RFC 6749 allows", asking(func(r *TokenRequest) { r.Scopes = []string{"altinn:a/b.c:d-e_f"} }), "altinn:a/b.c:d-e_f", ""},
			{"none", asking(func(r *TokenRequest) { r.Scopes = nil }), nil, "scopes"},
			{"two in one", asking(func(r *TokenRequest) { r.Scopes = []string{"a:b c:d"} }), nil, "scopes[0]"},
			{"no-break space", asking(func(r *TokenRequest) { r.Scopes = []string{"a:b\u00a0"} }), nil, "scopes[0]"},
			{"backslash", asking(func(r *TokenRequest) { r.Scopes = []string{`a:\b`} }), nil, "scopes[0]"},
			{"10,000 scopes", asking(func(r *TokenRequest) {
				r.Scopes = nil
				for i := range 10_000 {
					r.Scopes = append(r.Scopes, "a:"+itoa(i))
				}
			}), nil, "scopes"},
			taken("scope"), taken("Scope"),
		},
		"iat": {{"two seconds early", nil, 1_764_627_078.0, ""}, taken("iat")},
		"exp": {
			{"default", nil, 1_764_627_138.0, ""},
			{"the most", func(p *GrantParams) { p.Life = 120 * time.Second }, 1_764_627_198.0, ""},
			{"too long", func(p *GrantParams) { p.Life = 121 * time.Second }, nil, "grant_life_seconds"},
			{"too short", func(p *GrantParams) { p.Life = 9 * time.Second }, nil, "grant_life_seconds"},
			{"half a second", func(p *GrantParams) { p.Life = 10500 * time.Millisecond }, nil, "grant_life_seconds"},
			taken("exp"),
		},
		"jti": {{"given", nil, "jti-1", ""}, taken("jti")},
		"nbf": {{"never", nil, nil, ""}, taken("nbf")},
		"sub": {{"never", nil, nil, ""}, taken("sub")},
		"resource": {
			{"none", nil, nil, ""},
			{"one is a string", asking(func(r *TokenRequest) { r.Resource = []string{"https://api.no"} }), "https://api.no", ""},
			{"a URN", asking(func(r *TokenRequest) { r.Resource = []string{"urn:x:y"} }), "urn:x:y", ""},
			{"two are an array", asking(func(r *TokenRequest) { r.Resource = []string{"https://b.no", "https://a.no"} }), []any{"https://b.no", "https://a.no"}, ""},
			{"relative", asking(func(r *TokenRequest) { r.Resource = []string{"api"} }), nil, "resource[0]"},
			{"fragment", asking(func(r *TokenRequest) { r.Resource = []string{"https://a.no#b"} }), nil, "resource[0]"},
			{"empty", asking(func(r *TokenRequest) { r.Resource = []string{""} }), nil, "resource[0]"},
			{"a scheme with digits", asking(func(r *TokenRequest) { r.Resource = []string{"coap+tcp2://a.no"} }), "coap+tcp2://a.no", ""},
			{"a scheme that begins with a digit", asking(func(r *TokenRequest) { r.Resource = []string{"2a:b"} }), nil, "resource[0]"},
			{"a space", asking(func(r *TokenRequest) { r.Resource = []string{"https://a.no/b c"} }), nil, "resource[0]"},
			{"too long", asking(func(r *TokenRequest) { r.Resource = []string{"urn:" + strings.Repeat("a", 2048)} }), nil, "resource[0]"},
			{"none at Skyporten", func(p *GrantParams) { p.Environment = Skyporten }, nil, "resource"},
			taken("resource"),
		},
		"pid": {
			{"eleven digits", asking(func(r *TokenRequest) { r.PID = "01017012345" }), "01017012345", ""},
			{"ten digits", asking(func(r *TokenRequest) { r.PID = "0101701234" }), nil, "pid"},
			{"a space", asking(func(r *TokenRequest) { r.PID = "010170 12345" }), nil, "pid"},
			taken("pid"),
		},
		"consumer_org": {
			{"nine digits", asking(func(r *TokenRequest) { r.ConsumerOrg = "910753614" }), "910753614", ""},
			{"prefix", asking(func(r *TokenRequest) { r.ConsumerOrg = "0192:910753614" }), nil, "consumer_org"},
			{"ten digits", asking(func(r *TokenRequest) { r.ConsumerOrg = "9107536140" }), nil, "consumer_org"},
			{"letters", asking(func(r *TokenRequest) { r.ConsumerOrg = "91075361A" }), nil, "consumer_org"},
			{"check digit", asking(func(r *TokenRequest) { r.ConsumerOrg = "910753613" }), nil, "consumer_org"},
			taken("consumer_org"), taken("consumer_orgno"),
		},
		"iss_onbehalfof": {
			{"registered value", asking(func(r *TokenRequest) { r.OnBehalfOf = "kommune-x.no" }), "kommune-x.no", ""},
			{"line break", asking(func(r *TokenRequest) { r.OnBehalfOf = "x\n" }), nil, "iss_onbehalfof"},
			{"too long", asking(func(r *TokenRequest) { r.OnBehalfOf = strings.Repeat("x", 256) }), nil, "iss_onbehalfof"},
			{"with consumer_org", asking(func(r *TokenRequest) { r.OnBehalfOf, r.ConsumerOrg = "x", "910753614" }), nil, "iss_onbehalfof"},
			taken("iss_onbehalfof"),
		},
		"authorization_details": {
			{"system user", asking(func(r *TokenRequest) { r.SystemUser = &SystemUser{Org: "310702641"} }), []any{systemUser}, ""},
			{"system user without organization", asking(func(r *TokenRequest) { r.SystemUser = &SystemUser{} }), nil, "system_user.org"},
			{"external_ref too long", asking(func(r *TokenRequest) {
				r.SystemUser = &SystemUser{Org: "310702641", ExternalRef: strings.Repeat("x", 256)}
			}), nil, "system_user.external_ref"},
			{"consent of a person", consents(Consent{someConsent, somePerson}), consent(somePerson), ""},
			{"consent of an organization", consents(Consent{someConsent, someBusiness}), consent(someBusiness), ""},
			{"consent to a customer", asking(func(r *TokenRequest) {
				r.Consent, r.ConsumerOrg = &Consent{someConsent, someBusiness}, "910753614"
			}), consent(someBusiness), ""},
			{"consent without id", consents(Consent{"", somePerson}), nil, "consent.id"},
			{"consent with braces", consents(Consent{"{" + someConsent + "}", somePerson}), nil, "consent.id"},
			{"consent with a letter beyond f", consents(Consent{strings.Replace(someConsent, "e", "g", 1), somePerson}), nil, "consent.id"},
			{"consent without hyphens", consents(Consent{strings.ReplaceAll(someConsent, "-", "0"), somePerson}), nil, "consent.id"},
			{"consent with a hyphen too many", consents(Consent{"77ed8698-e01a-4dc6-b9bf-8f2c1a2-3c4d", somePerson}), nil, "consent.id"},
			{"consent of nobody", consents(Consent{someConsent, ""}), nil, "consent.from"},
			{"consent of a bare number", consents(Consent{someConsent, "01017012345"}), nil, "consent.from"},
			{"consent of ten digits", consents(Consent{someConsent, "urn:altinn:person:identifier-no:0101701234"}), nil, "consent.from"},
			{"consent of a wrong check digit", consents(Consent{someConsent, "urn:altinn:organization:identifier-no:991825828"}), nil, "consent.from"},
			{"consent of a prefixed number", consents(Consent{someConsent, "urn:altinn:organization:identifier-no:0192:991825827"}), nil, "consent.from"},
			{"consent and system user", asking(func(r *TokenRequest) {
				r.Consent, r.SystemUser = &Consent{someConsent, somePerson}, &SystemUser{Org: "310702641"}
			}), nil, "consent"},
			taken("authorization_details"),
		},
		"tomorrow": {
			{"text", claiming("tomorrow", ` "a b" `), "a b", ""},
			{"object", claiming("tomorrow", "{ \"a\" : [ 1 , {\"b\":\"c \\\" d\"} ] }\n"), map[string]any{"a": []any{1.0, map[string]any{"b": `c " d`}}}, ""},
			{"flag", claiming("tomorrow", "false"), false, ""},
			{"2^53 - 1", claiming("tomorrow", "9007199254740991"), 9007199254740991.0, ""},
			{"decimals", claiming("tomorrow", "-0.25"), -0.25, ""},
			{"2^53", claiming("tomorrow", "9007199254740992"), nil, "extra_claims.tomorrow"},
			{"-2^53, deep inside", claiming("tomorrow", `[{"a":[-9007199254740992]}]`), nil, "extra_claims.tomorrow"},
			{"2^64 and a fraction", claiming("tomorrow", "18446744073709551616.5"), nil, "extra_claims.tomorrow"},
			{"an exponent", claiming("tomorrow", "1e400"), nil, "extra_claims.tomorrow"},
			{"not JSON", claiming("tomorrow", "text"), nil, "extra_claims.tomorrow"},
			{"NaN", claiming("tomorrow", "NaN"), nil, "extra_claims.tomorrow"},
			{"empty", claiming("tomorrow", ""), nil, "extra_claims.tomorrow"},
			{"null", claiming("tomorrow", "null"), nil, "extra_claims.tomorrow"},
			{"two values", claiming("tomorrow", "1,2"), nil, "extra_claims.tomorrow"},
			{"out of its place", claiming("tomorrow", `1,"scope":"all"`), nil, "extra_claims.tomorrow"},
			{"a member twice", claiming("tomorrow", `{"a":1,"a":2}`), nil, "extra_claims.tomorrow"},
			{"a lone surrogate", claiming("tomorrow", `"\ud800"`), nil, "extra_claims.tomorrow"},
			{"deep", claiming("tomorrow", strings.Repeat("[", 40)+strings.Repeat("]", 40)), nil, "extra_claims.tomorrow"},
			{"16 KiB", claiming("tomorrow", `"`+strings.Repeat("x", 16<<10)+`"`), nil, "extra_claims"},
			{"a name that breaks out", claiming(`a":1,"scope`, "1"), nil, `extra_claims.a":1,"scope`},
			{"an empty name", claiming("", "1"), nil, "extra_claims."},
			{"two names in two cases", asking(func(r *TokenRequest) { r.ExtraClaims = map[string]string{"Tomorrow": "1", "tomorrow": "2"} }), nil, "extra_claims.tomorrow"},
			{"too many", asking(func(r *TokenRequest) {
				r.ExtraClaims = map[string]string{}
				for i := range 33 {
					r.ExtraClaims["c"+itoa(i)] = "1"
				}
			}), nil, "extra_claims"},
		},
	}
	for claim, cases := range tests {
		for _, test := range cases {
			t.Run(claim+"/"+test.name, func(t *testing.T) {
				p := GrantParams{Environment: Test, ClientID: "client", Key: Key{KeyID: "kid-1"}, JTI: "jti-1", Now: now,
					Request: TokenRequest{Scopes: []string{"b:two", "a:one", "b:two"}}}
				if test.change != nil {
					test.change(&p)
				}
				grant, err := BuildGrant(p)
				if test.field != "" {
					code := CodeInvalidTokenRequest
					for _, prefix := range []string{"key", "client_id", "environment", "grant_life_seconds"} {
						if strings.HasPrefix(test.field, prefix) {
							code = CodeInvalidConfig
						}
					}
					e := wantError(t, err, code)
					if p := e.Problems[0]; p.Field != test.field || !strings.HasSuffix(p.Remedy, ".") || p.Message == "" {
						t.Errorf("the problem is %+v, want one with %s", p, test.field)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				part, name := 1, claim
				if member, ok := strings.CutPrefix(claim, "header "); ok {
					part, name = 0, member
				}
				if got := decodePart(t, string(grant.SigningInput)+".", part)[name]; !reflect.DeepEqual(got, test.want) {
					t.Errorf("%s is %v, want %v", claim, got, test.want)
				}
			})
		}
	}
}

// TestGrantHasNothingElse builds a grant of everything at once: the names in
// it are those that were asked for.
func TestGrantHasNothingElse(t *testing.T) {
	r := TokenRequest{Scopes: []string{"a:b"}, Resource: []string{"https://api.no"}, ConsumerOrg: "910753614", PID: "01017012345",
		Consent: &Consent{someConsent, somePerson}, ExtraClaims: map[string]string{"zeta": "1", "alpha": ` { "x" : "y z" } `}}
	grant, _, claims := buildTestGrant(t, func(p *GrantParams) { p.Request = r })
	if len(claims) != 12 {
		t.Errorf("there are %d claims, want 12: %v", len(claims), claims)
	}
	text := string(decodeText(t, string(grant.SigningInput), 1))
	if !strings.HasSuffix(text, `,"alpha":{"x":"y z"},"zeta":1}`) {
		t.Errorf("extra claims are not compact and in order at the end: %s", text)
	}
	if !json.Valid([]byte(text)) {
		t.Error("the claims are not JSON")
	}
	for range 20 { // the order of a map must not show
		again, _, _ := buildTestGrant(t, func(p *GrantParams) { p.Request = r })
		if string(again.SigningInput) != string(grant.SigningInput) {
			t.Fatal("equal requests make different grants")
		}
	}
}

func TestEveryReservedNameIsRefused(t *testing.T) {
	for name := range reserved {
		for _, form := range []string{name, strings.ToUpper(name)} {
			e := wantError(t, TokenRequest{Scopes: []string{"a:b"}, ExtraClaims: map[string]string{form: "1"}}.Validate(), CodeInvalidTokenRequest)
			if e.Problems[0].Message != "it is not an extra claim" {
				t.Errorf("%s: %+v", form, e.Problems[0])
			}
		}
	}
}

func TestExtraClaimsAreNotShown(t *testing.T) {
	for _, value := range []string{canary, `{"` + canary + `":1,"` + canary + `":2}`, `["` + canary + `",1e99]`} {
		wantError(t, TokenRequest{Scopes: []string{"a:b"}, ExtraClaims: map[string]string{"x": value}}.Validate(), CodeInvalidTokenRequest)
	}
	e := wantError(t, TokenRequest{Scopes: []string{"a:b"}, Consent: &Consent{someConsent, "urn:altinn:person:identifier-no:010170123456"}}.Validate(), CodeInvalidTokenRequest)
	if strings.Contains(e.Error(), "010170") {
		t.Error("the number of a person shows")
	}
}

// TestCloneSharesNothing changes everything that a clone could share.
func TestCloneSharesNothing(t *testing.T) {
	whole := func() TokenRequest {
		return TokenRequest{Scopes: []string{"b:c", "a:b", "b:c"}, Resource: []string{"https://a.no"}, SystemUser: &SystemUser{Org: "310702641"},
			Consent: &Consent{ID: someConsent}, ExtraClaims: map[string]string{"x": "1"}}
	}
	given := whole()
	kept := given.clone()
	given.Scopes[0], given.Resource[0], given.SystemUser.Org, given.Consent.ID, given.ExtraClaims["x"] = "z", "z", "z", "z", "z"
	want := whole()
	if !reflect.DeepEqual(kept, want) {
		t.Errorf("the clone is %+v, want %+v", kept, want)
	}
	x := TokenExchange("https://a.no/token")
	x.Name, x.Audience, x.Resource, x.Scopes = "", []string{"a"}, []string{"b"}, []string{"c", "c"}
	cloned := x.clone()
	x.Audience[0], x.Resource[0], x.Scopes[0] = "z", "z", "z"
	if cloned.Audience[0] != "a" || cloned.Resource[0] != "b" || cloned.Scopes[0] != "c" || cloned.Name != "token_exchange" {
		t.Errorf("the clone is %+v", cloned)
	}
}
