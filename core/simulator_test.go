package core

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// simulator is an endpoint in virtual time.
type simulator struct {
	fakeEndpoint
	life    int           // of its tokens, in seconds
	latency time.Duration // of its answers
	fault   atomic.Pointer[func(n int, r seen) (Response, error)]

	note           sync.Mutex
	inFlight, most int
	at             []time.Time // when the requests came
}

func simulate(t *testing.T, life int) *simulator {
	s := &simulator{life: life, latency: 20 * time.Millisecond}
	s.t, s.answer = t, s.reply
	return s
}

// Send counts what is in flight for the client: what it has given up may keep
// the endpoint busy for a moment more.
func (s *simulator) Send(ctx context.Context, request Request) (Response, error) {
	s.pass(1)
	defer s.pass(-1)
	return s.fakeEndpoint.Send(ctx, request)
}

func (s *simulator) reply(n int, r seen) (Response, error) {
	time.Sleep(s.latency)
	if fault := s.fault.Load(); fault != nil {
		return (*fault)(n, r)
	}
	return tokenResponse(n, s.life), nil
}

func (s *simulator) pass(by int) {
	s.note.Lock()
	defer s.note.Unlock()
	if s.inFlight += by; by > 0 {
		s.at = append(s.at, time.Now())
	}
	s.most = max(s.most, s.inFlight)
}

// busiest is the most requests that came within one window of that length.
func (s *simulator) busiest(window time.Duration) int {
	s.note.Lock()
	defer s.note.Unlock()
	most, first := 0, 0
	for i := range s.at {
		for s.at[i].Sub(s.at[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// breakDown makes every answer that fault, until repair.
func (s *simulator) breakDown(fault func(n int, r seen) (Response, error)) { s.fault.Store(&fault) }
func (s *simulator) repair()                                               { s.fault.Store(nil) }

func refused(int, seen) (Response, error) { return Response{}, errors.New("connection refused") }

func (s *simulator) client(t *testing.T, change func(*ClientConfig)) *Client {
	t.Helper()
	config := testConfig(s)
	if change != nil {
		change(&config)
	}
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (s *simulator) source(t *testing.T, scope string, exchanges ...Exchange) *Source {
	t.Helper()
	return testSource(t, s.client(t, nil), scope, exchanges...)
}

// mustToken asks for a token that is there or can be got.
func mustToken(t *testing.T, source *Source) Token {
	t.Helper()
	token, err := source.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}
