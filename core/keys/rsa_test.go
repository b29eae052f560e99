package keys

import (
	"crypto/fips140"
	"crypto/rand"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/maskinporten-core/maskinporten/core"
)

// numbersOfKey copies the numbers of the generated key, to be changed.
func numbersOfKey() numbers {
	k := generated().key
	clone := func(n *big.Int) *big.Int { return new(big.Int).Set(n) }
	return numbers{clone(k.N), big.NewInt(int64(k.E)), clone(k.D), clone(k.Primes[0]), clone(k.Primes[1]),
		clone(k.Precomputed.Dp), clone(k.Precomputed.Dq), clone(k.Precomputed.Qinv)}
}

func TestNumbersThatDoNotFit(t *testing.T) {
	if _, err := numbersOfKey().key("the key"); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	for _, c := range []struct {
		name   string
		change func(*numbers)
		word   string
	}{
		{"negative modulus", func(x *numbers) { x.n.Neg(x.n) }, "negative"},
		{"negative d", func(x *numbers) { x.d.Neg(x.d) }, "negative"},
		{"zero d", func(x *numbers) { x.d.SetInt64(0) }, "zero"},
		{"even modulus", func(x *numbers) { x.n.Add(x.n, one) }, "even"},
		{"modulus of 2047 bits", func(x *numbers) { x.n.Rsh(x.n, 1).SetBit(x.n, 0, 1) }, "2047 bits"},
		{"modulus of 16384 bits", func(x *numbers) { x.n.SetBit(x.n, 16383, 1) }, "16384 bits"},
		{"e of 65535", func(x *numbers) { x.e.SetInt64(65535) }, "too small"},
		{"e of 2^31+1", func(x *numbers) { x.e.SetInt64(1<<31 + 1) }, "larger"},
		{"another odd e", func(x *numbers) { x.e.SetInt64(65539) }, "public exponent"},
		{"p of 1 and q of n", func(x *numbers) { x.p.SetInt64(1); x.q.Set(x.n) }, "not below its modulus"},
		{"p larger by 2", func(x *numbers) { x.p.Add(x.p, big.NewInt(2)) }, "multiply"},
		{"d larger by 2", func(x *numbers) { x.d.Add(x.d, big.NewInt(2)) }, "private exponent"},
		{"p and q exchanged", func(x *numbers) { x.p, x.q = x.q, x.p }, "CRT"},
		{"dp changed", func(x *numbers) { x.dp.Add(x.dp, one) }, "CRT"},
		{"dq changed", func(x *numbers) { x.dq.Add(x.dq, one) }, "CRT"},
		{"qi changed", func(x *numbers) { x.qi.Add(x.qi, one) }, "CRT"},
		{"p equal to q", func(x *numbers) { x.q.Set(x.p); x.n.Mul(x.p, x.q) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := numbersOfKey()
			c.change(&x)
			key, err := x.key("the key")
			if key != nil || !errors.Is(err, &core.Error{Code: core.CodeInvalidKey}) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("key %t, error %v; want %q", key != nil, err, c.word)
			}
			if x.d.Sign() != 0 || x.p.Sign() != 0 || x.q.Sign() != 0 {
				t.Error("the refused numbers are not wiped")
			}
		})
	}
}

// mersenne is 2^exponent-1: for some exponents the largest primes that cost
// nothing to find.
func mersenne(exponent uint) *big.Int {
	return new(big.Int).Sub(new(big.Int).Lsh(one, exponent), one)
}

func keyOfPrimes(p, q *big.Int) numbers {
	order := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	e := big.NewInt(65537)
	return numbers{n: new(big.Int).Mul(p, q), e: e, d: new(big.Int).ModInverse(e, order), p: p, q: q}
}

func TestLargeKeys(t *testing.T) {
	key, err := keyOfPrimes(mersenne(3217), mersenne(4423)).key("the key")
	if err != nil {
		t.Fatalf("7640 bits: %v", err)
	}
	if !fips140.Enforced() { // which wants both primes of one size
		checkSignature(t, newPrivate(key, core.RS512, testKID, nil))
	}
	if _, err := keyOfPrimes(mersenne(4253), mersenne(4423)).key("the key"); err == nil || !strings.Contains(err.Error(), "8676 bits, which is too long") {
		t.Errorf("8676 bits: %v", err)
	}
	for bits, accepted := range map[int]bool{2047: false, 2048: true, 8192: true, 8193: false, 16384: false} {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		if err := checkPublic(n, big.NewInt(65537), "the key"); (err == nil) != accepted {
			t.Errorf("a modulus of %d bits: %v", bits, err)
		}
	}
}

func TestWeakPrimes(t *testing.T) {
	small := mersenne(521)
	for name, x := range map[string]numbers{"of very different size": keyOfPrimes(small, mersenne(2203)), "equal": keyOfPrimes(mersenne(1279), mersenne(1279))} {
		if x.d == nil {
			x.d = big.NewInt(3)
		}
		if _, err := x.key("the key"); err == nil || !strings.Contains(err.Error(), "can be broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key made the way the broken generator made them (CVE-2017-15361): primes of
// the form k·M + (65537^a mod M), where M is a product of small primes.
func TestROCA(t *testing.T) {
	product, count := big.NewInt(2), 1
	for candidate := int64(3); count < 126; candidate += 2 { // 126 primes for a 2048-bit key
		if prime := big.NewInt(candidate); prime.ProbablyPrime(10) {
			product.Mul(product, prime)
			count++
		}
	}
	prime := func() *big.Int {
		for {
			a, errA := rand.Int(rand.Reader, product)
			k, errK := rand.Int(rand.Reader, new(big.Int).Lsh(one, uint(1023-product.BitLen())))
			if errA != nil || errK != nil {
				t.Fatal(errA, errK)
			}
			k.SetBit(k, 1024-product.BitLen(), 1)
			candidate := new(big.Int).Exp(big.NewInt(65537), a, product)
			candidate.Add(candidate, k.Mul(k, product))
			// With its two highest bits set, two of them make 2048 bits.
			if candidate.BitLen() == 1024 && candidate.Bit(1022) == 1 && candidate.ProbablyPrime(10) {
				return candidate
			}
		}
	}
	if _, err := keyOfPrimes(prime(), prime()).key("the key"); err == nil || !strings.Contains(err.Error(), "ROCA") {
		t.Errorf("a ROCA key: %v", err)
	}
	if vulnerableToROCA(generated().public.N) {
		t.Error("a sound key has the fingerprint")
	}
}

func TestGenerate(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, err := Generate(GenerateOptions{Bits: 3072, Algorithm: "RS384"})
	if err != nil {
		t.Fatal(err)
	}
	checkSignature(t, a)
	if key := a.Key(); !uuid.MatchString(key.KeyID) || key.SignatureSize != 384 || key.Algorithm != "RS384" || key.CertificateChain != nil {
		t.Errorf("Key() is %v, SignatureSize %d", key, key.SignatureSize)
	}
	if one, two := randomUUID(), randomUUID(); one == two || !uuid.MatchString(two) {
		t.Errorf("UUIDs %s and %s", one, two)
	}
	checkSignature(t, generated())
	for _, c := range []struct {
		o    GenerateOptions
		word string
	}{
		{GenerateOptions{Bits: 1024}, "1024 bits"},
		{GenerateOptions{Bits: 2047}, "2047 bits"},
		{GenerateOptions{Bits: -1}, "-1 bits"},
		{GenerateOptions{Bits: 16384}, "16384 bits"},
		{GenerateOptions{KeyID: "to key"}, "character"},
		{GenerateOptions{KeyID: strings.Repeat("k", 256)}, "256 characters"},
		{GenerateOptions{Algorithm: "ES256"}, "ES256"},
	} {
		p, err := Generate(c.o)
		checkRefused(t, p, err, c.word, nil)
	}
}
