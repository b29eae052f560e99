package keys

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"slices"
	"testing"
)

func parseOne(t testing.TB, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOrderChain(t *testing.T) {
	p := makePKI(t)
	leaf, intermediate, root, other := parseOne(t, p.leaf), parseOne(t, p.intermediate), parseOne(t, p.root), parseOne(t, p.otherRoot)
	type list = []*x509.Certificate
	for _, c := range []struct {
		name     string
		in, want list
		word     string
	}{
		{"in order", list{leaf, intermediate, root}, list{leaf, intermediate, root}, ""},
		{"in reverse", list{root, intermediate, leaf}, list{leaf, intermediate, root}, ""},
		{"shuffled", list{intermediate, root, leaf}, list{leaf, intermediate, root}, ""},
		{"without the root", list{intermediate, leaf}, list{leaf, intermediate}, ""},
		{"the leaf alone", list{leaf}, list{leaf}, ""},
		{"repeated", list{leaf, intermediate, leaf, root, intermediate}, list{leaf, intermediate, root}, ""},
		{"with nil", list{nil, leaf, nil}, list{leaf}, ""},
		{"none", nil, nil, "no certificate to order"},
		{"only nil", list{nil}, nil, "no certificate to order"},
		{"no leaf", list{intermediate, root}, nil, `no certificate belongs to the key; there is "Test Intermediate CA", "Test Root CA"`},
		{"a gap", list{leaf, root}, nil, `Test Intermediate CA`},
		{"a foreign root behind the root", list{leaf, intermediate, root, other}, nil, `"Another Root CA" does not belong`},
		{"a foreign root instead of the root", list{leaf, intermediate, other}, nil, `"Another Root CA" cannot follow`},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.in)
			got, err := OrderChain(leaf.PublicKey.(*rsa.PublicKey), c.in)
			if c.word != "" {
				checkRefused(t, nil, err, c.word, nil)
			} else if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%d certificates, in another order than the %d wanted", len(got), len(c.want))
			}
			if !slices.Equal(c.in, before) {
				t.Error("the caller's slice was changed")
			}
		})
	}
	t.Run("no key", func(t *testing.T) {
		_, err := OrderChain(nil, list{leaf})
		checkRefused(t, nil, err, "no key", nil)
	})
	t.Run("an impostor with the issuer's name", func(t *testing.T) {
		openssl(t, p.dir, nil, "req", "-new", "-x509", "-key", "other.key", "-subj", "/C=NO/O=Test CA/CN=Test Intermediate CA", "-out", "impostor.pem")
		_, err := OrderChain(leaf.PublicKey.(*rsa.PublicKey), list{leaf, parseOne(t, read(t, p.dir, "impostor.pem"))})
		checkRefused(t, nil, err, "was not signed by it", nil)
	})
	t.Run("two certificates of one key", func(t *testing.T) {
		key := mustParse(t, p.key, registered).key
		second, err := x509.ParseCertificate(selfSigned(t, key, generatedAt))
		if err != nil {
			t.Fatal(err)
		}
		_, err = OrderChain(&key.PublicKey, list{leaf, second})
		checkRefused(t, nil, err, `two certificates belong to the key: "Eksempel AS", "Self-signed"`, nil)
	})
	t.Run("more than any chain has", func(t *testing.T) {
		var many list
		for range maxChain + 1 {
			c, err := x509.ParseCertificate(otherCertificate(t))
			if err != nil {
				t.Fatal(err)
			}
			many = append(many, c)
		}
		_, err := OrderChain(leaf.PublicKey.(*rsa.PublicKey), many)
		checkRefused(t, nil, err, "17 certificates", nil)
	})
}

func TestOrganizationNumber(t *testing.T) {
	identifier := func(value any) []pkix.AttributeTypeAndValue {
		return []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: value}}
	}
	for _, c := range []struct {
		name    string
		subject pkix.Name
		want    string
	}{
		{"SEID 2", pkix.Name{Names: identifier("NTRNO-310000007")}, "310000007"},
		{"SEID 2 comes first", pkix.Name{Names: identifier("NTRNO-310000007"), SerialNumber: "999999999"}, "310000007"},
		{"SEID 1", pkix.Name{SerialNumber: "310000007"}, "310000007"},
		{"a foreign seal", pkix.Name{Names: identifier("NTRSE-5560000001")}, ""},
		{"a foreign seal with nine digits", pkix.Name{Names: identifier("NTRDK-310000007"), SerialNumber: "310000007"}, ""},
		{"a VAT number", pkix.Name{Names: identifier("VATNO-310000007")}, ""},
		{"too short", pkix.Name{Names: identifier("NTRNO-31000000")}, ""},
		{"letters", pkix.Name{Names: identifier("NTRNO-31000000X")}, ""},
		{"not a text", pkix.Name{Names: identifier(310000007)}, ""},
		{"a person's serial number", pkix.Name{SerialNumber: "9578-4050-100000000"}, ""},
		{"nothing", pkix.Name{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			number, ok := OrganizationNumber(&x509.Certificate{Subject: c.subject})
			if number != c.want || ok != (c.want != "") {
				t.Errorf("got %q, %t; want %q", number, ok, c.want)
			}
		})
	}
	if number, ok := OrganizationNumber(nil); ok || number != "" {
		t.Error("no certificate has a number")
	}
}
