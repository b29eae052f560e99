package core

import (
	"strings"
	"sync/atomic"
	"time"
)

// keyring is the keys of a client at one time. It never changes; rotation
// replaces it. Which of its keys is in use is the only thing that moves: to
// the next one, when Maskinporten says that a key is expired or unknown.
type keyring struct {
	keys   []Key
	active atomic.Int32
	// warned is how many warnings each key has had; see expiryWarnings.
	warned []atomic.Int32
}

func newKeyring(keys []Key) *keyring {
	return &keyring{keys: keys, warned: make([]atomic.Int32, len(keys))}
}

// identity stands for the whole ring in the cache key: which of its keys
// signed makes no difference to the token.
func (r *keyring) identity() string {
	names := make([]string, len(r.keys))
	for i, key := range r.keys {
		names[i] = key.identity()
	}
	return strings.Join(names, " ") // no identity has a space in it
}

// allKeys are the key and those to fall back to.
func (c ClientConfig) allKeys() []Key { return append([]Key{c.Key}, c.NextKeys...) }

// Rotate replaces the client's keys, the first of which signs from now on. No
// token that the old keys got is handed out after Rotate returns; callers who
// wait for one wait for a new one instead, and none of them fails for it.
func (c *Client) Rotate(key Key, next ...Key) error {
	config := c.config
	config.Key, config.NextKeys = key, next
	if err := config.Validate(); err != nil {
		return err
	}
	c.mu.Lock()
	c.ring.Store(newKeyring(config.allKeys()))
	entries := c.entries
	c.entries = map[string]*entry{}
	c.mu.Unlock()
	for _, e := range entries {
		e.retire()
	}
	c.endLeases()
	c.emit(Event{Kind: EventKeysRotated, Time: c.Now().Time(), KeyID: key.identity()})
	return nil
}

// expiryWarnings are the times before a key's end at which a warning is due.
var expiryWarnings = []time.Duration{60 * 24 * time.Hour, 30 * 24 * time.Hour, 7 * 24 * time.Hour, 0}

// ExpiresWithin returns the least of the times at which a warning is due - 60,
// 30 and 7 days, and 0 for a key that has ended - that is left until notAfter.
func ExpiresWithin(notAfter, now time.Time) (step time.Duration, due bool) {
	left := notAfter.Sub(now)
	for _, at := range expiryWarnings {
		if left <= at {
			step, due = at, true
		}
	}
	return step, due
}

// warnOfExpiry emits, once for each step, that a key ends soon or has ended.
func (c *Client) warnOfExpiry(ring *keyring, now Instant) {
	for i, key := range ring.keys {
		if key.NotAfter.IsZero() {
			continue
		}
		left := key.NotAfter.Sub(now.Time())
		passed := int32(0)
		for _, step := range expiryWarnings {
			if left <= step {
				passed++
			}
		}
		if before := ring.warned[i].Swap(passed); passed > before {
			c.emit(Event{Kind: EventKeyExpiring, Time: now.Time(), KeyID: key.identity(), Until: key.NotAfter})
		}
	}
}
