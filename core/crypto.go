//go:build !wasm || !host_signs

package core

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
)

// What the core needs of package crypto; crypto_small.go has the same for the
// build that leaves it out.

var systemRandom = rand.Reader

func sumSHA256(data []byte) [32]byte { return sha256.Sum256(data) }

func newAESGCM(key [32]byte) (aead, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Format makes every verb of package fmt print String.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }
