package wire

import (
	"context"

	"github.com/maskinporten-core/maskinporten/core"
)

// FlowNew starts an acquisition whose steps the host performs.
func (h *Host) FlowNew(source uint64) (handle uint64, failure *Failure) {
	defer h.guard(&failure)
	s, failure := h.source(source)
	if failure != nil {
		return 0, failure
	}
	f := &flow{core: s.core.NewFlow(), now: s.core.Now}
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
func (h *Host) FlowSigned(flow uint64, signature []byte) *Failure {
	return h.feed(flow, func(f *core.Flow, now core.Instant) error { return f.Signed(now, signature) })
}

// FlowReceived feeds the response: head is its status and headers in JSON.
func (h *Host) FlowReceived(flow uint64, head, body []byte) *Failure {
	return h.feed(flow, func(f *core.Flow, now core.Instant) error {
		response, err := readHead(head)
		if err != nil {
			return err
		}
		response.Body = body
		return f.Received(now, response)
	})
}

// FlowFailed feeds that a step could not be done, with a reason in JSON.
func (h *Host) FlowFailed(flow uint64, reason []byte) *Failure {
	return h.feed(flow, func(f *core.Flow, now core.Instant) error {
		why, err := readReason(reason)
		if err != nil {
			return err
		}
		return f.Failed(now, why)
	})
}

// FlowLoaded feeds what the shared store had; nothing at all stands for no entry.
func (h *Host) FlowLoaded(flow uint64, entry []byte) *Failure {
	if len(entry) == 0 {
		entry = nil
	}
	return h.feed(flow, func(f *core.Flow, now core.Instant) error { return f.Loaded(now, entry) })
}

// FlowSaved feeds that the shared store has the entry.
func (h *Host) FlowSaved(flow uint64) *Failure {
	return h.feed(flow, func(f *core.Flow, now core.Instant) error { return f.Saved(now) })
}

// feed tells a flow what became of its step.
func (h *Host) feed(flow uint64, outcome func(*core.Flow, core.Instant) error) (failure *Failure) {
	defer h.guard(&failure)
	f, failure := h.take(flow)
	if failure != nil {
		return failure
	}
	defer f.mu.Unlock()
	return fail(outcome(f.core, f.now()))
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

// FlowSign does the current step if it is "sign", with a key that the library
// holds. Unlike FlowPerform it never waits.
func (h *Host) FlowSign(flow uint64) (failure *Failure) {
	defer h.guard(&failure)
	f, failure := h.take(flow)
	if failure != nil {
		return failure
	}
	defer f.mu.Unlock()
	step := f.core.Next(f.now())
	if step.Kind != core.StepSign {
		return fail(core.NewError(core.CodeOutOfOrder, "the step is "+string(step.Kind)+"; only sign can be performed here", nil))
	}
	return fail(f.core.Perform(f.ctx, step))
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
