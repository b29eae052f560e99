package keys

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
)

// GenerateOptions describe a new key. The zero value makes a 2048-bit key for
// RS256 with a random kid.
type GenerateOptions struct {
	// Bits is the size of the modulus: 2048, 3072 or 4096. Zero means 2048,
	// the size that Maskinporten documents.
	Bits int
	// KeyID is the kid to register the key under: 1 to 255 letters, digits,
	// '.', '_' and '-'. Empty means a random UUID (version 4), because some
	// of Maskinporten's documentation wants kids unique among all customers.
	KeyID string
	// Algorithm is RS256, RS384 or RS512. Empty means RS256.
	Algorithm string
}

// Generate makes a new key. Register its [Private.PublicJWK] on the client in
// self-service, where it lives for a year at most; keep its [Private.JWK]
// secret.
func Generate(o GenerateOptions) (*Private, error) {
	algorithm, err := chooseAlgorithm(found{where: "the new key"}, Options{Algorithm: o.Algorithm})
	if err != nil {
		return nil, err
	}
	if o.KeyID == "" {
		o.KeyID = randomUUID()
	} else if err := checkKeyID(o.KeyID); err != nil {
		return nil, err
	}
	switch o.Bits {
	case 0:
		o.Bits = 2048
	case 2048, 3072, 4096:
	default:
		return nil, refuse(fmt.Sprintf("a key of %d bits is not made", o.Bits), "Ask for 2048, 3072 or 4096 bits; 2048 is the usual size.")
	}
	key, err := rsa.GenerateKey(rand.Reader, o.Bits)
	if err != nil {
		return nil, refuse("crypto/rsa could not make a key", "Check the random source of the operating system.")
	}
	return newPrivate(key, algorithm, o.KeyID, nil), nil
}

// randomUUID is a version 4 UUID (RFC 9562 §5.4).
func randomUUID() string {
	var u [16]byte
	rand.Read(u[:]) // ends the program rather than return weak randomness
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
