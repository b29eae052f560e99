package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPEMFromOpenSSL(t *testing.T) {
	skipInFIPS(t)
	p := makePKI(t)
	want := mustParse(t, p.key, registered)
	convert := func(args ...string) []byte { return openssl(t, p.dir, p.key, args...) }
	pkcs1 := convert("rsa", "-traditional")
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"PKCS#8", p.key},
		{"PKCS#1", pkcs1},
		{"PKCS#8 in DER", convert("pkcs8", "-topk8", "-nocrypt", "-outform", "DER")},
		{"PKCS#1 in DER", convert("rsa", "-traditional", "-outform", "DER")},
		{"old encryption, AES-256", convert("rsa", "-traditional", "-aes256", "-passout", "pass:hemmelig")},
		{"old encryption, 3DES", convert("rsa", "-traditional", "-des3", "-passout", "pass:hemmelig")},
		{"PBES2, AES-256, SHA-256", convert("pkcs8", "-topk8", "-passout", "pass:hemmelig")},
		{"PBES2, AES-256, in DER", convert("pkcs8", "-topk8", "-passout", "pass:hemmelig", "-outform", "DER")},
		{"PBES2, AES-192, SHA-512", convert("pkcs8", "-topk8", "-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512", "-passout", "pass:hemmelig")},
		{"PBES2, AES-128, SHA-384", convert("pkcs8", "-topk8", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA384", "-passout", "pass:hemmelig")},
		{"PBES2, AES-256, SHA-224", convert("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA224", "-passout", "pass:hemmelig")},
		{"PBES2, 3DES, SHA-1", convert("pkcs8", "-topk8", "-v2", "des3", "-v2prf", "hmacWithSHA1", "-passout", "pass:hemmelig")},
		{"PBES2, 100,000 rounds", convert("pkcs8", "-topk8", "-iter", "100000", "-passout", "pass:hemmelig")},
		{"with the text of openssl -text", convert("rsa", "-text", "-traditional")},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mustParse(t, c.data, Options{KeyID: testKID, Password: "hemmelig"})
			if !sameKey(got, want) {
				t.Error("another key came out")
			}
			if key := got.Key(); key.KeyID != testKID || key.CertificateChain != nil || key.Algorithm != "RS256" || key.SignatureSize != 256 {
				t.Errorf("Key() is %v, SignatureSize %d", key, key.SignatureSize)
			}
		})
	}
}

// What files and environment variables do to a PEM text on its way here.
func TestPEMAsItArrives(t *testing.T) {
	want := generated()
	text := string(want.PEM())
	lines := strings.Fields(strings.NewReplacer("-----BEGIN PRIVATE KEY-----", "", "-----END PRIVATE KEY-----", "").Replace(text))
	for _, c := range []struct{ name, text string }{
		{"CRLF", strings.ReplaceAll(text, "\n", "\r\n")},
		{"CR only", strings.ReplaceAll(text, "\n", "\r")},
		{"missing last newline", strings.TrimSpace(text)},
		{`\n typed as two characters`, strings.ReplaceAll(text, "\n", `\n`)},
		{`\r\n typed as four characters`, strings.ReplaceAll(text, "\n", `\r\n`)},
		{"lines joined by spaces", strings.ReplaceAll(text, "\n", " ")},
		{"one long line", "-----BEGIN PRIVATE KEY-----" + strings.Join(lines, "") + "-----END PRIVATE KEY-----"},
		{"double quotes", `"` + text + `"`},
		{`double quotes and \n`, `"` + strings.ReplaceAll(text, "\n", `\n`) + `"`},
		{"single quotes", "'" + text + "'\n"},
		{"byte order mark", "\xef\xbb\xbf" + text},
		{"indented", strings.ReplaceAll("\n"+text, "\n", "\n    ")},
		{"text before", "Bag Attributes\n    friendlyName: test\nKey Attributes: <No Attributes>\n" + text},
		{"text after", text + "\nthis is the key of the test client\n"},
		{"in base64", base64.StdEncoding.EncodeToString([]byte(text))},
		{"in base64 with lines", wrap(base64.StdEncoding.EncodeToString([]byte(text)), 76)},
		{"in base64 with quotes", `"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"`},
		{"PKCS#8 inside a PKCS#1 label", strings.ReplaceAll(text, "PRIVATE KEY", "RSA PRIVATE KEY")},
		{"PKCS#1 inside a PKCS#8 label", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs1Of(want)}))},
		{"DER in base64", base64.StdEncoding.EncodeToString(want.PKCS8())},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := mustParse(t, []byte(c.text), registered); !sameKey(got, want) {
				t.Error("another key came out")
			}
		})
	}
}

// Headers survive what happens to environment variables, too.
func TestOldEncryptionWithTypedNewlines(t *testing.T) {
	skipInFIPS(t)
	p := makePKI(t)
	text := openssl(t, p.dir, p.key, "rsa", "-traditional", "-aes128", "-passout", "pass:hemmelig")
	typed := bytes.ReplaceAll(text, []byte("\n"), []byte(`\n`))
	mustParse(t, typed, Options{KeyID: testKID, Password: "hemmelig"})
}

func TestPKCS12FromOpenSSL(t *testing.T) {
	skipInFIPS(t)
	p := makePKI(t)
	want := mustParse(t, p.key, registered)
	export := func(password string, more ...string) []byte {
		args := append([]string{"pkcs12", "-export", "-inkey", "leaf.key", "-in", "leaf.pem", "-certfile", "issuers.pem", "-name", "test", "-passout", "pass:" + password}, more...)
		return openssl(t, p.dir, nil, args...)
	}
	modern, legacy := export("hemmelig"), export("hemmelig", "-legacy")
	for _, c := range []struct {
		name, password string
		data           []byte
	}{
		{"AES, today's default", "hemmelig", modern},
		{"RC2 and 3DES, -legacy", "hemmelig", legacy},
		{"3DES only, -descert", "hemmelig", export("hemmelig", "-legacy", "-descert")},
		{"AES-128, SHA-512 MAC", "hemmelig", export("hemmelig", "-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha512")},
		{"unencrypted, with MAC", "hemmelig", export("hemmelig", "-keypbe", "NONE", "-certpbe", "NONE")},
		{"empty password", "", export("")},
		{"empty password, legacy", "", export("", "-legacy")},
		{"no password at all", "", export("", "-keypbe", "NONE", "-certpbe", "NONE", "-nomac")},
		{"Norwegian letters in the password", "blåbærøl", export("blåbærøl")},
		{"in base64", "hemmelig", []byte(wrap(base64.StdEncoding.EncodeToString(modern), 64))},
		{"in base64, quoted", "hemmelig", []byte(`"` + base64.StdEncoding.EncodeToString(legacy) + `"`)},
		{"in a PEM block", "hemmelig", pem.EncodeToMemory(&pem.Block{Type: "PKCS12", Bytes: modern})},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mustParse(t, c.data, Options{Password: c.password})
			if !sameKey(got, want) {
				t.Error("another key came out")
			}
			checkFullChain(t, got, p)
			again, err := Parse(c.data, Options{Password: c.password, KeyID: testKID})
			if err != nil {
				t.Fatal(err)
			}
			if key := again.Key(); key.KeyID != testKID || key.CertificateChain != nil {
				t.Errorf("with a kid, Key() is %v with %d certificates", key, len(key.CertificateChain))
			}
		})
	}
	t.Run("ParsePKCS12", func(t *testing.T) {
		for _, data := range [][]byte{modern, []byte(base64.StdEncoding.EncodeToString(modern))} {
			if _, err := ParsePKCS12(data, Options{Password: "hemmelig"}); err != nil {
				t.Error(err)
			}
		}
	})
}

// checkFullChain wants leaf, intermediate and root, in this order, as x5c.
func checkFullChain(t *testing.T, got *Private, p pki) {
	t.Helper()
	key := got.Key()
	if key.KeyID != "" || len(key.CertificateChain) != 3 {
		t.Fatalf("Key() is %v with %d certificates, want three and no kid", key, len(key.CertificateChain))
	}
	for i, want := range [][]byte{p.leaf, p.intermediate, p.root} {
		block, _ := pem.Decode(want)
		if !bytes.Equal(key.CertificateChain[i], block.Bytes) || !bytes.Equal(got.Certificates()[i].Raw, block.Bytes) {
			t.Errorf("certificate %d of the chain is out of order", i+1)
		}
	}
	if number, ok := OrganizationNumber(got.Certificates()[0]); !ok || number != p.organization {
		t.Errorf("OrganizationNumber is %q, %t", number, ok)
	}
}

func TestCertificateSources(t *testing.T) {
	p := makePKI(t)
	shuffled := join(p.root, p.leaf, p.intermediate)
	block, _ := pem.Decode(p.root)
	der := bytes.Clone(block.Bytes)
	for _, c := range [][]byte{p.leaf, p.intermediate} {
		block, _ := pem.Decode(c)
		der = append(der, block.Bytes...)
	}
	jwk := mustParse(t, p.key, registered).JWK()
	for _, c := range []struct {
		name    string
		data    []byte
		options Options
	}{
		{"PEM, key first, shuffled", join(p.key, shuffled), Options{}},
		{"PEM, key in the middle", join(p.root, p.key, p.leaf, p.intermediate), Options{}},
		{"PEM, one certificate twice", join(p.key, p.leaf, shuffled), Options{}},
		{"option in PEM", p.key, Options{CertificateChain: shuffled}},
		{"option in DER", p.key, Options{CertificateChain: der}},
		{"option instead of what is in the PEM", join(p.key, p.otherRoot), Options{CertificateChain: p.chain}},
		{"option before the kid of a JWK", jwk, Options{CertificateChain: p.chain}},
	} {
		t.Run(c.name, func(t *testing.T) { checkFullChain(t, mustParse(t, c.data, c.options), p) })
	}
	t.Run("KeyID before a chain that is wrong", func(t *testing.T) {
		got := mustParse(t, join(p.key, p.otherRoot), Options{KeyID: testKID, CertificateChain: []byte("nonsense")})
		if key := got.Key(); key.KeyID != testKID || key.CertificateChain != nil || got.Certificates() != nil {
			t.Errorf("Key() is %v", key)
		}
	})
	t.Run("KeyID and a good chain", func(t *testing.T) {
		got := mustParse(t, join(p.key, shuffled), registered)
		if key := got.Key(); key.CertificateChain != nil || len(got.Certificates()) != 3 {
			t.Errorf("the chain must be known (%d) and not sent (%d)", len(got.Certificates()), len(key.CertificateChain))
		}
	})
	t.Run("an expired chain is for Maskinporten to judge", func(t *testing.T) {
		key := mustParse(t, p.key, registered).key
		expired := selfSigned(t, key, time.Now().Add(-time.Hour))
		got := mustParse(t, p.key, Options{CertificateChain: expired})
		if c := got.Certificates(); len(c) != 1 || !c[0].NotAfter.Before(time.Now()) {
			t.Error("the expired certificate is not the one that came out")
		}
	})
}

func wrap(text string, width int) string {
	var lines strings.Builder
	for len(text) > width {
		fmt.Fprintln(&lines, text[:width])
		text = text[width:]
	}
	return lines.String() + text + "\n"
}
