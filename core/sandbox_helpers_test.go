package core_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

// startSandbox starts the default world for one test.
func startSandbox(t *testing.T) (*sandbox.Server, *sandbox.Demo) {
	t.Helper()
	config, demo, err := sandbox.DefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	server, err := sandbox.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server, demo
}

// readKey leads a key of the sandbox through PEM, as a user's key comes.
func readKey(private *rsa.PrivateKey, options keys.Options) (*keys.Private, error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return keys.ParsePEM(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), options)
}
