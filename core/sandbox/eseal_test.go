package sandbox

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sealGrant is a grant of the demo's European business.
func (f *fixture) sealGrant() *draft {
	d := f.keyGrant()
	d.header = map[string]any{"alg": "RS256", "x5c": x5c(f.demo.ESeal.Chain...)}
	d.claims["iss"], d.claims["scope"] = "Haulier's transport system", f.demo.Scopes.ESeal
	d.key = f.demo.ESeal.Key
	return d
}

// otherSeals issues eSeals of all sorts, under a root of its own.
var otherSeals = sync.OnceValue(func() *authority {
	return must(newAuthority("eSeal", business("DE", "Other Trust GmbH", "NTRDE-HRB1")))
})

// trusting adds the root of otherSeals to the trust list.
func trusting(c *Config) {
	c.ESealRoots += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: otherSeals().root.Raw}))
}

// with makes a grant of a certificate that otherSeals issues.
func (d *draft) with(subject pkix.Name, extensions ...pkix.Extension) {
	chain, key, err := otherSeals().issue(subject, extensions...)
	if err != nil {
		panic(err)
	}
	d.header["x5c"], d.key = x5c(chain...), key
}

func TestSealToken(t *testing.T) {
	f := start(t, nil)
	token, answer := f.token(f.sealGrant())
	claims := f.verified(token)
	if got := members(claims); !reflect.DeepEqual(got, plainClaims) {
		t.Errorf("the claims are %v", got)
	}
	leaf := must(x509.ParseCertificate(f.demo.ESeal.Chain[0]))
	for name, want := range map[string]any{
		"client_amr": "CForESeal",
		"client_id":  "eidas-" + leaf.SerialNumber.String(),
		"scope":      "toll:eu/movement/road/v2",
		"consumer": map[string]any{"authority": "etsi-en-319-412", "ID": "NTRSE-5560000000", "commonName": "Sandbox Haulier AB",
			"organizationName": "Sandbox Haulier AB", "organizationalUnitName": "Transport", "countryName": "SE"},
	} {
		if !reflect.DeepEqual(claims[name], want) {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if claims["client_id"] != f.demo.ESeal.ClientID || answer["expires_in"] != 120.0 {
		t.Errorf("client_id %v, expires_in %v", claims["client_id"], answer["expires_in"])
	}
	if seen := f.get(f.SampleAPI(), token).json(t); seen["consumer"] != "NTRSE-5560000000" {
		t.Errorf("the API saw %v", seen["consumer"])
	}

	// Customs takes it, Altinn does not.
	exchanged := f.customs(customsForm(token)).json(t)["access_token"].(string)
	if r := f.get(f.Environment().CustomsTestAuth, exchanged); r.status != 200 {
		t.Errorf("test-auth: %d", r.status)
	}
	if r := f.get(f.AltinnExchange(), token); r.status != 401 || !strings.Contains(f.last().Detail, "eSeal") {
		t.Errorf("Altinn: %d, %s", r.status, f.last().Detail)
	}
}

// A qualified certificate says so in its qcStatements, which may hold other
// statements too.
func TestQualifiedSeal(t *testing.T) {
	f := start(t, trusting)
	other := asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 4}
	statements := func(list ...qcStatement) pkix.Extension {
		return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: must(asn1.Marshal(list))}
	}
	compliance := qcStatement{ID: asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 1}}
	for _, row := range []struct {
		name       string
		extensions []pkix.Extension
		method     string
	}{
		{"no statement", nil, "CForESeal"},
		{"another statement", []pkix.Extension{statements(qcStatement{ID: other})}, "CForESeal"},
		{"a broken statement", []pkix.Extension{{Id: qcStatements, Value: []byte{1, 2}}}, "CForESeal"},
		{"compliance", []pkix.Extension{statements(qcStatement{ID: other, Info: asn1.RawValue{FullBytes: []byte{5, 0}}}, compliance)}, "QCForESeal"},
	} {
		d := f.sealGrant()
		d.with(business("DE", "Spedition GmbH", "VATDE-123456789"), row.extensions...)
		token, _ := f.token(d)
		claims := f.verified(token)
		consumer := claims["consumer"].(map[string]any)
		if claims["client_amr"] != row.method || consumer["ID"] != "VATDE-123456789" || consumer["organizationalUnitName"] != nil {
			t.Errorf("%s: client_amr %v, consumer %v", row.name, claims["client_amr"], consumer)
		}
	}
}

func TestSealRefusals(t *testing.T) {
	chain := func(change func(*fixture, [][]byte) [][]byte) func(*fixture, *draft) {
		return func(f *fixture, d *draft) { d.header["x5c"] = x5c(change(f, slices.Clone(f.demo.ESeal.Chain))...) }
	}
	wantUnknown := outcome{400, "invalid_grant", "MP-100", "Invalid assertion. Client authentication failed."}
	for _, row := range []struct {
		name   string
		change func(*fixture, *draft)
		config func(*Config)
		want   outcome
		detail string
	}{
		{name: "leaf alone", change: chain(func(_ *fixture, c [][]byte) [][]byte { return c[:1] }), want: wantCertificate, detail: "send the full chain"},
		{name: "leaf alone, its issuer known", change: chain(func(_ *fixture, c [][]byte) [][]byte { return c[:1] }), config: func(c *Config) {
			_, demo := defaultWorld()
			c.KnownIntermediates = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: demo.ESeal.Chain[1]}))
		}, want: wantCertificate, detail: "send the full chain"},
		{name: "no intermediate", change: chain(func(_ *fixture, c [][]byte) [][]byte { return [][]byte{c[0], c[2]} }), want: wantCertificate, detail: "x5c[0] is not issued by x5c[1]"},
		{name: "disorder", change: chain(func(_ *fixture, c [][]byte) [][]byte { return [][]byte{c[0], c[2], c[1]} }), want: wantCertificate, detail: "in order"},
		{name: "issuer first", change: chain(func(_ *fixture, c [][]byte) [][]byte { slices.Reverse(c); return c }), want: wantCertificate, detail: "leaf comes first"},
		{name: "a string", change: func(f *fixture, d *draft) { d.header["x5c"] = x5c(f.demo.ESeal.Chain[0])[0] }, want: wantChainForm, detail: "not an array"},
		{name: "root not on the trust list", change: func(_ *fixture, d *draft) { d.with(business("DE", "Spedition GmbH", "NTRDE-1")) }, want: wantCertificate, detail: "unknown authority"},
		{name: "no trust list", change: claim("", nil), config: func(c *Config) { c.ESealRoots = "" }, want: wantCertificate, detail: "unknown authority"},
		{name: "no organizationIdentifier", change: func(_ *fixture, d *draft) { d.with(pkix.Name{CommonName: "Spedition GmbH"}) }, config: trusting, want: wantCertificate, detail: "no organizationIdentifier"},
		{name: "Norwegian business certificate", change: func(f *fixture, d *draft) {
			d.header["x5c"], d.key = x5c(f.demo.CertificateChain...), f.demo.CertificateKey
		}, want: wantCertificate, detail: "unknown authority"},
		{name: "signed with another key", change: func(_ *fixture, d *draft) { d.key = otherKey() }, want: wantSignature},
		{name: "wrong audience", change: claim("aud", "https://maskinporten.no/"), want: wantAudience},
		{name: "iss missing", change: claim("iss", nil), want: wantMalformed, detail: "claim iss is missing"},
		{name: "scope that is not European", change: claim("scope", "sandbox:plain"), want: wantUnknown},
		{name: "one scope that is not European", change: claim("scope", "toll:eu/movement/road/v2 sandbox:plain"), want: wantUnknown},
		{name: "unknown scope", change: claim("scope", "toll:eu/unknown"), want: wantUnknown},
		{name: "kid", change: header("kid", "x"), want: wantUnknown},
		{name: "consumer_org", change: claim("consumer_org", "313333337"), want: wantMalformed, detail: "eSeal cannot have consumer_org"},
		{name: "system user", change: func(f *fixture, d *draft) { d.claims["authorization_details"] = f.systemUser() }, want: wantDetailsInvalid},
		{name: "consent", change: func(f *fixture, d *draft) { d.claims["authorization_details"] = f.consent() }, want: wantDetailsInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, row.config)
			d := f.sealGrant()
			row.change(f, d)
			f.refused(f.post(d.sign()), row.want)
			if detail := f.last().Detail; !strings.Contains(detail, row.detail) {
				t.Errorf("refused for %q, want %q", detail, row.detail)
			}
		})
	}
}

// Nothing of a client matters to an eSeal: neither iss, nor access, nor the
// root, which the trust list has. Its certificate has an end, though, and a
// grant is used once.
func TestSealIgnoresRegistrations(t *testing.T) {
	f := start(t, nil)
	for _, iss := range []string{f.demo.ClientID, f.demo.CertificateClientID, "x"} {
		d := f.sealGrant()
		d.claims["iss"] = iss
		token, _ := f.token(d)
		if claims := f.verified(token); claims["client_id"] != f.demo.ESeal.ClientID {
			t.Errorf("iss %q: client_id %v", iss, claims["client_id"])
		}
	}
	d := f.sealGrant()
	d.header["x5c"] = x5c(f.demo.ESeal.Chain[:2]...)
	f.token(d)
	f.refused(f.post(d.sign()), outcome{400, "invalid_grant", "MP-012", "Grant is used before"})

	f.SetClockOffset(time.Until(must(x509.ParseCertificate(f.demo.ESeal.Chain[0])).NotAfter) + time.Minute)
	f.refused(f.post(f.sealGrant().sign()), wantCertificate)
}

// A Norwegian client uses a European scope as any other scope: it needs the
// registration and the access.
func TestEuropeanScopeOfANorwegianClient(t *testing.T) {
	f := start(t, func(c *Config) {
		for i := range c.Clients {
			c.Clients[i].Scopes = append(slices.Clone(c.Clients[i].Scopes), "toll:eu/movement/road/v2")
		}
	})
	for _, d := range []*draft{f.keyGrant(), f.certificateGrant()} {
		d.claims["scope"] = f.demo.Scopes.ESeal
		f.refused(f.post(d.sign()), outcome{403, "forbidden", "MP-250", "Consumer has not been granted access to the scope toll:eu/movement/road/v2"})
	}
	config := f.Config()
	config.Scopes[len(config.Scopes)-1].AccessFor = []string{f.demo.Organization}
	if err := f.Reconfigure(config); err != nil {
		t.Fatal(err)
	}
	for d, method := range map[*draft]string{f.keyGrant(): "private_key_jwt", f.certificateGrant(): "virksomhetssertifikat"} {
		d.claims["scope"] = f.demo.Scopes.ESeal
		token, _ := f.token(d)
		if claims := f.verified(token); claims["client_amr"] != method || !reflect.DeepEqual(claims["consumer"], organization(f.demo.Organization)) {
			t.Errorf("client_amr %v, consumer %v", claims["client_amr"], claims["consumer"])
		}
	}
}

func TestSealOfAWeakKey(t *testing.T) {
	leaf := &x509.Certificate{PublicKey: &rsa.PublicKey{N: big.NewInt(65535), E: 65537}}
	if err := new(world).verifySeal([]*x509.Certificate{leaf, otherSeals().root}, time.Now()); err == nil || !strings.Contains(err.Error(), "2048 bits") {
		t.Errorf("a weak key: %v", err)
	}
}
