package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/maskinporten-core/maskinporten/core"
	"software.sslmate.com/src/go-pkcs12"
)

// FuzzParse: whatever the input, Parse returns a key that signs or an error of
// this package, and leaves the input alone.
func FuzzParse(f *testing.F) {
	skipInFIPS(f)
	p := generated()
	leaf := selfSigned(f, p.key, generatedAt)
	certificates, err := chainOf(p.key, [][]byte{leaf})
	if err != nil {
		f.Fatal(err)
	}
	for _, encoder := range []*pkcs12.Encoder{pkcs12.Passwordless, pkcs12.LegacyRC2.WithIterations(1), pkcs12.Modern2026.WithIterations(1)} {
		password := "hemmelig"
		if encoder == pkcs12.Passwordless {
			password = ""
		}
		der, err := encoder.Encode(p.key, certificates[0], nil, password)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der, password, "")
	}
	withChain := newPrivate(p.key, "RS256", "", certificates)
	for _, text := range [][]byte{p.PEM(), p.JWK(), p.PKCS8(), pkcs1Of(p), withChain.PEM(), withChain.JWK(),
		[]byte(`{"keys":[` + string(p.JWK()) + `]}`), p.PublicJWK(), p.PublicJWKS(), leaf,
		[]byte(base64.StdEncoding.EncodeToString(p.PKCS8())), []byte(rfc7515Key),
		[]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END RSA PRIVATE KEY-----\n"),
		[]byte(`"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"`),
		[]byte("0\x80"), []byte(`{"kty":"RSA","n":"AA","e":"","d":"\u0041"}`), []byte(`{"a":"\\","keys":[{},[]]}`),
	} {
		f.Add(text, "hemmelig", testKID)
	}
	f.Fuzz(func(t *testing.T, data []byte, password, keyID string) {
		before := bytes.Clone(data)
		if list, err := ReadCertificates(data); (err == nil) != (len(list) > 0) || err != nil && !errors.Is(err, &core.Error{Code: core.CodeInvalidKey}) {
			t.Fatalf("%d certificates, %v", len(list), err)
		}
		got, err := Parse(data, Options{Password: password, KeyID: keyID})
		if !bytes.Equal(data, before) {
			t.Fatal("the input was changed")
		}
		if err == nil {
			checkSignature(t, got)
			key := got.Key()
			if (key.KeyID == "") == (len(key.CertificateChain) == 0) {
				t.Fatal("not exactly one of kid and chain")
			}
			return
		}
		if got != nil || !errors.Is(err, &core.Error{Code: core.CodeInvalidKey}) {
			t.Fatalf("not a clean error: %v", err)
		}
		if chain, err := readChain(data); err == nil {
			_, _ = chainOf(p.key, chain)
		}
	})
}
