package keys

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFIPSOnly runs itself again in FIPS 140-only mode, which a process cannot
// enter later: plain keys work, and protected ones that would need MD5, SHA-1
// or a short salt are refused with the reason, not with a panic.
func TestFIPSOnly(t *testing.T) {
	if !fips140.Enforced() {
		self, err := os.Executable()
		if err != nil {
			t.Skip("this platform cannot run the test a second time")
		}
		again := exec.Command(self, "-test.run=^TestFIPSOnly$", "-test.v")
		again.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := again.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), "--- SKIP: TestFIPSOnly") {
			t.Skip("OpenSSL 3 is not installed")
		}
		if !strings.Contains(string(out), "--- PASS: TestFIPSOnly") {
			t.Fatalf("it did not run:\n%s", out)
		}
		return
	}
	p := makePKI(t)
	mustParse(t, p.key, registered)
	checkFullChain(t, mustParse(t, join(p.key, p.chain), Options{}), p)
	mustParse(t, generated().JWK(), Options{})
	protected := Options{KeyID: testKID, Password: "hemmelig"}
	runRefused(t, []badInput{
		{"old PEM encryption", openssl(t, p.dir, p.key, "rsa", "-traditional", "-aes256", "-passout", "pass:hemmelig"), protected, "FIPS"},
		{"PBES2 with 3DES", openssl(t, p.dir, p.key, "pkcs8", "-topk8", "-v2", "des3", "-passout", "pass:hemmelig"), protected, "FIPS"},
		{"PKCS#12 with RC2", openssl(t, p.dir, nil, "pkcs12", "-export", "-legacy", "-inkey", "leaf.key", "-in", "leaf.pem", "-passout", "pass:hemmelig"), protected, "FIPS"},
	})
}
