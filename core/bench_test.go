package core

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func benchSource(b *testing.B) (*Client, *Source) {
	b.Helper()
	endpoint := &fakeEndpoint{t: b, answer: func(n int, r seen) (Response, error) {
		if r.claims["scope"] == "hang:hang" {
			time.Sleep(time.Hour)
		}
		return tokenResponse(n, 86_400), nil
	}}
	client, err := NewClient(testConfig(endpoint))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	source, err := client.Source(TokenRequest{Scopes: []string{"a:b"}})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := source.Token(context.Background()); err != nil {
		b.Fatal(err)
	}
	return client, source
}

func readCached(b *testing.B, source *Source) {
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if token, err := source.Token(ctx); err != nil || token.AccessToken() == "" {
			b.Fatal(err)
		}
	}
}

// BenchmarkClock is what a cached read is measured against.
func BenchmarkClock(b *testing.B) {
	var last time.Time
	for b.Loop() {
		last = time.Now()
	}
	_ = last
}

func BenchmarkCachedToken(b *testing.B) {
	_, source := benchSource(b)
	readCached(b, source)
}

func BenchmarkCachedTokenParallel(b *testing.B) {
	_, source := benchSource(b)
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			source.Token(ctx)
		}
	})
}

// BenchmarkDueToken reads while a refresh that never ends is under way.
func BenchmarkDueToken(b *testing.B) {
	_, source := benchSource(b)
	e := source.entry.Load()
	now := SystemClock()
	s := e.snap.Load()
	e.publish(s.token(), now, s.hard, now)
	if a, _ := e.acquireUnlessGone(now.Add(time.Nanosecond)); !a.own {
		b.Fatal("no refresh was started")
	}
	e.quieten(s, s.hard) // the lease of the refresh must outlast the benchmark
	readCached(b, source)
}

func BenchmarkCachedTokenDuringAnotherKeysHang(b *testing.B) {
	client, source := benchSource(b)
	other, err := client.Source(TokenRequest{Scopes: []string{"hang:hang"}})
	if err != nil {
		b.Fatal(err)
	}
	go other.Token(context.Background())
	readCached(b, source)
}

func BenchmarkBuildGrant(b *testing.B) {
	p := GrantParams{Environment: Test, ClientID: "client", Key: Key{KeyID: "kid-1"}, JTI: "jti", Now: time.Now(),
		Request: TokenRequest{Scopes: []string{"a:b"}, ConsumerOrg: "910753614"}}
	b.ReportAllocs()
	for b.Loop() {
		if g := buildGrant(p, time.Minute); len(g.SigningInput) == 0 {
			b.Fatal(fmt.Sprint(g))
		}
	}
}
