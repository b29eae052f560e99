//go:build js || wasip1

// Command wasm is maskinporten-core as a WebAssembly module, for hosts that
// run JavaScript (GOOS=js) and for WASI (GOOS=wasip1, a reactor). It exports
// the verbs of the C ABI that need no network: the host sends, waits and may
// sign. README.md is the contract for embedders.
package main

import (
	"sync/atomic"

	"github.com/maskinporten-core/maskinporten/core/wire"
)

// host does all the work; the exports only carry bytes to it and back. It has
// no transport, so nothing here ever blocks.
var host = wire.NewHost(nil, &leaseEpoch)

// leaseEpoch grows whenever a lease ends early; the host reads it in place.
var leaseEpoch atomic.Uint64

// main keeps a js instance alive between calls. A wasip1 reactor never runs it.
func main() { select {} }
