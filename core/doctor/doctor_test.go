package doctor

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

func TestHealthy(t *testing.T) {
	r := Diagnose(healthy(), now)
	if !r.OK || len(r.Findings) != 0 || r.Key.KeyID != "kid-1" || r.Key.Algorithm != "RS256" || r.Environment != core.Test {
		t.Errorf("%+v", r)
	}
	in := healthy()
	in.Config.Key = core.Key{CertificateChain: testChain(t), SignatureSize: 256}
	in.Exchanges = []core.Exchange{core.CustomsExchange(core.Test)}
	r = Diagnose(in, now)
	if !r.OK || len(r.Findings) != 0 || len(r.Key.Thumbprint) != 64 || r.Key.OrganizationNumber != "314444442" || r.Key.Bits != 2048 || !r.Key.NotAfter.Equal(now.Add(400*day)) {
		t.Errorf("%+v", r)
	}
}

// TestFindings has one row for each rule: what is changed in a healthy input,
// and all that is found then.
func TestFindings(t *testing.T) {
	seal := func(identifier, issuer string) core.Key {
		return core.Key{CertificateChain: chain(t, identifier, issuer, now.Add(400*day))}
	}
	certified := core.Key{CertificateChain: testChain(t)}
	altinn := func(name string) core.Exchange {
		x, err := core.AltinnExchange(name)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for name, test := range map[string]struct {
		change func(*Input)
		want   string
		says   string
	}{
		// What core and keys refuse.
		"nothing given":           {func(in *Input) { *in = Input{} }, "e:environment.issuer e:environment.token_endpoint e:client_id e:key.kid", "self-service"},
		"no slash":                {func(in *Input) { in.Config.Environment.Issuer = "https://test.maskinporten.no" }, "e:environment.issuer", "lacks its trailing slash"},
		"two environments":        {func(in *Input) { in.Config.Environment.TokenEndpoint = core.Production.TokenEndpoint }, "e:environment.token_endpoint", "different environments"},
		"grant life":              {func(in *Input) { in.Config.GrantLife = 3 * time.Minute }, "e:grant_life_seconds", "10 to 120"},
		"kid with a space":        {func(in *Input) { in.Config.Key.KeyID = "kid 1" }, "e:key.kid", "does not allow"},
		"no scope":                {func(in *Input) { in.Request.Scopes = nil }, "e:scopes", "no scope"},
		"a token as a scope":      {func(in *Input) { in.Request.Scopes = []string{"eyJhbGciOiJSUzI1NiJ9." + canary} }, "e:scopes[0]", "no token belongs in code"},
		"customs of production":   {func(in *Input) { in.Exchanges = []core.Exchange{core.CustomsExchange(core.Production)} }, "e:exchanges[0].token_endpoint", "same environment"},
		"Altinn of production":    {func(in *Input) { in.Exchanges = []core.Exchange{altinn("prod")} }, "e:exchanges[0].endpoint", "same environment"},
		"Skyporten, no resource":  {func(in *Input) { in.Config.Environment = core.SkyportenTest }, "e:resource", "Skyporten"},
		"a store without its key": {func(in *Input) { in.Config.StoreKey = []byte{1} }, "e:store_key", "32"},
		"next key without a kid":  {func(in *Input) { in.Config.NextKeys = []core.Key{{}} }, "e:next_keys[0].kid", "neither"},
		"test certificate":        {func(in *Input) { in.Config.Environment, in.Config.Key = core.Production, certified }, "e:key.x5c[0]", "test certificate"},
		"production certificate":  {func(in *Input) { in.Config.Key = seal("NTRNO-314444442", "Buypass CA") }, "e:key.x5c[0]", "production certificate"},
		"chain in the wrong order": {func(in *Input) {
			in.Config.Key.KeyID = ""
			in.Config.Key.CertificateChain = [][]byte{certified.CertificateChain[1], certified.CertificateChain[0]}
		}, "e:key.x5c[1] e:key.x5c[0]", "has not issued"},
		"expired certificate": {func(in *Input) {
			in.Config.Key = core.Key{CertificateChain: chain(t, "NTRNO-314444442", "Test CA", now.Add(-day))}
		}, "e:key.x5c[0]", "expired"},
		"expired next certificate": {func(in *Input) {
			in.Config.NextKeys = []core.Key{{CertificateChain: chain(t, "NTRNO-314444442", "Test CA", now.Add(-day))}}
		}, "e:next_keys[0].x5c[0]", "expired"},
		"not a certificate":          {func(in *Input) { in.Config.Key = core.Key{CertificateChain: [][]byte{{1}}} }, "e:key.x5c[0]", "cannot be read"},
		"an empty certificate":       {func(in *Input) { in.Config.Key = core.Key{CertificateChain: [][]byte{{}}} }, "e:key.x5c[0]", "is empty"},
		"seal by the business rules": {func(in *Input) { in.Config.Key = seal("NTRSE-5560000000", "Trust Test CA") }, "e:key.x5c[0]", "no organization in Norway"},
		"a lone seal": {func(in *Input) {
			in.Config.ESeal, in.Config.Key = true, seal("NTRSE-5560000000", "Trust CA")
			in.Config.Key.CertificateChain = in.Config.Key.CertificateChain[:1]
			in.Request.Scopes = []string{"toll:eu/movement/road/v2"}
		}, "e:key.x5c", "whole chain"},

		// What whoever read the input has found.
		"read problems": {func(in *Input) {
			in.Problems = []core.Problem{{Field: "client_id", Message: "it is a number", Remedy: "Give a string."}, {Field: "nonsense", Message: "there is no such member", Remedy: "Remove it."}}
			in.RequestProblems = []core.Problem{{Field: "scopes[0]", Message: "it is a number", Remedy: "Give a string."}}
			in.Config.ClientID, in.Request.Scopes = "", nil
		}, "e:client_id e:nonsense e:scopes[0]", "a number"},
		"unreadable key": {func(in *Input) {
			in.KeyUnread, in.Problems = true, []core.Problem{{Field: "key", Message: "it is damaged", Remedy: "Copy it again."}}
			in.Config.Key, in.Config.ESeal = core.Key{}, true
		}, "e:key w:scopes[0]", "damaged"},

		// What is legal and seldom meant.
		"someone's issuer": {func(in *Input) {
			in.Config.Environment = core.Environment{Issuer: "https://issuer.example/", TokenEndpoint: "https://issuer.example/token"}
		}, "n:environment.issuer", "none of Digdir's"},
		"metadata elsewhere":      {func(in *Input) { in.Config.Environment.MetadataURL = core.Production.MetadataURL }, "w:environment.metadata_url", "another host"},
		"Customs elsewhere":       {func(in *Input) { in.Config.Environment.CustomsTokenEndpoint = core.Production.CustomsTokenEndpoint }, "w:environment.customs_token_endpoint", "same environment"},
		"loopback beside TLS":     {func(in *Input) { in.Config.Environment.AllowLoopbackHTTP = true }, "n:environment.allow_loopback_http", "sandbox"},
		"short grants":            {func(in *Input) { in.Config.GrantLife = 10 * time.Second }, "w:grant_life_seconds", "10s"},
		"a store key of one byte": {func(in *Input) { in.Config.StoreKey = make([]byte, 32) }, "e:store_key", "guess"},
		"organization as client":  {func(in *Input) { in.Config.ClientID = "314444442" }, "w:client_id", "organization number"},
		"token as client":         {func(in *Input) { in.Config.ClientID = "eyJ" + canary }, "e:client_id", "looks like a token"},
		"token as kid":            {func(in *Input) { in.Config.Key.KeyID = "eyJ" + canary }, "e:key.kid", "looks like a token"},
		"client id as kid":        {func(in *Input) { in.Config.Key.KeyID = in.Config.ClientID }, "w:key.kid", "it is the client id"},
		"RS512":                   {func(in *Input) { in.Config.Key.Algorithm = core.RS512 }, "n:key.alg", "RS256"},
		"a large key":             {func(in *Input) { in.Config.Key.SignatureSize = 1024 }, "n:key", "8192 bits"},
		"key ends in 50 days":     {func(in *Input) { in.Config.Key.NotAfter = now.Add(50 * day) }, "n:key", "within 60 days"},
		"key ends in 20 days":     {func(in *Input) { in.Config.Key.NotAfter = now.Add(20 * day) }, "w:key", "within 30 days"},
		"key ends tomorrow":       {func(in *Input) { in.Config.Key.NotAfter = now.Add(day) }, "w:key", "within 7 days, at 2026-03-02 12:00 UTC"},
		"key has ended":           {func(in *Input) { in.Config.Key.NotAfter = now.Add(-day) }, "w:key", "it ended at 2026-02-28"},
		"certificate ends": {func(in *Input) {
			in.Config.Key = core.Key{CertificateChain: chain(t, "NTRNO-314444442", "Test CA", now.Add(3*day))}
		}, "w:key", "within 7 days"},
		"size of another key": {func(in *Input) { in.Config.Key = core.Key{CertificateChain: testChain(t), SignatureSize: 384} }, "e:key.signature_size", "which has 2048"},
		"the same key next":   {func(in *Input) { in.Config.NextKeys = []core.Key{in.Config.Key} }, "w:next_keys[0]", "again"},
		"next of another": {func(in *Input) {
			in.Config.Key = certified
			in.Config.NextKeys = []core.Key{seal("NTRNO-313333337", "Some Test CA")}
		}, "e:next_keys[0]", "313333337"},
		"scope in upper case":    {func(in *Input) { in.Request.Scopes = []string{"Altinn:x"} }, "w:scopes[0]", "upper-case"},
		"scope without a prefix": {func(in *Input) { in.Request.Scopes = []string{"openid"} }, "w:scopes[0]", "no prefix"},
		"several scopes":         {func(in *Input) { in.Request.Scopes = []string{"a:b", "a:c"} }, "n:scopes", "recommends one"},
		"scope for Europeans":    {func(in *Input) { in.Request.Scopes = []string{"toll:eu/movement/road/v2"} }, "w:scopes[0]", "eSeal"},
		"scope for Norwegians":   {func(in *Input) { in.Config.ESeal, in.Config.Key = true, seal("NTRSE-5560000000", "Trust CA") }, "w:scopes[0]", "toll:eu/"},
		"Customs without its scope": {func(in *Input) {
			in.Request.Scopes = []string{"a:b"}
			in.Exchanges = []core.Exchange{core.CustomsExchange(core.Test)}
		}, "w:exchanges[0]", "toll:movement/road/v2"},
		"on behalf of": {func(in *Input) { in.Request.OnBehalfOf = "somebody" }, "w:iss_onbehalfof", "deprecated"},
		"two customers": {func(in *Input) {
			in.Request.ConsumerOrg, in.Request.SystemUser = "313333337", &core.SystemUser{Org: "313333337"}
		}, "w:consumer_org", "beside system_user"},
		"oneself as customer":     {func(in *Input) { in.Config.Key, in.Request.ConsumerOrg = certified, "314444442" }, "e:consumer_org", "own organization"},
		"resource in production":  {func(in *Input) { in.Request.Resource = []string{"https://platform.altinn.no/x"} }, "w:resource[0]", "same environment"},
		"an extra claim":          {func(in *Input) { in.Request.ExtraClaims = map[string]string{"b": `"` + canary + `"`, "a": "1"} }, "w:extra_claims.a w:extra_claims.b", "MP-011"},
		"no request: nothing new": {func(in *Input) { in.Request = nil }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := healthy()
			test.change(&in)
			r := Diagnose(in, now)
			if got := listed(r.Findings); got != test.want {
				t.Errorf("found %s, want %s", got, test.want)
			}
			if r.OK != !strings.Contains(test.want, "e:") {
				t.Errorf("ok is %t", r.OK)
			}
			wantSentences(t, r.Findings)
			if test.says != "" && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return strings.Contains(f.Message+" "+f.Remedy, test.says) }) {
				t.Errorf("nothing says %q: %+v", test.says, r.Findings)
			}
			members(t, r)
		})
	}
}

// TestClaims: what a grant would say, and nothing that is nobody's business.
func TestClaims(t *testing.T) {
	in := healthy()
	in.Request.PID, in.Request.ConsumerOrg = "12345678901", "313333337"
	in.Request.ExtraClaims = map[string]string{"later": `"` + canary + `"`}
	in.Request.Consent = &core.Consent{ID: "8ebe4d28-4d8c-4a35-9a0a-8e6b7e4e0c11", From: "urn:altinn:person:identifier-no:07819490001"}
	object := members(t, Diagnose(in, now))
	claims := object["claims"].(map[string]any)
	if got := slices.Sorted(maps.Keys(claims)); !slices.Equal(got, []string{"aud", "authorization_details", "consumer_org", "iss", "later", "pid", "scope"}) {
		t.Errorf("claims are %v", got)
	}
	if claims["aud"] != core.Test.Issuer || claims["iss"] != in.Config.ClientID || claims["pid"] != "[redacted]" || claims["later"] != "[redacted]" {
		t.Errorf("claims: %v", claims)
	}
	detail := claims["authorization_details"].([]any)[0].(map[string]any)
	if detail["from"] != "urn:altinn:person:identifier-no:[redacted]" || detail["id"] != in.Request.Consent.ID {
		t.Errorf("detail: %v", detail)
	}
	in.Request.Consent.From = "urn:altinn:organization:identifier-no:313333337"
	in.KeyUnread = true
	object = members(t, Diagnose(in, now))
	detail = object["claims"].(map[string]any)["authorization_details"].([]any)[0].(map[string]any)
	if detail["from"] != in.Request.Consent.From || len(object["key"].(map[string]any)) != 0 {
		t.Errorf("%v", object)
	}
	in.Request.Scopes = nil
	if r := Diagnose(in, now); r.Claims != nil {
		t.Errorf("claims of no grant: %s", r.Claims)
	}
}

func TestReportJSON(t *testing.T) {
	in := healthy()
	in.Config.Environment = core.Environment{Issuer: "https://test.maskinporten.no/", TokenEndpoint: "https://user:" + canary + "@x.example/token"}
	in.Config.Key = core.Key{CertificateChain: testChain(t), Algorithm: core.RS384}
	object := members(t, Diagnose(in, now))
	environment, key := object["environment"].(map[string]any), object["key"].(map[string]any)
	if object["ok"] != false || environment["name"] != "test" || environment["issuer"] != core.Test.Issuer || environment["token_endpoint"] != nil || environment["metadata_url"] != core.Test.MetadataURL {
		t.Errorf("%v", environment)
	}
	if key["alg"] != "RS384" || key["key_bits"] != 2048.0 || key["organization_number"] != "314444442" || key["signs"] != false || key["kid"] != nil ||
		len(key["x5t#S256"].(string)) != 64 || key["not_after_ms"] != float64(now.Add(400*day).UnixMilli()) {
		t.Errorf("%v", key)
	}
	finding := object["findings"].([]any)[0].(map[string]any)
	if finding["severity"] != "error" || finding["field"] != "environment.token_endpoint" || finding["message"] == "" || finding["remedy"] == "" || len(finding) != 4 {
		t.Errorf("%v", finding)
	}
}
