package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// TestReadCertificates compares with what OpenSSL says of its own certificates.
func TestReadCertificates(t *testing.T) {
	p := makePKI(t)
	leaf := parseOne(t, p.leaf)
	said := func(arguments ...string) string {
		out := openssl(t, p.dir, p.leaf, append([]string{"x509", "-noout"}, arguments...)...)
		_, value, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
		return value
	}
	encrypted := openssl(t, p.dir, p.key, "pkcs8", "-topk8", "-passout", "pass:x")
	for name, data := range map[string][]byte{
		"PEM":                    p.chain,
		"DER":                    join(leaf.Raw, parseOne(t, p.intermediate).Raw, parseOne(t, p.root).Raw),
		"base64 of DER":          []byte(base64.StdEncoding.EncodeToString(join(leaf.Raw, parseOne(t, p.intermediate).Raw, parseOne(t, p.root).Raw))),
		"base64 of PEM":          []byte(base64.StdEncoding.EncodeToString(p.chain)),
		"a key beside":           join(p.key, p.chain),
		"an encrypted key":       join(p.chain, encrypted),
		"lines joined by spaces": []byte(strings.ReplaceAll(string(p.chain), "\n", " ")),
		"in quotes":              join([]byte(`"`), p.chain, []byte(`"`)),
	} {
		list, err := ReadCertificates(data)
		if err != nil || len(list) != 3 {
			t.Errorf("%s: %d certificates, %v", name, len(list), err)
			continue
		}
		c := list[0]
		sum := sha256.Sum256(leaf.Raw)
		if c.SerialNumber != said("-serial") || strings.ToUpper(c.SHA256) != strings.ReplaceAll(said("-fingerprint", "-sha256"), ":", "") ||
			c.SHA256 != hex.EncodeToString(sum[:]) || c.Subject != "CN=Eksempel AS,O=Eksempel AS,C=NO,organizationIdentifier=NTRNO-310000007" || c.Issuer != leaf.Issuer.String() ||
			!c.NotBefore.Equal(leaf.NotBefore) || !c.NotAfter.Equal(leaf.NotAfter) || c.NotAfter.Location() != time.UTC ||
			c.OrganizationNumber != "310000007" || c.OrganizationIdentifier != "NTRNO-310000007" || c.KeyBits != 2048 || !slices.Equal(c.Raw, leaf.Raw) {
			c.Raw = nil
			t.Errorf("%s: %+v", name, c)
		}
		if list[2].OrganizationNumber != "" || list[2].OrganizationIdentifier != "" || !strings.Contains(list[2].Subject, "Test Root CA") {
			t.Errorf("%s: the root is %+v", name, list[2])
		}
	}
}

func TestReadCertificatesOfOtherKeys(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		der  []byte
		bits int
	}{{otherCertificate(t), 256}, {selfSigned(t, ed, generatedAt), 0}} {
		list, err := ReadCertificates(c.der)
		if err != nil || len(list) != 1 || list[0].KeyBits != c.bits || list[0].SerialNumber != "01" {
			t.Errorf("%d certificates, want one with %d bits; %v", len(list), c.bits, err)
		}
	}
}

func TestReadCertificatesRefuses(t *testing.T) {
	key := generated()
	certificate := selfSigned(t, key.key, generatedAt.Add(time.Hour))
	damaged := slices.Clone(certificate)
	damaged[len(damaged)-5] ^= 1 // its signature is not looked at, so this one is read
	broken := slices.Clone(certificate)
	broken[8] = 0xff
	password := pemOf("ENCRYPTED PRIVATE KEY", key.PKCS8())
	for _, c := range []struct {
		name string
		data []byte
		word string
	}{
		{"empty", nil, "is empty"},
		{"white space", []byte(" \n "), "is empty"},
		{"text", []byte("my certificate"), "is not a certificate"},
		{"a key", key.PKCS8(), "the data is a key"},
		{"a key in base64", []byte(base64.StdEncoding.EncodeToString(key.PKCS8())), "the data is a key"},
		{"a key in PEM", key.PEM(), "holds no certificate"},
		{"a key labelled so", password, "holds no certificate"},
		{"PKCS#12", []byte{0x30, 5, 2, 1, 3, 0x30, 0}, "PKCS#12"},
		{"a request", pemOf("CERTIFICATE REQUEST", certificate), "holds no certificate"},
		{"a cut PEM", pemOf("CERTIFICATE", certificate)[:200], "has no -----END line"},
		{"damage", pemOf("CERTIFICATE", broken), "certificate"},
		{"a tail", join(certificate, []byte{1, 2}), "number 2 is not a certificate"},
		{"far too long", make([]byte, maxInput+1), "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, err := ReadCertificates(c.data)
			if list != nil {
				t.Errorf("%d certificates", len(list))
			}
			checkRefused(t, nil, err, c.word, c.data)
		})
	}
	if list, err := ReadCertificates(damaged); err != nil || len(list) != 1 {
		t.Errorf("signatures are not checked when facts are read: %v", err)
	}
}

func pemOf(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func TestCheckCertificates(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	read := func(chain [][]byte) []Certificate {
		t.Helper()
		list, err := ReadCertificates(slices.Concat(chain...))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	seal := makeChain(t, now, madeCertificate{"Bolag AB", "NTRSE-5560000000", -day, day}, madeCertificate{"Trust Services CA", "", -year, year})
	wantProblems(t, CheckCertificates(core.Test, nil, now))
	wantProblems(t, CheckCertificates(core.Test, read(norwegian(t, now, true)), now))
	wantProblems(t, CheckCertificates(core.Production, read(norwegian(t, now, true)), now), "key.x5c[0] is a test certificate")
	wantProblems(t, CheckCertificates(core.Test, read(seal), now))
	wantProblems(t, CheckCertificates(core.Test, read(seal[:1]), now), "key.x5c stands alone")
	wantProblems(t, CheckCertificates(core.Environment{}, read(seal[1:]), now), "key.x5c[0] names no organization")
}

func TestCheckSignature(t *testing.T) {
	key, message := generated(), []byte("header.payload")
	certificate := selfSigned(t, key.key, generatedAt.Add(time.Hour))
	for _, algorithm := range []string{core.RS256, core.RS384, core.RS512} {
		private := newPrivate(key.key, algorithm, testKID, nil)
		signature, err := private.Sign(t.Context(), message)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckSignature(certificate, algorithm, message, signature); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		err = CheckSignature(certificate, algorithm, []byte("another"), signature)
		checkRefused(t, nil, err, `not that of the key in "Self-signed"`, nil)
		err = CheckSignature(otherCertificate(t), algorithm, message, signature)
		checkRefused(t, nil, err, "not that of the key", nil)
	}
	checkRefused(t, nil, CheckSignature([]byte{1}, core.RS256, message, nil), "cannot be read", nil)
}
