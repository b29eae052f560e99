// Command endpoint is a token endpoint on loopback for the measurements from
// C, Python and Node. It checks nothing and answers at once, so that what is
// measured is the client.
//
//	endpoint FILE
//
// It writes the configuration of a client, with a new key, to FILE (as
// mp_client_new of maskinporten.h takes it), prints "ready", and runs until it
// is stopped.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/maskinporten-core/maskinporten/core/keys"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("endpoint: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: endpoint FILE")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	key, err := keys.Generate(keys.GenerateOptions{KeyID: "bench"})
	if err != nil {
		log.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	config := fmt.Appendf(nil, `{"environment":{"issuer":"%s/","token_endpoint":"%s/token","allow_loopback_http":true},"client_id":"bench","key":{"jwk":%s}}`, url, url, key.JWK())
	if err := os.WriteFile(os.Args[1], config, 0o600); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	log.Fatal(http.Serve(listener, http.HandlerFunc(token)))
}

// answer has a token as long as Maskinporten's, which holds for a day.
var answer = []byte(`{"access_token":"` + strings.Repeat("s", 900) + `","token_type":"Bearer","expires_in":86400}`)

func token(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}
