package core

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// echoes answers with a token that names the scope and the consumer it is for.
func echoes(_ int, r seen) (Response, error) {
	consumer, _ := r.claims["consumer_org"].(string)
	return Response{Status: 200, Body: fmt.Appendf(nil, `{"access_token":"%v~%s","token_type":"Bearer","expires_in":3600}`,
		strings.NewReplacer(":", ".", " ", "/").Replace(r.claims["scope"].(string)), consumer)}, nil
}

// TestTokenByRequest: one fetch for each request, whatever words it is asked
// in, and never the token of another one.
func TestTokenByRequest(t *testing.T) {
	endpoint := &fakeEndpoint{answer: echoes}
	client := testClient(t, endpoint)
	ctx := context.Background()
	for round, fetches := range []int{4, 4, 4} {
		for _, c := range []struct {
			request TokenRequest
			want    string
		}{
			{TokenRequest{Scopes: []string{"a:b"}}, "a.b~"},
			{TokenRequest{Scopes: []string{"a:b"}, ConsumerOrg: "910753614"}, "a.b~910753614"},
			{TokenRequest{Scopes: []string{"a:b"}, ConsumerOrg: "991825827"}, "a.b~991825827"},
			{TokenRequest{Scopes: []string{"a:b", "c:d"}}, "a.b/c.d~"},
			{TokenRequest{Scopes: []string{"c:d", "a:b", "c:d"}}, "a.b/c.d~"},
		} {
			token, err := client.Token(ctx, c.request)
			if err != nil || token.AccessToken() != c.want {
				t.Fatalf("round %d: %v gets %q, %v", round, c.request, token.AccessToken(), err)
			}
		}
		if endpoint.count() != fetches {
			t.Errorf("round %d: %d requests, want %d", round, endpoint.count(), fetches)
		}
	}
	_, err := client.Token(ctx, TokenRequest{})
	wantError(t, err, CodeInvalidTokenRequest)
	if err := client.Rotate(Key{KeyID: "kid-2", SignatureSize: 256, Signer: &fakeSigner{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Token(ctx, TokenRequest{Scopes: []string{"a:b"}}); err != nil || endpoint.count() != 5 {
		t.Errorf("after a rotation: %v, %d requests", err, endpoint.count())
	}
	client.Close()
	_, err = client.Token(ctx, TokenRequest{Scopes: []string{"a:b"}})
	wantError(t, err, CodeClosed)
	_, err = client.Token(ctx, TokenRequest{Scopes: []string{"new:one"}})
	wantError(t, err, CodeClosed)
}

// TestTokenByRequestAllocatesNothing, also when the request is made for the call.
func TestTokenByRequestAllocatesNothing(t *testing.T) {
	client := testClient(t, &fakeEndpoint{answer: func(n int, r seen) (Response, error) { return tokenResponse(n, 3600), nil }})
	ctx := context.Background()
	numbers := []byte("910753614")
	for name, ask := range map[string]func() (Token, error){
		"one scope": func() (Token, error) { return client.Token(ctx, TokenRequest{Scopes: []string{"a:b"}}) },
		"a consumer": func() (Token, error) {
			return client.Token(ctx, TokenRequest{Scopes: []string{"a:b"}, ConsumerOrg: string(numbers)})
		},
		"everything": func() (Token, error) {
			return client.Token(ctx, TokenRequest{Scopes: []string{"c:d", "a:b"}, Resource: []string{"https://api.example.no"},
				PID: "01017012345", SystemUser: &SystemUser{Org: "310702641", ExternalRef: "ref"}})
		},
		"an exchange": func() (Token, error) {
			return client.Token(ctx, TokenRequest{Scopes: []string{"toll:a"}}, CustomsExchange(Test))
		},
	} {
		if got := testing.AllocsPerRun(100, func() {
			if token, err := ask(); err != nil || token.IsZero() {
				t.Error(err)
			}
		}); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

// TestAskedSearch puts requests where the hash of all of them is the same.
func TestAskedSearch(t *testing.T) {
	slots := make([]atomic.Pointer[Source], 16)
	var sources []*Source
	for i := range 8 {
		s := &Source{request: TokenRequest{Scopes: []string{"a:b"}, PID: fmt.Sprint(i / 2)}}
		if i%2 == 1 {
			s.exchanges = []Exchange{{Kind: ExchangeCustoms}}
		}
		found, at := search(slots, 14, &s.request, s.exchanges)
		if found != nil {
			t.Fatalf("request %d is taken for another one", i)
		}
		slots[at].Store(s)
		sources = append(sources, s)
	}
	for i, s := range sources {
		asked := s.request.clone()
		if found, _ := search(slots, 14, &asked, s.exchanges); found != s {
			t.Errorf("request %d is not found", i)
		}
	}
}

// TestAskedLimit asks for more than a client keeps, from several goroutines.
func TestAskedLimit(t *testing.T) {
	const limit, keys = 20, 90
	endpoint := &fakeEndpoint{t: t, answer: echoes}
	config := testConfig(endpoint)
	config.CacheLimit = limit
	clock := newManualClock()
	config.Clock = clock.read
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 3 * keys {
				clock.advance(60 * time.Millisecond) // as many as the endpoint may be sent
				scope := fmt.Sprintf("a:%d", (i*7+worker*13)%keys)
				token, err := client.Token(context.Background(), TokenRequest{Scopes: []string{scope}})
				if want := strings.ReplaceAll(scope, ":", ".") + "~"; err != nil || token.AccessToken() != want {
					t.Errorf("%s gets %q, %v", scope, token.AccessToken(), err)
					return
				}
			}
		})
	}
	all.Wait()
	known := 0
	for i := range *client.asked.slots.Load() {
		if (*client.asked.slots.Load())[i].Load() != nil {
			known++
		}
	}
	if known > limit || known != client.asked.full || client.Status().Tokens > limit {
		t.Errorf("%d requests (%d counted) and %d tokens are kept, the limit is %d", known, client.asked.full, client.Status().Tokens, limit)
	}
}
