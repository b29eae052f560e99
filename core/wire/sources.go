package wire

import (
	"context"
	"errors"

	"github.com/maskinporten-core/maskinporten/core"
)

// SourceNew makes a source of its JSON request.
func (h *Host) SourceNew(client uint64, request []byte) (handle uint64, failure *Failure) {
	defer h.guard(&failure)
	c, failure := h.client(client)
	if failure != nil {
		return 0, failure
	}
	parsed, exchanges, err := readRequest(request, c.core.Environment())
	if err != nil {
		return 0, fail(err)
	}
	s, err := c.core.Source(parsed, exchanges...)
	if err != nil {
		return 0, fail(err)
	}
	return handleOf(h.sources.add(&source{core: s}))
}

// SourceFree frees the handle and ends the waits on it; the cached token stays
// with the client.
func (h *Host) SourceFree(source uint64) (failure *Failure) {
	defer h.guard(&failure)
	if source == 0 {
		return nil
	}
	s := h.sources.remove(source)
	if s == nil {
		return invalidHandle("source")
	}
	s.cancel(errFreed)
	return nil
}

// SourceCancel ends the waits that run on this handle now. The fetch goes on,
// and later calls are not affected.
func (h *Host) SourceCancel(source uint64) (failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return failure
	}
	s.cancel(nil)
	return nil
}

var errFreed = core.NewError(core.CodeClosed, "the source was freed", nil)

// cancel ends the waits of now; with a cause, those of later too.
func (s *source) cancel(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freed = cause != nil
	if s.end != nil {
		s.end(cause)
	}
	if !s.freed {
		s.waits, s.end = nil, nil
	}
}

// wait returns the context of those who wait now.
func (s *source) wait() (context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed {
		return nil, errFreed
	}
	if s.waits == nil {
		s.waits, s.end = context.WithCancelCause(context.Background())
	}
	return s.waits, nil
}

func (h *Host) source(handle uint64) (*source, *Failure) {
	if failure := h.usable(); failure != nil {
		return nil, failure
	}
	if s := h.sources.get(handle); s != nil {
		return s, nil
	}
	return nil, invalidHandle("source")
}

// SourceKey returns the cache key of the source.
func (h *Host) SourceKey(source uint64) (key []byte, failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return nil, failure
	}
	return []byte(s.core.Key()), nil
}

// SourceToken returns a token object, waiting at most timeoutMS milliseconds;
// 0 takes what the cache holds, and a negative number stands for 30 s.
func (h *Host) SourceToken(source uint64, timeoutMS int64) (token []byte, failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return nil, failure
	}
	waits, err := s.wait()
	if err != nil {
		return nil, fail(err)
	}
	ctx, cancel := context.WithTimeout(waits, timeout(timeoutMS))
	defer cancel()
	got, err := s.core.Token(ctx)
	if err != nil {
		var e *core.Error
		if errors.As(err, &e) && e.Code == core.CodeCancelled && context.Cause(waits) == errFreed {
			err = errFreed
		}
		return nil, fail(err)
	}
	return tokenJSON(got), nil
}

// Peeked is what is known of a cached token: for how many milliseconds it may
// still be handed out, for how many this answer need not be asked for again,
// and whether a refresh should be started.
type Peeked struct {
	AccessToken       string
	UsableMS, LeaseMS int64
	RefreshDue        bool
}

// SourcePeek returns the cached access token. It allocates nothing unless it
// fails.
func (h *Host) SourcePeek(source uint64) (peeked Peeked, failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return Peeked{}, failure
	}
	token, usable, lease, ok := s.core.Peek()
	if !ok {
		return Peeked{}, noToken
	}
	return Peeked{token.AccessToken(), usable.Milliseconds(), lease.Milliseconds(), lease == 0}, nil
}

// SourceInvalidate drops the cached token if it is this one.
func (h *Host) SourceInvalidate(source uint64, accessToken []byte) (failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return failure
	}
	s.core.Invalidate(string(accessToken))
	return nil
}
