package core

import (
	"sync"
	"time"
)

// The limits towards one endpoint, shared by all keys of a client, so that a
// bureau with thousands of delegations stays polite in an outage and after it.
const (
	maxInFlight  = 16
	maxPerSecond = 20.0
	minPerSecond = 1.0
	burst        = 50.0

	breakAfter  = 20 // consecutive requests without a sound answer
	probeEvery  = time.Second
	probeJitter = 4 * time.Second

	retryShare     = 0.1 // of the requests may be repeated,
	retryPerSecond = 1.0 // and one a second besides
	retryBurst     = 10.0
)

// guard admits requests to one endpoint.
type guard struct {
	mu sync.Mutex

	inFlight int
	flying   map[*ticket]Instant // those in flight, and until when they are believed to be
	bucket   float64             // requests that may go at once
	rate     float64             // refill per second; halved by a 429
	retries  float64             // repeats that may be made
	counted  Instant             // when bucket and retries were last refilled
	queues   [2][]*ticket

	failures int // consecutive
	cause    *Error
	probe    Instant // while open: when the next request may go
	probing  bool
}

// ticket is one request's place in the queue, and then among those in flight.
type ticket struct {
	background bool
	admitted   bool
	probe      bool
	wake       chan struct{} // closed when it is worth asking again
	woken      bool
}

func (t *ticket) wakeUp() {
	if !t.woken {
		t.woken = true
		close(t.wake)
	}
}

func newGuard(now Instant) *guard {
	return &guard{flying: map[*ticket]Instant{}, bucket: burst, rate: maxPerSecond, retries: retryBurst, counted: now}
}

// queue takes a place. Callers who wait go before background renewals.
func (g *guard) queue(background bool) *ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &ticket{background: background, wake: make(chan struct{})}
	g.queues[class(background)] = append(g.queues[class(background)], t)
	return t
}

func class(background bool) int {
	if background {
		return 1
	}
	return 0
}

// promote moves a background ticket that somebody now waits for to the front
// class.
func (g *guard) promote(t *ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.background && !t.admitted && g.remove(t) {
		t.background = false
		g.queues[0] = append(g.queues[0], t)
	}
}

// verdict is what ask answers: admitted, refused because the breaker is open,
// or how long to wait and what ends the wait early.
type verdict struct {
	admitted bool
	refused  *Error
	wait     time.Duration
	wake     <-chan struct{}
}

// ask says whether the request may go now.
func (g *guard) ask(t *ticket, now Instant) verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.admitted {
		return verdict{admitted: true}
	}
	g.forget(now)
	if g.failures >= breakAfter {
		if g.probing || now.Before(g.probe) {
			g.remove(t)
			return verdict{refused: g.open()}
		}
		g.probing, t.probe = true, true
		g.remove(t)
		g.admit(t, now)
		return verdict{admitted: true}
	}
	g.refill(now)
	g.serve(now)
	if t.admitted {
		return verdict{admitted: true}
	}
	if t.woken {
		t.wake, t.woken = make(chan struct{}), false
	}
	turn := time.Duration((float64(g.ahead(t)+1) - g.bucket) / g.rate * float64(time.Second))
	return verdict{wait: max(turn, time.Millisecond), wake: t.wake}
}

// ahead counts those whose turn comes first.
func (g *guard) ahead(t *ticket) int {
	count := 0
	for _, queue := range g.queues {
		for _, other := range queue {
			if other == t {
				return count
			}
			count++
		}
	}
	return count
}

// open is the error while the breaker is: the last cause, and when to come back.
func (g *guard) open() *Error {
	refused := *g.cause
	refused.Message = "the endpoint has failed " + itoa(g.failures) + " times in a row and is left alone for a moment; last: " + g.cause.Message
	refused.Attempts, refused.NextAttempt, refused.pauseUntil = 0, g.probe.Time(), g.probe
	return &refused
}

func (g *guard) refill(now Instant) {
	passed := time.Duration(now.Monotonic - g.counted.Monotonic).Seconds()
	if passed <= 0 {
		return
	}
	g.counted = now
	g.bucket = min(g.bucket+passed*g.rate, burst)
	g.retries = min(g.retries+passed*retryPerSecond, retryBurst)
}

// serve admits as many as may go, in their order.
func (g *guard) serve(now Instant) {
	for i := range g.queues {
		for len(g.queues[i]) > 0 && g.inFlight < maxInFlight && g.bucket >= 1 {
			t := g.queues[i][0]
			g.queues[i] = g.queues[i][1:]
			g.admit(t, now)
		}
	}
}

func (g *guard) admit(t *ticket, now Instant) {
	t.admitted = true
	g.inFlight++
	g.flying[t] = now.Add(flightLease)
	g.bucket--
	g.retries = min(g.retries+retryShare, retryBurst)
	t.wakeUp()
}

func (g *guard) remove(t *ticket) bool {
	queue := g.queues[class(t.background)]
	for i, other := range queue {
		if other == t {
			g.queues[class(t.background)] = append(queue[:i:i], queue[i+1:]...)
			return true
		}
	}
	return false
}

// leave gives the place back. outcome is nil for a sound answer, whatever it
// said; a ticket that was never admitted just leaves the queue.
func (g *guard) leave(t *ticket, outcome *Error, now Instant, random float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !t.admitted {
		g.remove(t)
		return
	}
	g.land(t)
	switch {
	case outcome != nil && outcome.Kind == Local: // it says nothing of the endpoint
	case outcome != nil && unsound(outcome):
		g.failures++
		g.cause = outcome
		if g.failures >= breakAfter {
			g.probe = now.Add(probeEvery + time.Duration(random*float64(probeJitter)))
		}
	case outcome != nil && outcome.Code == CodeRateLimited:
		g.failures, g.rate = 0, max(g.rate/2, minPerSecond)
	default:
		g.failures, g.rate = 0, min(g.rate+0.5, maxPerSecond)
	}
	g.refill(now)
	if g.failures < breakAfter {
		g.serve(now)
	} else { // those who wait learn of the breaker when they ask
		for _, queue := range g.queues {
			for _, waiting := range queue {
				waiting.wakeUp()
			}
		}
	}
}

// land gives back the place of a request, once.
func (g *guard) land(t *ticket) {
	if _, flies := g.flying[t]; !flies {
		return
	}
	delete(g.flying, t)
	g.inFlight--
	if t.probe {
		g.probing = false
	}
}

// forget takes the place of requests whose host never came back: it may have
// died, and must not wedge the endpoint for the others.
func (g *guard) forget(now Instant) {
	for t, lease := range g.flying {
		if !now.Before(lease) {
			g.land(t)
		}
	}
}

// unsound reports whether an error speaks of the endpoint rather than of the
// request.
func unsound(err *Error) bool {
	return err.Kind == TransportFault || err.Code == CodeServerError
}

// mayRetry spends one repeat of the budget, if there is one left.
func (g *guard) mayRetry(now Instant) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refill(now)
	if g.retries < 1 {
		return false
	}
	g.retries--
	return true
}
