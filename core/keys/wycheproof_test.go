package keys

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// wycheproof reads a file of the Wycheproof vectors, which are not part of this
// repository: MASKINPORTEN_WYCHEPROOF names their directory.
func wycheproof(t *testing.T, name string, into any) {
	t.Helper()
	dir := os.Getenv("MASKINPORTEN_WYCHEPROOF")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "wycheproof")
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if os.IsNotExist(err) {
		t.Skip("the Wycheproof vectors are not here; set MASKINPORTEN_WYCHEPROOF to their testvectors_v1 directory")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// Signing is deterministic: every signature must be the vector's, byte by byte.
func TestWycheproofSignatures(t *testing.T) {
	algorithms := map[string]string{"SHA-256": "RS256", "SHA-384": "RS384", "SHA-512": "RS512"}
	for _, size := range []string{"2048", "3072", "4096"} {
		t.Run(size, func(t *testing.T) {
			var file struct {
				TestGroups []struct {
					SHA             string
					PrivateKeyJWK   json.RawMessage
					PrivateKeyPkcs8 string
					PrivateKeyPem   string
					PrivateKey      struct{ PublicExponent string }
					Tests           []struct {
						TcID             int
						Msg, Sig, Result string
					}
				}
			}
			wycheproof(t, "rsa_pkcs1_"+size+"_sig_gen_test.json", &file)
			run := 0
			for _, group := range file.TestGroups {
				algorithm, ok := algorithms[group.SHA]
				if !ok {
					continue // SHA-1, SHA-224 and others are not for JWTs
				}
				der, err := hex.DecodeString(group.PrivateKeyPkcs8)
				if err != nil {
					t.Fatal(err)
				}
				o := Options{KeyID: testKID, Algorithm: algorithm}
				forms := map[string][]byte{"PKCS#8": der, "PEM": []byte(group.PrivateKeyPem)}
				if group.PrivateKeyJWK != nil {
					forms["JWK"] = group.PrivateKeyJWK
				}
				for form, data := range forms {
					p, err := Parse(data, o)
					if group.Tests[0].Result != "valid" {
						// All of these are weak by their exponent of 3.
						checkRefused(t, p, err, "is 3, which is too small", data)
						continue
					}
					if err != nil {
						t.Fatalf("%s %s: %v", group.SHA, form, err)
					}
					for _, c := range group.Tests {
						message, errM := hex.DecodeString(c.Msg)
						want, errS := hex.DecodeString(c.Sig)
						if errM != nil || errS != nil {
							t.Fatal(errM, errS)
						}
						got, err := p.Sign(context.Background(), message)
						if err != nil || !bytes.Equal(got, want) {
							t.Errorf("case %d from %s: another signature, error %v", c.TcID, form, err)
						}
						run++
					}
				}
			}
			if run == 0 {
				t.Error("no vector was run")
			}
			t.Logf("%d signatures", run)
		})
	}
}

// The JWK vectors are about verifying with a key set. This package reads keys
// to sign with, so what must hold is: every group whose own key is at fault is
// refused, for the reason it is in the set; of all others exactly the RSA
// signing key is accepted.
func TestWycheproofKeys(t *testing.T) {
	var file struct {
		TestGroups []struct {
			Comment string
			Private json.RawMessage
			Tests   []struct {
				TcID            int
				Comment, Result string
			}
		}
	}
	wycheproof(t, "json_web_key_test.json", &file)
	// What is accepted, and what the others are refused for. The valid groups
	// that are refused hold symmetric keys, which Maskinporten does not know.
	// No invalid group is accepted.
	want := map[string]string{
		"jws_mixedSymmetryKeyset": "none of the 2 keys",
		"jws_keyset":              "none of the 2 keys",
		"jws_duplicate_kid":       "two keys with the kid",
		"rs256":                   "",
		"rs256, rejectsWrongUse":  "use",
		"jws_rsa_roca_key":        "ROCA",
		"keysize_too_small":       "1024 bits",
		"exponentOne":             "is 1, which is too small",
		"HS256":                   "symmetric", "HS384": "symmetric", "HS512": "symmetric",
		"wrong_algorithm": "elliptic-curve", "invalid_algorithm": "elliptic-curve", "invalid_use": "elliptic-curve",
		"invalid_point": "elliptic-curve", "wrong_curve": "elliptic-curve",
		"wrong_kty":           "ES256", // an EC key that calls itself RSA
		"invalid_aes_gcm_key": "symmetric", "invalid_aes_kw_key": "symmetric",
	}
	for _, group := range file.TestGroups {
		name := group.Comment
		if special := name + ", " + group.Tests[0].Comment; want[special] != "" {
			name = special
		}
		word, known := want[name]
		if !known {
			t.Errorf("group %q is new: say what must become of it", name)
			continue
		}
		p, err := Parse(group.Private, Options{})
		if word != "" {
			checkRefused(t, p, err, word, group.Private)
			continue
		}
		if err != nil {
			t.Errorf("group %q, cases from %d: %v", name, group.Tests[0].TcID, err)
			continue
		}
		checkSignature(t, p)
		if group.Tests[0].Result != "valid" || p.Key().KeyID != "kid-rsa-sign" {
			t.Errorf("group %q: accepted with kid %s", name, p.Key().KeyID)
		}
	}
}
