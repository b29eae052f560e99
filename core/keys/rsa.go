package keys

import (
	"crypto/rsa"
	"fmt"
	"math/big"
)

// The sizes of an acceptable modulus in bits, and the smallest acceptable
// public exponent.
const (
	minBits     = 2048
	maxBits     = 8192
	minExponent = 65537
)

var one = big.NewInt(1)

// numbers are the parts of an RSA private key (RFC 8017 §3.2), from whatever
// source. n, e and d are always needed. The primes p and q may both be nil, as
// in a short JWK; so may any of dp, dq and qi.
type numbers struct{ n, e, d, p, q, dp, dq, qi *big.Int }

// key checks the numbers against each other and makes a key of them. It
// consumes them: those that do not go into the key are wiped.
func (x numbers) key(where string) (*rsa.PrivateKey, error) {
	defer wipe(x.dp, x.dq, x.qi)
	key, err := x.checked(where)
	if err != nil {
		wipe(x.d, x.p, x.q)
		return nil, err
	}
	return key, nil
}

func (x numbers) checked(where string) (*rsa.PrivateKey, error) {
	const damaged = "Export the key again from where it was made; this copy is damaged, or parts of different keys were mixed."
	for _, number := range []*big.Int{x.n, x.e, x.d, x.p, x.q, x.dp, x.dq, x.qi} {
		if number != nil && number.Sign() <= 0 {
			return nil, refuse(where+" holds a negative number or zero", damaged)
		}
	}
	if err := checkPublic(x.n, x.e, where); err != nil {
		return nil, err
	}
	// Every private number is below the modulus. Checked first, it also keeps
	// the arithmetic on hostile input small.
	for _, number := range []*big.Int{x.d, x.p, x.q, x.dp, x.dq, x.qi} {
		if number != nil && number.Cmp(x.n) >= 0 {
			return nil, refuse(where+" holds a private number that is not below its modulus", damaged)
		}
	}
	if x.p == nil && x.q == nil {
		if x.p, x.q = factor(x.n, x.e, x.d); x.p == nil {
			return nil, refuse("the private exponent (d) of "+where+" does not belong to its modulus and public exponent", damaged)
		}
	}
	if x.p == nil || x.q == nil {
		return nil, refuse(where+" holds one prime and not the other", "Export the key with p and q, or with neither.")
	}
	if new(big.Int).Mul(x.p, x.q).Cmp(x.n) != 0 {
		return nil, refuse("the primes (p, q) of "+where+" do not multiply to its modulus", damaged)
	}
	if weakPrimes(x.n, x.p, x.q) {
		return nil, refuse("the primes (p, q) of "+where+" are equal, too near each other or of very different size, so the key can be broken", newKey)
	}
	if !x.exponentFits(x.p) || !x.exponentFits(x.q) {
		return nil, refuse("the private exponent (d) of "+where+" does not belong to its primes and public exponent", damaged)
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: x.n, E: int(x.e.Int64())}, D: x.d, Primes: []*big.Int{x.p, x.q}}
	key.Precompute()
	if key.Validate() != nil || key.Precomputed.Dp == nil {
		return nil, refuse("the numbers of "+where+" do not make an RSA key", damaged)
	}
	for _, pair := range [][2]*big.Int{{x.dp, key.Precomputed.Dp}, {x.dq, key.Precomputed.Dq}, {x.qi, key.Precomputed.Qinv}} {
		if pair[0] != nil && pair[0].Cmp(pair[1]) != 0 {
			return nil, refuse("the CRT numbers (dp, dq, qi) of "+where+" do not belong to its primes", damaged)
		}
	}
	return key, nil
}

const newKey = "Make a new key and register it: maskinporten keygen."

// checkPublic checks what stands in the public half.
func checkPublic(n, e *big.Int, where string) error {
	switch bits := n.BitLen(); {
	case bits < minBits:
		return refuse(fmt.Sprintf("%s is an RSA key of %d bits, which is too short", where, bits),
			"Make a key of at least 2048 bits and register it: maskinporten keygen.")
	case bits > maxBits:
		return refuse(fmt.Sprintf("%s is an RSA key of %d bits, which is too long", where, bits),
			"Use a key of 2048 to 8192 bits; 2048 is what Maskinporten documents.")
	case n.Bit(0) == 0:
		return refuse("the modulus (n) of "+where+" is even", newKey)
	}
	switch {
	case e.BitLen() > 31:
		return refuse("the public exponent (e) of "+where+" is larger than 2147483647", newKey)
	case e.Bit(0) == 0:
		return refuse("the public exponent (e) of "+where+" is even", newKey)
	case e.Int64() < minExponent:
		return refuse(fmt.Sprintf("the public exponent (e) of %s is %d, which is too small", where, e), "Make a new key with the usual exponent 65537: maskinporten keygen.")
	}
	if vulnerableToROCA(n) {
		return refuse("the modulus (n) of "+where+" has the fingerprint of ROCA (CVE-2017-15361), so the key can be broken", newKey)
	}
	return nil
}

// exponentFits reports whether d inverts e modulo prime-1.
func (x numbers) exponentFits(prime *big.Int) bool {
	order := new(big.Int).Sub(prime, one)
	if order.Sign() <= 0 {
		return false
	}
	product := new(big.Int).Mul(x.d, x.e)
	defer wipe(product, order)
	return product.Mod(product, order).Cmp(one) == 0
}

// weakPrimes reports primes that make factoring easy: nearer than FIPS 186-5
// §A.1.3 allows, or one of them much smaller than half of the modulus.
func weakPrimes(n, p, q *big.Int) bool {
	half := n.BitLen() / 2
	distance := new(big.Int).Sub(p, q)
	defer wipe(distance)
	return distance.BitLen() <= half-100 || min(p.BitLen(), q.BitLen()) < half-half/4
}

// factor finds the primes from d (NIST SP 800-56B Rev. 2, Appendix C), for keys
// that come without them. It returns nil if d is not an inverse of e.
func factor(n, e, d *big.Int) (p, q *big.Int) {
	const tries = 64 // each base finds the primes with probability 1/2 or more
	odd := new(big.Int).Mul(d, e)
	odd.Sub(odd, one)
	defer wipe(odd)
	if odd.Sign() <= 0 {
		return nil, nil
	}
	twos := odd.TrailingZeroBits()
	odd.Rsh(odd, twos)
	minusOne := new(big.Int).Sub(n, one)
	root, square := new(big.Int), new(big.Int)
	for base := int64(2); base < 2+tries; base++ {
		root.Exp(big.NewInt(base), odd, n)
		for range twos {
			square.Mul(root, root).Mod(square, n)
			if square.Cmp(one) == 0 {
				break
			}
			root.Set(square)
		}
		if square.Cmp(one) != 0 && root.Cmp(one) != 0 {
			return nil, nil
		}
		if root.Cmp(one) == 0 || root.Cmp(minusOne) == 0 {
			continue
		}
		p = new(big.Int).GCD(nil, nil, root.Sub(root, one), n)
		q = new(big.Int).Div(n, p)
		if p.Cmp(q) < 0 {
			p, q = q, p
		}
		return p, q
	}
	return nil, nil
}

// rocaPrimes divide the constant from which the broken generator made primes.
var rocaPrimes = []uint{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73,
	79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167}

// vulnerableToROCA reports whether n is a power of 65537 modulo every one of
// rocaPrimes, which by chance is practically impossible (Nemec et al., "The
// Return of Coppersmith's Attack", 2017, §4.3).
func vulnerableToROCA(n *big.Int) bool {
	for _, prime := range rocaPrimes {
		residue := uint(new(big.Int).Mod(n, big.NewInt(int64(prime))).Uint64())
		power, isPower := uint(1), residue == 1
		for !isPower {
			if power = power * (65537 % prime) % prime; power == 1 {
				return false // once around, and residue was not among them
			}
			isPower = power == residue
		}
	}
	return true
}
