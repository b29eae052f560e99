package doctor

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

// canary is put wherever something secret may stand.
const canary = "c4n4rY-5ecret"

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// healthy is an input about which there is nothing to say.
func healthy() Input {
	return Input{
		Config:  core.ClientConfig{Environment: core.Test, ClientID: "b1a5e1d2-7f1c-4d3e-9a55-0c6f4d1c2b3a", Key: core.Key{KeyID: "kid-1"}},
		Request: &core.TokenRequest{Scopes: []string{"toll:movement/road/v2"}},
	}
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// chain issues a leaf from an issuer with that name, both for rsaKey.
func chain(t *testing.T, identifier, issuer string, notAfter time.Time) [][]byte {
	t.Helper()
	key := rsaKey()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: issuer}, NotBefore: now.Add(-900 * day), NotAfter: now.Add(900 * day),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: now.Add(-900 * day), NotAfter: notAfter,
		Subject: pkix.Name{CommonName: "Eksempel AS", ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: identifier}}}}
	var list [][]byte
	for _, template := range []*x509.Certificate{leaf, ca} {
		der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, der)
	}
	return list
}

func testChain(t *testing.T) [][]byte {
	return chain(t, "NTRNO-314444442", "Eksempel Test CA", now.Add(400*day))
}

// listed are findings as one word each: e, w or n, and the field.
func listed(findings []Finding) string {
	var list []string
	for _, f := range findings {
		list = append(list, string(f.Severity[0])+":"+f.Field)
	}
	return strings.Join(list, " ")
}

// wantSentences checks that every finding says what and what to do, and that
// nothing secret is in it.
func wantSentences(t *testing.T, findings []Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Message == "" || !strings.HasSuffix(f.Remedy, ".") {
			t.Errorf("%s: %q, %q", f.Field, f.Message, f.Remedy)
		}
		if strings.Contains(f.Message+f.Remedy+f.Field, canary) {
			t.Errorf("%s shows a secret", f.Field)
		}
	}
}

// members decodes JSON that must be an object.
func members(t *testing.T, value json.Marshaler) map[string]any {
	t.Helper()
	text, err := value.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if strings.Contains(string(text), canary) || strings.Contains(string(text), "eyJ") {
		t.Errorf("a secret is shown: %s", text)
	}
	return object
}

// world is a sandbox, and an input for which it gives a token.
type world struct {
	*sandbox.Server
	demo *sandbox.Demo
	in   Input
}

// defaultWorld is made once: its keys take a while, and a sandbox changes
// nothing of its configuration.
var defaultWorld = sync.OnceValues(func() (sandbox.Config, *sandbox.Demo) {
	config, demo, err := sandbox.DefaultConfig()
	if err != nil {
		panic(err)
	}
	config.FastTokens = true
	return config, demo
})

func start(t *testing.T) world {
	t.Helper()
	config, demo := defaultWorld()
	server, err := sandbox.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	private := parse(t, demo.PrivateKey, keys.Options{KeyID: demo.KeyID})
	return world{server, demo, Input{
		Config:    core.ClientConfig{Environment: server.Environment(), ClientID: demo.ClientID, Key: private.Key(), Transport: nethttp.New(nethttp.Config{})},
		Request:   &core.TokenRequest{Scopes: []string{demo.Scopes.Customs}},
		Exchanges: []core.Exchange{core.CustomsExchange(server.Environment())},
	}}
}

func parse(t *testing.T, key *rsa.PrivateKey, options keys.Options) *keys.Private {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := keys.ParsePEM(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), options)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// results are the steps as one line: name and result.
func results(x Examination) string {
	var list []string
	for _, s := range x.Steps {
		list = append(list, strings.ReplaceAll(s.Name, " ", "-")+"="+s.Result())
	}
	return strings.Join(list, " ")
}

func (x Examination) step(t *testing.T, name string) Step {
	t.Helper()
	at := slices.IndexFunc(x.Steps, func(s Step) bool { return s.Name == name })
	if at < 0 {
		t.Fatalf("there is no step %q", name)
	}
	return x.Steps[at]
}

// signer is a Signer of the test's own.
type signer func(context.Context, []byte) ([]byte, error)

func (s signer) Sign(ctx context.Context, input []byte) ([]byte, error) { return s(ctx, input) }

// transport is a Transport of the test's own.
type transport func(core.Request) (core.Response, error)

func (f transport) Send(_ context.Context, request core.Request) (core.Response, error) {
	return f(request)
}
