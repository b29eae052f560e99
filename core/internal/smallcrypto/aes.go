package smallcrypto

import (
	"encoding/binary"
	"math/bits"
)

// AES-256 (FIPS 197), encryption only, eight bytes of the state at a time in
// one uint64. The substitution is computed, not looked up, and nothing
// branches: how long it takes says nothing of the key. That costs microseconds
// a block, which is enough for an entry now and then.

const rounds = 14

type aes256 [rounds + 1][2]uint64

const (
	lanes = 0x0101010101010101 // one in each byte
	high  = 0x8080808080808080
)

// multiply multiplies each byte of a with that of b in the field of AES.
func multiply(a, b uint64) (product uint64) {
	for range 8 {
		product ^= a & ((b & lanes) * 0xff)
		b >>= 1
		a = double(a)
	}
	return product
}

func double(a uint64) uint64 { return a&^high<<1 ^ a>>7&lanes*0x1b }

// substitute is the S-box: the inverse (the 254th power), then an affine map.
func substitute(x uint64) uint64 {
	x2 := multiply(x, x)
	x3 := multiply(x2, x)
	x6 := multiply(x3, x3)
	x12 := multiply(x6, x6)
	x240 := multiply(x12, x3)
	for range 4 {
		x240 = multiply(x240, x240)
	}
	inverse := multiply(multiply(x240, x12), x2)
	result := inverse ^ lanes*0x63
	for n := 1; n <= 4; n++ {
		low := lanes * uint64(1<<n-1)
		result ^= inverse<<n&^low ^ inverse>>(8-n)&low
	}
	return result
}

func newAES256(key *[32]byte) *aes256 {
	var words [4 * (rounds + 1)]uint32
	constant := uint32(1)
	for i := range words {
		if i < 8 {
			words[i] = binary.LittleEndian.Uint32(key[4*i:])
			continue
		}
		word := words[i-1]
		switch i % 8 {
		case 0:
			word = uint32(substitute(uint64(bits.RotateLeft32(word, -8)))) ^ constant
			constant <<= 1
		case 4:
			word = uint32(substitute(uint64(word)))
		}
		words[i] = words[i-8] ^ word
	}
	var c aes256
	for i := range c {
		w := words[4*i:]
		c[i] = [2]uint64{uint64(w[0]) | uint64(w[1])<<32, uint64(w[2]) | uint64(w[3])<<32}
	}
	return &c
}

func (c *aes256) encrypt(block [16]byte) [16]byte {
	for i := range c {
		half := [2]uint64{binary.LittleEndian.Uint64(block[:]), binary.LittleEndian.Uint64(block[8:])}
		if i > 0 {
			half[0], half[1] = shiftRows(substitute(half[0]), substitute(half[1]))
		}
		if i > 0 && i < rounds {
			half[0], half[1] = mixColumns(half[0]), mixColumns(half[1])
		}
		binary.LittleEndian.PutUint64(block[:], half[0]^c[i][0])
		binary.LittleEndian.PutUint64(block[8:], half[1]^c[i][1])
	}
	return block
}

// shiftRows moves row r of each column from the column that is r to the right.
func shiftRows(a, b uint64) (uint64, uint64) {
	const row0, row1, row2, row3 = 0x000000ff000000ff, 0x0000ff000000ff00, 0x00ff000000ff0000, 0xff000000ff000000
	one := a>>32 | b<<32   // columns 1, 2
	three := b>>32 | a<<32 // columns 3, 0
	return a&row0 | one&row1 | b&row2 | three&row3, b&row0 | three&row1 | a&row2 | one&row3
}

// mixColumns works on two columns: each byte becomes 2a + 3b + c + d of itself
// and the three below it.
func mixColumns(a uint64) uint64 {
	below := func(n int) uint64 {
		low := uint64(1<<(32-n)-1) * (1<<32 + 1)
		return a>>n&low | a<<(32-n)&^low
	}
	b := below(8)
	return double(a^b) ^ b ^ below(16) ^ below(24)
}
