package keys

import (
	"context"
	"crypto"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// generatedAt is when the tests began; certificates they make are valid around it.
var generatedAt = time.Now()

const testKID = "6a1c3c0e-8f1f-4b7e-9d0a-000000000001"

var registered = Options{KeyID: testKID}

// generated is one new key for all tests that do not need one of their own.
var generated = sync.OnceValue(func() *Private {
	p, err := Generate(GenerateOptions{KeyID: testKID})
	if err != nil {
		panic(err)
	}
	return p
})

// requireOpenSSL skips the test without OpenSSL 3, and fails it under CI=true.
func requireOpenSSL(t testing.TB) {
	t.Helper()
	out, err := exec.Command("openssl", "version").Output()
	if err == nil && strings.HasPrefix(string(out), "OpenSSL 3") {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("OpenSSL 3 is needed and not installed; CI=true allows no skipping")
	}
	t.Skip("OpenSSL 3 is not installed: the files that it would make are not tested")
}

// openssl runs the openssl command in dir with input and returns its output.
func openssl(t testing.TB, dir string, input []byte, args ...string) []byte {
	t.Helper()
	command := exec.Command("openssl", args...)
	command.Dir = dir
	command.Stdin = strings.NewReader(string(input))
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", args[0], err, stderr.String())
	}
	return out
}

// skipInFIPS skips a test of formats that FIPS 140-only mode forbids.
func skipInFIPS(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("FIPS 140-only mode forbids the encryption in these files; TestFIPSOnly covers that")
	}
}

// pki is what OpenSSL made once for all tests: a leaf key and a chain.
type pki struct {
	dir                      string
	key                      []byte // PKCS#8 PEM
	leaf, intermediate, root []byte // PEM
	otherRoot                []byte
	chain                    []byte // leaf, intermediate and root
	organization             string
}

var (
	pkiOnce sync.Once
	pkiMade pki
)

func TestMain(m *testing.M) {
	code := m.Run()
	if pkiMade.dir != "" {
		os.RemoveAll(pkiMade.dir)
	}
	os.Exit(code)
}

func makePKI(t testing.TB) pki {
	t.Helper()
	requireOpenSSL(t)
	pkiOnce.Do(func() {
		dir, err := os.MkdirTemp("", "keys-test")
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "ca.ext", []byte("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"))
		write(t, dir, "leaf.ext", []byte("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"))
		for _, name := range []string{"root", "other", "inter", "leaf"} {
			openssl(t, dir, nil, "genrsa", "-out", name+".key", "2048")
		}
		selfSigned := func(name, cn string) {
			openssl(t, dir, nil, "req", "-new", "-x509", "-key", name+".key", "-subj", "/C=NO/O=Test CA/CN="+cn, "-days", "30", "-out", name+".pem",
				"-addext", "keyUsage=critical,keyCertSign,cRLSign")
		}
		issue := func(issuer, name, subject, extensions string) {
			openssl(t, dir, nil, "req", "-new", "-key", name+".key", "-subj", subject, "-out", name+".csr")
			openssl(t, dir, nil, "x509", "-req", "-in", name+".csr", "-CA", issuer+".pem", "-CAkey", issuer+".key", "-CAcreateserial",
				"-days", "20", "-extfile", extensions, "-out", name+".pem")
		}
		selfSigned("root", "Test Root CA")
		selfSigned("other", "Another Root CA")
		issue("root", "inter", "/C=NO/O=Test CA/CN=Test Intermediate CA", "ca.ext")
		issue("inter", "leaf", "/C=NO/O=Eksempel AS/organizationIdentifier=NTRNO-310000007/CN=Eksempel AS", "leaf.ext")
		pkiMade = pki{dir: dir, key: read(t, dir, "leaf.key"), leaf: read(t, dir, "leaf.pem"), intermediate: read(t, dir, "inter.pem"),
			root: read(t, dir, "root.pem"), otherRoot: read(t, dir, "other.pem"), organization: "310000007"}
		pkiMade.chain = join(pkiMade.leaf, pkiMade.intermediate, pkiMade.root)
		write(t, dir, "chain.pem", pkiMade.chain)
		write(t, dir, "shuffled.pem", join(pkiMade.root, pkiMade.leaf, pkiMade.intermediate))
		write(t, dir, "issuers.pem", join(pkiMade.root, pkiMade.intermediate))
	})
	if pkiMade.organization == "" {
		t.Fatal("an earlier test could not make the certificates")
	}
	return pkiMade
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func write(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// mustParse parses what must be accepted and proves that the key signs.
func mustParse(t testing.TB, data []byte, o Options) *Private {
	t.Helper()
	p, err := Parse(data, o)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	checkSignature(t, p)
	return p
}

// checkSignature verifies a signature of p with the public key alone.
func checkSignature(t testing.TB, p *Private) {
	t.Helper()
	message := []byte("header.payload")
	signature, err := p.Sign(context.Background(), message)
	if err != nil {
		t.Fatal(err)
	}
	key := p.Key()
	if len(signature) != key.SignatureSize {
		t.Fatalf("the signature has %d bytes, SignatureSize is %d", len(signature), key.SignatureSize)
	}
	hash := map[string]crypto.Hash{"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512}[key.Algorithm]
	h := hash.New()
	h.Write(message)
	if err := rsa.VerifyPKCS1v15(&p.public, hash, h.Sum(nil), signature); err != nil {
		t.Fatalf("the signature does not verify: %v", err)
	}
}

// sameKey says whether two keys have the same modulus.
func sameKey(a, b *Private) bool { return a.public.N.Cmp(b.public.N) == 0 }

// checkRefused checks the error of a bad input: its code, a word of its
// message, a remedy of its own, and that nothing of the input is in it.
func checkRefused(t *testing.T, p *Private, err error, word string, input []byte) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted; want an error with %q", word)
	}
	if p != nil {
		t.Error("there is a key beside the error")
	}
	var e *core.Error
	if !errors.As(err, &e) || e.Code != core.CodeInvalidKey || e.Kind != core.Local {
		t.Fatalf("not a local error with code %s: %v", core.CodeInvalidKey, err)
	}
	if !strings.Contains(e.Message, word) {
		t.Errorf("message %q lacks %q", e.Message, word)
	}
	general := core.NewError(core.CodeInvalidKey, "", nil).Remedy
	if e.Remedy == "" || e.Remedy == general || !strings.HasSuffix(e.Remedy, ".") {
		t.Errorf("remedy %q is not a sentence about this case", e.Remedy)
	}
	if e.Unwrap() != nil {
		t.Error("the error has a cause, whose text is not ours")
	}
	checkNoEcho(t, err.Error(), input)
}

var base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}`)

// checkNoEcho looks for any 12 characters of the long base64 runs of input.
func checkNoEcho(t *testing.T, text string, input []byte) {
	t.Helper()
	for _, run := range base64Run.FindAllString(string(input), -1) {
		for i := 0; i+12 <= len(run); i++ {
			if strings.Contains(text, run[i:i+12]) {
				t.Fatal("the error repeats a part of the input")
			}
		}
	}
}

// selfSigned makes a certificate in DER for key that ends at notAfter.
func selfSigned(t testing.TB, key crypto.Signer, notAfter time.Time) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Self-signed"},
		NotBefore: notAfter.Add(-24 * time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func encode(octets []byte) string { return base64.RawURLEncoding.EncodeToString(octets) }

// part encodes a number as a member of a JWK.
func part(n *big.Int) string { return encode(n.Bytes()) }
