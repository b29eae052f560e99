package core

import (
	"context"
	"sync"
	"time"
)

const (
	metadataLife     = 24 * time.Hour
	metadataMaxPause = time.Minute
)

// Discovery keeps what an issuer's metadata says, for a day. It is safe for
// concurrent use. While a renewal fails, the last good answer is served; a
// failure is remembered for a second at first and for a minute at most, so that
// it never stays.
type Discovery struct {
	base Environment

	mu       sync.Mutex // never held across I/O
	good     Environment
	until    Instant // good is fresh until then; zero without one
	running  *discovery
	failure  *Error
	failures int // consecutive
	nextTry  Instant
}

// discovery is one fetch of the document.
type discovery struct {
	done chan struct{} // closed when the rest is final
	env  Environment
	err  *Error
}

// NewDiscovery returns a Discovery for the environment, of which Issuer and
// MetadataURL are needed, or one of them if it is a built-in one's. It sends
// nothing.
func NewDiscovery(env Environment) (*Discovery, error) {
	env = env.Completed()
	list := env.issuerProblems()
	if env.MetadataURL == "" {
		list = append(list, Problem{"environment.metadata_url", "it is missing", "Give the address of the metadata document."})
	}
	list = append(list, urlProblems("environment.metadata_url", env.MetadataURL, false, env.AllowLoopbackHTTP)...)
	if err := invalid(CodeInvalidConfig, list); err != nil {
		return nil, err
	}
	return &Discovery{base: env}, nil
}

// Environment returns the environment with the token endpoint that the metadata
// names. It fetches the document if it has none, and otherwise answers at once
// and renews it in the background when it is a day old. However many callers
// wait, one fetch runs; ctx ends only this caller's wait. Every error is an
// [*Error].
func (d *Discovery) Environment(ctx context.Context, transport Transport, now Instant) (Environment, error) {
	if transport == nil {
		return Environment{}, NewError(CodeNoTransport, "there is no Transport to fetch the metadata with", nil)
	}
	d.mu.Lock()
	have := d.until != Instant{}
	if ctx.Err() == nil && d.running == nil && !now.Before(d.until) && (d.failure == nil || !now.Before(d.nextTry)) {
		d.running = &discovery{done: make(chan struct{})}
		go d.fetch(context.WithoutCancel(ctx), transport, d.running, now)
	}
	env, run, failure := d.good, d.running, d.failure
	d.mu.Unlock()
	switch {
	case have:
		return env, nil
	case ctx.Err() != nil:
		return Environment{}, waitError(ctx.Err())
	case run == nil:
		return Environment{}, failure
	}
	select {
	case <-run.done:
	case <-ctx.Done():
		return Environment{}, waitError(ctx.Err())
	}
	if run.err != nil {
		return Environment{}, run.err
	}
	return run.env, nil
}

func (d *Discovery) fetch(ctx context.Context, transport Transport, run *discovery, now Instant) {
	began := time.Now()
	env, err := d.ask(ctx, transport)
	now = now.Add(time.Since(began))
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.good, d.until = env, now.Add(metadataLife)
		d.failure, d.failures = nil, 0
	} else {
		pause := min(time.Second<<min(d.failures, 6), metadataMaxPause)
		d.failures++
		d.nextTry = now.Add(min(max(pause, err.retryAfter), metadataMaxPause))
		noted := *err
		noted.Attempts, noted.NextAttempt = 1, d.nextTry.Time()
		err, d.failure = &noted, &noted
	}
	run.env, run.err = env, err
	d.running = nil
	close(run.done)
}

func (d *Discovery) ask(ctx context.Context, transport Transport) (env Environment, failure *Error) {
	defer func() {
		if fault := recover(); fault != nil {
			failure = NewError(CodeInternal, "a transport panicked"+panicText(fault), nil)
		}
	}()
	request := NewMetadataRequest(d.base)
	ctx, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	response, err := within(ctx, func(ctx context.Context) (Response, error) { return transport.Send(ctx, request) })
	if err != nil {
		return env, asError(err, CodeConnectionFailed)
	}
	read, err := ReadMetadata(response, d.base.Issuer)
	if err != nil {
		return env, asError(err, CodeInternal)
	}
	env = d.base
	env.TokenEndpoint = read.TokenEndpoint
	return env, nil
}
