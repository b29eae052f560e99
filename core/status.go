package core

import "time"

// Status is how a client stands, for health checks and diagnosis.
type Status struct {
	// Keys are the client's keys in the order in which they are tried.
	Keys []KeyStatus
	// ClockOffset is how far our clock is behind Maskinporten's, as learnt
	// from an answer; grants are corrected by it.
	ClockOffset time.Duration
	// Tokens is how many cache entries are kept, CacheLimit how many at most.
	Tokens, CacheLimit int
}

// KeyStatus is one key of a client, without anything secret.
type KeyStatus struct {
	// KeyID is the kid; a key with a certificate chain has Thumbprint instead,
	// the SHA-256 of its leaf in hexadecimal.
	KeyID, Thumbprint string
	Algorithm         string
	// NotAfter is when the key or its certificate ends (UTC), zero if unknown.
	NotAfter time.Time
	// Active says that the next grant is signed with this key.
	Active bool
}

// Status returns how the client stands now.
func (c *Client) Status() Status {
	c.mu.Lock()
	tokens := len(c.entries)
	c.mu.Unlock()
	ring := c.ring.Load()
	status := Status{ClockOffset: c.ClockOffset(), Tokens: tokens, CacheLimit: c.limit}
	for i, key := range ring.keys {
		status.Keys = append(status.Keys, KeyStatus{KeyID: key.KeyID, Thumbprint: key.thumbprint(),
			Algorithm: key.algorithm(), NotAfter: key.NotAfter, Active: i == int(ring.active.Load())})
	}
	return status
}
