package sandbox

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha512" // RS384 and RS512
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// acceptedAlgorithms are those that the metadata announces.
var acceptedAlgorithms = []string{"RS256", "RS384", "RS512"}

var hashes = map[string]crypto.Hash{"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512}

// jws is a JWT in JWS compact serialization (RFC 7515 §7.1), not yet verified.
type jws struct {
	header, claims map[string]any
	signingInput   string
	signature      []byte
}

// parseJWS reads a JWT: a compact JWS whose payload is the claims.
func parseJWS(compact string) (*jws, error) {
	token, payload, err := parseCompact(compact)
	if err != nil {
		return nil, err
	}
	if token.claims, err = parseObject(payload); err != nil {
		return nil, fmt.Errorf("the payload cannot be read: %w", err)
	}
	return token, nil
}

// parseCompact reads the three parts and leaves the payload as it is. It
// accepts what the RFC allows and nothing more: base64url without padding, line
// breaks or loose bits, and strict JSON. No part may be empty.
func parseCompact(compact string) (token *jws, payload []byte, err error) {
	if strings.Count(compact, ".") != 2 {
		return nil, nil, errors.New("it is not three parts with dots between")
	}
	parts := strings.Split(compact, ".")
	var decoded [3][]byte
	for i, name := range []string{"header", "payload", "signature"} {
		if decoded[i], err = decodeBase64URL(parts[i]); err != nil {
			return nil, nil, fmt.Errorf("the %s is %w", name, err)
		}
	}
	header, err := parseObject(decoded[0])
	if err != nil {
		return nil, nil, fmt.Errorf("the header cannot be read: %w", err)
	}
	return &jws{header: header, signingInput: parts[0] + "." + parts[1], signature: decoded[2]}, decoded[1], nil
}

func decodeBase64URL(text string) ([]byte, error) {
	// encoding/base64 skips line breaks; a JWS has none.
	if text == "" || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("empty or has line breaks")
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("not base64url without padding")
	}
	return decoded, nil
}

// verify checks the signature with the algorithm of the header, which the
// caller has found acceptable.
func (j *jws) verify(key *rsa.PublicKey) error {
	algorithm, _ := j.header["alg"].(string)
	hash, ok := hashes[algorithm]
	if !ok {
		return errors.New("the algorithm is not accepted")
	}
	digest := hash.New()
	digest.Write([]byte(j.signingInput))
	if rsa.VerifyPKCS1v15(key, hash, digest.Sum(nil), j.signature) != nil {
		return errors.New("the signature does not fit the key")
	}
	return nil
}

// numericDate reads a NumericDate (RFC 7519 §2) in whole seconds.
func numericDate(value any) (time.Time, bool) {
	const year9999 = 253402300799
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Int64()
	if err != nil || seconds < 0 || seconds > year9999 {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

// text returns a claim or header member that is a string, or "".
func text(object map[string]any, name string) string {
	value, _ := object[name].(string)
	return value
}
