package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// client is a core.Client that asks a server in memory, unless it is
// configured otherwise.
type client struct {
	*core.Client
	tb    testing.TB
	shift atomic.Int64 // of a movable clock
}

func newClient(tb testing.TB, s *server, configure ...func(*client, *core.ClientConfig)) *client {
	tb.Helper()
	c := &client{tb: tb}
	config := core.ClientConfig{
		Environment: core.Environment{Issuer: "https://issuer.invalid/", TokenEndpoint: "https://issuer.invalid/token"},
		ClientID:    "bench",
		Key:         core.Key{KeyID: "bench", Signer: noSigner{}},
		Transport:   transport{s},
	}
	for _, change := range configure {
		change(c, &config)
	}
	var err error
	if c.Client, err = core.NewClient(config); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// movable gives a client a clock that move moves. Its readings take longer than
// those of the system's clock, so they are not what is measured.
func movable(c *client, config *core.ClientConfig) {
	config.Clock = func() core.Instant { return core.SystemClock().Add(time.Duration(c.shift.Load())) }
}

// keeping sets how many tokens a client keeps.
func keeping(limit int) func(*client, *core.ClientConfig) {
	return func(_ *client, config *core.ClientConfig) { config.CacheLimit = limit }
}

func (c *client) move(d time.Duration) { c.shift.Add(int64(d)) }

// The core limits how many requests it sends to one endpoint: a burst of 50,
// then 20 in a second.
const (
	atOnce   = 40                    // requests of one client that do not wait
	politely = 60 * time.Millisecond // what has to pass for each of very many
)

func (c *client) source(scope string) *core.Source {
	c.tb.Helper()
	source, err := c.Source(core.TokenRequest{Scopes: []string{scope}})
	if err != nil {
		c.tb.Fatal(err)
	}
	return source
}

func fetch(tb testing.TB, source *core.Source) {
	tb.Helper()
	if _, err := source.Token(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// reading is the work of reading the sources in turn. (Were it inlined, the
// compiler would no longer inline what its closure calls, as it does in a
// program.)
//
//go:noinline
func reading(sources ...*core.Source) work {
	ctx := context.Background()
	var position atomic.Int64 // where the last turn ended
	return func(n int) {
		at := int(position.Load())
		for range n {
			if at++; at >= len(sources) {
				at = 0
			}
			if token, err := sources[at].Token(ctx); err != nil || token.AccessToken() == "" {
				panic("a cached token could not be read")
			}
		}
		position.Store(int64(at))
	}
}

// readingOne is reading without the choice among several: for comparisons
// with things that take no such time.
//
//go:noinline
func readingOne(source *core.Source) work {
	ctx := context.Background()
	return func(n int) {
		for range n {
			if token, err := source.Token(ctx); err != nil || token.AccessToken() == "" {
				panic("a cached token could not be read")
			}
		}
	}
}

// noSigner makes bytes of the right length at no cost.
type noSigner struct{}

func (noSigner) Sign(context.Context, []byte) ([]byte, error) { return make([]byte, 256), nil }

// transport is a server as a core.Transport.
type transport struct{ *server }

func (t transport) Send(ctx context.Context, _ core.Request) (core.Response, error) {
	token, err := t.issue(ctx)
	if errors.Is(err, errRejected) {
		return core.Response{Status: 400, Body: []byte(`{"error":"invalid_client"}`)}, nil
	}
	if err != nil {
		return core.Response{}, err
	}
	return core.Response{Status: 200, Body: tokenResponse(token, t.life)}, nil
}

func tokenResponse(token string, life time.Duration) []byte {
	return fmt.Appendf(nil, `{"access_token":"%s","token_type":"Bearer","expires_in":%d}`, token, int(life.Seconds()))
}
