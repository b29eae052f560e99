package core

import (
	"context"
	"runtime"
	"time"
)

// hookGrace is how long a hook may take to notice that its context has ended,
// and to say more about it than that.
const hookGrace = 100 * time.Millisecond

// within calls a Signer, Transport or Store in a goroutine of its own, so that
// one that does not return when ctx ends holds up nobody. What it answers later
// is dropped; its goroutine stays for as long as it does not return. A panic
// goes to the caller.
func within[T any](ctx context.Context, hook func(context.Context) (T, error)) (T, error) {
	if runtime.GOARCH == "wasm" { // there is one thread, which the hook has anyway
		return hook(ctx)
	}
	type outcome struct {
		value T
		err   error
		fault any
	}
	answered := make(chan outcome, 1)
	go func() {
		left := outcome{err: NewError(CodeInternal, "a hook ended its goroutine", nil)}
		defer func() {
			if fault := recover(); fault != nil {
				left.fault = fault
			}
			answered <- left
		}()
		value, err := hook(ctx)
		left = outcome{value: value, err: err}
	}()
	var answer outcome
	select {
	case answer = <-answered:
	case <-ctx.Done():
		grace := time.NewTimer(hookGrace)
		defer grace.Stop()
		select {
		case answer = <-answered:
		case <-grace.C:
			return answer.value, NewError(CodeTimeout, "a hook did not return when its time was over", ctx.Err())
		}
	}
	if answer.fault != nil {
		panic(answer.fault)
	}
	return answer.value, answer.err
}
