package smallcrypto_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/maskinporten-core/maskinporten/core/internal/smallcrypto"
)

func random(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}

func TestSHA256(t *testing.T) {
	for n := range 400 {
		data := random(n)
		if smallcrypto.SHA256(data) != sha256.Sum256(data) {
			t.Fatalf("the digest of %d bytes differs: %x", n, data)
		}
	}
	shared := random(100) // with room behind the end
	before := bytes.Clone(shared)
	smallcrypto.SHA256(shared[:10])
	if !bytes.Equal(shared, before) {
		t.Error("it wrote behind its input")
	}
}

func pair(t *testing.T) (*smallcrypto.GCM, cipher.AEAD) {
	t.Helper()
	key := random(32)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return smallcrypto.NewGCM([32]byte(key)), theirs
}

func TestGCM(t *testing.T) {
	ours, theirs := pair(t)
	if ours.NonceSize() != theirs.NonceSize() || ours.Overhead() != theirs.Overhead() {
		t.Fatal("the sizes differ")
	}
	for n := range 200 {
		if n%10 == 0 {
			ours, theirs = pair(t)
		}
		nonce, plain, additional := random(12), random(n), random(n*7%50)
		sealed := ours.Seal([]byte("before"), nonce, plain, additional)
		if want := theirs.Seal([]byte("before"), nonce, plain, additional); !bytes.Equal(sealed, want) {
			t.Fatalf("%d bytes: %x, want %x", n, sealed, want)
		}
		opened, err := ours.Open([]byte("x"), nonce, sealed[6:], additional)
		if err != nil || string(opened) != "x"+string(plain) {
			t.Fatalf("%d bytes do not open: %v", n, err)
		}
	}
	// More blocks than one byte counts.
	nonce, plain := random(12), random(70_000)
	if !bytes.Equal(ours.Seal(nil, nonce, plain, nil), theirs.Seal(nil, nonce, plain, nil)) {
		t.Error("a long message differs")
	}
}

func TestGCMRefuses(t *testing.T) {
	ours, _ := pair(t)
	nonce, additional := random(12), random(20)
	sealed := ours.Seal(nil, nonce, random(33), additional)
	for n := range 16 {
		if _, err := ours.Open(nil, nonce, sealed[:n], additional); err == nil {
			t.Errorf("%d bytes were opened", n)
		}
	}
	for _, part := range [][]byte{nonce, sealed, additional} {
		for i := range part {
			part[i] ^= 1
			if opened, err := ours.Open(nil, nonce, sealed, additional); err == nil || opened != nil {
				t.Errorf("a changed byte %d of %d was not seen", i, len(part))
			}
			part[i] ^= 1
		}
	}
	if _, err := ours.Open(nil, nonce, sealed, additional); err != nil {
		t.Error(err)
	}
}

func FuzzGCM(f *testing.F) {
	f.Add(make([]byte, 44), []byte("plain"), []byte("more"))
	f.Fuzz(func(t *testing.T, secret, plain, additional []byte) {
		secret = append(secret, make([]byte, 44)...)
		key, nonce := secret[:32], secret[32:44]
		block, _ := aes.NewCipher(key)
		theirs, _ := cipher.NewGCM(block)
		sealed := smallcrypto.NewGCM([32]byte(key)).Seal(nil, nonce, plain, additional)
		if !bytes.Equal(sealed, theirs.Seal(nil, nonce, plain, additional)) {
			t.Errorf("%x differs", sealed)
		}
		if smallcrypto.SHA256(plain) != sha256.Sum256(plain) {
			t.Error("the digest differs")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	gcm, nonce, plain := smallcrypto.NewGCM([32]byte{}), make([]byte, 12), make([]byte, 2048)
	for b.Loop() {
		gcm.Seal(nil, nonce, plain, nil)
	}
}
