//go:build !host_signs

package wire

import (
	"encoding/base64"
	"strconv"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

// privateKey reads a key member that holds a private key.
func privateKey(o object) (core.Key, error) {
	private, err := parseKey(o)
	if err != nil {
		return core.Key{}, err
	}
	return private.Key(), nil
}

func parseKey(o object) (*keys.Private, error) {
	options := keys.Options{Password: o.text("password"), KeyID: o.text("kid"), Algorithm: o.text("alg"),
		CertificateChain: []byte(o.text("certificate_chain"))}
	var forms int
	var private *keys.Private
	var err error
	if o.has("pem") {
		forms++
		private, err = keys.ParsePEM([]byte(o.text("pem")), options)
	}
	if o.has("jwk") {
		forms++
		o.known["jwk"] = true
		value, _ := o.value.Get("jwk")
		jwk := value.Raw
		if value.Kind == strictjson.String {
			jwk = []byte(value.Text)
		}
		private, err = keys.ParseJWK(jwk, options)
	}
	if o.has("pkcs12") {
		forms++
		der, bad := base64.StdEncoding.DecodeString(o.text("pkcs12"))
		if bad != nil {
			return nil, core.NewError(core.CodeInvalidKey, "key.pkcs12 is not standard base64", nil)
		}
		private, err = keys.ParsePKCS12(der, options)
	}
	if forms != 1 {
		return nil, core.NewError(core.CodeInvalidKey, "the key is given in "+strconv.Itoa(forms)+" forms; give one of pem, jwk and pkcs12", nil)
	}
	return private, err
}

// KeyRead checks a private key and takes it apart for a host that signs with
// its own crypto.
func (h *Host) KeyRead(key []byte) (out []byte, failure *Failure) {
	defer h.guard(&failure)
	var private *keys.Private
	var keyErr error
	if err := readInput(key, "the key", core.CodeInvalidKey, func(o object) { private, keyErr = parseKey(o) }, nil); err != nil {
		return nil, fail(err)
	}
	if keyErr != nil {
		return nil, fail(keyErr)
	}
	face := private.Key()
	var w strictjson.Writer
	w.String("alg", face.Algorithm)
	w.Optional("kid", face.KeyID)
	if len(face.CertificateChain) > 0 {
		chain := make([]string, len(face.CertificateChain))
		for i, der := range face.CertificateChain {
			chain[i] = base64.StdEncoding.EncodeToString(der)
		}
		w.Strings("x5c", chain)
	}
	w.Int("signature_size", int64(face.SignatureSize))
	if !face.NotAfter.IsZero() {
		w.Int("not_after_ms", face.NotAfter.UnixMilli())
	}
	w.Raw("public_jwk", private.PublicJWK())
	w.String("pkcs8", base64.StdEncoding.EncodeToString(private.PKCS8()))
	return w.Bytes(), nil
}

// KeyGenerate makes a new RSA key.
func (h *Host) KeyGenerate(options []byte) (out []byte, failure *Failure) {
	defer h.guard(&failure)
	var o keys.GenerateOptions
	if err := readInput(options, "the options", core.CodeInvalidArgument, func(in object) {
		o = keys.GenerateOptions{Bits: int(in.number("bits", 1<<16)), KeyID: in.text("kid"), Algorithm: in.text("alg")}
	}, nil); err != nil {
		return nil, fail(err)
	}
	private, err := keys.Generate(o)
	if err != nil {
		return nil, fail(err)
	}
	var w strictjson.Writer
	w.String("kid", private.Key().KeyID)
	w.Raw("public_jwk", private.PublicJWK())
	w.Raw("private_jwk", private.JWK())
	w.String("pem", string(private.PEM()))
	return w.Bytes(), nil
}
