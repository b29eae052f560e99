package keys

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/maskinporten-core/maskinporten/core"
)

var _ core.Signer = (*Private)(nil)

func pkcs1Of(p *Private) []byte { return x509.MarshalPKCS1PrivateKey(p.key) }

// The key and the signature of RFC 7515 Appendix A.2: a published test vector,
// of use to nobody and nothing else. Its short form, without CRT numbers.
const (
	rfc7515Key = `{"kty":"RSA",
	"n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
	"e":"AQAB",
	"d":"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"}`
	rfc7515P         = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"
	rfc7515DP        = "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0"
	rfc7515Input     = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	rfc7515Signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)

func TestRFC7515ExampleSignature(t *testing.T) {
	p := mustParse(t, []byte(rfc7515Key), registered)
	signature, err := p.Sign(context.Background(), []byte(rfc7515Input))
	if err != nil {
		t.Fatal(err)
	}
	object, err := jose.ParseSigned(rfc7515Input+"."+rfc7515Signature, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(signature, object.Signatures[0].Signature) {
		t.Error("the signature is not the one in the RFC")
	}
	// The RFC has the primes too: what we factored from d must be them.
	var jwk map[string]string
	if err := json.Unmarshal(p.JWK(), &jwk); err != nil {
		t.Fatal(err)
	}
	if jwk["p"] != rfc7515P || jwk["dp"] != rfc7515DP {
		t.Error("the primes are not those of the RFC")
	}
}

// go-jose shares no code with this package, except the standard library.
func TestExportsReadByGoJose(t *testing.T) {
	for _, algorithm := range []string{"RS256", "RS384", "RS512"} {
		p := mustParse(t, generated().PEM(), Options{KeyID: testKID, Algorithm: algorithm})
		input := "eyJhbGciOiJ" + map[string]string{"RS256": "SUzI1NiJ9", "RS384": "SUzM4NCJ9", "RS512": "SUzUxMiJ9"}[algorithm] + ".e30"
		signature, err := p.Sign(context.Background(), []byte(input))
		if err != nil {
			t.Fatal(err)
		}
		var public, private jose.JSONWebKey
		if err := json.Unmarshal(p.PublicJWK(), &public); err != nil {
			t.Fatal(err)
		}
		if !public.IsPublic() || !public.Valid() || public.KeyID != testKID || public.Algorithm != algorithm || public.Use != "sig" {
			t.Errorf("public JWK: kid %s, alg %s, use %s", public.KeyID, public.Algorithm, public.Use)
		}
		object, err := jose.ParseSigned(input+"."+encode(signature), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := object.Verify(public); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if err := json.Unmarshal(p.JWK(), &private); err != nil {
			t.Fatal(err)
		}
		if key, ok := private.Key.(*rsa.PrivateKey); !ok || !key.Equal(p.key) || key.Validate() != nil {
			t.Error("go-jose reads another private key")
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(p.PublicJWKS(), &set); err != nil || len(set.Keys) != 1 || !set.Keys[0].IsPublic() {
			t.Errorf("public JWK set: %v, %d keys", err, len(set.Keys))
		}
	}
}

// Self-service wants these members and no other.
func TestPublicJWKShape(t *testing.T) {
	shape := regexp.MustCompile(`^\{"kty":"RSA","use":"sig","alg":"RS256","kid":"` + testKID + `","n":"[A-Za-z0-9_-]{342}","e":"AQAB"\}$`)
	if public := generated().PublicJWK(); !shape.Match(public) {
		t.Errorf("PublicJWK is %s", public)
	}
	if set := string(generated().PublicJWKS()); set != `{"keys":[`+string(generated().PublicJWK())+`]}` {
		t.Errorf("PublicJWKS is %s", set)
	}
}

func TestPublicJWKOfCertificateKeyHasThumbprint(t *testing.T) {
	p := makePKI(t)
	got := mustParse(t, join(p.key, p.leaf), Options{})
	var public jose.JSONWebKey
	if err := json.Unmarshal(got.PublicJWK(), &public); err != nil {
		t.Fatal(err)
	}
	want, err := public.Thumbprint(hashes["RS256"])
	if err != nil {
		t.Fatal(err)
	}
	if public.KeyID != encode(want) {
		t.Errorf("kid is %s, the RFC 7638 thumbprint is %s", public.KeyID, encode(want))
	}
}

// Everything that is exported can be read again and is the same key.
func TestExportsRoundTrip(t *testing.T) {
	originals := map[string]*Private{"kid": generated()}
	p := makePKI(t)
	originals["certificate"] = mustParse(t, join(p.key, p.chain), Options{})
	for identity, want := range originals {
		o := Options{KeyID: want.keyID}
		for name, data := range map[string][]byte{"JWK": want.JWK(), "PEM": want.PEM(), "PKCS#8": want.PKCS8()} {
			t.Run(identity+"/"+name, func(t *testing.T) {
				options := o
				if name == "JWK" {
					options = Options{} // it carries its own identity
				}
				if name == "PKCS#8" && identity == "certificate" {
					options.CertificateChain = p.chain
				}
				got := mustParse(t, data, options)
				if !sameKey(got, want) || got.Key().String() != want.Key().String() {
					t.Errorf("%v became %v", want.Key(), got.Key())
				}
			})
		}
	}
}

// No way to print or encode a key shows anything of it.
func TestPrivatePrintsRedacted(t *testing.T) {
	p := generated()
	holder := struct {
		Exported   *Private
		Value      Private
		unexported *Private
		value      Private
		Signer     core.Signer
		Key        core.Key
	}{p, *p, p, *p, p, p.Key()}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		for _, value := range []any{p, *p, holder, &holder, []*Private{p}, map[string]Private{"k": *p}, p.Key(), Options{Password: "hemmelig-passord"}} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	for _, value := range []any{p, *p, map[string]any{"key": p}, Options{Password: "hemmelig-passord"}} {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(encoded))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", p, "value", *p)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", p, "value", *p)
	texts = append(texts, log.String(), p.String(), p.GoString())

	secrets := []string{part(p.key.D)[:16], p.key.D.String()[:16], fmt.Sprintf("%x", p.key.D)[:16], p.key.Primes[0].String()[:16],
		fmt.Sprintf("%d", p.key.D.Bits()[0]), "hemmelig-passord", fmt.Sprintf("%x", "hemmelig-passord")}
	for _, text := range texts {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Fatal("a printed or encoded form shows a secret")
			}
		}
	}
	if got := fmt.Sprintf("%v %+v %#v %x", p, *p, p, *p); got != "[redacted] [redacted] [redacted] [redacted]" {
		t.Errorf("prints as %s", got)
	}
	if encoded, _ := json.Marshal(p); string(encoded) != `"[redacted]"` {
		t.Errorf("encodes as %s", encoded)
	}
}

func TestDestroy(t *testing.T) {
	p := mustParse(t, generated().JWK(), Options{})
	secret := p.key
	d, prime := secret.D.Bits(), secret.Primes[0].Bits()
	public := string(p.PublicJWK())

	var wait sync.WaitGroup
	for range 4 { // signatures under way are whole or refused, never wrong
		wait.Go(func() {
			for {
				signature, err := p.Sign(context.Background(), []byte("a.b"))
				if err != nil {
					return
				}
				if len(signature) != 256 {
					t.Errorf("a signature of %d bytes", len(signature))
				}
			}
		})
	}
	p.Destroy()
	p.Destroy()
	wait.Wait()

	for _, words := range [][]big.Word{d, prime} {
		for _, word := range words {
			if word != 0 {
				t.Fatal("a number of the key is still in memory")
			}
		}
	}
	_, err := p.Sign(context.Background(), []byte("a.b"))
	if !errors.Is(err, &core.Error{Code: core.CodeSigningFailed}) {
		t.Errorf("signing after Destroy: %v", err)
	}
	if p.JWK() != nil || p.PEM() != nil || p.PKCS8() != nil {
		t.Error("a destroyed key is exported")
	}
	if string(p.PublicJWK()) != public {
		t.Error("the public half changed")
	}
}

func TestSignWithContextThatIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	signature, err := generated().Sign(ctx, []byte("a.b"))
	if signature != nil || !errors.Is(err, context.Canceled) || !errors.Is(err, &core.Error{Code: core.CodeCancelled}) {
		t.Errorf("got %d bytes and %v", len(signature), err)
	}
}
