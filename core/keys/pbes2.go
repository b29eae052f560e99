package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
)

// maxIterations bounds the work that a file can ask for before its password
// is known to be right: some seconds. Real files have 2048 to 1,300,000.
const maxIterations = 5_000_000

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// pseudoRandom are the functions of PBKDF2 (RFC 8018 §B.1.2).
var pseudoRandom = map[string]func() hash.Hash{
	"":                    sha1.New, // the default
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// ciphers are the encryption schemes of PBES2 (RFC 8018 §B.2), all CBC.
var ciphers = map[string]struct {
	keySize int
	open    func(key []byte) (cipher.Block, error)
}{
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
}

type pbes2 struct{ Derivation, Scheme pkix.AlgorithmIdentifier }

type pbkdf2Parameters struct {
	Salt       []byte
	Iterations int
	KeySize    int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// decryptPKCS8 opens EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2 and
// PBKDF2 (RFC 8018 §6.2), which is all that current software writes. The
// result is PrivateKeyInfo, the caller's to clear.
func decryptPKCS8(der []byte, where, password string) ([]byte, error) {
	const reencrypt = "Encrypt the key anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem."
	unsupported := func(what string) error {
		return refuse(where+" is encrypted with "+what+", which is not supported", reencrypt)
	}
	damaged := refuse("the encryption parameters of "+where+" are damaged", "Copy the key again, whole and unchanged.")
	if password == "" {
		return nil, noPassword(where)
	}

	var file struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if rest, err := asn1.Unmarshal(der, &file); err != nil || len(rest) > 0 {
		return nil, damaged
	}
	if !file.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, unsupported("an old password scheme (PBES1 or PKCS#12)")
	}
	var scheme pbes2
	if !unmarshalParameters(file.Algorithm, &scheme) {
		return nil, damaged
	}
	if !scheme.Derivation.Algorithm.Equal(oidPBKDF2) {
		return nil, unsupported("another key derivation than PBKDF2, such as scrypt")
	}
	var derivation pbkdf2Parameters
	if !unmarshalParameters(scheme.Derivation, &derivation) || derivation.Iterations < 1 {
		return nil, damaged
	}
	if derivation.Iterations > maxIterations {
		return nil, tooManyIterations(where)
	}
	prf, ok := pseudoRandom[derivation.PRF.Algorithm.String()]
	if !ok {
		return nil, unsupported("an unusual pseudo-random function in PBKDF2")
	}
	method, ok := ciphers[scheme.Scheme.Algorithm.String()]
	if !ok {
		return nil, unsupported("another cipher than AES-CBC and 3DES-CBC")
	}
	var iv []byte
	if !unmarshalParameters(scheme.Scheme, &iv) {
		return nil, damaged
	}

	key, err := pbkdf2.Key(prf, password, derivation.Salt, derivation.Iterations, method.keySize)
	if err != nil {
		return nil, forbiddenByFIPS(where) // the only thing that fails here, such as a short salt
	}
	defer clear(key)
	opened, err := method.open(key)
	if err != nil {
		return nil, forbiddenByFIPS(where)
	}
	size := opened.BlockSize()
	if len(iv) != size || len(file.Data) == 0 || len(file.Data)%size != 0 {
		return nil, damaged
	}
	plain := make([]byte, len(file.Data))
	cipher.NewCBCDecrypter(opened, iv).CryptBlocks(plain, file.Data)
	inner, ok := unpad(plain, size)
	if !ok || kindOf(inner) != pkcs8Key { // a wrong password may leave good padding
		clear(plain)
		return nil, wrongPassword(where)
	}
	return inner, nil
}

func forbiddenByFIPS(where string) error {
	return refuse(where+" is protected in a way that FIPS 140-only mode forbids",
		"Give the key as a PEM or JWK that is not encrypted, from a secret store; or run without GODEBUG=fips140=only.")
}

func tooManyIterations(where string) error {
	return refuse(fmt.Sprintf("%s asks for more than %d rounds of password hashing", where, maxIterations),
		"Encrypt the key anew with fewer rounds; 600,000 is plenty.")
}

func unmarshalParameters(algorithm pkix.AlgorithmIdentifier, into any) bool {
	rest, err := asn1.Unmarshal(algorithm.Parameters.FullBytes, into)
	return err == nil && len(rest) == 0
}

// unpad removes the padding of RFC 8018 §6.1.1.
func unpad(plain []byte, blockSize int) ([]byte, bool) {
	count := int(plain[len(plain)-1])
	if count < 1 || count > blockSize {
		return nil, false
	}
	for _, b := range plain[len(plain)-count:] {
		if int(b) != count {
			return nil, false
		}
	}
	return plain[:len(plain)-count], true
}
