package core

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Source gives a valid token for one request, now. It is safe for concurrent
// use; reading a cached token takes no lock.
type Source struct {
	entry    atomic.Pointer[entry]
	plain    bool // the request is; see plain
	client   *Client
	request  TokenRequest
	exchange *Exchange // nil for a token of Maskinporten itself
	subject  *Source   // whose token the exchange takes
	// exchanges are all up to this one; they are a part of the cache key.
	exchanges []Exchange
}

// Key is the cache key: 64 hexadecimal digits, equal for sources that share
// one token, and safe to log. It changes when the client's keys are rotated.
func (s *Source) Key() string { return s.client.cacheKey(s.request, s.exchanges) }

// endpoint is where the source's own token comes from.
func (s *Source) endpoint() string {
	if s.exchange != nil {
		return s.exchange.TokenEndpoint
	}
	return s.client.config.Environment.TokenEndpoint
}

// scopes are what the source's own token is asked for.
func (s *Source) scopes() []string {
	if s.exchange != nil {
		return s.exchange.Scopes
	}
	return s.request.Scopes
}

// String names the source by what it asks for.
func (s *Source) String() string {
	name := "core.Source{" + quoted(s.request.scopeClaim())
	if s.exchange != nil {
		name += " by " + s.exchange.Name + " exchange"
	}
	return name + "}"
}

// GoString is String.
func (s *Source) GoString() string { return s.String() }

// Peek returns the cached token if one can be handed out, and for how long
// that is so. It never blocks and starts nothing. For the time of lease the
// answer need not be asked for again, unless a token ends early (see
// [ClientConfig.LeaseEpoch]); a lease of 0 says that the next token is due.
func (s *Source) Peek() (token Token, usable, lease time.Duration, ok bool) {
	now := s.Now()
	held, due := s.entry.Load().peek(now)
	if held == nil {
		return Token{}, 0, 0, false
	}
	if !due {
		lease = now.Until(held.quiet)
	}
	return held.token(), now.Until(held.hard), lease, true
}

// Now reads the client's clock.
func (s *Source) Now() Instant { return s.client.Now() }

// Token returns a valid token: from the cache while it holds, fetched
// otherwise. A token that is due is returned at once and renewed in the
// background. However many callers wait, one fetch runs; ctx ends only this
// caller's wait. Every error is an [*Error].
func (s *Source) Token(ctx context.Context) (Token, error) {
	held := s.entry.Load().snap.Load()
	if held != nil {
		// Instant.Before, spelled out on the one reading of both clocks: the
		// rest of a cached read is as long as this. With a clock of its own a
		// client has no quietTime, and takes the way below.
		if now := time.Now(); now.Before(held.quietTime) && now.UnixNano() < held.quiet.Wall {
			return held.token(), nil
		}
	}
	return s.tokenSlowly(ctx, held)
}

func (s *Source) tokenSlowly(ctx context.Context, held *snapshot) (Token, error) {
	now := s.client.config.Clock()
	if held != nil && now.Before(held.quiet) {
		return held.token(), nil
	}
	return s.acquireToken(ctx, now)
}

func (s *Source) acquireToken(ctx context.Context, now Instant) (Token, error) {
	for {
		if err := s.hostError(); err != nil {
			return Token{}, err
		}
		if held, _ := s.entry.Load().peek(now); held == nil && ctx.Err() != nil {
			return Token{}, waitError(ctx.Err()) // nothing is fetched for a caller who has gone
		}
		held, a := s.acquire(now)
		if a.own {
			f := &Flow{source: s, entry: held}
			f.run(a.flight, now)
			go f.drive()
		}
		if !a.token.IsZero() {
			return a.token, nil
		}
		if a.err != nil {
			if !s.waitOut(ctx, a.err) {
				return Token{}, a.err
			}
			now = s.client.config.Clock()
			continue
		}
		if ctx.Value(flightMark{}) == a.flight {
			return Token{}, NewError(CodeReentrant, "a hook of this token's fetch asked for the same token", nil)
		}
		select {
		case <-a.flight.done:
		case <-s.client.running.Done():
			return Token{}, NewError(CodeClosed, "the client was closed", nil)
		case <-ctx.Done():
			return Token{}, waitError(ctx.Err())
		}
		if !a.flight.abandoned {
			if a.flight.err != nil {
				return Token{}, a.flight.err
			}
			return a.flight.token, nil
		}
		now = s.client.config.Clock()
	}
}

// flightMark is how a context that a hook got names the flight it works for.
type flightMark struct{}

// waitOut waits for the next attempt after a failure that may pass, if the
// client is configured so and the caller's deadline allows it.
func (s *Source) waitOut(ctx context.Context, failure *Error) bool {
	deadline, has := ctx.Deadline()
	if !s.client.config.WaitWhileFailing || !failure.Retryable || !has || !failure.NextAttempt.Before(deadline) {
		return false
	}
	timer := time.NewTimer(failure.NextAttempt.Sub(s.Now().Time()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.client.running.Done():
	}
	return false
}

// hostError says what a blocking call lacks.
func (s *Source) hostError() error {
	switch {
	case s.client.running.Err() != nil:
		return NewError(CodeClosed, "the client is closed", nil)
	case s.client.ring.Load().keys[0].Signer == nil:
		return NewError(CodeNoSigner, "the client's key has no Signer", nil)
	case s.client.config.Transport == nil:
		return NewError(CodeNoTransport, "the client has no Transport", nil)
	}
	return nil
}

// waitError is for a caller whose context ended before the token came.
func waitError(cause error) *Error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return NewError(CodeDeadline, "no token came before the caller's deadline", cause)
	}
	return NewError(CodeCancelled, "the caller cancelled while waiting for a token", cause)
}

// Invalidate drops the cached token if it is the one given; call it when an
// API answered 401 to it. It reports whether the next call fetches a new one.
// Maskinporten's tokens do not end early, so a second drop within five seconds
// is refused.
func (s *Source) Invalidate(accessToken string) bool {
	dropped := s.entry.Load().invalidate(accessToken, s.Now())
	if dropped {
		s.client.endLeases()
	}
	return dropped
}

// NewFlow returns an acquisition whose steps the caller performs. It answers
// from the cache where Token would, and renews a token that is due.
func (s *Source) NewFlow() *Flow { return &Flow{source: s} }

// acquire asks the cache, in a new entry if the old one was evicted.
func (s *Source) acquire(now Instant) (*entry, answer) {
	for range 3 {
		e := s.entry.Load()
		if a, ok := e.acquireUnlessGone(now); ok {
			return e, a
		}
		if s.client.running.Err() != nil {
			break
		}
		s.bind()
	}
	return s.entry.Load(), answer{err: NewError(CodeClosed, "the client is closed", nil)}
}

func (s *Source) bind() { s.entry.Store(s.client.entryFor(s.Key())) }

// drive performs the steps of a flight for a Go program, in a goroutine that
// outlives the callers who wait for it.
func (f *Flow) drive() {
	c := f.source.client
	ctx, cancel := context.WithTimeout(context.WithValue(c.running, flightMark{}, f.flight), foregroundBudget)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			f.crash(fault)
		}
	}()
	for {
		step := f.Next(c.Now())
		if step.Kind == StepDone || step.Kind == StepFailed {
			return
		}
		if c.running.Err() != nil {
			f.Abandon(c.Now())
			return
		}
		if err := f.Perform(ctx, step); err != nil {
			f.Failed(c.Now(), err)
		}
		if f.state == stateStart {
			return // displaced; those who waited have flights of their own
		}
	}
}

// crash ends a flight after a panic in a hook, so that nobody waits for ever.
func (f *Flow) crash(fault any) {
	if f.subject != nil {
		f.subject.crash(fault)
	}
	if f.flight != nil {
		f.fail(NewError(CodeInternal, "a signer or transport panicked"+panicText(fault), nil), f.source.client.Now())
	}
}

// panicText shows what a panic said, if that is text.
func panicText(fault any) string {
	switch said := fault.(type) {
	case error:
		return ": " + vetted(said.Error())
	case string:
		return ": " + vetted(said)
	}
	return ""
}

// Perform does one step with the client's own Signer and Transport and feeds
// the outcome: for hosts that leave some of the steps to it. A wait ends early
// with ctx. An error means that the step is none that can be performed here.
func (f *Flow) Perform(ctx context.Context, step Step) error {
	c := f.source.client
	switch step.Kind {
	case StepWait:
		timer := time.NewTimer(step.Wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-step.wake:
		case <-ctx.Done():
		}
	case StepSign:
		if step.signer == nil {
			return NewError(CodeNoSigner, "the client's key has no Signer", nil)
		}
		signCtx, cancel := context.WithTimeout(ctx, signTimeout)
		defer cancel()
		signature, err := within(signCtx, func(ctx context.Context) ([]byte, error) { return step.signer.Sign(ctx, step.SigningInput) })
		if err != nil && signCtx.Err() == context.DeadlineExceeded {
			late := NewError(CodeSigningFailed, "the signer took longer than "+signTimeout.String(), err)
			late.Retryable = true
			err = late
		}
		if err != nil {
			return f.Failed(c.Now(), err)
		}
		f.Signed(c.Now(), signature) // a wrong length ends the flow, which says so
	case StepLoad, StepSave:
		if c.config.Store == nil { // the host's, and it has left the step to us: passed by
			if step.Kind == StepSave {
				return f.Saved(c.Now())
			}
			return f.Loaded(c.Now(), nil)
		}
		storeCtx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if step.Kind == StepSave {
			if _, err := within(storeCtx, func(ctx context.Context) ([]byte, error) {
				return nil, c.config.Store.Save(ctx, step.StoreKey, step.Entry, step.Life)
			}); err != nil {
				return f.Failed(c.Now(), err)
			}
			return f.Saved(c.Now())
		}
		entry, err := within(storeCtx, func(ctx context.Context) ([]byte, error) { return c.config.Store.Load(ctx, step.StoreKey) })
		if err != nil {
			return f.Failed(c.Now(), err)
		}
		return f.Loaded(c.Now(), entry)
	case StepSend:
		if c.config.Transport == nil {
			return NewError(CodeNoTransport, "the client has no Transport", nil)
		}
		sendCtx, cancel := context.WithTimeout(ctx, step.Request.Timeout)
		defer cancel()
		response, err := within(sendCtx, func(ctx context.Context) (Response, error) { return c.config.Transport.Send(ctx, step.Request) })
		if err != nil {
			return f.Failed(c.Now(), err)
		}
		return f.Received(c.Now(), response)
	}
	return nil
}
