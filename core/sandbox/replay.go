package sandbox

import (
	"crypto/sha256"
	"sync"
	"time"
)

// replays remembers the grants that were used, for as long as they could be
// used again.
type replays struct {
	mu   sync.Mutex
	used map[replayKey]time.Time // until when
	// sweepAt is the size at which what has ended is thrown out, twice what
	// was left the last time, so that sweeping costs little per grant.
	sweepAt int
}

// replayKey is a client and its jti. Whether jti is unique per client or
// altogether is undocumented; a client can only know its own.
type replayKey struct {
	clientID string
	id       [sha256.Size]byte
}

const minSweep = 1024

// checkReplay spends the grant. Without a jti the grant as a whole is what
// cannot be used twice. Scopes and permissions are judged afterwards, so a
// grant that fails there is spent too.
func checkReplay(t *tokenRequest) *refusal {
	distinct := "grant " + t.grant.signingInput
	if jti := text(t.grant.claims, "jti"); jti != "" {
		distinct = "jti " + jti
	}
	_, expires := t.times()
	key := replayKey{t.client.id, sha256.Sum256([]byte(distinct))}
	if !t.server.replays.use(key, expires.Add(clockTolerance), t.now) {
		return grantReused.because("the jti %q of this client was used before", shorten(text(t.grant.claims, "jti")))
	}
	return nil
}

// use records a grant and reports whether this was its first use.
func (r *replays) use(key replayKey, until, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end, known := r.used[key]; known && now.Before(end) {
		return false
	}
	if r.used == nil {
		r.used, r.sweepAt = map[replayKey]time.Time{}, minSweep
	}
	r.used[key] = until
	if len(r.used) >= r.sweepAt {
		for key, end := range r.used {
			if !now.Before(end) {
				delete(r.used, key)
			}
		}
		r.sweepAt = max(minSweep, 2*len(r.used))
	}
	return true
}
