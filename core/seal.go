package core

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
)

// sealer encrypts what goes into the shared store, as a compact JWE (RFC 7516)
// with a key of its own ("dir") and A256GCM (RFC 7518 §4.5, §5.3). Of JWE this
// is the one form that needs nothing but AES-GCM, which is little code; a
// library for all of JWE would make the WebAssembly module a tenth larger.
type sealer struct{ gcm aead }

// aead is cipher.AEAD.
type aead interface {
	NonceSize() int
	Overhead() int
	Seal(dst, nonce, plain, additional []byte) []byte
	Open(dst, nonce, sealed, additional []byte) ([]byte, error)
}

// sealHeader is {"alg":"dir","enc":"A256GCM"}: the only header that is written
// or read, so that nothing in an entry chooses how it is opened.
const sealHeader = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0"

// newSealer returns nil for a client without a store.
func newSealer(key []byte) (*sealer, error) {
	if len(key) == 0 {
		return nil, nil
	}
	if len(key) != 32 {
		return nil, NewError(CodeInvalidConfig, "store_key cannot be used", nil)
	}
	gcm, err := newAESGCM([32]byte(key))
	if err != nil {
		return nil, NewError(CodeInvalidConfig, "store_key cannot be used", nil)
	}
	return &sealer{gcm}, nil
}

func (s *sealer) seal(plain []byte, random io.Reader) ([]byte, error) {
	if random == nil {
		random = systemRandom
	}
	nonce := make([]byte, s.gcm.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, err
	}
	sealed := s.gcm.Seal(nil, nonce, plain, []byte(sealHeader))
	text, tag := sealed[:len(plain)], sealed[len(plain):]
	encode := base64.RawURLEncoding.EncodeToString
	return []byte(sealHeader + ".." + encode(nonce) + "." + encode(text) + "." + encode(tag)), nil
}

var errNotSealed = errors.New("the entry is not one that this key has sealed")

func (s *sealer) open(entry []byte) ([]byte, error) {
	parts := strings.Split(string(entry), ".") // openToken has bounded it
	if len(parts) != 5 || parts[0] != sealHeader || parts[1] != "" {
		return nil, errNotSealed
	}
	var decoded [3][]byte
	for i, part := range parts[2:] {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, errNotSealed
		}
	}
	nonce, text, tag := decoded[0], decoded[1], decoded[2]
	if len(nonce) != s.gcm.NonceSize() || len(tag) != s.gcm.Overhead() {
		return nil, errNotSealed
	}
	return s.gcm.Open(nil, nonce, append(text, tag...), []byte(sealHeader))
}
