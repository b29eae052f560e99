package core_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

// These tests go all the way: real signatures, real HTTP, a judge that shares
// no code with the core.

func sandboxed(t *testing.T) (*sandbox.Server, *sandbox.Demo, *core.Client) {
	t.Helper()
	server, demo := startSandbox(t)
	key, err := readKey(demo.PrivateKey, keys.Options{KeyID: demo.KeyID})
	if err != nil {
		t.Fatal(err)
	}
	client, err := core.NewClient(core.ClientConfig{Environment: server.Environment(), ClientID: demo.ClientID,
		Key: key.Key(), Transport: nethttp.New(nethttp.Config{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return server, demo, client
}

func sourceFor(t *testing.T, client *core.Client, scope string) *core.Source {
	t.Helper()
	source, err := client.Source(core.TokenRequest{Scopes: []string{scope}})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestTwoHundredCallersOneRequest(t *testing.T) {
	server, demo, client := sandboxed(t)
	source := sourceFor(t, client, demo.Scopes.Plain)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := source.Token(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := server.Count("/token"); n != 1 {
		t.Errorf("%d requests for 200 callers, want 1", n)
	}
}

// TestAHangingFetchDelaysNobody: what counts is the order of things, not how
// long they take.
func TestAHangingFetchDelaysNobody(t *testing.T) {
	server, demo, client := sandboxed(t)
	fast, slow := sourceFor(t, client, demo.Scopes.Plain), sourceFor(t, client, demo.Scopes.Other)
	if _, err := fast.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.SetFaults([]sandbox.Fault{{Path: "/token", Scope: demo.Scopes.Other, LatencyMS: 2_000}})
	hung := make(chan error, 1)
	go func() {
		_, err := slow.Token(context.Background())
		hung <- err
	}()
	for server.Count("/token") < 2 { // until the sandbox has the request
		time.Sleep(time.Millisecond)
	}
	for range 1_000 {
		if _, err := fast.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sourceFor(t, client, demo.Scopes.Many[0]).Token(t.Context()); err != nil { // nor another fetch
		t.Fatal(err)
	}
	select {
	case err := <-hung:
		t.Errorf("the hanging fetch ended first: %v", err)
	default:
	}
	if err := <-hung; err != nil {
		t.Error(err)
	}
}

func TestRotationAtTheSandbox(t *testing.T) {
	_, demo, client := sandboxed(t)
	source := sourceFor(t, client, demo.Scopes.Plain)
	first, err := source.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A key that is not registered comes first, the registered one after it.
	stranger, err := keys.Generate(keys.GenerateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	registered, err := readKey(demo.PrivateKey, keys.Options{KeyID: demo.KeyID})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Rotate(stranger.Key(), registered.Key()); err != nil {
		t.Fatal(err)
	}
	second, err := source.Token(t.Context())
	if err != nil || second.AccessToken() == first.AccessToken() {
		t.Errorf("%v, the same token: %v", err, second.AccessToken() == first.AccessToken())
	}
}
