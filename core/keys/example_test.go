package keys_test

import (
	"fmt"

	"github.com/maskinporten-core/maskinporten/core/keys"
)

// A new key: the public half goes to self-service, the private one to where
// secrets are kept.
func ExampleGenerate() {
	key, err := keys.Generate(keys.GenerateOptions{KeyID: "my-service-2026"})
	if err != nil {
		fmt.Println(err)
		return
	}
	secret := key.JWK()

	again, err := keys.Parse(secret, keys.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again)
	fmt.Println(again.Key())
	// Output:
	// [redacted]
	// core.Key{RS256 kid:my-service-2026}
}

// What is wrong with a key is said together with what to do.
func ExampleParse() {
	_, err := keys.Parse([]byte(`{"kty":"EC","crv":"P-256"}`), keys.Options{})
	fmt.Println(err)
	// Output:
	// maskinporten: the JWK is an elliptic-curve key (kty EC). Maskinporten accepts RSA keys only; make one and register it: maskinporten keygen.
}
