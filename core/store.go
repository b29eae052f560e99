package core

import (
	"context"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// Store keeps tokens where several processes, pods or edge isolates find them:
// Redis, Valkey, a key-value service. What it holds is encrypted (see
// [ClientConfig.StoreKey]), so it need not be trusted: an entry that is
// damaged, swapped or forged is as good as none. A store that fails costs a
// fetch, never a caller. Each call has 2 s, after which its context ends; one
// that does not return then keeps its goroutine, and what it answers is dropped.
type Store interface {
	// Load returns what Save put under key, or nil if there is nothing.
	Load(ctx context.Context, key string) (entry []byte, err error)
	// Save keeps entry under key for at most life.
	Save(ctx context.Context, key string, entry []byte, life time.Duration) error
}

const (
	storeTimeout  = 2 * time.Second
	storeKeySize  = 32
	maxStoreEntry = 128 << 10
)

func (c ClientConfig) storeProblems() []Problem {
	switch {
	case len(c.StoreKey) != 0 && len(c.StoreKey) != storeKeySize:
		return []Problem{{"store_key", "it has " + itoa(len(c.StoreKey)) + " bytes", "Give 32 random bytes, the same to every process that shares the store."}}
	case c.Store != nil && len(c.StoreKey) == 0:
		return []Problem{{"store_key", "it is missing", "Give 32 random bytes; what is in the store is encrypted with them."}}
	}
	return nil
}

// storeKey is where an entry lies. It holds no secret.
func storeKey(cacheKey string) string { return "maskinporten:1:" + cacheKey }

// sealToken writes a token for the store, bound to its cache key.
func (c *Client) sealToken(cacheKey string, t Token) ([]byte, error) {
	var w strictjson.Writer
	w.String("key", cacheKey)
	w.String("access_token", t.AccessToken())
	w.String("scope", t.Scope())
	w.Int("requested_at_ms", t.RequestedAt().UnixMilli())
	w.Int("expires_at_ms", t.ExpiresAt().UnixMilli())
	return c.sealer.seal(w.Bytes(), c.config.Random)
}

// openToken reads a token from the store, and the moment from which its life
// counts. It believes nothing that a live answer would not be believed.
func (c *Client) openToken(cacheKey string, entry []byte, now Instant) (t Token, sent Instant, ok bool) {
	if len(entry) == 0 || len(entry) > maxStoreEntry {
		return Token{}, Instant{}, false
	}
	plain, err := c.sealer.open(entry)
	if err != nil {
		return Token{}, Instant{}, false
	}
	value, err := strictjson.Parse(plain)
	if err != nil {
		return Token{}, Instant{}, false
	}
	key, _ := value.Get("key")
	access, _ := value.Get("access_token")
	scope, _ := value.Get("scope")
	requested, _ := value.Get("requested_at_ms")
	expires, _ := value.Get("expires_at_ms")
	from, fromOK := requested.Int()
	to, toOK := expires.Int()
	life := time.Duration(to-from) * time.Millisecond
	age := time.Duration(now.Wall/int64(time.Millisecond)-from) * time.Millisecond
	if key.Text != cacheKey || !isBearer(access.Text) || !isPrintable(scope.Text) || !fromOK || !toOK ||
		life <= 0 || life > maxLife || age < -minSkew || age > life {
		return Token{}, Instant{}, false
	}
	age = max(age, 0)
	sent = now.Add(-age)
	return newToken(access.Text, scope.Text, life, sent), sent, true
}
