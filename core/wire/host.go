// Package wire is the language-neutral face of package core: JSON and bytes
// in, JSON and bytes out, integer handles. The C library and the WebAssembly
// module are skins on it, so its verbs and its JSON are theirs; both are
// documented in capi/include/maskinporten.h.
package wire

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// ABIVersion is the version of the verbs and their JSON. Within one version
// they only grow.
const ABIVersion = 1

const (
	maxInput       = 4 << 20
	defaultTimeout = 30 * time.Second
)

// Host owns the handles of one process or WebAssembly instance. Its methods
// are safe for concurrent use and never panic.
type Host struct {
	transport core.Transport
	// epoch is where the host environment sees that leases end; see
	// [core.ClientConfig.LeaseEpoch].
	epoch    *atomic.Uint64
	clients  table[client]
	sources  table[source]
	flows    table[flow]
	poisoned atomic.Bool
}

// client is a core.Client with the events that wait to be polled.
type client struct {
	core   *core.Client
	events *eventQueue // nil if none are kept
}

// source is a core.Source with what ends the waits for its token.
type source struct {
	core *core.Source

	mu    sync.Mutex
	waits context.Context // of those who wait now; nil while nobody ever did
	end   context.CancelCauseFunc
	freed bool
}

// flow is a core.Flow that one thread at a time may use.
type flow struct {
	mu     sync.Mutex
	core   *core.Flow
	now    func() core.Instant
	ctx    context.Context // ends when the flow is freed
	cancel context.CancelFunc
}

// NewHost returns a Host whose clients send with transport. It is nil where
// the host environment sends, as in WebAssembly. epoch may be nil.
func NewHost(transport core.Transport, epoch *atomic.Uint64) *Host {
	h := &Host{transport: transport, epoch: epoch}
	h.clients.tag, h.sources.tag, h.flows.tag = clientTag, sourceTag, flowTag
	return h
}

func (h *Host) ledgers() [3]*ledger {
	return [3]*ledger{&h.clients.ledger, &h.sources.ledger, &h.flows.ledger}
}

// Live returns the number of live handles.
func (h *Host) Live() int {
	count := 0
	for _, l := range h.ledgers() {
		live, _ := l.read()
		count += live
	}
	return count
}

// guard, deferred, turns a panic in a verb into a failure. When a handle table
// was left in the middle of a change nothing can be relied on any more, and
// every later call says so.
func (h *Host) guard(failure **Failure) {
	if fault := recover(); fault != nil {
		for _, l := range h.ledgers() {
			if _, changing := l.read(); changing {
				h.poisoned.Store(true)
			}
		}
		*failure = fail(core.NewError(core.CodeInternal, "a fault inside the library was caught", nil))
	}
}

// usable is asked at the start of every verb.
func (h *Host) usable() *Failure {
	if h.poisoned.Load() {
		return fail(core.NewError(core.CodePoisoned, "an earlier fault left the library in an unknown state", nil))
	}
	return nil
}

// timeout is the time limit of a verb that waits.
func timeout(ms int64) time.Duration {
	if ms < 0 {
		return defaultTimeout
	}
	return time.Duration(min(ms, 24*60*60*1000)) * time.Millisecond
}
