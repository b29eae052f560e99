package keys

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// madeCertificate is what a test wants of one certificate of a chain.
type madeCertificate struct {
	name       string
	identifier string // organizationIdentifier
	from, to   time.Duration
}

// makeChain issues certificates, leaf first, each from the next one's name; the
// last is a root. All have the same key, so one generation is enough.
func makeChain(t *testing.T, now time.Time, certs ...madeCertificate) [][]byte {
	t.Helper()
	key := generated().key
	var ders [][]byte
	var parent *x509.Certificate
	for i, c := range slices.Backward(certs) {
		subject := pkix.Name{CommonName: c.name, Country: []string{"NO"}}
		if c.identifier != "" {
			subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: c.identifier}}
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i) + 1), Subject: subject, NotBefore: now.Add(c.from), NotAfter: now.Add(c.to),
			BasicConstraintsValid: true, IsCA: i > 0, KeyUsage: x509.KeyUsageDigitalSignature}
		if i > 0 {
			template.KeyUsage = x509.KeyUsageCertSign
		}
		if parent == nil {
			parent = template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		ders = append(ders, der)
	}
	slices.Reverse(ders)
	return ders
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// norwegian is a chain as the authorities issue it, in test or not.
func norwegian(t *testing.T, now time.Time, test bool) [][]byte {
	t.Helper()
	ca, root := "Buypass Class 3 CA G2 ST Business", "Buypass Class 3 Root CA G2 ST"
	if test {
		ca, root = "Buypass Class 3 Test4 CA G2 ST Business", "Buypass Class 3 Test4 Root CA G2 ST"
	}
	return makeChain(t, now, madeCertificate{"TEST OG EKSEMPEL AS", "NTRNO-310000007", -year, year},
		madeCertificate{ca, "", -year, year}, madeCertificate{root, "", -year, year})
}

func wantProblems(t *testing.T, got []core.Problem, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d: %+v", len(got), len(want), got)
	}
	for i, p := range got {
		field, words, _ := strings.Cut(want[i], " ")
		if p.Field != field || !strings.Contains(p.Message, words) || !strings.HasSuffix(p.Remedy, ".") {
			t.Errorf("problem is %+v, want %s", p, want[i])
		}
	}
}

func TestCheckChain(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	good := norwegian(t, now, true)
	local := core.Environment{Issuer: "http://127.0.0.1:8080/"}
	testCA := madeCertificate{"Commfides Legal Person - G3 - TEST", "", -year, year}
	for _, c := range []struct {
		name  string
		env   core.Environment
		chain [][]byte
		now   time.Time
		want  []string
	}{
		{"no chain", core.Test, nil, now, nil},
		{"whole", core.Test, good, now, nil},
		{"leaf only", core.Test, good[:1], now, nil},
		{"sandbox", local, makeChain(t, now, madeCertificate{"Sandbox AS", "NTRNO-310000007", -day, day}), now, nil},
		{"not DER", core.Test, [][]byte{good[0], {1, 2}}, now, []string{"key.x5c[1] cannot be read"}},
		{"more than any chain has", core.Test, slices.Repeat(good[:1], maxChain+1), now, []string{"key.x5c 17 certificates"}},
		{"expired", core.Test, good, now.Add(year + time.Second), []string{"key.x5c[0] expired at 2027-03-01T12:00:00Z", "key.x5c[1] expired", "key.x5c[2] expired"}},
		{"at its last second", core.Test, good, now.Add(year), nil},
		{"not valid yet", core.Test, good, now.Add(-year - time.Second), []string{"key.x5c[0] not valid before 2025-03-01", "key.x5c[1] not valid", "key.x5c[2] not valid"}},
		{"an expired issuer", core.Test, makeChain(t, now, madeCertificate{"A AS", "NTRNO-310000007", -day, day}, madeCertificate{"Some Test CA", "", -year, -day}), now, []string{`key.x5c[1] "Some Test CA" expired`}},
		{"root first", core.Test, [][]byte{good[2], good[1], good[0]}, now, []string{"key.x5c[1] has not issued", "key.x5c[2] has not issued", "key.x5c[0] names no organization"}},
		{"a gap", core.Test, [][]byte{good[0], good[2]}, now, []string{"key.x5c[1] has not issued"}},
		{"no organization", core.Test, makeChain(t, now, madeCertificate{"A person", "", -day, day}, testCA), now, []string{"key.x5c[0] names no organization"}},
		{"a foreign organization", core.Test, makeChain(t, now, madeCertificate{"Bolag AB", "NTRSE-5560000000", -day, day}, testCA), now, []string{"key.x5c[0] names no organization"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantProblems(t, CheckChain(c.env, c.chain, c.now), c.want...) })
	}
}

func TestCheckSealChain(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	leaf := madeCertificate{"Bolag AB", "NTRSE-5560000000", -day, day}
	ca, testCA := madeCertificate{"Trust Services CA", "", -year, year}, madeCertificate{"Trust Services Test CA", "", -year, year}
	local := core.Environment{Issuer: "http://127.0.0.1:8080/"}
	for _, c := range []struct {
		name  string
		env   core.Environment
		chain [][]byte
		want  []string
	}{
		{"no chain", core.Test, nil, nil},
		{"production seal in production", core.Production, makeChain(t, now, leaf, ca), nil},
		{"production seal in test", core.Test, makeChain(t, now, leaf, ca), nil},
		{"test seal in test", core.Test, makeChain(t, now, leaf, testCA), []string{"key.x5c[0] is a test certificate"}},
		{"test seal in the sandbox", local, makeChain(t, now, leaf, testCA), nil},
		{"leaf only", core.Test, makeChain(t, now, leaf, ca)[:1], []string{"key.x5c stands alone"}},
		{"no identifier", core.Test, makeChain(t, now, madeCertificate{"Bolag AB", "", -day, day}, ca), []string{"key.x5c[0] no organizationIdentifier"}},
		{"expired", core.Test, makeChain(t, now, madeCertificate{"Bolag AB", "NTRSE-5560000000", -year, -day}, ca), []string{"key.x5c[0] expired"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantProblems(t, CheckSealChain(c.env, c.chain, now), c.want...) })
	}
}

// The pitfalls of guides to Maskinporten that show in a key or a certificate;
// the others are in package core.

func TestPitfallTestCertificateInProduction(t *testing.T) {
	now := time.Now()
	for _, env := range []core.Environment{core.Production, core.Skyporten} {
		wantProblems(t, CheckChain(env, norwegian(t, now, true), now), `key.x5c[0] is a test certificate`)
		wantProblems(t, CheckChain(env, norwegian(t, now, true)[:1], now), `key.x5c[0] is a test certificate`)
		wantProblems(t, CheckChain(env, norwegian(t, now, false), now))
	}
}

func TestPitfallProductionCertificateInTest(t *testing.T) {
	now := time.Now()
	for _, env := range []core.Environment{core.Test, core.SkyportenTest} {
		wantProblems(t, CheckChain(env, norwegian(t, now, false), now), `key.x5c[0] is a production certificate`)
		wantProblems(t, CheckChain(env, norwegian(t, now, true), now))
	}
}

func TestPitfallExpiredCertificate(t *testing.T) {
	now := time.Now()
	problems := CheckChain(core.Production, norwegian(t, now.Add(-2*year), false), now)
	if len(problems) == 0 || !strings.Contains(problems[0].Message, "expired") || !strings.Contains(problems[0].Remedy, "new certificate") {
		t.Errorf("%+v", problems)
	}
}

func TestPitfallEncryptionKey(t *testing.T) {
	jwk := strings.Replace(string(generated().JWK()), `"use":"sig"`, `"use":"enc"`, 1)
	p, err := ParseJWK([]byte(jwk), Options{})
	checkRefused(t, p, err, "enc", []byte(jwk))
}
