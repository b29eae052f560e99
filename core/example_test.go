package core_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

// world starts a sandbox and returns a client registered there, as the
// examples need one. A program has its key in a file instead, and says
// Environment: core.Test.
func world() (client *core.Client, demo *sandbox.Demo, end func()) {
	config, demo, err := sandbox.DefaultConfig()
	if err != nil {
		log.Fatal(err)
	}
	server, err := sandbox.Start(config)
	if err != nil {
		log.Fatal(err)
	}
	key, err := readKey(demo.PrivateKey, keys.Options{KeyID: demo.KeyID})
	if err != nil {
		log.Fatal(err)
	}
	client, err = core.NewClient(core.ClientConfig{Environment: server.Environment(), ClientID: demo.ClientID,
		Key: key.Key(), Transport: nethttp.New(nethttp.Config{})})
	if err != nil {
		log.Fatal(err)
	}
	return client, demo, func() {
		client.Close()
		server.Close()
	}
}

// A first token: ask the source whenever you are about to call the API.
func ExampleSource_Token() {
	client, demo, end := world()
	defer end()

	source, err := client.Source(core.TokenRequest{Scopes: []string{demo.Scopes.Plain}})
	if err != nil {
		log.Fatal(err)
	}
	token, err := source.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.TokenType(), token.Scope(), token.Life())
	// Output: Bearer sandbox:plain 2m0s
}

// A supplier acts for a customer that has delegated the scope in Altinn.
func ExampleTokenRequest_delegation() {
	client, demo, end := world()
	defer end()

	source, err := client.Source(core.TokenRequest{Scopes: []string{demo.Scopes.Delegated}, ConsumerOrg: demo.CustomerOrganization})
	if err != nil {
		log.Fatal(err)
	}
	token, err := source.Token(context.Background())
	fmt.Println(token.Scope(), err)
	// Output: sandbox:delegated <nil>
}

// A supplier with many customers asks by request and keeps no Sources.
func ExampleClient_Token() {
	client, demo, end := world()
	defer end()

	for _, customer := range []string{demo.CustomerOrganization} {
		token, err := client.Token(context.Background(), core.TokenRequest{Scopes: []string{demo.Scopes.Delegated}, ConsumerOrg: customer})
		fmt.Println(token.Scope(), err)
	}
	// Output: sandbox:delegated <nil>
}

// A vendor uses the system user that a customer has given it.
func ExampleTokenRequest_systemUser() {
	client, demo, end := world()
	defer end()

	source, err := client.Source(core.TokenRequest{Scopes: []string{demo.Scopes.SystemUser},
		SystemUser: &core.SystemUser{Org: demo.SystemUser.Organization, ExternalRef: demo.SystemUser.ExternalRef}})
	if err != nil {
		log.Fatal(err)
	}
	token, err := source.Token(context.Background())
	fmt.Println(token.Scope(), err)
	// Output: sandbox:systemuser <nil>
}

// The token of Norwegian Customs is got by exchanging Maskinporten's, and
// goes into every request by itself.
func ExampleCustomsExchange() {
	client, demo, end := world()
	defer end()

	source, err := client.Source(core.TokenRequest{Scopes: []string{demo.Scopes.Customs}}, core.CustomsExchange(client.Environment()))
	if err != nil {
		log.Fatal(err)
	}
	api := &http.Client{Transport: &nethttp.Bearer{Source: source}, Timeout: 10 * time.Second}
	answer, err := api.Get(client.Environment().CustomsTestAuth)
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
	fmt.Println(answer.StatusCode)
	// Output: 200
}

// Altinn's token is got in the same way; in earnest the exchange is
// core.AltinnExchange("tt02") or "prod". It holds for half an hour, longer than
// the token it was got with, and only then are both fetched again.
func ExampleAltinnExchange() {
	client, demo, end := world()
	defer end()

	altinn := core.Exchange{Kind: core.ExchangeAltinn,
		TokenEndpoint: client.Environment().Issuer + "authentication/api/v1/exchange/maskinporten"}
	source, err := client.Source(core.TokenRequest{Scopes: []string{demo.Scopes.Plain}}, altinn)
	if err != nil {
		log.Fatal(err)
	}
	token, err := source.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Life().Round(time.Minute))
	// Output: 30m0s
}

// An error says whose fault it is, what Maskinporten calls it, and what to do.
func ExampleError() {
	client, _, end := world()
	defer end()

	source, err := client.Source(core.TokenRequest{Scopes: []string{"skatteetaten:unregistered"}})
	if err != nil {
		log.Fatal(err)
	}
	_, err = source.Token(context.Background())
	var refused *core.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Kind, refused.Code, refused.MPCode, refused.Retryable)
		fmt.Println(refused.Remedy)
	}
	// Output:
	// remote scope_not_registered MP-200 false
	// Add the scope to the client in self-service and check its spelling and case.
}
