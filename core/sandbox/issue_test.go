package sandbox

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var (
	plainClaims  = []string{"client_amr", "client_id", "consumer", "exp", "iat", "iss", "jti", "scope", "token_type"}
	random43     = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	organization = func(number string) any {
		return map[string]any{"authority": "iso6523-actorid-upis", "ID": "0192:" + number}
	}
)

// verified checks a token with the key that /jwk publishes, by nothing but the
// standard library, and returns its claims.
func (f *fixture) verified(token string) map[string]any {
	f.Helper()
	header, claims := decode(f.T, token)
	if !reflect.DeepEqual(members(header), []string{"alg", "kid"}) || header["alg"] != "RS256" {
		f.Errorf("the header is %v", header)
	}
	var set struct {
		Keys []struct {
			Kty, Use, Alg, Kid, N, E string
			X5C                      []string
		}
	}
	if err := json.Unmarshal(f.do("GET", f.URL()+"/jwk", nil, "").body, &set); err != nil || len(set.Keys) != 1 {
		f.Fatalf("%d keys, %v", len(set.Keys), err)
	}
	key := set.Keys[0]
	if key.Kty != "RSA" || key.Use != "sig" || key.Alg != "RS256" || !random43.MatchString(key.Kid) || key.Kid != header["kid"] || len(key.X5C) != 1 {
		f.Errorf("the key is %+v, the header %v", key, header)
	}
	modulus := must(base64.RawURLEncoding.DecodeString(key.N))
	exponent := must(base64.RawURLEncoding.DecodeString(key.E))
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	if public.N.BitLen() != 3072 {
		f.Errorf("the key has %d bits", public.N.BitLen())
	}
	dot := strings.LastIndex(token, ".")
	digest := sha256.Sum256([]byte(token[:dot]))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], must(base64.RawURLEncoding.DecodeString(token[dot+1:]))); err != nil {
		f.Error(err)
	}
	return claims
}

func life(claims map[string]any) float64 { return claims["exp"].(float64) - claims["iat"].(float64) }

func TestPlainToken(t *testing.T) {
	f := start(t, nil)
	token, answer := f.token(f.keyGrant())
	if got := members(answer); !reflect.DeepEqual(got, []string{"access_token", "expires_in", "scope", "token_type"}) {
		t.Errorf("the answer has %v", got)
	}
	if answer["token_type"] != "Bearer" || answer["expires_in"] != 120.0 || answer["scope"] != f.demo.Scopes.Plain {
		t.Errorf("the answer says %v, %v, %v", answer["token_type"], answer["expires_in"], answer["scope"])
	}
	claims := f.verified(token)
	if got := members(claims); !reflect.DeepEqual(got, plainClaims) {
		t.Errorf("the claims are %v", got)
	}
	for name, want := range map[string]any{
		"iss": f.URL() + "/", "scope": f.demo.Scopes.Plain, "client_id": f.demo.ClientID, "client_amr": "private_key_jwt",
		"token_type": "Bearer", "consumer": organization(f.demo.Organization),
	} {
		if !reflect.DeepEqual(claims[name], want) {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if life(claims) != 120 || !random43.MatchString(claims["jti"].(string)) {
		t.Errorf("life %v, jti of %d characters", life(claims), len(claims["jti"].(string)))
	}

	second, _ := f.token(f.keyGrant())
	if _, other := decode(t, second); other["jti"] == claims["jti"] {
		t.Error("two tokens have one jti")
	}
}

func TestTokenByCertificate(t *testing.T) {
	f := start(t, nil)
	token, _ := f.token(f.certificateGrant())
	if entry := f.last(); entry.Certificates != 3 || entry.KeyID != "" {
		t.Errorf("the journal has %d certificates and kid %q", entry.Certificates, entry.KeyID)
	}
	claims := f.verified(token)
	if claims["client_amr"] != "virksomhetssertifikat" || claims["client_id"] != f.demo.CertificateClientID {
		t.Errorf("client_amr %v, client_id %v", claims["client_amr"], claims["client_id"])
	}
}

// The life of a token is that of its shortest scope, and a scope asked for
// twice is granted once.
func TestSeveralScopes(t *testing.T) {
	f := start(t, nil)
	d := f.keyGrant()
	d.claims["scope"] = f.demo.Scopes.Customs
	if _, answer := f.token(d); answer["expires_in"] != 600.0 {
		t.Errorf("expires_in of Customs' scope is %v", answer["expires_in"])
	}
	d = f.keyGrant()
	d.claims["scope"] = f.demo.Scopes.Customs + "  " + f.demo.Scopes.Many[19] + " " + f.demo.Scopes.Customs
	token, answer := f.token(d)
	want := f.demo.Scopes.Customs + " " + f.demo.Scopes.Many[19]
	if answer["expires_in"] != 120.0 || answer["scope"] != want || f.verified(token)["scope"] != want {
		t.Errorf("expires_in %v, scope %v", answer["expires_in"], answer["scope"])
	}
}

func TestResourceAndPID(t *testing.T) {
	f := start(t, nil)
	for _, row := range []struct{ resource, audience any }{
		{"https://api.example.no", "https://api.example.no"},
		{[]any{"urn:example:api"}, "urn:example:api"},
		{[]any{"https://a.example.no", "https://b.example.no"}, []any{"https://a.example.no", "https://b.example.no"}},
	} {
		d := f.keyGrant()
		d.claims["resource"], d.claims["pid"] = row.resource, "12345678901"
		token, _ := f.token(d)
		claims := f.verified(token)
		if !reflect.DeepEqual(claims["aud"], row.audience) || claims["pid"] != "12345678901" {
			t.Errorf("resource %v: aud %v, pid %v", row.resource, claims["aud"], claims["pid"])
		}
		if got, want := len(claims), len(plainClaims)+2; got != want {
			t.Errorf("%d claims, want %d", got, want)
		}
	}
}

func TestDelegatedToken(t *testing.T) {
	f := start(t, nil)
	d := f.keyGrant()
	d.claims["scope"], d.claims["consumer_org"] = f.demo.Scopes.Delegated, f.demo.CustomerOrganization
	token, _ := f.token(d)
	claims := f.verified(token)
	for name, want := range map[string]any{
		"consumer": organization(f.demo.CustomerOrganization), "supplier": organization(f.demo.Organization), "delegation_source": "https://tt02.altinn.no/",
	} {
		if !reflect.DeepEqual(claims[name], want) {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if got, want := len(claims), len(plainClaims)+2; got != want {
		t.Errorf("%d claims, want %d", got, want)
	}

	seen := f.get(f.SampleAPI(), token).json(t)
	if seen["consumer"] != f.demo.CustomerOrganization || seen["supplier"] != f.demo.Organization {
		t.Errorf("the API saw consumer %v and supplier %v", seen["consumer"], seen["supplier"])
	}
}

func TestSystemUserToken(t *testing.T) {
	f := start(t, nil)
	for _, d := range []*draft{f.keyGrant(), f.certificateGrant()} {
		d.claims["scope"], d.claims["authorization_details"] = f.demo.Scopes.SystemUser, f.systemUser()
		token, _ := f.token(d)
		claims := f.verified(token)
		want := []any{map[string]any{
			"type":           "urn:altinn:systemuser",
			"systemuser_org": organization(f.demo.SystemUser.Organization),
			"systemuser_id":  []any{f.demo.SystemUser.ID},
			"system_id":      f.demo.SystemUser.SystemID,
			"externalRef":    f.demo.SystemUser.ExternalRef,
		}}
		if !reflect.DeepEqual(claims["authorization_details"], want) {
			t.Errorf("authorization_details is %v", claims["authorization_details"])
		}
		if !reflect.DeepEqual(claims["consumer"], organization(f.demo.Organization)) || claims["supplier"] != nil {
			t.Errorf("consumer %v, supplier %v", claims["consumer"], claims["supplier"])
		}
	}
}

// A system user made without externalRef is found by a grant without one, and
// by its owner's number.
func TestSystemUserWithoutReference(t *testing.T) {
	f := start(t, func(c *Config) {
		user := c.SystemUsers[0]
		user.ExternalRef = ""
		c.SystemUsers = []SystemUser{user}
	})
	for _, reference := range []any{nil, f.demo.SystemUser.Organization} {
		d := f.keyGrant()
		details("externalRef", reference)(f, d)
		f.token(d)
	}
}

func TestMetadata(t *testing.T) {
	f := start(t, nil)
	got := f.do("GET", f.Environment().MetadataURL, nil, "").json(t)
	want := map[string]any{
		"issuer":                                f.URL() + "/",
		"token_endpoint":                        f.URL() + "/token",
		"jwks_uri":                              f.URL() + "/jwk",
		"token_endpoint_auth_methods_supported": []any{"private_key_jwt"},
		"grant_types_supported":                 []any{"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"token_endpoint_auth_signing_alg_values_supported": []any{"RS256", "RS384", "RS512"},
		"authorization_details_types_supported":            []any{"urn:altinn:systemuser", "urn:altinn:consent"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the metadata is %v", got)
	}
	environment := f.Environment()
	if environment.Issuer != got["issuer"] || environment.TokenEndpoint != got["token_endpoint"] || !environment.AllowLoopbackHTTP {
		t.Errorf("the environment is %+v", environment)
	}
	if err := environment.Validate(); err != nil {
		t.Error(err)
	}
}
