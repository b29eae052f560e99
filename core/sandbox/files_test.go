package sandbox

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

// A program in another language has nothing but the files. This test uses
// nothing else either.
func TestWriteFiles(t *testing.T) {
	f := start(t, nil)
	dir := filepath.Join(t.TempDir(), "new")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFiles(dir, f.Server, f.demo); err != nil {
		t.Fatal(err)
	}
	files := must(os.ReadDir(dir))
	if len(files) != 8 {
		t.Errorf("there are %d files", len(files))
	}
	for _, file := range files {
		if mode := must(file.Info()).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", file.Name(), mode)
		}
	}

	var settings map[string]any
	if err := json.Unmarshal(must(os.ReadFile(filepath.Join(dir, "settings.json"))), &settings); err != nil {
		t.Fatal(err)
	}
	setting := func(name string) string {
		value, ok := settings[name].(string)
		if !ok || value == "" {
			t.Errorf("settings.json has no %s", name)
		}
		return value
	}
	read := func(name string) []byte { return must(os.ReadFile(setting(name))) }
	for _, name := range []string{"metadata_url", "customs_token_endpoint", "customs_test_auth", "altinn_exchange", "control", "customer_organization", "organization"} {
		setting(name)
	}
	scopes := settings["scopes"].(map[string]any)
	if scopes["customs"] != "toll:movement/road/v2" || len(scopes["many"].([]any)) != 20 {
		t.Errorf("the scopes are %v", scopes)
	}
	user := settings["system_user"].(map[string]any)
	if user["org"] != f.demo.SystemUser.Organization || user["external_ref"] != f.demo.SystemUser.ExternalRef {
		t.Errorf("the system user is %v", user)
	}

	// The variables, as a shell reads them.
	said := must(exec.Command("sh", "-c", `. "$0" && printf '%s\n' "$MASKINPORTEN_CLIENT_ID" "$MASKINPORTEN_ISSUER" "$MASKINPORTEN_ALLOW_LOOPBACK_HTTP" "$MASKINPORTEN_CLIENT_JWK"`,
		filepath.Join(dir, "env")).Output())
	if want := f.demo.ClientID + "\n" + f.Environment().Issuer + "\ntrue\n" + string(read("key_jwk")) + "\n"; string(said) != want {
		t.Error("the shell reads other variables than were written")
	}

	// The registered key, from PEM and from JWK.
	block, rest := pem.Decode(read("key_pem"))
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
		t.Fatal("key.pem is not one PKCS#8 block")
	}
	key := must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*rsa.PrivateKey)
	var jwk map[string]string
	if err := json.Unmarshal(read("key_jwk"), &jwk); err != nil {
		t.Fatal(err)
	}
	if d := new(big.Int).SetBytes(must(base64.RawURLEncoding.DecodeString(jwk["d"]))); d.Cmp(key.D) != 0 {
		t.Error("key.jwk is of another key than key.pem")
	}
	if jwk["kid"] != setting("kid") || jwk["alg"] != "RS256" || jwk["use"] != "sig" || jwk["kty"] != "RSA" {
		t.Errorf("key.jwk has kid %q, alg %q, use %q, kty %q", jwk["kid"], jwk["alg"], jwk["use"], jwk["kty"])
	}

	// The certificate, from PKCS#12 and from PEM.
	private, leaf, issuers, err := pkcs12.DecodeChain(read("certificate_p12"), setting("certificate_password"))
	if err != nil {
		t.Fatal(err)
	}
	var chain [][]byte
	certificateKey, text := (*rsa.PrivateKey)(nil), read("certificate_pem")
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type == "PRIVATE KEY" {
			certificateKey = must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*rsa.PrivateKey)
			continue
		}
		chain = append(chain, block.Bytes)
	}
	if len(issuers) != 2 || !reflect.DeepEqual(chain, [][]byte{leaf.Raw, issuers[0].Raw, issuers[1].Raw}) || !certificateKey.Equal(private) {
		t.Errorf("certificate.p12 has %d certificates and certificate.pem %d, or they are not the same", 1+len(issuers), len(chain))
	}

	// The eSeal, from PKCS#12.
	seal := settings["eseal"].(map[string]any)
	sealPrivate, sealLeaf, sealIssuers, err := pkcs12.DecodeChain(must(os.ReadFile(seal["p12"].(string))), seal["password"].(string))
	if err != nil {
		t.Fatal(err)
	}
	sealKey := sealPrivate.(*rsa.PrivateKey)
	if text := must(os.ReadFile(seal["pem"].(string))); strings.Count(string(text), "BEGIN CERTIFICATE") != 3 || len(sealIssuers) != 2 {
		t.Error("eseal.pem or eseal.p12 has another chain")
	}

	for _, row := range []struct {
		client, scope, gets string
		header              map[string]any
		key                 *rsa.PrivateKey
	}{
		{setting("client_id"), "plain", setting("client_id"), map[string]any{"alg": "RS256", "kid": setting("kid")}, key},
		{setting("certificate_client_id"), "plain", setting("certificate_client_id"), map[string]any{"alg": "RS256", "x5c": x5c(chain...)}, certificateKey},
		{"any name", "eseal", seal["client_id"].(string), map[string]any{"alg": "RS256", "x5c": x5c(sealLeaf.Raw, sealIssuers[0].Raw, sealIssuers[1].Raw)}, sealKey},
	} {
		now := f.now().Unix()
		d := &draft{header: row.header, key: row.key, claims: map[string]any{
			"iss": row.client, "aud": setting("issuer"), "scope": scopes[row.scope], "iat": now, "exp": now + 60, "jti": newJTI()}}
		answer, err := postForm(setting("token_endpoint"), grantForm(d.sign()))
		if err != nil || answer.status != 200 {
			t.Fatalf("status %d, %v", answer.status, err)
		}
		if r := f.get(setting("sample_api"), answer.json(t)["access_token"].(string)); r.status != 200 || r.json(t)["client_id"] != row.gets {
			t.Errorf("the sample API: %d, %s", r.status, r.body)
		}
	}
}

func TestWriteFilesNowhere(t *testing.T) {
	f := start(t, nil)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFiles(file, f.Server, f.demo); err == nil {
		t.Error("it wrote into a file")
	}
}
