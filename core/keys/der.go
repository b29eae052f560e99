package keys

import (
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
)

// kind is what a piece of DER holds.
type kind int

const (
	unknownKind  kind = iota
	pkcs1Key          // RSAPrivateKey (RFC 8017 A.1.2)
	pkcs8Key          // PrivateKeyInfo (RFC 5958)
	encryptedKey      // EncryptedPrivateKeyInfo (RFC 5958)
	ecKey             // ECPrivateKey (RFC 5915)
	dsaKey            // OpenSSL's own form
	publicKey         // SubjectPublicKeyInfo or RSAPublicKey
	certificate       // or a request or a revocation list, which have the same shape
	pkcs12File        // PFX (RFC 7292)
)

// kindOf recognises DER by the tags of its outermost members, which differ
// among all formats that hold keys. Labels are not asked: they are often wrong.
func kindOf(der []byte) kind {
	switch shape := shapeOf(der); {
	case shape == "is", shape == "iss":
		return pkcs12File
	case strings.HasPrefix(shape, "iso"):
		return pkcs8Key
	case strings.HasPrefix(shape, "iiiiiiiii"):
		return pkcs1Key
	case shape == "iiiiii":
		return dsaKey
	case strings.HasPrefix(shape, "io"):
		return ecKey
	case shape == "so":
		return encryptedKey
	case shape == "sb", shape == "ii":
		return publicKey
	case shape == "ssb":
		return certificate
	}
	return unknownKind
}

// shapeOf spells the members of a SEQUENCE: i INTEGER, s SEQUENCE, o OCTET
// STRING, b BIT STRING, and ? for others. It is empty unless der is one whole
// SEQUENCE and nothing else.
func shapeOf(der []byte) string {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(der, &outer)
	if err != nil || len(rest) > 0 || outer.Class != asn1.ClassUniversal || outer.Tag != asn1.TagSequence {
		return ""
	}
	letters := map[int]byte{asn1.TagInteger: 'i', asn1.TagSequence: 's', asn1.TagOctetString: 'o', asn1.TagBitString: 'b'}
	var shape []byte
	for members := outer.Bytes; len(members) > 0 && len(shape) < 16; {
		var member asn1.RawValue
		if members, err = asn1.Unmarshal(members, &member); err != nil {
			return ""
		}
		letter, ok := letters[member.Tag]
		if !ok || member.Class != asn1.ClassUniversal {
			letter = '?'
		}
		shape = append(shape, letter)
	}
	return string(shape)
}

const onlyRSA = "Maskinporten accepts RSA keys only; make one and register it: maskinporten keygen."

// readKey reads an RSA private key from DER of any kind. where is the subject
// of the messages, such as "PEM block 1".
func readKey(der []byte, where, password string) (*rsa.PrivateKey, error) {
	switch kindOf(der) {
	case pkcs1Key:
		return readPKCS1(der, where)
	case pkcs8Key:
		return readPKCS8(der, where)
	case encryptedKey:
		inner, err := decryptPKCS8(der, where, password)
		if err != nil {
			return nil, err
		}
		defer clear(inner)
		return readPKCS8(inner, where)
	case ecKey:
		return nil, refuse(where+" is an EC key", onlyRSA)
	case dsaKey:
		return nil, refuse(where+" is a DSA key", onlyRSA)
	case publicKey:
		return nil, refuse(where+" is a public key", givePrivate)
	case certificate:
		return nil, refuse(where+" is a certificate, without a private key", givePrivate)
	case pkcs12File:
		return nil, refuse(where+" is a PKCS#12 file", "Give the PKCS#12 file by itself, in DER or base64.")
	}
	return nil, refuse(where+" is damaged: it is not the DER of a key", "Copy the key again, whole and unchanged.")
}

const givePrivate = "Give the private key that belongs to it."

// readPKCS1 reads RSAPrivateKey (RFC 8017 A.1.2).
func readPKCS1(der []byte, where string) (*rsa.PrivateKey, error) {
	var k struct {
		Version                   int
		N, E, D, P, Q, Dp, Dq, Qi *big.Int
		OtherPrimes               asn1.RawValue `asn1:"optional"`
	}
	rest, err := asn1.Unmarshal(der, &k)
	if err != nil || len(rest) > 0 {
		return nil, refuse(where+" is damaged: it is not the DER of an RSA key", "Copy the key again, whole and unchanged.")
	}
	if k.Version != 0 || len(k.OtherPrimes.FullBytes) > 0 {
		return nil, refuse(where+" is an RSA key with more than two primes", newKey)
	}
	return numbers{k.N, k.E, k.D, k.P, k.Q, k.Dp, k.Dq, k.Qi}.key(where)
}

// keyNames are the algorithms that a PKCS#8 key may be of but must not.
var keyNames = map[string]string{
	"1.2.840.113549.1.1.7":  "an RSA-OAEP key, restricted to encryption",
	"1.2.840.113549.1.1.10": "an RSA-PSS key, restricted to an algorithm Maskinporten does not accept",
	"1.2.840.10045.2.1":     "an EC key",
	"1.2.840.10040.4.1":     "a DSA key",
	"1.2.840.113549.1.3.1":  "a Diffie-Hellman key",
	"1.3.101.110":           "an X25519 key",
	"1.3.101.111":           "an X448 key",
	"1.3.101.112":           "an Ed25519 key",
	"1.3.101.113":           "an Ed448 key",
}

var oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// readPKCS8 reads PrivateKeyInfo or OneAsymmetricKey (RFC 5958) with an RSA key in it.
func readPKCS8(der []byte, where string) (*rsa.PrivateKey, error) {
	var info struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		PrivateKey []byte
		// Attributes and a public key may follow; neither is needed.
	}
	rest, err := asn1.Unmarshal(der, &info)
	if err != nil || len(rest) > 0 {
		return nil, refuse(where+" is damaged: it is not the DER of a PKCS#8 key", "Copy the key again, whole and unchanged.")
	}
	defer clear(info.PrivateKey)
	if !info.Algorithm.Algorithm.Equal(oidRSA) {
		oid := info.Algorithm.Algorithm.String()
		if name, ok := keyNames[oid]; ok {
			return nil, refuse(where+" is "+name, onlyRSA)
		}
		return nil, refuse(where+" is a key of the algorithm "+oid[:min(len(oid), 60)]+", not RSA", onlyRSA)
	}
	return readPKCS1(info.PrivateKey, where)
}
