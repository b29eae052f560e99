package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

// badInput is one row: what Parse is given, and a word of the message.
type badInput struct {
	name    string
	data    []byte
	options Options
	word    string
}

func runRefused(t *testing.T, rows []badInput) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := bytes.Clone(row.data)
			p, err := Parse(row.data, row.options)
			checkRefused(t, p, err, row.word, row.data)
			if !bytes.Equal(before, row.data) {
				t.Error("the caller's data was changed")
			}
		})
	}
}

func TestRefusedWithoutOpenSSL(t *testing.T) {
	good := string(generated().PEM())
	body := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER(t)})
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 900)
	rand.Read(random)
	middle := len(good) / 2
	runRefused(t, []badInput{
		{"nothing", nil, registered, "empty"},
		{"empty", []byte{}, registered, "empty"},
		{"white space", []byte(" \r\n\t"), registered, "empty"},
		{"two quotes", []byte(`""`), registered, "empty"},
		{"over 1 MiB", bytes.Repeat([]byte("A"), maxInput+1), registered, "1048577 bytes"},
		{"a file name", []byte("/etc/maskinporten/key.pem"), registered, "name of a file"},
		{"a Windows file name", []byte(`C:\keys\key.p12`), registered, "name of a file"},
		{"UTF-16", append([]byte("\xff\xfe"), bytes.Join(bytes.Split([]byte(good), nil), []byte{0})...), registered, "UTF-16"},
		{"Java keystore", []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"), registered, "Java keystore"},
		{"PuTTY", []byte("PuTTY-User-Key-File-3: ssh-rsa"), registered, "PuTTY"},
		{"random text", []byte("hemmelig nøkkel"), registered, "neither PEM nor a JWK nor PKCS#12"},
		{"random bytes", append([]byte{0xff}, random...), registered, "neither PEM nor a JWK nor PKCS#12"},
		{"JSON array", []byte(`[{"kty":"RSA"}]`), registered, "JSON array"},
		{"DER cut off", generated().PKCS8()[:700], registered, "damaged or cut off"},
		{"DER with a byte too many", append(generated().PKCS8(), 0), registered, "damaged or cut off"},
		{"BER with indefinite length", []byte("\x30\x80\x02\x01\x03\x00\x00"), registered, "BER"},
		{"public key in DER", publicDER(t), registered, "public key"},
		{"EC key in DER", sec1, registered, "EC key"},

		{"PEM: two keys", []byte(good + good), registered, "2 private keys, in blocks 1, 2"},
		{"PEM: public key", body, registered, "public key and no private"},
		{"PEM: parameters only", pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: []byte{0x30, 0}}), registered, "no private key"},
		{"PEM: SEC 1 key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}), registered, "EC key"},
		{"PEM: SEC 1 key with an RSA label", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: sec1}), registered, "EC key"},
		{"PEM: OpenSSH's format", pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("openssh-key-v1\x00")}), registered, "OpenSSH"},
		{"PEM: a key in it that is not one", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: random}), registered, "block 1 (PRIVATE KEY) is damaged"},
		{"PEM: a label that is not one", []byte("-----BEGIN hemmelig nøkkel PRIVATE KEY-----\nAAAA\n-----END hemmelig nøkkel PRIVATE KEY-----"), registered, "PEM block 1 is damaged"},
		{"PEM: empty block", []byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), registered, "is empty"},
		{"PEM: no END line", []byte(good[:middle]), registered, "no -----END"},
		{"PEM: BEGIN line cut", []byte("-----BEGIN PRIVATE"), registered, "-----BEGIN"},
		{"PEM: ends as something else", []byte(strings.Replace(good, "END PRIVATE", "END PUBLIC", 1)), registered, "another kind"},
		{"PEM: a character lost", []byte(good[:middle] + good[middle+1:]), registered, "damaged"},
		{"PEM: a line lost", []byte(good[:28] + good[28+65:]), registered, "damaged"},
		{"PEM: a foreign character", []byte(good[:middle] + "*" + good[middle+1:]), registered, "base64"},
		{"PEM: url-safe base64", []byte(good[:middle] + "_-_-" + good[middle+4:]), registered, "base64"},
		{"PEM: no kid and no certificate", []byte(good), Options{}, "neither a kid nor a certificate"},
		{"PEM: other certificate", []byte(good), Options{CertificateChain: otherCertificate(t)}, "no certificate belongs to the key"},
		{"chain: nonsense", []byte(good), Options{CertificateChain: []byte("hei")}, "number 1 is not a certificate"},
		{"chain: a key in it", []byte(good), Options{CertificateChain: []byte(good)}, "is not a certificate"},
		{"chain: damaged PEM", []byte(good), Options{CertificateChain: []byte("-----BEGIN CERTIFICATE-----\nMII")}, "damaged"},

		{"algorithm: PSS", []byte(good), Options{KeyID: testKID, Algorithm: "PS256"}, "PS256"},
		{"algorithm: none", []byte(good), Options{KeyID: testKID, Algorithm: "none"}, "none"},
		{"algorithm: lower case", []byte(good), Options{KeyID: testKID, Algorithm: "rs256"}, "rs256"},
		{"kid: a space", []byte(good), Options{KeyID: "my key"}, "character"},
		{"kid: a line break", []byte(good), Options{KeyID: "kid\n"}, "character"},
		{"kid: Norwegian", []byte(good), Options{KeyID: "nøkkel"}, "character"},
		{"kid: 64 KiB", []byte(good), Options{KeyID: strings.Repeat("k", 64<<10)}, "65536 characters"},
	})
}

func publicDER(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&generated().public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func otherCertificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return selfSigned(t, key, generatedAt.AddDate(1, 0, 0))
}

func TestRefusedFromOpenSSL(t *testing.T) {
	skipInFIPS(t)
	p := makePKI(t)
	make := func(args ...string) []byte { return openssl(t, p.dir, nil, args...) }
	convert := func(args ...string) []byte { return openssl(t, p.dir, p.key, args...) }
	oldEncryption := convert("rsa", "-traditional", "-aes256", "-passout", "pass:hemmelig")
	newEncryption := convert("pkcs8", "-topk8", "-passout", "pass:hemmelig")
	make("dsaparam", "-out", "dsa.param", "1024")
	dsa := make("gendsa", "dsa.param")
	withPassword := func(password string) Options { return Options{KeyID: testKID, Password: password} }
	runRefused(t, []badInput{
		{"certificate only", p.leaf, registered, "certificate and no private key"},
		{"public key", convert("rsa", "-pubout"), registered, "public key and no private"},
		{"public key, PKCS#1", convert("rsa", "-RSAPublicKey_out"), registered, "public key and no private"},
		{"certificate request", read(t, p.dir, "leaf.csr"), registered, "no private key"},
		{"two keys, one EC", join(p.key, make("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")), registered, "2 private keys"},
		{"EC", make("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), registered, "EC key"},
		{"EC with parameters", make("ecparam", "-name", "prime256v1", "-genkey"), registered, "block 2 (EC PRIVATE KEY) is an EC key"},
		{"Ed25519", make("genpkey", "-algorithm", "ED25519"), registered, "Ed25519"},
		{"X25519", make("genpkey", "-algorithm", "X25519"), registered, "X25519"},
		{"DSA", dsa, registered, "DSA"},
		{"DSA, old form", openssl(t, p.dir, dsa, "dsa"), registered, "DSA"},
		{"RSA-PSS", make("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"), registered, "RSA-PSS"},
		{"EC behind a password", openssl(t, p.dir, make("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "pkcs8", "-topk8", "-passout", "pass:hemmelig"), withPassword("hemmelig"), "EC key"},
		{"RSA 512", make("genrsa", "512"), registered, "512 bits, which is too short"},
		{"RSA 1024", make("genrsa", "1024"), registered, "1024 bits, which is too short"},
		{"RSA 2047", make("genrsa", "2047"), registered, "2047 bits, which is too short"},
		{"RSA with e 3", make("genrsa", "-3", "2048"), registered, "is 3, which is too small"},
		{"RSA with three primes", make("genrsa", "-primes", "3", "2048"), registered, "more than two primes"},
		{"old encryption, no password", oldEncryption, registered, "no password was given"},
		{"old encryption, wrong password", oldEncryption, withPassword("Hemmelig"), "password does not open"},
		{"old encryption, unknown cipher", bytes.Replace(oldEncryption, []byte("AES-256-CBC"), []byte("ROT-13"), 1), withPassword("hemmelig"), "not supported"},
		{"PBES2, no password", newEncryption, registered, "no password was given"},
		{"PBES2, wrong password", newEncryption, withPassword("Hemmelig"), "password does not open"},
		{"PBES2, scrypt", convert("pkcs8", "-topk8", "-scrypt", "-passout", "pass:hemmelig"), withPassword("hemmelig"), "scrypt"},
		{"PBES2, Camellia", convert("pkcs8", "-topk8", "-v2", "camellia-256-cbc", "-passout", "pass:hemmelig"), withPassword("hemmelig"), "another cipher"},
		{"PBES1", convert("pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:hemmelig"), withPassword("hemmelig"), "old password scheme"},
		{"PBES2, eight million rounds", manyRounds(t, convert("pkcs8", "-topk8", "-iter", "65536", "-outform", "DER", "-passout", "pass:hemmelig")), withPassword("x"), "rounds"},
		{"chain without the intermediate", join(p.key, p.leaf, p.root), Options{}, "issued by"},
		{"chain with a foreign root", join(p.key, p.chain, p.otherRoot), Options{}, "Another Root CA"},
		{"chain of another key", join(p.key, p.otherRoot), Options{}, "no certificate belongs to the key"},
	})
}

func TestRefusedPKCS12(t *testing.T) {
	skipInFIPS(t)
	p := makePKI(t)
	make := func(args ...string) []byte {
		return openssl(t, p.dir, nil, append([]string{"pkcs12", "-export"}, args...)...)
	}
	full := []string{"-inkey", "leaf.key", "-in", "chain.pem"}
	modern := make(append(full, "-passout", "pass:hemmelig")...)
	legacy := make(append(full, "-passout", "pass:hemmelig", "-legacy")...)
	empty := make(append(full, "-passout", "pass:")...)
	openssl(t, p.dir, nil, "req", "-new", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ec.key", "-subj", "/CN=EC", "-out", "ec.pem")
	openssl(t, p.dir, nil, "req", "-new", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "short.key", "-subj", "/CN=short", "-out", "short.pem")
	runRefused(t, []badInput{
		{"no password given", modern, Options{}, "none was given"},
		{"no password given, legacy", legacy, Options{}, "none was given"},
		{"wrong password", modern, Options{Password: "Hemmelig"}, "password does not open"},
		{"wrong password, legacy", legacy, Options{Password: "Hemmelig"}, "password does not open"},
		{"a password for the empty one", empty, Options{Password: "hemmelig"}, "password does not open"},
		{"emoji in the password", modern, Options{Password: "🔑"}, "cannot express"},
		{"password that is not text", modern, Options{Password: "\xff"}, "cannot express"},
		{"no integrity check", make(append(full, "-passout", "pass:hemmelig", "-nomac")...), Options{Password: "hemmelig"}, "no integrity check"},
		{"no key", make("-nokeys", "-in", "chain.pem", "-passout", "pass:hemmelig"), Options{Password: "hemmelig"}, "no private key"},
		{"no certificate", make("-nocerts", "-inkey", "leaf.key", "-passout", "pass:hemmelig"), Options{Password: "hemmelig"}, "no certificate"},
		{"several keys", withTwoKeys(t), Options{}, "several private keys"},
		{"EC key", make("-inkey", "ec.key", "-in", "ec.pem", "-passout", "pass:hemmelig"), Options{Password: "hemmelig"}, "not RSA"},
		{"RSA 1024", make("-inkey", "short.key", "-in", "short.pem", "-passout", "pass:hemmelig"), Options{Password: "hemmelig"}, "1024 bits"},
		{"eight million rounds", manyRounds(t, make(append(full, "-passout", "pass:hemmelig", "-iter", "65536")...)), Options{Password: "x"}, "rounds"},
		{"unknown cipher", make(append(full, "-passout", "pass:hemmelig", "-keypbe", "camellia-256-cbc")...), Options{Password: "hemmelig"}, "not supported"},
		{"a certificate of another chain", make(append(full, "-certfile", "other.pem", "-passout", "pass:hemmelig")...), Options{Password: "hemmelig"}, "does not belong"},
		{"cut off", modern[:len(modern)/2], Options{Password: "hemmelig"}, "damaged or cut off"},
		{"a byte changed", append(modern[:len(modern)-40:len(modern)-40], append([]byte{^modern[len(modern)-40]}, modern[len(modern)-39:]...)...), Options{Password: "hemmelig"}, "PKCS#12"},
	})
	t.Run("ParsePKCS12 given PEM", func(t *testing.T) {
		got, err := ParsePKCS12(p.key, Options{})
		checkRefused(t, got, err, "another format", p.key)
	})
}

// manyRounds makes a file with 65,536 rounds ask for 8,388,607.
func manyRounds(t *testing.T, der []byte) []byte {
	t.Helper()
	changed := bytes.ReplaceAll(der, []byte{2, 3, 1, 0, 0}, []byte{2, 3, 0x7f, 0xff, 0xff})
	if bytes.Equal(der, changed) {
		t.Fatal("the file has no count of 65536 to change")
	}
	return changed
}

// withTwoKeys makes an unprotected PKCS#12 as a Java keystore with two aliases
// would be: two key bags in one SafeContents.
func withTwoKeys(t *testing.T) []byte {
	t.Helper()
	key := generated().key
	leaf, err := x509.ParseCertificate(selfSigned(t, key, generatedAt))
	if err != nil {
		t.Fatal(err)
	}
	der, err := pkcs12.Passwordless.Encode(key, leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	type content struct {
		Type asn1.ObjectIdentifier
		Data []byte `asn1:"explicit,tag:0"`
	}
	var file struct {
		Version int
		Safe    content
	}
	var parts []content
	var bags []asn1.RawValue
	unmarshal(t, der, &file)
	unmarshal(t, file.Safe.Data, &parts)
	last := &parts[len(parts)-1]
	unmarshal(t, last.Data, &bags)
	last.Data = marshal(t, append(bags, bags...))
	file.Safe.Data = marshal(t, parts)
	return marshal(t, file)
}

func unmarshal(t *testing.T, der []byte, into any) {
	t.Helper()
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) > 0 {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// A character of the base64 that is damaged makes an error, at every offset.
// One that is exchanged for another either makes an error or changes nothing
// that matters; it never makes another key.
func TestPEMDamagedAtEachOffset(t *testing.T) {
	want := generated()
	text := want.PEM()
	begin, end := bytes.IndexByte(text, '\n')+1, bytes.LastIndex(text, []byte("\n-----END"))
	for i := begin; i < end; i++ {
		if text[i] == '\n' {
			continue
		}
		damaged := bytes.Clone(text)
		damaged[i] = '!'
		if _, err := Parse(damaged, registered); err == nil {
			t.Fatalf("offset %d: accepted", i)
		}
		if i%5 != 0 {
			continue
		}
		if damaged[i] = 'A'; text[i] == 'A' {
			damaged[i] = 'B'
		}
		if got, err := Parse(damaged, registered); err == nil && (!sameKey(got, want) || got.key.D.Cmp(want.key.D) != 0) {
			t.Fatalf("offset %d: another key", i)
		}
	}
}

func TestParsersOfOneFormatRefuseOthers(t *testing.T) {
	text, jwk := generated().PEM(), generated().JWK()
	p, err := ParseJWK(text, registered)
	checkRefused(t, p, err, "PEM, not a JWK", text)
	p, err = ParsePEM(jwk, registered)
	checkRefused(t, p, err, "no PEM block", jwk)
	p, err = ParsePKCS12(jwk, registered)
	checkRefused(t, p, err, "another format", jwk)
	p, err = ParseJWK([]byte(base64.StdEncoding.EncodeToString([]byte("{}"))), registered)
	checkRefused(t, p, err, "neither", nil)
	for name, parse := range map[string]func([]byte, Options) (*Private, error){"PEM": ParsePEM, "JWK": ParseJWK, "PKCS#12": ParsePKCS12} {
		t.Run(name, func(t *testing.T) {
			for _, empty := range [][]byte{nil, {}, []byte("\n")} {
				if _, err := parse(empty, registered); err == nil {
					t.Error("an empty input is accepted")
				}
			}
			if _, err := parse(make([]byte, maxInput+1), registered); err == nil || !strings.Contains(err.Error(), "bytes") {
				t.Errorf("over 1 MiB: %v", err)
			}
		})
	}
}
