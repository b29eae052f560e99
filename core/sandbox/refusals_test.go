package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// outcome is what a refused client must be told.
type outcome struct {
	status int
	err    string // error
	mp     string // the code at the end of error_uri, or "" if there is none
	text   string // error_description without the trace id
}

const authFailed = "Invalid assertion. Client authentication failed. "

// What several rows expect, written by hand from the documentation.
var (
	wantMalformed      = outcome{400, "invalid_request", "MP-011", "Invalid assertion. Invalid parameter value"}
	wantKeyID          = outcome{400, "invalid_grant", "", authFailed + "Unknown key identifier (kid) for client."}
	wantKeyIDGiven     = outcome{400, "invalid_grant", "", authFailed + "Invalid JWT. The client requires pre-registered jwk and no key identifier (kid) provided"}
	wantChainForm      = outcome{400, "invalid_grant", "MP-123", "Invalid JWT header x5c"}
	wantCertificate    = outcome{400, "invalid_grant", "MP-120", authFailed + "The JWT is signed with an invalid certificate."}
	wantSignature      = outcome{400, "invalid_grant", "MP-124", authFailed + "Invalid JWT signature."}
	wantAudience       = outcome{400, "invalid_grant", "MP-110", authFailed + "Invalid JWT claim aud."}
	wantDetailsType    = outcome{400, "invalid_authorization_details", "MP-301", "Unknown authorization details type"}
	wantDetailsMember  = outcome{400, "invalid_authorization_details", "MP-302", "Unknown fields in the authorization details"}
	wantDetailsInvalid = outcome{400, "invalid_altinn_customer_configuration", "MP-303", "Invalid authorization details values"}
)

// Each row breaks one rule of a grant that is otherwise accepted.
var refusalRows = []struct {
	name    string
	certify bool // start from the grant with a certificate
	change  func(*fixture, *draft)
	config  func(*Config)
	want    outcome
	detail  string // part of what the journal says; many answers are alike
}{
	// Form (MP-011).
	{name: "two parts", change: mangle(func(s string) string { return s[:strings.LastIndex(s, ".")] }), want: wantMalformed, detail: "three parts"},
	{name: "four parts", change: mangle(func(s string) string { return s + ".x" }), want: wantMalformed, detail: "three parts"},
	{name: "line break in the assertion", change: mangle(func(s string) string { return s[:20] + "\n" + s[20:] }), want: wantMalformed, detail: "line breaks"},
	{name: "base64 padding", change: mangle(func(s string) string { return s + "==" }), want: wantMalformed, detail: "signature is not base64url"},
	{name: "no assertion", change: mangle(func(string) string { return "" }), want: wantMalformed, detail: "three parts"},
	{name: "duplicate claim", change: payload(func(s string) string { return s[:len(s)-1] + `,"jti":"x"}` }), want: wantMalformed, detail: `member "jti" is there twice`},
	{name: "duplicate nested member", change: payload(func(s string) string { return s[:len(s)-1] + `,"authorization_details":[{"type":"a","type":"a"}]}` }), want: wantMalformed, detail: `member "type" is there twice`},
	{name: "payload nested too deep", change: payload(func(s string) string {
		return s[:len(s)-1] + `,"authorization_details":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`
	}), want: wantMalformed, detail: "nested deeper"},
	{name: "payload is an array", change: payload(func(s string) string { return "[" + s + "]" }), want: wantMalformed, detail: "not a JSON object"},
	{name: "something after the payload", change: payload(func(s string) string { return s + "{}" }), want: wantMalformed, detail: "not JSON"},
	{name: "payload not UTF-8", change: payload(func(s string) string { return strings.Replace(s, "sandbox", "sand\xffbox", 1) }), want: wantMalformed, detail: "not JSON in UTF-8"},
	{name: "alg none", change: header("alg", "none"), want: wantMalformed, detail: "alg is not"},
	{name: "alg HS256", change: header("alg", "HS256"), want: wantMalformed, detail: "alg is not"},
	{name: "alg PS256", change: header("alg", "PS256"), want: wantMalformed, detail: "alg is not"},
	{name: "alg missing", change: header("alg", nil), want: wantMalformed, detail: "alg is not"},
	{name: "kid not a string", change: header("kid", 7), want: wantMalformed, detail: "kid is not a string"},
	{name: "typ not JWT", change: header("typ", "at+jwt"), want: wantMalformed, detail: "typ is not"},
	{name: "crit", change: header("crit", []string{"b64"}), want: wantMalformed, detail: "crit names"},

	// Claims (MP-011).
	{name: "unknown claim", change: claim("azp", "x"), want: wantMalformed, detail: `claim "azp" is not known`},
	{name: "claim in other case", change: claim("JTI", "x"), want: wantMalformed, detail: `claim "JTI" is not known`},
	{name: "nbf when not allowed", change: claim("nbf", 1), config: func(c *Config) { c.AllowedClaims = []string{} }, want: wantMalformed, detail: `claim "nbf" is not known`},
	{name: "no iss", change: claim("iss", nil), want: wantMalformed, detail: "claim iss is missing"},
	{name: "no aud", change: claim("aud", nil), want: wantMalformed, detail: "claim aud is missing"},
	{name: "no scope", change: claim("scope", nil), want: wantMalformed, detail: "claim scope is missing"},
	{name: "no iat", change: claim("iat", nil), want: wantMalformed, detail: "claim iat is missing"},
	{name: "no exp", change: claim("exp", nil), want: wantMalformed, detail: "claim exp is missing"},
	{name: "scope an array", change: claim("scope", []string{"sandbox:plain"}), want: wantMalformed, detail: "claim scope is not"},
	{name: "scope blank", change: claim("scope", "  "), want: wantMalformed, detail: "claim scope is not"},
	{name: "iat a string", change: claim("iat", "1700000000"), want: wantMalformed, detail: "claim iat is not"},
	{name: "exp with a fraction", change: claim("exp", json.Number("1700000000.5")), want: wantMalformed, detail: "claim exp is not"},
	{name: "exp beyond int64", change: claim("exp", json.Number("99999999999999999999")), want: wantMalformed, detail: "claim exp is not"},
	{name: "jti a number", change: claim("jti", 1), want: wantMalformed, detail: "claim jti is not"},
	{name: "aud a number", change: claim("aud", 1), want: wantMalformed, detail: "claim aud is not"},
	{name: "resource relative", change: claim("resource", "/api"), want: wantMalformed, detail: "claim resource is not"},
	{name: "resource an empty array", change: claim("resource", []string{}), want: wantMalformed, detail: "claim resource is not"},
	{name: "pid of ten digits", change: claim("pid", "1234567890"), want: wantMalformed, detail: "claim pid is not"},
	{name: "consumer_org with prefix", change: claim("consumer_org", "0192:313333337"), want: wantMalformed, detail: "claim consumer_org is not"},
	{name: "consumer_org a number", change: claim("consumer_org", 313333337), want: wantMalformed, detail: "claim consumer_org is not"},
	{name: "consumer_org and iss_onbehalfof", change: func(f *fixture, d *draft) {
		d.claims["consumer_org"], d.claims["iss_onbehalfof"] = f.demo.CustomerOrganization, "x"
	}, want: wantMalformed, detail: "exclude each other"},

	// Client and key.
	{name: "unknown client", change: claim("iss", "nobody"), want: outcome{400, "invalid_grant", "MP-100", "Invalid assertion. Client authentication failed."}},
	{name: "unknown kid", change: header("kid", "nothing"), want: wantKeyID},
	{name: "no kid on a client with keys", change: header("kid", nil), want: wantKeyIDGiven},
	{name: "x5c on a client with keys", change: func(f *fixture, d *draft) {
		d.header = map[string]any{"alg": "RS256", "x5c": x5c(f.demo.CertificateChain...)}
		d.key = f.demo.CertificateKey
	}, want: wantKeyIDGiven},
	{name: "kid and x5c", change: func(f *fixture, d *draft) { d.header["x5c"] = x5c(f.demo.CertificateChain...) }, want: wantMalformed, detail: "both kid and x5c"},
	{name: "kid on a client without keys", certify: true, change: header("kid", "some"), want: wantKeyID},
	{name: "neither kid nor x5c", certify: true, change: header("x5c", nil), want: wantChainForm},
	{name: "x5c a string", certify: true, change: func(f *fixture, d *draft) { d.header["x5c"] = x5c(f.demo.CertificateChain[0])[0] }, want: wantChainForm},
	{name: "x5c empty", certify: true, change: header("x5c", []string{}), want: wantChainForm},
	{name: "x5c not certificates", certify: true, change: header("x5c", []string{"AAAA"}), want: wantChainForm},
	{name: "x5c in base64url", certify: true, change: func(f *fixture, d *draft) {
		d.header["x5c"] = []string{base64.RawURLEncoding.EncodeToString(f.demo.CertificateChain[0])}
	}, want: wantChainForm},
	{name: "x5c root first", certify: true, change: func(f *fixture, d *draft) {
		c := f.demo.CertificateChain
		d.header["x5c"] = x5c(c[2], c[1], c[0])
	}, want: wantCertificate},
	{name: "x5c without the intermediate", certify: true, change: func(f *fixture, d *draft) { d.header["x5c"] = x5c(f.demo.CertificateChain[0]) }, want: wantCertificate},
	{name: "foreign certificate", certify: true, change: func(f *fixture, d *draft) {
		chain, key, err := must(newAuthority("Business", norwegian("Other CA AS", demoRegistry))).issue(norwegian("Sandbox Vendor AS", f.demo.Organization))
		if err != nil {
			f.Fatal(err)
		}
		d.header["x5c"], d.key = x5c(chain...), key
	}, want: wantCertificate},
	{name: "certificate of another organization", certify: true, config: func(c *Config) {
		c.Clients[1].Organization = "312222221"
		c.SystemUsers = nil
	}, want: outcome{400, "invalid_grant", "MP-122", "Invalid JWT. Invalid organization number for client. Does not match certificate orgno"}},
	{name: "expired key", config: func(c *Config) {
		key := c.Clients[0].Keys[0]
		key.Expires = time.Now().Unix() - 1
		c.Clients[0].Keys = []Key{key}
	}, want: outcome{400, "invalid_grant", "MP-121", authFailed + "Expired key."}},
	{name: "signed with another key", change: func(_ *fixture, d *draft) { d.key = otherKey() }, want: wantSignature},
	{name: "certificate's grant signed with another key", certify: true, change: func(_ *fixture, d *draft) { d.key = otherKey() }, want: wantSignature},
	{name: "payload changed after signing", change: mangle(func(s string) string {
		parts := strings.Split(s, ".")
		decoded := must(base64.RawURLEncoding.DecodeString(parts[1]))
		changed := strings.Replace(string(decoded), "sandbox:plain", "sandbox:other", 1)
		return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[2]
	}), want: wantSignature},
	{name: "alg changed after signing", change: mangle(func(s string) string {
		parts := strings.Split(s, ".")
		decoded := must(base64.RawURLEncoding.DecodeString(parts[0]))
		changed := strings.Replace(string(decoded), "RS256", "RS512", 1)
		return base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[1] + "." + parts[2]
	}), want: wantSignature},

	// Audience and times.
	{name: "aud without slash", change: func(f *fixture, d *draft) { d.claims["aud"] = f.URL() }, want: wantAudience},
	{name: "aud the token endpoint", change: func(f *fixture, d *draft) { d.claims["aud"] = f.URL() + "/token" }, want: wantAudience},
	{name: "aud of another environment", change: claim("aud", "https://test.maskinporten.no/"), want: wantAudience},
	{name: "aud an array of one", change: func(f *fixture, d *draft) { d.claims["aud"] = []string{f.URL() + "/"} }, want: wantAudience},
	{name: "iat ahead", change: times(60, 100), want: outcome{400, "invalid_grant", "", "Issue time is after now"}},
	{name: "iat long ago, strict", change: times(-30, 60), config: func(c *Config) { c.StrictIssueTime = true }, want: outcome{400, "invalid_grant", "", "Issue time is too long before now"}},
	{name: "expired", change: times(-90, -30), want: outcome{400, "invalid_grant", "MP-130", "JWT is expired"}},
	{name: "life of 121 seconds", change: times(0, 121), want: outcome{400, "invalid_request", "MP-011", "Invalid assertion. JWT has too long lifetime."}},

	// Scopes and access.
	{name: "unregistered scope", change: claim("scope", "sandbox:plain sandbox:nothing"), want: outcome{400, "invalid_scope", "MP-200", "Token request contains invalid scopes for client, sandbox:nothing"}},
	{name: "scope in other case", change: claim("scope", "sandbox:Plain"), want: outcome{400, "invalid_scope", "MP-200", "Token request contains invalid scopes for client, sandbox:Plain"}},
	{name: "scope for login", change: claim("scope", "sandbox:login"), want: outcome{400, "invalid_scope", "MP-201", "Token request contains scopes not allowed for maskinporten"}},
	{name: "scope without access", change: claim("scope", "sandbox:plain sandbox:ungranted"), want: outcome{403, "forbidden", "MP-250", "Consumer has not been granted access to the scope sandbox:ungranted"}},
	{name: "delegated scope without consumer_org", change: claim("scope", "sandbox:delegated"), want: outcome{403, "forbidden", "MP-250", "Consumer has not been granted access to the scope sandbox:delegated"}},
	{name: "own organization as consumer_org", change: func(f *fixture, d *draft) {
		d.claims["scope"], d.claims["consumer_org"] = f.demo.Scopes.Delegated, f.demo.Organization
	}, want: outcome{400, "invalid_request", "", "Validation of JWT claim failed: The combination consumer_org in claim and delegation scope on client is invalid"}},
	{name: "consumer without access", change: claim("consumer_org", "313333337"), want: outcome{403, "forbidden", "MP-250", "Consumer has not been granted access to the scope sandbox:plain"}},
	{name: "missing delegation", change: func(f *fixture, d *draft) {
		d.claims["scope"], d.claims["consumer_org"] = f.demo.Scopes.Delegated, f.demo.OtherOrganization
	}, want: outcome{403, "forbidden", "MP-251", "Consumer 312222221 has not delegated access to the scope sandbox:delegated to supplier 314444442"}},

	// authorization_details.
	{name: "details not an array", change: claim("authorization_details", map[string]any{"type": "urn:altinn:systemuser"}), want: wantDetailsType},
	{name: "details empty", change: claim("authorization_details", []any{}), want: wantDetailsType},
	{name: "details null", change: payload(func(s string) string { return s[:len(s)-1] + `,"authorization_details":null}` }), want: wantDetailsType},
	{name: "details of strings", change: claim("authorization_details", []any{"x"}), want: wantDetailsType},
	{name: "details twice", change: func(f *fixture, d *draft) {
		d.claims["authorization_details"] = append(f.systemUser(), f.systemUser()...)
	}, want: wantDetailsType},
	{name: "details type unknown", change: details("type", "urn:altinn:other"), want: wantDetailsType},
	{name: "details type missing", change: details("type", nil), want: wantDetailsType},
	{name: "details unknown member", change: details("external_ref", "x"), want: wantDetailsMember},
	{name: "systemuser_org unknown member", change: details("systemuser_org", map[string]any{"authority": "iso6523-actorid-upis", "id": "0192:313333337"}), want: wantDetailsMember},
	{name: "systemuser_org missing", change: details("systemuser_org", nil), want: wantDetailsInvalid},
	{name: "systemuser_org without prefix", change: details("systemuser_org", map[string]any{"authority": "iso6523-actorid-upis", "ID": "313333337"}), want: wantDetailsInvalid},
	{name: "systemuser_org of another authority", change: details("systemuser_org", map[string]any{"authority": "other", "ID": "0192:313333337"}), want: wantDetailsInvalid},
	{name: "system user of another organization", change: details("systemuser_org", map[string]any{"authority": "iso6523-actorid-upis", "ID": "0192:312222221"}), want: wantDetailsInvalid},
	{name: "externalRef wrong", change: details("externalRef", "department-2"), want: wantDetailsInvalid},
	{name: "externalRef missing", change: details("externalRef", nil), want: wantDetailsInvalid},
	{name: "externalRef a number", change: details("externalRef", 1), want: wantDetailsInvalid},
	{name: "client not on the system", change: details("", nil), config: func(c *Config) {
		user := c.SystemUsers[0]
		user.Clients = user.Clients[1:]
		c.SystemUsers = []SystemUser{user}
	}, want: wantDetailsInvalid},
	{name: "consent that does not exist", change: claim("authorization_details", []any{map[string]any{"type": "urn:altinn:consent", "id": "x", "from": "urn:altinn:person:identifier-no:x"}}), want: wantDetailsInvalid},
}

// mangle changes the grant after signing.
func mangle(change func(string) string) func(*fixture, *draft) {
	return func(_ *fixture, d *draft) { d.mangle = change }
}

// payload changes the text of the payload and signs that, so that nothing but
// the text itself is wrong.
func payload(change func(string) string) func(*fixture, *draft) {
	return func(_ *fixture, d *draft) {
		d.mangle = func(signed string) string {
			parts := strings.Split(signed, ".")
			text := change(string(must(base64.RawURLEncoding.DecodeString(parts[1]))))
			return (&draft{header: d.header, key: d.key}).signParts(parts[0], base64.RawURLEncoding.EncodeToString([]byte(text)))
		}
	}
}

func put(object map[string]any, name string, value any) {
	if value == nil {
		delete(object, name)
	} else {
		object[name] = value
	}
}

func header(name string, value any) func(*fixture, *draft) {
	return func(_ *fixture, d *draft) { put(d.header, name, value) }
}

func claim(name string, value any) func(*fixture, *draft) {
	return func(_ *fixture, d *draft) { put(d.claims, name, value) }
}

// times sets iat and exp, in seconds from now.
func times(issued, expires int64) func(*fixture, *draft) {
	return func(f *fixture, d *draft) {
		now := f.now().Unix()
		d.claims["iat"], d.claims["exp"] = now+issued, now+expires
	}
}

// systemUser is the authorization_details for the demo's system user.
func (f *fixture) systemUser() []any {
	return []any{map[string]any{
		"type":           "urn:altinn:systemuser",
		"systemuser_org": map[string]any{"authority": "iso6523-actorid-upis", "ID": "0192:" + f.demo.SystemUser.Organization},
		"externalRef":    f.demo.SystemUser.ExternalRef,
	}}
}

// details asks for the system user with one member changed.
func details(name string, value any) func(*fixture, *draft) {
	return func(f *fixture, d *draft) {
		list := f.systemUser()
		put(list[0].(map[string]any), name, value)
		d.claims["scope"], d.claims["authorization_details"] = f.demo.Scopes.SystemUser, list
	}
}
