package keys

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// ParseJWK reads a private RSA key from a JWK (RFC 7517, RFC 7518 §6.3), or
// from a JWK set in which exactly one private key can sign; with several,
// Options.KeyID chooses. The primes may be missing, as RFC 7518 §6.3.2 allows.
//
// Member names are matched exactly, and none may be repeated. Numbers are
// base64url without padding; the one leading zero byte that some big-integer
// libraries add is forgiven, as it changes nothing.
func ParseJWK(data []byte, o Options) (*Private, error) {
	if err := checkSize(data); err != nil {
		return nil, err
	}
	text := tidy(data)
	defer clear(text)
	if !isObject(text) {
		if isPEM(text) {
			return nil, refuse("the data is PEM, not a JWK", "Let Parse recognise the format, or give a JWK.")
		}
		return nil, unrecognised(data, text)
	}
	return parseJWK(text, o)
}

func parseJWK(text []byte, o Options) (*Private, error) {
	value, err := strictjson.Parse(text)
	if err != nil {
		return nil, refuse("the JWK is "+err.Error(), "Copy the JWK again, whole and unchanged, with plain double quotes; keep one of two members with the same name.")
	}
	if set, isSet := value.Get("keys"); isSet {
		if _, isKey := value.Get("kty"); !isKey {
			return parseSet(set, o)
		}
	}
	return jwk{value, "the JWK"}.private(o)
}

// parseSet finds the one key of a JWK set (RFC 7517 §5) to sign with.
func parseSet(set strictjson.Value, o Options) (*Private, error) {
	if set.Kind != strictjson.Array {
		return nil, refuse("keys of the JWK set is not an array", `Give {"keys":[…]} with the JWK in it, or the JWK itself.`)
	}
	var candidates []jwk
	var kids []string
	var reason error
	for i, item := range set.Items {
		key := jwk{item, fmt.Sprintf("key %d of the JWK set", i+1)}
		if item.Kind != strictjson.Object {
			return nil, refuse(key.where+" is not a JSON object", "Give the JWK itself, an object with kty, n, e and d.")
		}
		kid, _ := key.text("kid")
		if kid != "" && slices.Contains(kids, kid) {
			return nil, refuse("the JWK set holds two keys with the kid "+shown(kid), "Give each key a kid of its own, or give one JWK only.")
		}
		kids = append(kids, kid)
		if _, err := key.usable(); err != nil {
			reason = err
			continue
		}
		candidates = append(candidates, key)
	}
	chosen := candidates
	if len(candidates) > 1 && o.KeyID != "" {
		chosen = slices.DeleteFunc(slices.Clone(candidates), func(key jwk) bool { kid, _ := key.text("kid"); return kid != o.KeyID })
	}
	switch {
	case len(chosen) == 1:
		return chosen[0].private(o)
	case len(candidates) == 0 && len(set.Items) == 1:
		return nil, reason
	case len(candidates) == 0:
		return nil, refuse(fmt.Sprintf("none of the %d keys in the JWK set is a private RSA key for signing", len(set.Items)), "Give the private JWK that was made for this client.")
	}
	return nil, refuse(fmt.Sprintf("the JWK set holds %d private keys for signing", len(candidates)), "Set kid to that of the one to use, or give that JWK only.")
}

// jwk is one key as JSON, and how messages call it.
type jwk struct {
	value strictjson.Value
	where string
}

// usable checks everything that says whether this key may sign, and returns
// its alg.
func (k jwk) usable() (algorithm string, err error) {
	kty, err := k.text("kty")
	if err != nil {
		return "", err
	}
	switch kty {
	case "RSA":
	case "oct":
		return "", refuse(k.where+" is a symmetric key (kty oct)", onlyRSA)
	case "EC", "OKP":
		return "", refuse(k.where+" is an elliptic-curve key (kty "+kty+")", onlyRSA)
	default:
		return "", refuse(k.where+" is not an RSA key: its kty is missing or another", onlyRSA)
	}
	use, err := k.text("use")
	if err != nil {
		return "", err
	}
	if k.has("use") && use != "sig" {
		return "", refuse(k.where+" is not for signing: its use is "+shown(use), "Give the key that was made with use sig; do not use one key for both purposes.")
	}
	if k.has("key_ops") {
		operations, ok := k.texts("key_ops")
		if !ok || !slices.Contains(operations, "sign") {
			return "", refuse(k.where+" is not for signing: its key_ops lacks sign", "Give a private key whose key_ops has sign.")
		}
	}
	algorithm, err = k.text("alg")
	if err != nil {
		return "", err
	}
	if _, ok := hashes[algorithm]; k.has("alg") && !ok {
		return "", refuse(fmt.Sprintf("alg of %s is %s, which Maskinporten does not accept", k.where, shown(algorithm)), "Make a key for RS256: maskinporten keygen.")
	}
	switch {
	case !k.has("d") && k.has("n"):
		return "", refuse(k.where+" is a public key: it has no d", "Give the private JWK; the public one is for self-service.")
	case k.has("oth"):
		return "", refuse(k.where+" is an RSA key with more than two primes (oth)", newKey)
	}
	return algorithm, nil
}

func (k jwk) private(o Options) (*Private, error) {
	algorithm, err := k.usable()
	if err != nil {
		return nil, err
	}
	kid, err := k.text("kid")
	if err != nil {
		return nil, err
	}
	if k.has("kid") && kid == "" && o.KeyID == "" {
		return nil, refuse("kid of "+k.where+" is empty", "Set it to the kid that the key has in self-service, or remove it to use the certificates.")
	}
	certificates, err := k.certificates()
	if err != nil {
		return nil, err
	}
	key, err := k.rsa()
	if err != nil {
		return nil, err
	}
	if len(certificates) > 0 { // RFC 7517 §4.7: the first one is of this key
		if _, err := chainOf(key, certificates[:1]); err != nil {
			return nil, refuse("the first certificate in x5c of "+k.where+" does not belong to the key", "Put the certificate of this key first, as RFC 7517 demands, or remove x5c.")
		}
	}
	return finish(key, found{where: k.where, algorithm: algorithm, keyID: kid, certificates: certificates}, o)
}

func (k jwk) rsa() (*rsa.PrivateKey, error) {
	var x numbers
	for _, member := range []struct {
		name     string
		required bool
		into     **big.Int
	}{
		{"n", true, &x.n}, {"e", true, &x.e}, {"d", true, &x.d},
		{"p", false, &x.p}, {"q", false, &x.q}, {"dp", false, &x.dp}, {"dq", false, &x.dq}, {"qi", false, &x.qi},
	} {
		if !member.required && !k.has(member.name) {
			continue
		}
		number, err := k.number(member.name)
		if err != nil {
			return nil, err
		}
		*member.into = number
	}
	return x.key(k.where)
}

// number reads a Base64urlUInt (RFC 7518 §2).
func (k jwk) number(name string) (*big.Int, error) {
	const remedy = "Write it as base64url without padding and without leading zeros (RFC 7518 section 2); or export the JWK again."
	wrong := func(what string) error { return refuse(name+" of "+k.where+" "+what, remedy) }
	value, ok := k.value.Get(name)
	if !ok {
		return nil, refuse(name+" of "+k.where+" is missing", "Export the JWK again, with n, e, d and the primes.")
	}
	if value.Kind != strictjson.String {
		return nil, wrong("is not a string")
	}
	raw := value.Raw[1 : len(value.Raw)-1]
	octets := make([]byte, base64.RawURLEncoding.DecodedLen(len(raw)))
	defer clear(octets)
	count, err := base64.RawURLEncoding.Strict().Decode(octets, raw)
	switch {
	case bytes.HasSuffix(raw, []byte("=")):
		return nil, wrong("has base64 padding")
	case bytes.ContainsAny(raw, "+/"):
		return nil, wrong("is in standard base64, not base64url")
	case err != nil:
		return nil, wrong("is not base64url")
	case count == 0:
		return nil, wrong("is empty")
	case count > 1 && octets[0] == 0 && octets[1] == 0:
		return nil, wrong("begins with zero bytes")
	}
	return new(big.Int).SetBytes(octets[:count]), nil
}

// certificates reads x5c (RFC 7517 §4.7).
func (k jwk) certificates() ([][]byte, error) {
	if !k.has("x5c") {
		return nil, nil
	}
	texts, ok := k.texts("x5c")
	if !ok {
		return nil, refuse("x5c of "+k.where+" is not an array of strings", `Write x5c as ["…", "…"], each the standard base64 of a DER certificate, leaf first.`)
	}
	var ders [][]byte
	for i, text := range texts {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil || kindOf(der) != certificate {
			return nil, refuse(fmt.Sprintf("x5c[%d] of %s is not a certificate in standard base64", i, k.where), "Write each certificate as the standard base64 of its DER, without PEM lines.")
		}
		ders = append(ders, der)
	}
	return ders, nil
}

func (k jwk) has(name string) bool {
	_, ok := k.value.Get(name)
	return ok
}

// texts reads a member that is an array of strings.
func (k jwk) texts(name string) (texts []string, ok bool) {
	value, _ := k.value.Get(name)
	for _, item := range value.Items {
		if item.Kind != strictjson.String {
			return nil, false
		}
		texts = append(texts, item.Text)
	}
	return texts, value.Kind == strictjson.Array
}

// text reads a member that is a string; a missing one is empty.
func (k jwk) text(name string) (string, error) {
	value, ok := k.value.Get(name)
	if ok && value.Kind != strictjson.String {
		return "", refuse(name+" of "+k.where+" is not a string", "Write it as a JSON string, or leave it out.")
	}
	return value.Text, nil
}
