package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

// A test starts its own sandbox, points the program under test at it, and
// afterwards asks what the program sent. Here a mere form stands for the
// program, and its grant is refused.
func Example() {
	config, demo, err := sandbox.DefaultConfig()
	if err != nil {
		panic(err)
	}
	server, err := sandbox.Start(config)
	if err != nil {
		panic(err)
	}
	defer server.Close()

	// These, demo.PrivateKey and demo.KeyID are what a client is made of.
	environment, client := server.Environment(), demo.ClientID
	fmt.Println(environment.Issuer == server.URL()+"/", client != "")

	response, err := http.PostForm(environment.TokenEndpoint, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {"not a grant"},
	})
	if err != nil {
		panic(err)
	}
	response.Body.Close()
	entry := server.Journal()[0]
	fmt.Println(entry.Path, entry.Status, entry.Error, entry.MPCode)
	fmt.Println(entry.Detail)

	// Output:
	// true true
	// /token 400 invalid_request MP-011
	// the assertion is not a compact JWS: it is not three parts with dots between
}

// Faults show how a program behaves when things go wrong: here the token
// endpoint is down for the first two requests.
func ExampleServer_SetFaults() {
	server, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.SetFaults([]sandbox.Fault{{Path: "/token", Status: 503, RetryAfter: "1", Times: 2}})

	for range 3 {
		response, err := http.PostForm(server.Environment().TokenEndpoint, nil)
		if err != nil {
			panic(err)
		}
		response.Body.Close()
		fmt.Printf("%d %q\n", response.StatusCode, response.Header.Get("Retry-After"))
	}
	fmt.Println(server.Count("/token"))
	// Output:
	// 503 "1"
	// 503 "1"
	// 400 ""
	// 3
}
