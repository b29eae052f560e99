package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maskinporten-core/maskinporten/core/keys"
)

func TestKeygen(t *testing.T) {
	for _, test := range []struct {
		name      string
		arguments []string
		file      string // "" for stdout
		kid, alg  string // "" for any
	}{
		{"as it comes", nil, "key.pem", "", "RS256"},
		{"JWK", []string{"--format", "jwk"}, "key.jwk", "", "RS256"},
		{"named", []string{"--out", "mine.pem", "--kid", "mine.2026", "--alg", "RS512"}, "mine.pem", "mine.2026", "RS512"},
		{"PEM on stdout", []string{"--out", "-"}, "", "", "RS256"},
		{"JWK on stdout", []string{"--out", "-", "--format", "jwk", "--kid", "k"}, "", "k", "RS256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			r := call{arguments: append([]string{"keygen"}, test.arguments...), dir: dir}.run(t)
			r.want(t, 0, "Register the public JWK")
			public, private := r.out, []byte(r.out)
			if test.file == "" {
				public, _, _ = strings.Cut(r.errors, "\n")
				withoutSecrets(t, r.errors)
			} else {
				withoutSecrets(t, r.out+r.errors)
				private = readPrivate(t, filepath.Join(dir, test.file))
			}
			kid := checkPublic(t, public)
			if test.kid != "" && kid != test.kid || !strings.Contains(r.errors, kid) {
				t.Errorf("kid %q; stderr: %s", kid, r.errors)
			}
			key, err := keys.Parse(private, keys.Options{KeyID: kid, Algorithm: test.alg})
			if err != nil {
				t.Fatal(err)
			}
			if string(key.PublicJWK()) != strings.TrimSpace(public) {
				t.Error("the public key is not that of the private key")
			}
			if strings.Contains(test.name, "JWK") {
				if key, err = keys.Parse(private, keys.Options{}); err != nil || key.Key().KeyID != kid {
					t.Errorf("the JWK does not hold its kid: %v", err)
				}
			}
		})
	}
}

// readPrivate reads a key file and checks that it is its owner's alone.
func readPrivate(t *testing.T, path string) []byte {
	t.Helper()
	about, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if about.Mode() != 0o600 {
		t.Errorf("%s has mode %v", filepath.Base(path), about.Mode())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkPublic checks the shape that self-service wants and returns the kid.
func checkPublic(t *testing.T, line string) string {
	t.Helper()
	var jwk map[string]string
	if err := json.Unmarshal([]byte(line), &jwk); err != nil {
		t.Fatalf("the public key is not JSON: %v", err)
	}
	if members := slices.Sorted(maps.Keys(jwk)); !slices.Equal(members, []string{"alg", "e", "kid", "kty", "n", "use"}) {
		t.Errorf("the public JWK has the members %v", members)
	}
	if jwk["kty"] != "RSA" || jwk["use"] != "sig" || jwk["kid"] == "" {
		t.Errorf("kty %q, use %q, kid %q", jwk["kty"], jwk["use"], jwk["kid"])
	}
	return jwk["kid"]
}

func TestKeygenKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key.pem")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := call{arguments: []string{"keygen"}, dir: dir}.run(t)
	r.want(t, 1, "key.pem exists already", "--force")
	if content, _ := os.ReadFile(path); string(content) != "precious" || r.out != "" {
		t.Errorf("the file was touched, or stdout is %q", r.out)
	}
	call{arguments: []string{"keygen", "--force"}, dir: dir}.run(t).want(t, 0)
	if !strings.Contains(string(readPrivate(t, path)), "PRIVATE KEY") {
		t.Error("--force did not replace the file")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %d files: %v", len(entries), err)
	}
}

func TestKeygenBadInput(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"--bits", "1024"}, "1024 bits"},
		{[]string{"--bits", "-1"}, "bits"},
		{[]string{"--kid", "a b"}, "does not allow"},
		{[]string{"--out", "none/key.pem"}, "cannot be written"},
		{[]string{"--out", ".", "--force"}, "cannot be written"},
	} {
		r := call{arguments: append([]string{"keygen"}, test.arguments...), dir: t.TempDir()}.run(t)
		r.want(t, 1, test.says, "What to do: ")
		if r.out != "" {
			t.Errorf("%v: stdout %q", test.arguments, r.out)
		}
	}
}
