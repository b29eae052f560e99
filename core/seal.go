//go:build !host_signs

package core

import "github.com/go-jose/go-jose/v4"

// sealer encrypts what goes into the shared store: a compact JWE (RFC 7516)
// with a key of its own (dir) and A256GCM.
type sealer struct {
	key     []byte
	encrypt jose.Encrypter
}

// newSealer returns nil for a client without a store.
func newSealer(key []byte) (*sealer, error) {
	if len(key) == 0 {
		return nil, nil
	}
	encrypt, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
	if err != nil {
		return nil, NewError(CodeInvalidConfig, "store_key cannot be used", nil)
	}
	return &sealer{append([]byte(nil), key...), encrypt}, nil
}

func (s *sealer) seal(plain []byte) ([]byte, error) {
	jwe, err := s.encrypt.Encrypt(plain)
	if err != nil {
		return nil, err
	}
	text, err := jwe.CompactSerialize()
	return []byte(text), err
}

func (s *sealer) open(entry []byte) ([]byte, error) {
	jwe, err := jose.ParseEncryptedCompact(string(entry), []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, err
	}
	return jwe.Decrypt(s.key)
}
