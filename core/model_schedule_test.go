package core

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"time"
)

// identity is everything that a token belongs to.
type identity struct{ issuer, client, kid, scope, consumer string }

// schedule runs one client and its model side by side.
type schedule struct {
	dice    *rand.Rand
	trace   *[]string
	clock   *Instant
	draw    *float64
	weather *int
	model   *model
	client  *Client
	sources []*Source
	wants   []identity // of each source, but for the kid
	kid     int
	flows   []*pair
	runner  map[int]*pair // by key: who runs its flight
	issued  map[int]*pair // by token: which flow it was given to
	granted map[int]identity
	ends    map[int]Instant
	last    map[int]int // by key: a token that was handed out
	jti     map[string]bool
	count   *int
	seen    map[string]int
}

// pair is one flow and its model.
type pair struct {
	real  *Flow
	model *modelFlow
	took  *modelFlight // the last one that was seen to begin
	grant identity
}

type failedSchedule struct{ text string }

func (s *schedule) failf(format string, arguments ...any) {
	panic(failedSchedule{fmt.Sprintf(format, arguments...)})
}

func (s *schedule) notef(format string, arguments ...any) {
	*s.trace = append(*s.trace, s.wants[0].client+": "+fmt.Sprintf(format, arguments...))
}

// compare asks the flow for its step and holds it against the model's.
func (s *schedule) compare(p *pair) {
	s.model.now, s.model.draw = *s.clock, *s.draw
	s.model.advance(p.model)
	step := p.real.Next(*s.clock)
	m := p.model
	want := m.state
	if want == "join" || want == "pause" {
		want = "wait"
	}
	if string(step.Kind) != want {
		s.failf("key %d: step is %s (%v), the model is at %q (%s)", m.key, step.Kind, step.Err, m.state, m.code)
	}
	if m.flight != nil && m.flight != p.took {
		s.tookOff(p)
	}
	switch step.Kind {
	case StepSign:
		p.grant = grantIdentity(string(step.SigningInput))
		if p.grant.kid = step.KeyID; p.grant.kid != s.kidName() && !m.entry.gone {
			s.failf("a new flight signs with %s", step.KeyID)
		}
	case StepWait:
		s.seen["wait: "+m.state]++
		if step.Wait <= 0 || m.state == "pause" && !s.clock.Add(step.Wait).Before(m.started.Add(20*time.Second)) {
			s.failf("a wait of %v goes past the deadline", step.Wait)
		}
	case StepSend:
		jti := claimOf(grantPayload(string(step.Request.Body)), "jti")
		if s.jti[jti] || len(jti) < 22 {
			s.failf("jti %q is sent twice, or too short", jti)
		}
		s.jti[jti] = true
		if left := s.clock.Until(m.started.Add(20 * time.Second)); step.Request.Timeout > attemptTimeout || step.Request.Timeout > max(left, time.Second) {
			s.failf("an attempt may take %v with %v left", step.Request.Timeout, left)
		}
	case StepDone:
		s.seen["done"]++
		s.handedOut(p, step.Token)
	case StepFailed:
		s.seen["failed: "+string(step.Err.Code)]++
		if step.Err.Code != m.code || step.Err.Attempts > 3 {
			s.failf("key %d: error %s after %d attempts, the model has %s", m.key, step.Err.Code, step.Err.Attempts, m.code)
		}
		if m.next != (Instant{}) && !step.Err.NextAttempt.Equal(m.next.Time()) {
			s.failf("key %d: next attempt at %v, the model has %v", m.key, step.Err.NextAttempt, m.next.Time())
		}
	}
}

// tookOff holds that there is one flight for a key, but for one whose host was
// silent for longer than its lease.
func (s *schedule) tookOff(p *pair) {
	if other := s.runner[p.model.key]; other != nil && other != p {
		f := other.model.flight
		if f != nil && !f.ended && !other.model.entry.gone && s.clock.Before(f.lease) {
			s.failf("key %d: two flights", p.model.key)
		}
	}
	s.runner[p.model.key], p.took = p, p.model.flight
}

// handedOut holds a token against what it was granted for, and its end.
func (s *schedule) handedOut(p *pair, token Token) {
	m := p.model
	if token.AccessToken() != fmt.Sprintf("token-%d", m.token) {
		s.failf("key %d: got %s, the model has %d", m.key, token.AccessToken(), m.token)
	}
	s.checkToken(m.key, m.token)
}

func (s *schedule) checkToken(key, n int) {
	want := s.wants[key]
	want.kid = s.kidName()
	if got := s.granted[n]; got != want {
		s.failf("key %d of %v got a token of %v", key, want, got)
	}
	if end := s.ends[n]; !s.clock.Before(end) {
		s.failf("key %d: token %d is handed out past its end", key, n)
	}
	s.last[key] = n
}

func (s *schedule) kidName() string { return fmt.Sprintf("kid-%d", s.kid) }

// step does one thing and compares.
func (s *schedule) step() {
	*s.draw = float64(s.dice.IntN(8)) / 8
	s.model.now, s.model.draw = *s.clock, *s.draw
	key := s.dice.IntN(len(s.sources))
	switch roll := s.dice.IntN(1000); {
	case roll < 300 && len(s.flows) < 10:
		s.notef("call %d", key)
		p := &pair{real: s.sources[key].NewFlow(), model: &modelFlow{key: key}}
		s.flows = append(s.flows, p)
		s.compare(p)
	case roll < 800 && len(s.flows) > 0:
		p := s.flows[s.dice.IntN(len(s.flows))]
		if p.model.state == "join" && s.dice.IntN(4) > 0 {
			p = s.flows[s.dice.IntN(len(s.flows))]
		}
		s.work(p)
	case roll < 815 && len(s.flows) > 0:
		p := s.flows[s.dice.IntN(len(s.flows))]
		s.notef("abandon %d", p.model.key)
		s.model.abandon(p.model)
		p.real.Abandon(*s.clock)
		s.compare(p)
	case roll < 830:
		n := s.last[key]
		s.notef("reject token %d of %d", n, key)
		if got, want := s.sources[key].Invalidate(fmt.Sprintf("token-%d", n)), s.model.invalidate(key, n); got != want {
			s.failf("key %d: Invalidate says %v, the model %v", key, got, want)
		} else if got {
			s.seen["token dropped"]++
		}
	case roll < 833:
		s.rotate()
	case roll < 840:
		s.evict()
	case roll < 860:
		s.peek(key)
	case roll < 870:
		*s.weather = s.dice.IntN(len(modelAnswers) + 8)
	default:
		s.passTime()
	}
	s.neutral()
	s.forgetEnded()
}

// neutral fills up the endpoint's rate and the budget of repeats, which the
// model does not have.
func (s *schedule) neutral() {
	for _, g := range s.client.guards {
		g.bucket, g.rate, g.retries = burst, maxPerSecond, retryBurst
	}
}

func (s *schedule) forgetEnded() {
	kept := s.flows[:0]
	for _, p := range s.flows {
		if p.model.state != "done" && p.model.state != "failed" {
			kept = append(kept, p)
		}
	}
	s.flows = kept
}

// work does the step that a flow stands at.
func (s *schedule) work(p *pair) {
	m := p.model
	s.notef("work on %d at %s", m.key, m.state)
	switch m.state {
	case "sign":
		if s.dice.IntN(10) == 0 {
			a := &modelSignFailures[s.dice.IntN(len(modelSignFailures))]
			s.notef("  %s", a.name)
			s.model.answered(m, a, 0, 0)
			_, err := a.give(0)
			p.real.Failed(*s.clock, err)
			break
		}
		s.model.signed(m)
		p.real.Signed(*s.clock, goodSignature)
	case "send":
		a := &modelAnswers[0]
		if *s.weather < len(modelAnswers) {
			a = &modelAnswers[*s.weather]
		} else if s.dice.IntN(4) == 0 {
			a = &modelAnswers[s.dice.IntN(len(modelAnswers))]
		}
		s.notef("  %s", a.name)
		s.seen["answer: "+a.name]++
		response, err := a.give(0)
		n, life := 0, 0
		if a.code == "" {
			*s.count++
			n, life = *s.count, []int{1, 30, 30, 120, 120, 599, 3600}[s.dice.IntN(7)]
			response = Response{Status: 200, Body: fmt.Appendf(nil, `{"access_token":"token-%d","token_type":"Bearer","expires_in":%d}`, n, life)}
			s.granted[n], s.ends[n] = p.grant, m.sent.Add(time.Duration(life)*time.Second)
		}
		s.model.answered(m, a, n, life)
		if err != nil {
			p.real.Failed(*s.clock, err)
		} else {
			p.real.Received(*s.clock, response)
		}
	}
	s.compare(p)
}

func (s *schedule) rotate() {
	s.kid++
	s.notef("rotate to %s", s.kidName())
	s.model.rotate()
	if err := s.client.Rotate(Key{KeyID: s.kidName(), SignatureSize: 256}); err != nil {
		s.failf("%v", err)
	}
	s.seen["rotation"]++
}

// evict makes room as a new key would, and tells the model which key went.
func (s *schedule) evict() {
	before := maps.Clone(s.client.entries)
	if len(before) == 0 {
		return
	}
	s.client.mu.Lock()
	s.client.evict()
	s.client.mu.Unlock()
	for key, source := range s.sources {
		if name := source.Key(); before[name] != nil && s.client.entries[name] == nil {
			s.notef("evict %d", key)
			if s.seen["eviction"]++; !s.model.evict(key) {
				s.failf("key %d was evicted during its flight", key)
			}
		}
	}
}

func (s *schedule) peek(key int) {
	token, left, _, ok := s.sources[key].Peek()
	e := s.model.entry(key)
	if ok != s.model.usable(e) || ok && (left <= 0 || token.AccessToken() != fmt.Sprintf("token-%d", e.token.n)) {
		s.failf("key %d: peek has %v, the model %v", key, ok, e.token)
	}
	if ok {
		s.checkToken(key, e.token.n)
	}
}

// passTime moves both clocks, or one of them.
func (s *schedule) passTime() {
	most := []time.Duration{time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second, 3 * time.Second,
		25 * time.Second, time.Minute, 5 * time.Minute, time.Hour}[s.dice.IntN(9)]
	d := time.Duration(s.dice.Int64N(int64(most))) + 1
	switch s.dice.IntN(16) {
	case 0: // suspend, or the wall clock is set forward
		s.clock.Wall += int64(d)
	case 1: // the wall clock is set back
		s.clock.Wall -= int64(d)
	case 2: // the wall clock is slewed to a halt
		s.clock.Monotonic += int64(d)
	default:
		*s.clock = s.clock.Add(d)
	}
	s.notef("%v later", d)
}
