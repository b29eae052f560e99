package wire

import (
	"context"
	"errors"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// ClientNew makes a client of its JSON configuration.
func (h *Host) ClientNew(config []byte) (handle uint64, failure *Failure) {
	defer h.guard(&failure)
	if failure := h.usable(); failure != nil {
		return 0, failure
	}
	parsed, err := readClientConfig(config)
	if err != nil {
		return 0, fail(err)
	}
	parsed.Transport = h.transport
	client, err := core.NewClient(parsed)
	if err != nil {
		return 0, fail(err)
	}
	return handleOf(h.clients.add(client))
}

// ClientFree closes the client. Its sources and flows answer closed from now on.
func (h *Host) ClientFree(client uint64) (failure *Failure) {
	defer h.guard(&failure)
	if client == 0 {
		return nil
	}
	c := h.clients.remove(client)
	if c == nil {
		return invalidHandle("client")
	}
	c.Close()
	return nil
}

// SourceNew makes a source of its JSON request.
func (h *Host) SourceNew(client uint64, request []byte) (handle uint64, failure *Failure) {
	defer h.guard(&failure)
	if failure := h.usable(); failure != nil {
		return 0, failure
	}
	c := h.clients.get(client)
	if c == nil {
		return 0, invalidHandle("client")
	}
	parsed, exchanges, err := readRequest(request, c.Environment())
	if err != nil {
		return 0, fail(err)
	}
	source, err := c.Source(parsed, exchanges...)
	if err != nil {
		return 0, fail(err)
	}
	return handleOf(h.sources.add(source))
}

// SourceFree frees the handle; the cached token stays with the client.
func (h *Host) SourceFree(source uint64) (failure *Failure) {
	defer h.guard(&failure)
	if source != 0 && h.sources.remove(source) == nil {
		return invalidHandle("source")
	}
	return nil
}

func (h *Host) source(handle uint64) (*core.Source, *Failure) {
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
	return []byte(s.Key()), nil
}

// SourceToken returns a token object, waiting at most timeoutMS milliseconds;
// 0 takes what the cache holds, and a negative number stands for 30 s.
func (h *Host) SourceToken(source uint64, timeoutMS int64) (token []byte, failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return nil, failure
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout(timeoutMS))
	defer cancel()
	got, err := s.Token(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return tokenJSON(got), nil
}

// SourcePeek returns the cached access token, for how many milliseconds it may
// still be handed out, and whether a refresh should be started. It allocates
// nothing unless it fails.
func (h *Host) SourcePeek(source uint64) (accessToken string, usableMS int64, refreshDue bool, failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return "", 0, false, failure
	}
	token, left, due, ok := s.Peek()
	if !ok {
		return "", 0, false, noToken
	}
	return token.AccessToken, left.Milliseconds(), due, nil
}

// SourceInvalidate drops the cached token if it is this one.
func (h *Host) SourceInvalidate(source uint64, accessToken []byte) (failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return failure
	}
	s.Invalidate(string(accessToken))
	return nil
}

// FlowNew starts an acquisition whose steps the host performs.
func (h *Host) FlowNew(source uint64) (handle uint64, failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return 0, failure
	}
	f := &flow{core: s.NewFlow(), now: s.Now}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return handleOf(h.flows.add(f))
}

// FlowNext returns the step to do now.
func (h *Host) FlowNext(flow uint64) (step []byte, failure *Failure) {
	defer h.guard(&failure)
	f, failure := h.take(flow)
	if failure != nil {
		return nil, failure
	}
	defer f.mu.Unlock()
	return stepJSON(f.core.Next(f.now())), nil
}

// FlowSigned feeds the raw signature.
func (h *Host) FlowSigned(flow uint64, signature []byte) (failure *Failure) {
	defer h.guard(&failure)
	f, failure := h.take(flow)
	if failure != nil {
		return failure
	}
	defer f.mu.Unlock()
	return fail(f.core.Signed(f.now(), signature))
}

// FlowReceived feeds the response: head is its status and headers in JSON.
func (h *Host) FlowReceived(flow uint64, head, body []byte) (failure *Failure) {
	defer h.guard(&failure)
	f, failure := h.take(flow)
	if failure != nil {
		return failure
	}
	defer f.mu.Unlock()
	response, err := readHead(head)
	if err != nil {
		return fail(err)
	}
	response.Body = body
	return fail(f.core.Received(f.now(), response))
}

// FlowFailed feeds that a step could not be done, with a reason in JSON.
func (h *Host) FlowFailed(flow uint64, reason []byte) (failure *Failure) {
	defer h.guard(&failure)
	f, failure := h.take(flow)
	if failure != nil {
		return failure
	}
	defer f.mu.Unlock()
	why, err := readReason(reason)
	if err != nil {
		return fail(err)
	}
	return fail(f.core.Failed(f.now(), why))
}

// FlowPerform does the current step with the host's transport, a key that the
// library holds, or a timer.
func (h *Host) FlowPerform(flow uint64, timeoutMS int64) (failure *Failure) {
	defer h.guard(&failure)
	f, failure := h.take(flow)
	if failure != nil {
		return failure
	}
	defer f.mu.Unlock()
	step := f.core.Next(f.now())
	if step.Kind == core.StepDone || step.Kind == core.StepFailed {
		return fail(core.NewError(core.CodeOutOfOrder, "the flow is "+string(step.Kind)+"; there is no step to perform", nil))
	}
	ctx, cancel := context.WithTimeout(f.ctx, timeout(timeoutMS))
	defer cancel()
	return fail(f.core.Perform(ctx, step))
}

// FlowFree gives the flow up if it has not ended, and frees the handle.
func (h *Host) FlowFree(flow uint64) (failure *Failure) {
	defer h.guard(&failure)
	if flow == 0 {
		return nil
	}
	f := h.flows.remove(flow)
	if f == nil {
		return invalidHandle("flow")
	}
	f.cancel() // ends a step that another thread performs
	f.mu.Lock()
	defer f.mu.Unlock()
	f.core.Abandon(f.now())
	return nil
}

// take returns a flow, locked for this thread.
func (h *Host) take(handle uint64) (*flow, *Failure) {
	if failure := h.usable(); failure != nil {
		return nil, failure
	}
	f := h.flows.get(handle)
	if f == nil {
		return nil, invalidHandle("flow")
	}
	if !f.mu.TryLock() {
		return nil, fail(core.NewError(core.CodeOutOfOrder, "another thread uses this flow at this moment", nil))
	}
	return f, nil
}

func timeout(ms int64) time.Duration {
	if ms < 0 {
		return defaultTimeout
	}
	return time.Duration(min(ms, 24*60*60*1000)) * time.Millisecond
}

func handleOf(handle uint64) (uint64, *Failure) {
	if handle == 0 {
		return 0, fail(core.NewError(core.CodeNoMemory, "there are more than a million live handles; free those that are not used", nil))
	}
	return handle, nil
}

func invalidHandle(kind string) *Failure {
	return fail(core.NewError(core.CodeInvalidHandle, "this is no live "+kind+" handle", nil))
}

var noToken = fail(core.NewError(core.CodeNoToken, "the cache holds no usable token", nil))

// fail makes a Failure of an error, and nil of nil.
func fail(err error) *Failure {
	if err == nil {
		return nil
	}
	var e *core.Error
	if !errors.As(err, &e) {
		e = core.NewError(core.CodeInternal, "an unexpected error", err)
	}
	return &Failure{Number: e.Code.Number(), JSON: errorJSON(e)}
}
