package core

import "time"

// This file holds every state and transition of an acquisition. Its rules:
//
//  1. A Flow does no I/O and reads no clock. The host asks Next for a step,
//     performs it and feeds the outcome; Next repeats its answer until then.
//
//  2. Every attempt is built anew: new jti, new iat, new signature. Nothing that
//     was sent is ever sent again.
//
//  3. A call out of order is an error and changes nothing.
//
//  4. A Flow is used once. Its end is told to the cache before the host sees it.
//
//     start ──> joining ──> (the other flow's end)
//     │ └───> done · failed            the cache has the answer
//     v
//     loading ──> done                   the shared store has it
//     v
//     subject ──> queueing <── waiting   subject: an exchange needs its token first
//     v            ^      queueing: the endpoint's limits
//     building        │
//     v            │
//     signing ────────┤      an exchange has no signing
//     v            │
//     sending ────────┤
//     v            │
//     done <── saving      failed <── from each of them
type flowState uint8

const (
	stateStart flowState = iota
	stateJoining
	stateLoading
	stateSubject
	stateQueueing
	stateSigning
	stateSending
	stateWaiting
	stateSaving
	stateDone
	stateFailed
)

// Flow is one acquisition in progress. Make one with [Source.NewFlow]. It is
// for one goroutine at a time.
type Flow struct {
	source *Source
	entry  *entry
	state  flowState
	step   Step

	flight     *flight // the one this flow runs
	displaced  bool    // the keys have changed meanwhile: what it got is nobody's
	joined     *flight // the one it waits for
	background bool    // nobody waits for it
	requestID  string
	started    Instant
	attempts   int
	earlier    map[Code]int

	subject      *Flow
	subjectToken Token

	ring     *keyring
	keyIndex int
	keysLeft int // keys that were not tried yet
	guard    *guard
	ticket   *ticket
	grant    Grant
	sent     Instant
	resume   Instant
	saved    Token // the result while it is being saved
}

// Next returns the step to do now.
func (f *Flow) Next(now Instant) Step {
	for {
		switch f.state {
		case stateStart:
			f.begin(now)
		case stateJoining:
			if f.leaveJoined(now) {
				continue
			}
			return Step{Kind: StepWait, Wait: joinPoll, wake: f.joined.done}
		case stateSubject:
			if step, ready := f.nextSubject(now); !ready {
				return step
			}
		case stateQueueing:
			if wait, ready := f.queue(now); !ready {
				return wait
			}
		case stateWaiting:
			if left := now.Until(f.resume); left > 0 {
				return Step{Kind: StepWait, Wait: left}
			}
			f.state = stateQueueing
		default:
			return f.step
		}
	}
}

// begin asks the cache.
func (f *Flow) begin(now Instant) {
	var a answer
	f.entry, a = f.source.acquire(now)
	switch {
	case a.own:
		f.run(a.flight, now)
	case !a.token.IsZero():
		f.end(Step{Kind: StepDone, Token: a.token})
	case a.err != nil:
		f.end(Step{Kind: StepFailed, Err: a.err})
	default:
		f.joined, f.state = a.flight, stateJoining
	}
}

// run takes over a flight that the cache has handed out.
func (f *Flow) run(flight *flight, now Instant) {
	c := f.source.client
	f.flight, f.background, f.started, f.earlier = flight, flight.background.Load(), now, map[Code]int{}
	f.ring = c.ring.Load()
	f.keyIndex, f.keysLeft = int(f.ring.active.Load()), len(f.ring.keys)-1
	f.requestID = c.newRequestID()
	c.warnOfExpiry(f.ring, now)
	f.emit(now, Event{Kind: EventStarted})
	if c.sealer != nil {
		f.state, f.step = stateLoading, Step{Kind: StepLoad, StoreKey: storeKey(f.entry.key)}
		return
	}
	f.fetch()
}

// fetch begins to ask the endpoint.
func (f *Flow) fetch() {
	f.state = stateQueueing
	if f.source.subject != nil {
		f.state = stateSubject
	}
}

// deadline is when the flow gives up. It moves when callers begin to wait for
// what was a background renewal.
func (f *Flow) deadline() Instant {
	if f.background && f.flight.background.Load() {
		return f.started.Add(backgroundBudget)
	}
	return f.started.Add(foregroundBudget)
}

// leaveJoined reports whether the flow is done waiting for another one.
func (f *Flow) leaveJoined(now Instant) bool {
	select {
	case <-f.joined.done:
	default:
		if now.Before(f.joined.lease) {
			return false
		}
		f.state = stateStart
		return true
	}
	switch {
	case f.joined.abandoned:
		f.state = stateStart
	case f.joined.err != nil:
		f.end(Step{Kind: StepFailed, Err: f.joined.err})
	default: // the host may have looked late: after the token's end, or a rotation
		if held, _ := f.entry.peek(now); held != nil {
			f.end(Step{Kind: StepDone, Token: held.token()})
		} else {
			f.state = stateStart
		}
	}
	return true
}

// nextSubject drives the flow for the subject token; ready is true once this
// flow can go on, one way or the other.
func (f *Flow) nextSubject(now Instant) (step Step, ready bool) {
	if f.subject == nil {
		f.subject = f.source.subject.NewFlow()
	}
	switch step = f.subject.Next(now); step.Kind {
	case StepDone:
		f.subjectToken, f.state = step.Token, stateQueueing
	case StepFailed:
		f.fail(step.Err, now)
	default:
		return step, false
	}
	return step, true
}

// queue waits for the endpoint's limits to let the request through, and then
// builds it: iat is to be the moment of sending.
func (f *Flow) queue(now Instant) (wait Step, ready bool) {
	if f.ticket == nil {
		f.guard = f.source.client.guardOf(f.source.endpoint())
		f.ticket = f.guard.queue(f.background)
	}
	if f.background && !f.flight.background.Load() {
		f.background = false
		f.guard.promote(f.ticket)
	}
	v := f.guard.ask(f.ticket, now)
	switch {
	case v.admitted:
		f.build(now)
	case v.refused != nil:
		f.fail(v.refused, now)
	case now.Until(f.deadline()) < time.Second: // too little for a request
		f.fail(NewError(CodeTimeout, "too many requests of this client wait for the endpoint", nil), now)
	default:
		return Step{Kind: StepWait, Wait: min(v.wait, max(now.Until(f.deadline()), time.Millisecond)), wake: v.wake}, false
	}
	return Step{}, true
}

// build starts an attempt.
func (f *Flow) build(now Instant) {
	if f.source.exchange != nil {
		f.send(NewExchangeRequest(*f.source.exchange, f.subjectToken.AccessToken()), now)
		return
	}
	c := f.source.client
	jti, err := NewJTI(c.config.Random)
	if err != nil {
		f.fail(asError(err, CodeRandomFailed), now)
		return
	}
	key := f.ring.keys[f.keyIndex]
	f.grant = buildGrant(GrantParams{Environment: c.config.Environment, ClientID: c.config.ClientID,
		Key: key, Request: f.source.request, Now: now.Time().Add(c.ClockOffset()), JTI: jti}, c.grantLife)
	f.state = stateSigning
	f.step = Step{Kind: StepSign, Algorithm: f.grant.Algorithm, SigningInput: f.grant.SigningInput, KeyID: key.KeyID, signer: key.Signer}
}

func (f *Flow) send(request Request, now Instant) {
	request.Timeout = min(request.Timeout, max(now.Until(f.deadline()), time.Second))
	f.attempts++
	f.sent, f.state = now, stateSending
	f.step = Step{Kind: StepSend, Request: request}
}

// Loaded feeds what the shared store had; nil stands for nothing.
func (f *Flow) Loaded(now Instant, entry []byte) error {
	if f.inner() {
		return f.subject.Loaded(now, entry)
	}
	if f.state != stateLoading {
		return f.outOfOrder("Loaded")
	}
	token, sent, ok := f.source.client.openToken(f.entry.key, entry, now)
	token = f.margined(token)
	switch {
	case ok && f.entry.wants(token, sent, now):
		f.sent = sent
		f.land(token, nil, now)
		f.end(Step{Kind: StepDone, Token: token})
	default:
		if entry != nil && !ok {
			f.emit(now, Event{Kind: EventStoreFailed, Err: NewError(CodeInvalidResponse, "the entry in the store is damaged, over or not ours", nil)})
		}
		f.fetch()
	}
	return nil
}

// Saved feeds that the store has the token.
func (f *Flow) Saved(now Instant) error {
	if f.inner() {
		return f.subject.Saved(now)
	}
	if f.state != stateSaving {
		return f.outOfOrder("Saved")
	}
	f.end(Step{Kind: StepDone, Token: f.saved})
	return nil
}

// Signed feeds the signature that a StepSign asked for. A signature of the
// wrong length, or one that the key's Verify refuses, ends the flow.
func (f *Flow) Signed(now Instant, signature []byte) error {
	if f.inner() {
		return f.subject.Signed(now, signature)
	}
	if f.state != stateSigning {
		return f.outOfOrder("Signed")
	}
	assertion, err := f.grant.Assemble(signature)
	if verify := f.ring.keys[f.keyIndex].Verify; err == nil && verify != nil {
		if cause := verify(f.grant.SigningInput, signature); cause != nil {
			err = NewError(CodeInvalidSignature, "the signature is not one of this key", cause)
		}
	}
	if err != nil {
		f.fail(asError(err, CodeInvalidSignature), now)
		return err
	}
	f.send(NewTokenRequest(f.source.client.config.Environment, assertion), now)
	return nil
}

// Received feeds the response that a StepSend brought.
func (f *Flow) Received(now Instant, response Response) error {
	if f.inner() {
		return f.subject.Received(now, response)
	}
	if f.state != stateSending {
		return f.outOfOrder("Received")
	}
	token, err := f.read(response, f.source.scopes())
	if err != nil && f.source.client.config.AcceptReducedScope && asError(err, CodeInternal).Code == CodeScopeReduced {
		token, err = f.read(response, nil)
	}
	if err == nil && !now.Before(f.sent.Add(token.Life())) {
		err = NewError(CodeInvalidResponse, "the token had ended when the answer came", nil)
	}
	if err != nil {
		refused := asError(err, CodeInternal)
		if refused.Code == CodeGrantExpired || refused.Code == CodeIssuedInFuture {
			if refused.skewLearnt = f.source.client.learnSkew(response, f.sent, now); refused.skewLearnt {
				f.emit(now, Event{Kind: EventClockSkew, Offset: f.source.client.ClockOffset()})
			}
		}
		f.retry(refused, now)
		return nil
	}
	token = f.margined(token)
	f.attempted(nil, response.Status, now)
	f.release(nil, now)
	if f.source.exchange == nil {
		f.source.client.use(f.ring, f.keyIndex)
	}
	f.land(token, nil, now)
	f.save(token, now)
	return nil
}

// read reads an answer that must grant these scopes.
func (f *Flow) read(response Response, scopes []string) (Token, error) {
	if f.source.exchange == nil {
		return ReadTokenResponse(response, scopes, f.sent)
	}
	x := *f.source.exchange
	x.Scopes = scopes
	return ReadExchangeResponse(response, x, f.sent)
}

// margined gives a token the margin that this client wants.
func (f *Flow) margined(token Token) Token {
	return token.withMargin(f.source.client.timing.handOutMargin(token.Life()))
}

// save puts a new token into the shared store, after it was handed out.
func (f *Flow) save(token Token, now Instant) {
	c := f.source.client
	if c.sealer != nil && !f.displaced {
		if entry, err := c.sealToken(f.entry.key, token); err == nil {
			f.saved, f.state = token, stateSaving
			f.step = Step{Kind: StepSave, StoreKey: storeKey(f.entry.key), Entry: entry, Life: max(token.ExpiresAt().Sub(now.Time()), 0)}
			return
		}
	}
	f.end(Step{Kind: StepDone, Token: token})
}

// Failed feeds that a step could not be done. An *Error is taken as it is; any
// other error becomes signing_failed or connection_failed. A store that
// failed is passed over.
func (f *Flow) Failed(now Instant, cause error) error {
	if f.inner() {
		return f.subject.Failed(now, cause)
	}
	switch f.state {
	case stateSigning:
		f.retry(asError(cause, CodeSigningFailed), now)
	case stateSending:
		f.retry(asError(cause, CodeConnectionFailed), now)
	case stateLoading:
		f.emit(now, Event{Kind: EventStoreFailed, Err: asError(cause, CodeConnectionFailed)})
		f.fetch()
	case stateSaving:
		f.emit(now, Event{Kind: EventStoreFailed, Err: asError(cause, CodeConnectionFailed)})
		f.end(Step{Kind: StepDone, Token: f.saved})
	default:
		return f.outOfOrder("Failed")
	}
	return nil
}

// inner reports whether the step that is fed belongs to the subject's flow.
func (f *Flow) inner() bool { return f.state == stateSubject && f.subject != nil }

// Abandon gives the flow up. Those who wait for it start over. Abandoning a
// flow that has ended does nothing.
func (f *Flow) Abandon(now Instant) {
	if f.state == stateDone || f.state == stateFailed {
		return
	}
	if f.subject != nil {
		f.subject.Abandon(now)
	}
	given := NewError(CodeCancelled, "the flow was given up", nil)
	f.release(given, now)
	if f.flight != nil {
		f.entry.abandon(f.flight)
		f.flight = nil
	}
	f.end(Step{Kind: StepFailed, Err: given})
}

func (f *Flow) outOfOrder(call string) error {
	name := [...]string{"not begun", "waiting for another flow", "loading from the store", "getting its subject token", "queueing",
		"waiting for a signature", "waiting for a response", "pausing", "saving to the store", "done", "failed"}[f.state]
	return NewError(CodeOutOfOrder, call+" was called while the flow is "+name, nil)
}

// retry goes back to building, or fails.
func (f *Flow) retry(err *Error, now Instant) {
	if f.state == stateSending {
		f.attempted(err, err.Status, now)
	}
	f.release(err, now)
	earlier := f.earlier[err.Code]
	f.earlier[err.Code]++
	pause, again := tryAgain(err, f.attempts, earlier, f.source.client.jitter())
	switch {
	case f.nextKey(err):
		again, pause = true, 0
	case !again || f.flight.background.Load() || !now.Add(pause).Before(f.deadline()) || !f.guard.mayRetry(now):
		f.fail(err, now)
		return
	}
	f.state, f.resume = stateWaiting, now.Add(pause)
	if err.Code == CodeSubjectTokenRejected {
		if !f.source.subject.Invalidate(f.subjectToken.AccessToken()) {
			f.fail(err, now)
			return
		}
		f.state, f.subject = stateSubject, nil
	}
	f.emit(now, Event{Kind: EventRetry, Err: err, Attempt: f.attempts, Wait: pause})
}

// nextKey turns to the next key after one was refused as expired or unknown;
// each is tried once.
func (f *Flow) nextKey(err *Error) bool {
	if f.keysLeft == 0 || err.Code != CodeKeyExpired && err.Code != CodeKeyIDUnknown {
		return false
	}
	f.keysLeft--
	f.keyIndex = (f.keyIndex + 1) % len(f.ring.keys)
	return true
}

// attempted reports one request to the observer.
func (f *Flow) attempted(err *Error, status int, now Instant) {
	f.emit(now, Event{Kind: EventAttempt, Attempt: f.attempts, Status: status, Err: err,
		Duration: time.Duration(now.Monotonic - f.sent.Monotonic)})
}

// release gives back the place among the requests to the endpoint.
func (f *Flow) release(outcome *Error, now Instant) {
	if f.ticket != nil {
		f.guard.leave(f.ticket, outcome, now, f.source.client.jitter())
		f.ticket = nil
	}
}

func (f *Flow) fail(err *Error, now Instant) {
	failed := *err
	failed.Attempts += f.attempts
	f.release(&failed, now)
	f.end(Step{Kind: StepFailed, Err: f.land(Token{}, &failed, now)})
}

// land tells the cache and the observer, and returns the error as the cache
// has noted it.
func (f *Flow) land(token Token, err *Error, now Instant) *Error {
	flight := f.flight
	f.flight = nil
	noted, held, wake := f.entry.land(flight, token, f.sent, err, now, f.source.client.jitter())
	f.displaced = flight.abandoned
	f.emit(now, Event{Kind: EventEnded, Err: noted, Attempt: f.attempts, Until: token.ExpiresAt(),
		Duration: time.Duration(now.Monotonic - f.started.Monotonic)})
	if noted != nil && held != nil {
		f.emit(now, Event{Kind: EventServedWhileFailing, Err: noted, Until: held.hard.Time()})
	}
	if wake { // after the events, so that whoever got the token finds them told
		close(flight.done)
	}
	return noted
}

// end reaches a final state and lets go of everything that is secret.
func (f *Flow) end(step Step) {
	if f.displaced {
		*f = Flow{source: f.source} // starts over, as those who wait do
		return
	}
	f.state = stateFailed
	if step.Kind == StepDone {
		f.state = stateDone
	}
	f.step, f.grant, f.subjectToken, f.joined, f.saved = step, Grant{}, Token{}, nil, Token{}
}
