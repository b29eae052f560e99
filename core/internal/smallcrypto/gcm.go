package smallcrypto

import (
	"encoding/binary"
	"errors"
)

const (
	nonceSize = 12
	tagSize   = 16
)

// GCM is AES-256 in Galois/Counter Mode (NIST SP 800-38D) with a nonce of 96
// bits and a tag of 128. Its methods are those of cipher.AEAD.
type GCM struct {
	block   *aes256
	hashKey [2]uint64
}

// NewGCM returns GCM with that key.
func NewGCM(key [32]byte) *GCM {
	g := &GCM{block: newAES256(&key)}
	h := g.block.encrypt([16]byte{})
	g.hashKey = [2]uint64{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
	return g
}

// NonceSize returns 12.
func (g *GCM) NonceSize() int { return nonceSize }

// Overhead returns 16, the size of the tag.
func (g *GCM) Overhead() int { return tagSize }

// Seal appends the encrypted plain text and its tag to dst.
func (g *GCM) Seal(dst, nonce, plain, additional []byte) []byte {
	sealed := g.xor(nonce, plain)
	tag := g.tag(nonce, sealed, additional)
	return append(append(dst, sealed...), tag[:]...)
}

var errOpen = errors.New("the message is not one that this key has sealed")

// Open checks the tag at the end of sealed and appends the plain text to dst.
func (g *GCM) Open(dst, nonce, sealed, additional []byte) ([]byte, error) {
	if len(sealed) < tagSize {
		return nil, errOpen
	}
	text, found := sealed[:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	var differs byte
	for i, b := range g.tag(nonce, text, additional) {
		differs |= b ^ found[i]
	}
	if differs != 0 {
		return nil, errOpen
	}
	return append(dst, g.xor(nonce, text)...), nil
}

// counter is the block that the nonce and a number make.
func counter(nonce []byte, number uint32) (block [16]byte) {
	copy(block[:], nonce[:nonceSize])
	binary.BigEndian.PutUint32(block[nonceSize:], number)
	return block
}

// xor encrypts or decrypts with the key stream, which begins at number two.
func (g *GCM) xor(nonce, text []byte) []byte {
	out := make([]byte, len(text))
	for i := range text {
		if i%16 == 0 {
			stream := g.block.encrypt(counter(nonce, uint32(i/16)+2))
			copy(out[i:], stream[:])
		}
		out[i] ^= text[i]
	}
	return out
}

func (g *GCM) tag(nonce, text, additional []byte) [tagSize]byte {
	var sum [2]uint64
	for _, part := range [][]byte{additional, text} {
		for len(part) > 0 {
			var block [16]byte
			part = part[copy(block[:], part):]
			g.mix(&sum, binary.BigEndian.Uint64(block[:]), binary.BigEndian.Uint64(block[8:]))
		}
	}
	g.mix(&sum, uint64(len(additional))*8, uint64(len(text))*8)
	tag := g.block.encrypt(counter(nonce, 1))
	binary.BigEndian.PutUint64(tag[:], sum[0]^binary.BigEndian.Uint64(tag[:]))
	binary.BigEndian.PutUint64(tag[8:], sum[1]^binary.BigEndian.Uint64(tag[8:]))
	return tag
}

// mix adds a block to the sum and multiplies it with the hash key, bit by bit
// from the left, where no bit decides what is executed.
func (g *GCM) mix(sum *[2]uint64, left, right uint64) {
	x := [2]uint64{sum[0] ^ left, sum[1] ^ right}
	v := g.hashKey
	*sum = [2]uint64{}
	for i := range 128 {
		taken := -(x[i/64] >> (63 - i%64) & 1)
		sum[0] ^= v[0] & taken
		sum[1] ^= v[1] & taken
		reduced := -(v[1] & 1) & (0xe1 << 56)
		v[1] = v[1]>>1 | v[0]<<63
		v[0] = v[0]>>1 ^ reduced
	}
}
