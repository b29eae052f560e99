package core

import "time"

// This file is the reference model of the cache: the table of its states and
// of the retries as a plain sequential program over one list of keys, without
// locks, snapshots, guards or events. model_schedule_test.go runs it beside the
// real thing. It leaves out what has tests of its own: exchanges, the shared
// store, the endpoint's rate and the budget of repeats.

// modelAnswer is what the server, or the signer, may say to one attempt.
type modelAnswer struct {
	name  string
	code  Code // "" for a token
	give  func(n int) (Response, error)
	again int // repeats within one flight
	pause func(attempt int, draw float64) time.Duration
	// memory is how long the failure is kept: its class or, if asked for by
	// the server, a fixed time.
	permanent bool
	fixed     time.Duration
	breaks    bool // it speaks against the endpoint
	local     bool // it says nothing about the endpoint
}

type modelToken struct {
	n               int
	soft, hard, due Instant // due: when a renewal may start
}

type modelFailure struct {
	code      Code
	next      Instant
	whileHeld bool // it is dropped once the token is over
}

type modelFlight struct {
	lease                   Instant
	background, ended, gone bool
	token                   int
	code                    Code
	next                    Instant
}

type modelEntry struct {
	token    *modelToken
	flight   *modelFlight
	failure  *modelFailure
	failures int
	forced   *Instant
	gone     bool
}

// model is one client: its keys and the breaker of its endpoint.
type model struct {
	now     Instant
	draw    float64
	entries map[int]*modelEntry
	broken  int
	cause   *modelAnswer
	probe   Instant
	prober  *modelFlow     // who probes,
	lease   Instant        // and until when that is believed
	seen    map[string]int // what happened, for the schedules to show their worth
}

// modelFlow is one caller's flow. Its state is the kind of step it stands at;
// "" is the start, "join" and "pause" are the two kinds of waiting.
type modelFlow struct {
	key      int
	state    string
	entry    *modelEntry
	flight   *modelFlight // the one it runs
	joined   *modelFlight // or waits for
	attempts int
	earlier  map[Code]int
	started  Instant
	sent     Instant
	resume   Instant
	token    int
	code     Code
	next     Instant
}

func (m *model) entry(key int) *modelEntry {
	if m.entries[key] == nil {
		m.entries[key] = &modelEntry{}
	}
	return m.entries[key]
}

func (m *model) usable(e *modelEntry) bool { return e.token != nil && m.now.Before(e.token.hard) }
func (m *model) flying(e *modelEntry) bool { return e.flight != nil && m.now.Before(e.flight.lease) }

// advance brings a flow to a step that needs the host.
func (m *model) advance(f *modelFlow) {
	for {
		switch f.state {
		case "":
			e := m.entry(f.key)
			f.entry = e
			switch {
			case m.usable(e) && (m.flying(e) || m.now.Before(e.token.due)):
				f.end("done", e.token.n, "", Instant{})
			case m.usable(e):
				m.takeOff(f, true)
			case m.flying(e):
				if e.flight.background {
					m.seen["promotion"]++
				}
				e.flight.background, f.joined, f.state = false, e.flight, "join"
			case e.failure != nil && !e.failure.whileHeld && m.now.Before(e.failure.next):
				f.end("failed", 0, e.failure.code, e.failure.next)
			default:
				if e.failure != nil && e.failure.whileHeld && m.now.Before(e.failure.next) {
					m.seen["pause dropped with the token"]++
				}
				m.takeOff(f, false)
			}
		case "join":
			switch {
			case f.joined.gone, !f.joined.ended && !m.now.Before(f.joined.lease):
				f.state = ""
			case !f.joined.ended:
				return
			case f.joined.code != "":
				f.end("failed", 0, f.joined.code, f.joined.next)
			case m.usable(f.entry) && !f.entry.gone:
				f.end("done", f.entry.token.n, "", Instant{})
			default:
				f.state = ""
			}
		case "pause":
			if m.now.Before(f.resume) {
				return
			}
			m.board(f)
		default:
			return
		}
	}
}

func (m *model) takeOff(f *modelFlow, background bool) {
	if f.entry.flight != nil {
		m.seen["lease taken over"]++
	}
	if background {
		m.seen["background flight"]++
	}
	f.flight = &modelFlight{lease: m.now.Add(20 * time.Second), background: background}
	f.entry.flight, f.started, f.earlier = f.flight, m.now, map[Code]int{}
	if background { // once due, a token stays so, wherever the wall clock steps
		f.entry.token.due = f.flight.lease
	}
	m.board(f)
}

// board passes the breaker.
func (m *model) board(f *modelFlow) {
	f.state = "sign"
	if m.broken < 20 {
		return
	}
	if m.prober != nil && m.now.Before(m.lease) || m.now.Before(m.probe) {
		m.seen["breaker open"]++
		m.landFailure(f, m.cause, m.probe)
		return
	}
	m.seen["probe"]++
	m.prober, m.lease = f, m.now.Add(20*time.Second)
}

func (m *model) signed(f *modelFlow) {
	f.attempts++
	f.sent, f.state = m.now, "send"
}

// answered ends an attempt.
func (m *model) answered(f *modelFlow, a *modelAnswer, n, life int) {
	if a.code == "" && !m.now.Before(f.sent.Add(time.Duration(life)*time.Second)) {
		a = &modelAnswerTooLate
	}
	m.leave(f, a)
	if a.code == "" {
		m.landToken(f, n, time.Duration(life)*time.Second)
		return
	}
	f.earlier[a.code]++
	budget := 20 * time.Second
	if f.flight.background {
		budget = 10 * time.Second
	}
	resume := m.now.Add(0)
	if a.pause != nil {
		resume = m.now.Add(a.pause(f.attempts, m.draw))
	}
	if f.flight.background || f.attempts >= 3 || f.earlier[a.code] > a.again || !resume.Before(f.started.Add(budget)) {
		m.landFailure(f, a, Instant{})
		return
	}
	f.resume, f.state = resume, "pause"
}

// leave tells the breaker.
func (m *model) leave(f *modelFlow, a *modelAnswer) {
	if m.prober == f {
		m.prober = nil
	}
	switch {
	case a.local:
	case a.breaks:
		m.broken++
		m.cause = a
		if m.broken >= 20 {
			m.probe = m.now.Add(time.Second + time.Duration(m.draw*float64(4*time.Second)))
		}
	default:
		m.broken = 0
	}
}

// landToken ends a flight with a token. One that comes late does not replace a
// token that lives longer.
func (m *model) landToken(f *modelFlow, n int, life time.Duration) {
	e := f.entry
	if e.gone {
		m.restart(f)
		return
	}
	if e.flight != f.flight {
		m.seen["late token"]++
	}
	hard := f.sent.Add(life - min(10*time.Second, life/10))
	if current := e.flight == f.flight; current || e.token == nil || e.token.hard.Before(hard) {
		soft := f.sent.Add(time.Duration((0.40 + 0.08*m.draw) * float64(life)))
		e.token, e.failure, e.failures = &modelToken{n, soft, hard, soft}, nil, 0
	}
	m.arrive(f, n, "", Instant{})
}

func (m *model) landFailure(f *modelFlow, a *modelAnswer, pauseUntil Instant) {
	e := f.entry
	if e.gone {
		m.restart(f)
		return
	}
	next := Instant{}
	if e.flight == f.flight {
		e.failures++
		next = m.now.Add(m.memory(a, e.failures))
		if m.now.Before(pauseUntil) {
			next = pauseUntil
		}
		e.failure = &modelFailure{a.code, next, m.usable(e)}
		if m.usable(e) {
			e.token.due = next
		}
	}
	m.arrive(f, 0, a.code, next)
}

// memory is how long a failure answers for the server.
func (m *model) memory(a *modelAnswer, failures int) time.Duration {
	double := func(first, most time.Duration) time.Duration {
		for range failures - 1 {
			first = min(2*first, most)
		}
		return first
	}
	switch {
	case a.fixed > 0:
		return a.fixed
	case a.permanent:
		pause := double(5*time.Second, 60*time.Second)
		return min(time.Duration((0.8+0.4*m.draw)*float64(pause)), 60*time.Second)
	}
	half := double(time.Second, 8*time.Second) / 2
	return half + time.Duration(m.draw*float64(half))
}

// arrive publishes the result of a flight to those who wait for it.
func (m *model) arrive(f *modelFlow, token int, code Code, next Instant) {
	f.flight.ended, f.flight.token, f.flight.code, f.flight.next = true, token, code, next
	if f.entry.flight == f.flight {
		f.entry.flight = nil
	}
	state := "done"
	if code != "" {
		state = "failed"
	}
	f.end(state, token, code, next)
}

func (f *modelFlow) end(state string, token int, code Code, next Instant) {
	f.state, f.token, f.code, f.next = state, token, code, next
}

// restart is for a flow whose entry is gone: what it fetched belongs to the
// keys of before, and nobody gets it.
func (m *model) restart(f *modelFlow) {
	f.flight.gone, f.flight.ended = true, true
	*f = modelFlow{key: f.key}
	m.advance(f)
}

func (m *model) abandon(f *modelFlow) {
	if f.state == "done" || f.state == "failed" {
		return
	}
	if m.prober == f {
		m.prober = nil
	}
	if f.flight != nil && !f.flight.gone {
		f.flight.gone, f.flight.ended = true, true
		if f.entry.flight == f.flight {
			f.entry.flight = nil
			if f.entry.token != nil {
				f.entry.token.due = f.entry.token.soft
			}
		}
	}
	f.end("failed", 0, CodeCancelled, Instant{})
}

// invalidate drops a rejected token, at most once in five seconds.
func (m *model) invalidate(key, token int) bool {
	e := m.entry(key)
	if e.token == nil || e.token.n != token || e.forced != nil && m.now.Before(e.forced.Add(5*time.Second)) {
		return false
	}
	now := m.now
	e.token, e.failure, e.forced = nil, nil, &now
	return true
}

func (m *model) rotate() {
	for _, e := range m.entries {
		e.gone = true
		if e.flight != nil {
			e.flight.gone, e.flight.ended = true, true
		}
	}
	m.entries = map[int]*modelEntry{}
}

func (m *model) evict(key int) (allowed bool) {
	e := m.entry(key)
	e.gone = true
	delete(m.entries, key)
	return e.flight == nil
}
