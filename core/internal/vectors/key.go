package vectors

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"sync"
	"time"
)

const keysComment = "PUBLISHED TEST KEYS. Everybody has them: they are derived from the words in their comment. Never register them anywhere."

// Key is a key of keys.json.
type Key struct {
	Name          string            `json:"name"`
	Comment       string            `json:"comment"`
	SignatureSize int               `json:"signature_size"`
	PublicJWK     map[string]string `json:"public_jwk"`
	PEM           string            `json:"pem"`
	X5C           []string          `json:"x5c"`
	ChainPEM      string            `json:"certificate_chain"`
}

type keysFile struct {
	Schema  string `json:"$schema"`
	Subject string `json:"subject"`
	Comment string `json:"comment"`
	Keys    []Key  `json:"keys"`
}

const (
	leafWords = "maskinporten-core, published test key"
	rootWords = "maskinporten-core, published test root"
)

// deriveKey makes an RSA-2048 key of words, the same everywhere: its primes are
// the first ones at or after numbers that SHA-256 makes of them.
func deriveKey(words string) *rsa.PrivateKey {
	prime := func(label byte) *big.Int {
		seed := make([]byte, 0, 128)
		for block := range uint32(4) {
			sum := sha256.Sum256(binary.BigEndian.AppendUint32(append([]byte(words), label), block))
			seed = append(seed, sum[:]...)
		}
		seed[0] |= 0xc0 // so that the modulus has all its 2048 bits
		seed[127] |= 1
		p := new(big.Int).SetBytes(seed)
		for e := big.NewInt(65537); ; p.Add(p, big.NewInt(2)) {
			if new(big.Int).Mod(p, e).Cmp(big.NewInt(1)) != 0 && p.ProbablyPrime(32) {
				return p
			}
		}
	}
	p, q, one := prime('p'), prime('q'), big.NewInt(1)
	totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D: new(big.Int).ModInverse(big.NewInt(65537), totient), Primes: []*big.Int{p, q}}
	key.Precompute()
	if err := key.Validate(); err != nil {
		panic("vectors: " + err.Error())
	}
	return key
}

// rootKey signs the certificates.
var rootKey = sync.OnceValue(func() *rsa.PrivateKey { return deriveKey(rootWords) })

type chain struct {
	key  *rsa.PrivateKey
	ders [][]byte // leaf, root
}

// testChain is the test key with a certificate as Norwegian issuers make them.
var testChain = sync.OnceValue(func() chain {
	key, root := deriveKey(leafWords), rootKey()
	issuer := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Vectors Test Root"},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SignatureAlgorithm: x509.SHA256WithRSA}
	leaf := *issuer
	leaf.SerialNumber, leaf.IsCA, leaf.KeyUsage = big.NewInt(2), false, x509.KeyUsageDigitalSignature
	leaf.Subject = pkix.Name{CommonName: "Vectors Test AS", ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "NTRNO-991825827"}}}
	certify := func(template, parent *x509.Certificate, public *rsa.PublicKey) []byte {
		der, err := x509.CreateCertificate(nil, template, parent, public, root) // PKCS#1 v1.5 needs no randomness
		if err != nil {
			panic("vectors: " + err.Error())
		}
		return der
	}
	return chain{key, [][]byte{certify(&leaf, issuer, &key.PublicKey), certify(issuer, issuer, &root.PublicKey)}}
})

func testKeys() []Key {
	c := testChain()
	return []Key{{Name: keyName, Comment: "RSA-2048, derived from the words: " + leafWords, SignatureSize: 256,
		PublicJWK: publicJWK(c.key), PEM: keyPEM(c.key), X5C: x5c(), ChainPEM: chainPEM()}}
}

const keyName = "rsa-2048"

func publicJWK(key *rsa.PrivateKey) map[string]string {
	return map[string]string{"kty": "RSA", "n": base64url(key.N.Bytes()), "e": "AQAB"}
}

// privateJWK is RFC 7517 with the members of RFC 7518 §6.3.2.
func privateJWK(kid, alg string) map[string]string {
	key := testChain().key
	jwk := publicJWK(key)
	for name, value := range map[string]*big.Int{"d": key.D, "p": key.Primes[0], "q": key.Primes[1],
		"dp": key.Precomputed.Dp, "dq": key.Precomputed.Dq, "qi": key.Precomputed.Qinv} {
		jwk[name] = base64url(value.Bytes())
	}
	jwk["use"], jwk["alg"], jwk["kid"] = "sig", alg, kid
	return jwk
}

func keyPEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("vectors: " + err.Error())
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func chainPEM() string {
	var out bytes.Buffer
	for _, der := range testChain().ders {
		pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return out.String()
}

func x5c() []string {
	var list []string
	for _, der := range testChain().ders {
		list = append(list, base64.StdEncoding.EncodeToString(der))
	}
	return list
}

// assertion signs header and claims with the test key, after RFC 7515 §5.1.
func assertion(alg, header, claims string) string {
	hash := map[string]crypto.Hash{"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512}[alg]
	input := signingInput(header, claims)
	digest := hash.New()
	digest.Write([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, testChain().key, hash, digest.Sum(nil))
	if err != nil {
		panic("vectors: " + err.Error())
	}
	return input + "." + base64url(signature)
}

func signingInput(header, claims string) string {
	return base64url([]byte(header)) + "." + base64url([]byte(claims))
}

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func jsonText(v any) string {
	text, err := encode(v)
	if err != nil {
		panic("vectors: " + err.Error())
	}
	return string(text)
}

// raw checks a JSON text and takes the white space out of it.
func raw(text string) json.RawMessage {
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		panic("vectors: " + err.Error() + " in " + text)
	}
	return out.Bytes()
}
