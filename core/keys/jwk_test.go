package keys

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// members is the private JWK of the generated key, to be changed by a test.
func members(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(generated().JWK(), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// changed returns the JWK with some members replaced; nil removes one.
func changed(t testing.TB, changes map[string]any) []byte {
	t.Helper()
	m := members(t)
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_ string, value any) bool { return value == nil })
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type change = map[string]any

func TestJWKAccepted(t *testing.T) {
	m := members(t)
	zeroLed := func(name string) string {
		octets, err := base64.RawURLEncoding.DecodeString(m[name].(string))
		if err != nil {
			t.Fatal(err)
		}
		return encode(append([]byte{0}, octets...))
	}
	public := changed(t, change{"d": nil, "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil, "kid": "public"})
	private := string(changed(t, nil))
	for _, c := range []struct {
		name string
		data string
		o    Options
		kid  string
		alg  string
	}{
		{"as exported", private, Options{}, testKID, "RS256"},
		{"without CRT numbers", string(changed(t, change{"dp": nil, "dq": nil, "qi": nil})), Options{}, testKID, "RS256"},
		{"without primes", string(changed(t, change{"p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil})), Options{}, testKID, "RS256"},
		{"RS512 from alg", string(changed(t, change{"alg": "RS512"})), Options{}, testKID, "RS512"},
		{"alg from the option", string(changed(t, change{"alg": nil})), Options{Algorithm: "RS384"}, testKID, "RS384"},
		{"no alg at all", string(changed(t, change{"alg": nil, "use": nil})), Options{}, testKID, "RS256"},
		{"kid from the option", private, Options{KeyID: "other"}, "other", "RS256"},
		{"empty kid and the option", string(changed(t, change{"kid": ""})), Options{KeyID: "other"}, "other", "RS256"},
		{"key_ops", string(changed(t, change{"use": nil, "key_ops": []string{"sign"}})), Options{}, testKID, "RS256"},
		{"unknown members", string(changed(t, change{"exp": 1900000000, "ext": true, "oth:er": map[string]any{"a": []int{1, 2}}})), Options{}, testKID, "RS256"},
		{"a zero byte before each number", string(changed(t, change{"n": zeroLed("n"), "p": zeroLed("p"), "d": zeroLed("d")})), Options{}, testKID, "RS256"},
		{"indented", indent(t, private), Options{}, testKID, "RS256"},
		{"byte order mark", "\xef\xbb\xbf" + private, Options{}, testKID, "RS256"},
		{"single quotes around it", "'" + private + "'", Options{}, testKID, "RS256"},
		{"in base64", base64.StdEncoding.EncodeToString([]byte(private)), Options{}, testKID, "RS256"},
		{"escapes in names and values", strings.NewReplacer(`"kty"`, `"k\u0074y"`, `"sig"`, `"\u0073ig"`).Replace(private), Options{}, testKID, "RS256"},
		{"set of one", `{"keys":[` + private + `]}`, Options{}, testKID, "RS256"},
		{"set of a public, a foreign and a private key", `{"keys":[` + string(public) + `,{"kty":"EC","crv":"P-256","kid":"ec"},` + private + `]}`, Options{}, testKID, "RS256"},
		{"set of two, one chosen", `{"keys":[` + private + `,` + string(changed(t, change{"kid": "two"})) + `]}`, Options{KeyID: "two"}, "two", "RS256"},
		{"set of a signing and an encryption key", `{"keys":[` + string(changed(t, change{"use": "enc", "alg": "RSA-OAEP", "kid": "enc"})) + `,` + private + `]}`, Options{}, testKID, "RS256"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mustParse(t, []byte(c.data), c.o)
			if key := got.Key(); !sameKey(got, generated()) || key.KeyID != c.kid || key.Algorithm != c.alg {
				t.Errorf("Key() is %v", key)
			}
		})
	}
}

func indent(t testing.TB, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(value, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestJWKRefused(t *testing.T) {
	m := members(t)
	private := string(changed(t, nil))
	standard := strings.NewReplacer("-", "+", "_", "/")
	n := m["n"].(string)
	if standard.Replace(n) == n { // one modulus in 10,000 has neither character
		t.Skip("the generated modulus is the same in both alphabets")
	}
	row := func(name string, changes change, word string) badInput {
		return badInput{name, changed(t, changes), Options{}, word}
	}
	rows := []badInput{
		row("missing d", change{"d": nil}, "public key"),
		row("missing n", change{"n": nil}, "n of the JWK is missing"),
		row("missing e", change{"e": nil}, "e of the JWK is missing"),
		row("missing q only", change{"q": nil}, "one prime and not the other"),
		row("d of another key without primes", change{"d": m["p"], "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}, "does not belong"),
		row("two zero bytes before n", change{"n": "AAAA" + n}, "begins with zero bytes"),
		row("n of zero", change{"n": "AA"}, "zero"),
		row("n is empty", change{"n": ""}, "n of the JWK is empty"),
		row("padding", change{"e": "AQAB===="}, "padding"),
		row("padding in n", change{"n": n + "=="}, "padding"),
		row("standard base64", change{"n": standard.Replace(n)}, "standard base64"),
		row("a foreign character", change{"n": "!" + n[1:]}, "not base64url"),
		row("n as a number", change{"n": 65537}, "n of the JWK is not a string"),
		row("e as null", change{"e": json.RawMessage("null")}, "e of the JWK is not a string"),
		row("e of 1", change{"e": "AQ"}, "is 1, which is too small"),
		row("e of 2", change{"e": "Ag"}, "even"),
		row("e of 3", change{"e": "Aw"}, "is 3, which is too small"),
		row("e even", change{"e": "AQAC"}, "even"),
		row("e of 2^64+1", change{"e": "AQAAAAAAAAAB"}, "larger than"),
		row("kty missing", change{"kty": nil}, "kty"),
		row("kty oct", change{"kty": "oct"}, "symmetric"),
		row("kty EC", change{"kty": "EC"}, "elliptic-curve"),
		row("kty OKP", change{"kty": "OKP"}, "elliptic-curve"),
		row("kty in lower case", change{"kty": "rsa"}, "not an RSA key"),
		row("kty as a number", change{"kty": 1}, "kty of the JWK is not a string"),
		row("use enc", change{"use": "enc"}, "not for signing"),
		row("use empty", change{"use": ""}, "not for signing"),
		row("key_ops without sign", change{"key_ops": []string{"decrypt"}}, "key_ops lacks sign"),
		row("key_ops as text", change{"key_ops": "sign"}, "key_ops lacks sign"),
		row("alg PS256", change{"alg": "PS256"}, "PS256"),
		row("alg none", change{"alg": "none"}, "none"),
		row("alg RSA-OAEP", change{"alg": "RSA-OAEP"}, "RSA-OAEP"),
		row("alg HS256", change{"alg": "HS256"}, "HS256"),
		row("alg null", change{"alg": json.RawMessage("null")}, "alg of the JWK is not a string"),
		{"alg RS512, RS256 asked for", changed(t, change{"alg": "RS512"}), Options{Algorithm: "RS256"}, "RS512"},
		row("kid missing", change{"kid": nil}, "neither a kid nor a certificate"),
		row("kid empty", change{"kid": ""}, "kid of the JWK is empty"),
		row("kid as a number", change{"kid": 7}, "kid of the JWK is not a string"),
		row("kid of 64 KiB", change{"kid": strings.Repeat("k", 64<<10)}, "65536 characters"),
		row("kid with a slash", change{"kid": "a/b"}, "character"),
		row("oth", change{"oth": []any{}}, "more than two primes"),
		row("x5c as text", change{"x5c": base64.StdEncoding.EncodeToString(otherCertificate(t))}, "not an array of strings"),
		row("x5c of nonsense", change{"x5c": []string{"MIIB"}}, "x5c[0]"),
		row("x5c in PEM", change{"x5c": []string{"-----BEGIN CERTIFICATE-----"}}, "x5c[0]"),
		row("x5c of another key", change{"x5c": []string{base64.StdEncoding.EncodeToString(otherCertificate(t))}}, "does not belong to the key"),
		row("x5c empty and no kid", change{"kid": nil, "x5c": []string{}}, "neither a kid nor a certificate"),
		row("swapped primes and CRT numbers", change{"dp": m["dq"], "dq": m["dp"]}, "CRT"),
		row("p twice", change{"q": m["p"]}, "multiply"),
		row("d changed", change{"d": flip(m["d"].(string))}, "does not belong"),
		row("n changed", change{"n": flip(n)}, "multiply"),
		row("d as large as n", change{"d": n}, "not below its modulus"),

		{"not JSON", []byte(private[:len(private)-1]), Options{}, "not valid JSON"},
		{"text behind it", []byte(private + "}"), Options{}, "not valid JSON"},
		{"comments", []byte("{/* key */" + private[1:]), Options{}, "not valid JSON"},
		{"typographic quotes", []byte(strings.Replace(private, `"kty"`, `“kty”`, 1)), Options{}, "not valid JSON"},
		{"nested too deep", []byte(`{"kty":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}"), Options{}, "not valid JSON"},
		{"a member twice", []byte(strings.Replace(private, `{`, `{"alg":"RS512",`, 1)), Options{}, "stands twice"},
		{"a member twice, once escaped", []byte(strings.Replace(private, `{`, `{"\u0061lg":"RS512",`, 1)), Options{}, "stands twice"},
		{"members in the wrong case", []byte(strings.ReplaceAll(private, `"d":`, `"D":`)), Options{}, "public key"},
		{"empty object", []byte("{}"), Options{}, "kty"},
		{"empty set", []byte(`{"keys":[]}`), Options{}, "none of the 0 keys"},
		{"keys as an object", []byte(`{"keys":{}}`), Options{}, "not an array"},
		{"set of text", []byte(`{"keys":["key"]}`), Options{}, "key 1 of the JWK set is not a JSON object"},
		{"public set", generated().PublicJWKS(), Options{}, "key 1 of the JWK set is a public key"},
		{"set of two", []byte(`{"keys":[` + private + `,` + string(changed(t, change{"kid": "two"})) + `]}`), Options{}, "2 private keys"},
		{"set of two, neither chosen", []byte(`{"keys":[` + private + `,` + string(changed(t, change{"kid": "two"})) + `]}`), Options{KeyID: "three"}, "2 private keys"},
		{"one kid twice in a set", []byte(`{"keys":[` + private + `,` + private + `]}`), Options{}, "two keys with the kid"},
		{"set without a usable key", []byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"EC"}]}`), Options{}, "none of the 2 keys"},
	}
	runRefused(t, rows)
}

// flip exchanges one character in the middle for another.
func flip(text string) string {
	i := len(text) / 2
	other := "A"
	if text[i] == 'A' {
		other = "B"
	}
	return text[:i] + other + text[i+1:]
}

func TestJWKCutOffAtEachOffset(t *testing.T) {
	text := generated().JWK()
	for i := range text {
		if p, err := Parse(text[:i], registered); err == nil || p != nil {
			t.Fatalf("the first %d of %d bytes are accepted", i, len(text))
		}
	}
}

func TestJWKWithCertificates(t *testing.T) {
	p := makePKI(t)
	jwk := mustParse(t, join(p.key, p.chain), Options{}).JWK()
	checkFullChain(t, mustParse(t, jwk, Options{}), p)
	var m map[string]any
	if err := json.Unmarshal(jwk, &m); err != nil {
		t.Fatal(err)
	}
	chain := m["x5c"].([]any)

	m["x5c"] = []any{chain[0], chain[2], chain[1]} // issuers in the wrong order: put right
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	checkFullChain(t, mustParse(t, text, Options{}), p)

	m["x5c"] = []any{chain[1], chain[0], chain[2]} // RFC 7517 §4.7: the leaf must be first
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text, Options{})
	checkRefused(t, got, err, "first certificate in x5c", text)

	m["x5c"], m["kid"] = chain, "registered" // the kid of the JWK comes first
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if key := mustParse(t, text, Options{}).Key(); key.KeyID != "registered" || key.CertificateChain != nil {
		t.Errorf("Key() is %v with %d certificates", key, len(key.CertificateChain))
	}
}
