package core

import (
	"errors"
	"time"
)

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
//     subject ──> building <── waiting   subject: an exchange needs its token first
//     v            ^
//     signing ────────┤      an exchange has no signing
//     v            │
//     sending ────────┤
//     v            │
//     done · failed <───┘
type flowState uint8

const (
	stateStart flowState = iota
	stateJoining
	stateSubject
	stateBuilding
	stateSigning
	stateSending
	stateWaiting
	stateDone
	stateFailed
)

// StepKind says what the host has to do next.
type StepKind string

const (
	// StepSign: sign SigningInput after Algorithm and call Signed, or Failed.
	StepSign StepKind = "sign"
	// StepSend: send Request and call Received, or Failed.
	StepSend StepKind = "send"
	// StepWait: let Wait pass and call Next again. Nothing is fed.
	StepWait StepKind = "wait"
	// StepDone: Token is the result.
	StepDone StepKind = "done"
	// StepFailed: Err is the result.
	StepFailed StepKind = "failed"
)

// Step is what a Flow wants done. Only the fields of its Kind are set.
type Step struct {
	Kind         StepKind
	Algorithm    string
	SigningInput []byte
	Request      Request
	Wait         time.Duration
	Token        Token
	Err          *Error

	wake   <-chan struct{} // closed when waiting longer is pointless
	signer Signer
}

// joinPoll is how often a host without goroutines looks whether the flow that
// it waits for has ended.
const joinPoll = 25 * time.Millisecond

// Flow is one acquisition in progress. Make one with [Source.NewFlow]. It is
// for one goroutine at a time.
type Flow struct {
	source *Source
	entry  *entry
	state  flowState
	step   Step

	flight   *flight // the one this flow runs
	joined   *flight // the one it waits for
	deadline Instant
	attempts int
	earlier  map[Code]int

	subject      *Flow
	subjectToken Token
	grant        Grant
	sent         Instant
	resume       Instant
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
		case stateBuilding:
			f.build(now)
		case stateWaiting:
			if left := now.Until(f.resume); left > 0 {
				return Step{Kind: StepWait, Wait: left}
			}
			f.state = stateBuilding
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
	case a.token != nil:
		f.end(Step{Kind: StepDone, Token: *a.token})
	case a.err != nil:
		f.end(Step{Kind: StepFailed, Err: a.err})
	default:
		f.joined, f.state = a.flight, stateJoining
	}
}

// run takes over a flight that the cache has handed out.
func (f *Flow) run(flight *flight, now Instant) {
	budget := foregroundBudget
	if flight.background.Load() {
		budget = backgroundBudget
	}
	f.flight, f.deadline, f.earlier = flight, now.Add(budget), map[Code]int{}
	f.state = stateBuilding
	if f.source.subject != nil {
		f.state = stateSubject
	}
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
	default:
		f.end(Step{Kind: StepDone, Token: f.joined.token})
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
		f.subjectToken, f.state = step.Token, stateBuilding
	case StepFailed:
		f.fail(step.Err, now)
	default:
		return step, false
	}
	return step, true
}

// build starts an attempt.
func (f *Flow) build(now Instant) {
	if f.source.exchange != nil {
		f.send(NewExchangeRequest(*f.source.exchange, f.subjectToken.AccessToken), now)
		return
	}
	c := f.source.client
	jti, err := NewJTI(c.config.Random)
	if err != nil {
		f.fail(asError(err, CodeRandomFailed), now)
		return
	}
	f.grant = buildGrant(GrantParams{Environment: c.config.Environment, ClientID: c.config.ClientID,
		Key: c.config.Key, Request: f.source.request, Now: now.Time(), JTI: jti}, c.grantLife)
	f.state = stateSigning
	f.step = Step{Kind: StepSign, Algorithm: f.grant.Algorithm, SigningInput: f.grant.SigningInput, signer: c.config.Key.Signer}
}

func (f *Flow) send(request Request, now Instant) {
	request.Timeout = min(request.Timeout, max(now.Until(f.deadline), time.Second))
	f.attempts++
	f.sent, f.state = now, stateSending
	f.step = Step{Kind: StepSend, Request: request}
}

// Signed feeds the signature that a StepSign asked for. A signature of the
// wrong length ends the flow.
func (f *Flow) Signed(now Instant, signature []byte) error {
	if f.state == stateSubject && f.subject != nil {
		return f.subject.Signed(now, signature)
	}
	if f.state != stateSigning {
		return f.outOfOrder("Signed")
	}
	assertion, err := f.grant.Assemble(signature)
	if err != nil {
		f.fail(asError(err, CodeInvalidSignature), now)
		return err
	}
	f.send(NewTokenRequest(f.source.client.config.Environment, assertion), now)
	return nil
}

// Received feeds the response that a StepSend brought.
func (f *Flow) Received(now Instant, response Response) error {
	if f.state == stateSubject && f.subject != nil {
		return f.subject.Received(now, response)
	}
	if f.state != stateSending {
		return f.outOfOrder("Received")
	}
	var token Token
	var err error
	if x := f.source.exchange; x != nil {
		token, err = ReadExchangeResponse(response, *x, f.sent)
	} else {
		token, err = ReadTokenResponse(response, f.source.request.Scopes, f.sent)
	}
	if err != nil {
		f.retry(asError(err, CodeInternal), now)
		return nil
	}
	f.land(token, nil, now)
	f.end(Step{Kind: StepDone, Token: token})
	return nil
}

// Failed feeds that a StepSign or StepSend could not be done. An *Error is
// taken as it is; any other error becomes signing_failed or connection_failed.
func (f *Flow) Failed(now Instant, cause error) error {
	if f.state == stateSubject && f.subject != nil {
		return f.subject.Failed(now, cause)
	}
	switch f.state {
	case stateSigning:
		f.retry(asError(cause, CodeSigningFailed), now)
	case stateSending:
		f.retry(asError(cause, CodeConnectionFailed), now)
	default:
		return f.outOfOrder("Failed")
	}
	return nil
}

// Abandon gives the flow up. Those who wait for it start over. Abandoning a
// flow that has ended does nothing.
func (f *Flow) Abandon() {
	if f.state == stateDone || f.state == stateFailed {
		return
	}
	if f.subject != nil {
		f.subject.Abandon()
	}
	if f.flight != nil {
		f.entry.abandon(f.flight)
		f.flight = nil
	}
	f.end(Step{Kind: StepFailed, Err: NewError(CodeCancelled, "the flow was given up", nil)})
}

func (f *Flow) outOfOrder(call string) error {
	name := [...]string{"not begun", "waiting for another flow", "getting its subject token", "building",
		"waiting for a signature", "waiting for a response", "pausing", "done", "failed"}[f.state]
	return NewError(CodeOutOfOrder, call+" was called while the flow is "+name, nil)
}

// retry goes back to building, or fails.
func (f *Flow) retry(err *Error, now Instant) {
	earlier := f.earlier[err.Code]
	f.earlier[err.Code]++
	pause, again := tryAgain(err, f.attempts, earlier, f.source.client.jitter())
	if !again || f.flight.background.Load() || !now.Add(pause).Before(f.deadline) {
		f.fail(err, now)
		return
	}
	f.state, f.resume = stateWaiting, now.Add(pause)
	if err.Code == CodeSubjectTokenRejected {
		if !f.source.subject.Invalidate(f.subjectToken.AccessToken) {
			f.fail(err, now)
			return
		}
		f.state, f.subject = stateSubject, nil
	}
}

func (f *Flow) fail(err *Error, now Instant) {
	failed := *err
	failed.Attempts += f.attempts
	f.end(Step{Kind: StepFailed, Err: f.land(Token{}, &failed, now)})
}

// land tells the cache, and returns the error as the cache has noted it.
func (f *Flow) land(token Token, err *Error, now Instant) *Error {
	flight := f.flight
	f.flight = nil
	f.entry.land(flight, token, f.sent, err, now, f.source.client.jitter())
	return flight.err
}

// end reaches a final state and lets go of everything that is secret.
func (f *Flow) end(step Step) {
	f.state = stateFailed
	if step.Kind == StepDone {
		f.state = stateDone
	}
	f.step, f.grant, f.subjectToken, f.joined = step, Grant{}, Token{}, nil
}

// asError returns err as an *Error, made with code if it is none yet.
func asError(err error, code Code) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	what := map[Code]string{CodeSigningFailed: "the signer failed", CodeConnectionFailed: "the request got no answer"}[code]
	if what == "" {
		what = "something unexpected happened"
	}
	return NewError(code, what, err)
}
