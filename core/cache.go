package core

import (
	"sync"
	"sync/atomic"
	"time"
)

// This file is the cache's state machine for one key. What is known of a key
// is a snapshot (the token that holds, if any), a flight (the fetch that runs,
// if any) and a failure (what went wrong last, until it may be tried again):
//
//	state           snapshot         flight  failure   what a caller gets
//	empty           none             no      no        it starts a flight and waits
//	acquiring       none             yes     -         it waits for the flight
//	fresh           before soft      no      -         the token
//	due             soft to hard     no      -         the token; it starts a flight
//	refreshing      soft to hard     yes     -         the token
//	backing off     soft to hard     no      kept      the token
//	failing         none             no      kept      the error
//
// Past hard a snapshot counts as none. A failure that was kept while the token
// still held is dropped once when hard passes, so that the first caller after
// it tries at once.

// flightLease is how long a flight may stay without an end before another one
// may take its place: a host that performs the steps may have died.
const flightLease = foregroundBudget

// snapshot is what readers see. It never changes once published. All that a
// cached read needs is in it, and fills one cache line of 64 bytes.
type snapshot struct {
	// quietTime is the monotonic half of quiet, for readers who read the
	// system's clock themselves; see Source.Token. Nobody else has it.
	quietTime time.Time
	// quiet is until when a reader has nothing to do but take the token: soft
	// at first, later the end of a running refresh or of a pause after a
	// failed one; never after hard.
	quiet Instant
	facts tokenFacts
	// soft is when the token is due for renewal, hard when it is over.
	soft, hard Instant
}

func (s *snapshot) token() Token { return Token{facts: &s.facts} }

// flight is one fetch that any number of callers wait for.
type flight struct {
	done       chan struct{} // closed when the fields below are final
	lease      Instant
	background atomic.Bool // nobody waits for it yet

	over      bool // guarded by entry.mu
	token     Token
	err       *Error
	abandoned bool // given up without a result: those who wait start over
}

// entry is the state of one cache key.
type entry struct {
	snap   atomic.Pointer[snapshot]
	key    string
	timing *timing // the client's

	mu       sync.Mutex // never held across I/O, hooks or waits
	flight   *flight
	failure  *Error
	failures int // consecutive
	nextTry  Instant
	forced   Instant
	rejected string // by an API; not to be taken from the shared store again

	overcome  bool // the failure came while a token held, so passing hard drops it
	wasForced bool
	gone      bool // evicted or closed; a Source looks its key up again
}

// peek returns the token that may be handed out, if any, and whether a refresh
// should be started.
func (e *entry) peek(now Instant) (s *snapshot, due bool) {
	s = e.snap.Load()
	if s == nil || !now.Before(s.hard) {
		return nil, false
	}
	return s, !now.Before(s.quiet)
}

// publish shows readers a token.
func (e *entry) publish(token Token, soft, hard, quiet Instant) {
	s := &snapshot{quiet: quiet, facts: *token.facts, soft: soft, hard: hard}
	if e.timing.systemClock {
		s.quietTime = started.Add(time.Duration(quiet.Monotonic))
	}
	e.snap.Store(s)
}

// quieten lets readers take the token that is held until another time.
func (e *entry) quieten(s *snapshot, until Instant) {
	e.publish(s.token(), s.soft, s.hard, until)
}

// answer is what decide says: a token, an error, or a flight to wait for.
// own says that the caller has to run the flight; with a token it then runs in
// the background.
type answer struct {
	token  Token
	err    *Error
	flight *flight
	own    bool
}

// acquireUnlessGone decides what a caller gets. It reports false when the entry
// was evicted or closed.
func (e *entry) acquireUnlessGone(now Instant) (answer, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone {
		return answer{}, false
	}
	return e.decide(now), true
}

func (e *entry) decide(now Instant) answer {
	s, due := e.peek(now)
	running := e.flight != nil && now.Before(e.flight.lease)
	switch {
	case s != nil && (running || !due):
		return answer{token: s.token()}
	case s != nil:
		f := e.start(now, true)
		e.quieten(s, earlier(f.lease, s.hard))
		return answer{token: s.token(), flight: f, own: true}
	case running:
		e.flight.background.Store(false)
		return answer{flight: e.flight}
	case e.failure != nil && !e.overcome && now.Before(e.nextTry):
		return answer{err: e.failure}
	}
	return answer{flight: e.start(now, false), own: true}
}

func (e *entry) start(now Instant, background bool) *flight {
	e.flight = &flight{done: make(chan struct{}), lease: now.Add(flightLease)}
	e.flight.background.Store(background)
	return e.flight
}

// land ends a flight with a token or an error, and publishes the result. The
// caller then wakes the waiters by closing f.done, unless rotation or Close has
// sent them elsewhere before. A flight whose place was taken by another still delivers
// its token, if that lives longer than the one that is held. It returns the
// error as it is remembered, and the token that holds in spite of it.
func (e *entry) land(f *flight, token Token, sent Instant, err *Error, now Instant, random float64) (noted *Error, held *snapshot, wake bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f.over {
		return err, nil, false
	}
	current := e.flight == f
	if current {
		e.flight = nil
	}
	if err == nil {
		life := token.Life()
		hard := e.timing.usableUntil(sent, life)
		if held := e.snap.Load(); !e.gone && (current || held == nil || held.hard.Before(hard)) {
			soft := e.timing.refreshDue(sent, life, random)
			e.publish(token, soft, hard, soft)
			e.failure, e.failures, e.overcome = nil, 0, false
		}
	} else if current {
		e.failures++
		e.nextTry = now.Add(remember(err, e.failures, random))
		if now.Before(err.pauseUntil) {
			e.nextTry = err.pauseUntil
		}
		kept := *err
		kept.NextAttempt = e.nextTry.Time()
		err, e.failure = &kept, &kept
		s := e.snap.Load()
		e.overcome = s != nil && now.Before(s.hard)
		if e.overcome {
			e.quieten(s, earlier(e.nextTry, s.hard))
			held = s
		}
	}
	f.token, f.err, f.over, f.abandoned = token, err, true, e.gone
	return err, held, true
}

// wants reports whether a token from the shared store is worth having: it must
// hold, and be newer than one that is due here.
func (e *entry) wants(token Token, sent, now Instant) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	life := token.Life()
	held := e.snap.Load()
	if e.rejected == token.AccessToken() || !now.Before(e.timing.usableUntil(sent, life)) {
		return false
	}
	return held == nil || !now.Before(held.hard) || now.Before(e.timing.refreshDue(sent, life, 0)) && held.facts.header != token.facts.header
}

// end wakes those who wait.
func (f *flight) end() {
	f.over = true
	close(f.done)
}

// abandon ends a flight that nobody runs any more, with no change of state but
// that the next caller starts a new one.
func (e *entry) abandon(f *flight) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f.over {
		return
	}
	if e.flight == f {
		e.flight = nil
		if s := e.snap.Load(); s != nil {
			e.quieten(s, s.soft)
		}
	}
	f.abandoned = true
	f.end()
}

// invalidate drops the token if it is the one that was rejected. A second
// rejection within five seconds is not believed: asking for ever newer tokens
// would not help the caller and would burden Maskinporten.
func (e *entry) invalidate(accessToken string, now Instant) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.snap.Load()
	if s == nil || s.token().AccessToken() != accessToken || e.wasForced && now.Before(e.forced.Add(5*time.Second)) {
		return false
	}
	e.snap.Store(nil)
	e.failure, e.forced, e.wasForced, e.rejected = nil, now, true, accessToken
	return true
}

// retire empties the entry for good, and makes those who wait for its flight
// start over elsewhere.
func (e *entry) retire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	e.snap.Store(nil)
	if f := e.flight; f != nil {
		e.flight, f.abandoned = nil, true
		f.end()
	}
}

// evict empties the entry for good, unless a flight runs.
func (e *entry) evict() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.flight != nil {
		return false
	}
	e.gone = true
	e.snap.Store(nil)
	return true
}

func earlier(a, b Instant) Instant {
	return Instant{Wall: min(a.Wall, b.Wall), Monotonic: min(a.Monotonic, b.Monotonic)}
}
