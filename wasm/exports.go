//go:build js || wasip1

package main

import (
	"unsafe"

	"github.com/maskinporten-core/maskinporten/core/wire"
)

// Every export is one verb of package wire, under the name it has in the C
// ABI. A handle is an i64, bytes are a pointer and a length, and the result is
// a block (see memory.go) as pointer<<32 | length.

//go:wasmexport mp_abi_version
func abiVersion() uint32 { return wire.ABIVersion }

//go:wasmexport mp_alloc
func alloc(length int32) uint32 {
	if length <= 0 || length > allocLimit {
		return 0
	}
	return register(make([]byte, length))
}

//go:wasmexport mp_free
func free(address uint32) { release(address) }

//go:wasmexport mp_client_new
func clientNew(address, length uint32) uint64 {
	config, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyHandle(host.ClientNew(config))
}

//go:wasmexport mp_client_free
func clientFree(client uint64) uint64 { return replyDone(host.ClientFree(client)) }

//go:wasmexport mp_client_rotate
func clientRotate(client uint64, address, length uint32) uint64 {
	keys, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyDone(host.ClientRotate(client, keys))
}

//go:wasmexport mp_client_events
func clientEvents(client uint64) uint64 { return replyBytes(host.ClientEvents(client, 0)) }

//go:wasmexport mp_client_status
func clientStatus(client uint64) uint64 { return replyBytes(host.ClientStatus(client)) }

//go:wasmexport mp_live_handles
func liveHandles() uint64 { return uint64(host.Live()) }

//go:wasmexport mp_lease_epoch
func leaseEpochAddress() uint32 { return uint32(uintptr(unsafe.Pointer(&leaseEpoch))) }

//go:wasmexport mp_source_new
func sourceNew(client uint64, address, length uint32) uint64 {
	request, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyHandle(host.SourceNew(client, request))
}

//go:wasmexport mp_source_free
func sourceFree(source uint64) uint64 { return replyDone(host.SourceFree(source)) }

//go:wasmexport mp_source_key
func sourceKey(source uint64) uint64 { return replyBytes(host.SourceKey(source)) }

//go:wasmexport mp_source_peek
func sourcePeek(source uint64) uint64 {
	peeked, failure := host.SourcePeek(source)
	if failure != nil {
		return replyDone(failure)
	}
	return replyPeek(peeked)
}

//go:wasmexport mp_source_invalidate
func sourceInvalidate(source uint64, address, length uint32) uint64 {
	accessToken, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyDone(host.SourceInvalidate(source, accessToken))
}

//go:wasmexport mp_flow_new
func flowNew(source uint64) uint64 { return replyHandle(host.FlowNew(source)) }

//go:wasmexport mp_flow_next
func flowNext(flow uint64) uint64 { return replyBytes(host.FlowNext(flow)) }

//go:wasmexport mp_flow_signed
func flowSigned(flow uint64, address, length uint32) uint64 {
	signature, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyDone(host.FlowSigned(flow, signature))
}

//go:wasmexport mp_flow_received
func flowReceived(flow uint64, headAddress, headLength, bodyAddress, bodyLength uint32) uint64 {
	head, headOK := input(headAddress, headLength)
	body, bodyOK := input(bodyAddress, bodyLength)
	if !headOK || !bodyOK {
		return replyBadMemory()
	}
	return replyDone(host.FlowReceived(flow, head, body))
}

//go:wasmexport mp_flow_failed
func flowFailed(flow uint64, address, length uint32) uint64 {
	reason, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyDone(host.FlowFailed(flow, reason))
}

//go:wasmexport mp_flow_loaded
func flowLoaded(flow uint64, address, length uint32) uint64 {
	entry, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyDone(host.FlowLoaded(flow, entry))
}

//go:wasmexport mp_flow_saved
func flowSaved(flow uint64) uint64 { return replyDone(host.FlowSaved(flow)) }

// flowPerform signs with a key that the module holds; the host sends and waits.
//
//go:wasmexport mp_flow_perform
func flowPerform(flow uint64) uint64 { return replyDone(host.FlowSign(flow)) }

//go:wasmexport mp_flow_free
func flowFree(flow uint64) uint64 { return replyDone(host.FlowFree(flow)) }

//go:wasmexport mp_key_read
func keyRead(address, length uint32) uint64 {
	key, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyBytes(host.KeyRead(key))
}

//go:wasmexport mp_key_generate
func keyGenerate(address, length uint32) uint64 {
	options, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyBytes(host.KeyGenerate(options))
}
