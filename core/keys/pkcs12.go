package keys

import (
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"

	"math/big"
	"strings"
	"unicode/utf8"

	"software.sslmate.com/src/go-pkcs12"
)

// ParsePKCS12 reads the one private key and its certificates from a PKCS#12
// file (RFC 7292) in DER or in base64 of it: the old kind with RC2 or 3DES, the
// AES kind that current OpenSSL, Java and Windows write, and PBMAC1 (RFC 9579).
// An empty Password opens files without a password and with an empty one.
func ParsePKCS12(data []byte, o Options) (*Private, error) {
	if err := checkSize(data); err != nil {
		return nil, err
	}
	if kindOf(data) == pkcs12File {
		return parsePKCS12(data, o)
	}
	text := tidy(data)
	defer clear(text)
	inner := unwrapBase64(text)
	defer clear(inner)
	switch {
	case kindOf(inner) == pkcs12File:
		return parsePKCS12(inner, o)
	case isPEM(text) || isObject(text) || kindOf(data) != unknownKind || kindOf(inner) != unknownKind:
		return nil, refuse("the data is not a PKCS#12 file but a key or certificate of another format", "Let Parse recognise the format, or give the .p12 or .pfx file.")
	}
	return nil, unrecognised(data, text)
}

const exportAnew = "Export it again: openssl pkcs12 -in old.p12 -nodes | openssl pkcs12 -export -out new.p12."

func parsePKCS12(der []byte, o Options) (*Private, error) {
	const where = "the PKCS#12 file"
	if !utf8.ValidString(o.Password) || strings.ContainsFunc(o.Password, func(r rune) bool { return r > 0xffff }) {
		return nil, refuse("the password has a character that PKCS#12 cannot express", "Use a password of characters in Unicode's basic plane; no emoji.")
	}
	if asksForTooMuch(der, 0) {
		return nil, tooManyIterations(where)
	}
	private, leaf, others, err := decodePKCS12(der, o.Password)
	if err != nil {
		return nil, explainPKCS12(err, o.Password)
	}
	key, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, refuse("the PKCS#12 file holds a private key that is not RSA", onlyRSA)
	}
	if len(key.Primes) != 2 {
		return nil, refuse("the PKCS#12 file holds an RSA key with more than two primes", newKey)
	}
	checked, err := numbers{n: key.N, e: big.NewInt(int64(key.E)), d: key.D, p: key.Primes[0], q: key.Primes[1]}.key("the key in the PKCS#12 file")
	if err != nil {
		return nil, err
	}
	certificates := [][]byte{leaf.Raw}
	for _, other := range others {
		certificates = append(certificates, other.Raw)
	}
	return finish(checked, found{where: where, certificates: certificates}, o)
}

// decodePKCS12 calls the library. It is given files that nobody has vouched
// for yet, and in FIPS 140 mode the hashes it needs panic; neither may end the
// program.
func decodePKCS12(der []byte, password string) (key crypto.PrivateKey, leaf *x509.Certificate, others []*x509.Certificate, err error) {
	defer func() {
		if recover() != nil {
			key, err = nil, errors.New("panic")
		}
	}()
	return pkcs12.DecodeChain(der, password)
}

// explainPKCS12 says in our words what the library found. Its own text stays
// out of the message; the parts compared with here are fixed in a test.
func explainPKCS12(err error, password string) error {
	const where = "the PKCS#12 file"
	is := func(part string) bool { return strings.Contains(err.Error(), part) }
	var unsupported pkcs12.NotImplementedError
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		if password == "" {
			return refuse(where+" is protected by a password and none was given", "Set the password.")
		}
		return wrongPassword(where)
	case is("exactly one key bag"):
		return refuse(where+" holds several private keys", "Export only the one that the client uses: keytool -importkeystore -srcalias … -deststoretype pkcs12.")
	case is("private key missing"):
		return refuse(where+" holds certificates and no private key", "Export it again with the private key in it.")
	case is("certificate missing"):
		return refuse(where+" holds a private key and no certificate", "Export it again with the certificates in it, or give the key as PEM with its kid.")
	case is("no MAC in data"):
		return refuse(where+" has no integrity check (MAC), and a password was given", "Leave the password out if the file is not encrypted; otherwise export it again with a MAC.")
	case errors.As(err, &unsupported), is("is not supported"):
		return refuse(where+" uses a structure or an algorithm that is not supported", exportAnew)
	case fips140.Enforced():
		return forbiddenByFIPS(where)
	}
	return refuse(where+" is damaged or holds a key that cannot be read", exportAnew)
}

// asksForTooMuch reports an iteration count over maxIterations anywhere in
// der. All structures that hold one (PBE parameters, PBKDF2 parameters,
// MacData) have it right behind the salt, an INTEGER after an OCTET STRING.
func asksForTooMuch(der []byte, depth int) bool {
	const maxDepth = 24
	afterSalt := false
	for len(der) > 0 && depth < maxDepth {
		var value asn1.RawValue
		rest, err := asn1.Unmarshal(der, &value)
		if err != nil {
			return false
		}
		universal := value.Class == asn1.ClassUniversal
		switch {
		case universal && value.Tag == asn1.TagInteger && afterSalt:
			if new(big.Int).SetBytes(value.Bytes).Cmp(big.NewInt(maxIterations)) > 0 {
				return true
			}
		case value.IsCompound, universal && value.Tag == asn1.TagOctetString && len(value.Bytes) > 0 && value.Bytes[0] == 0x30:
			if asksForTooMuch(value.Bytes, depth+1) {
				return true
			}
		}
		afterSalt = universal && value.Tag == asn1.TagOctetString
		der = rest
	}
	return false
}
