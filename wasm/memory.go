//go:build js || wasip1

package main

import (
	"encoding/binary"
	"unsafe"

	"github.com/maskinporten-core/maskinporten/core/wire"
)

const (
	allocLimit = 16 << 20 // what mp_alloc gives at most
	inputLimit = 4 << 20  // what a verb takes at most
)

// blocks holds every piece of memory that the host may touch, by address: what
// mp_alloc gave and every result. A pointer counts only if it is a key here,
// so a hostile one is an error and never a read outside. The map also keeps
// the garbage collector away from what only the host still refers to.
var blocks = map[uint32][]byte{}

// register makes block known under its address and returns the address.
func register(block []byte) uint32 {
	address := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(block))))
	blocks[address] = block
	return address
}

// release wipes a block and forgets it. The peek buffer stays: it is reused.
func release(address uint32) {
	block, ok := blocks[address]
	if !ok || address == peekedAddress {
		return
	}
	clear(block)
	delete(blocks, address)
}

// input returns the bytes the host refers to. No bytes at all are fine,
// whatever the address.
func input(address, length uint32) ([]byte, bool) {
	if length == 0 {
		return nil, true
	}
	block, ok := blocks[address]
	if !ok || length > inputLimit || int(length) > len(block) {
		return nil, false
	}
	return block[:length:length], true
}

// A result is a block that begins with its status: 0, or the number of an
// error whose JSON follows.
const statusSize = 4

func reply(status int32, payload []byte) uint64 {
	block := make([]byte, statusSize+len(payload))
	binary.LittleEndian.PutUint32(block, uint32(status))
	copy(block[statusSize:], payload)
	return pack(register(block), len(block))
}

func pack(address uint32, length int) uint64 {
	return uint64(address)<<32 | uint64(uint32(length))
}

func replyDone(failure *wire.Failure) uint64 { return replyBytes(nil, failure) }

func replyBytes(payload []byte, failure *wire.Failure) uint64 {
	if failure != nil {
		return reply(failure.Number, failure.JSON)
	}
	return reply(0, payload)
}

func replyHandle(handle uint64, failure *wire.Failure) uint64 {
	return replyBytes(binary.LittleEndian.AppendUint64(nil, handle), failure)
}

// replyBadMemory answers a pointer or a length that is not the host's to use.
func replyBadMemory() uint64 {
	return reply(1001, []byte(`{"kind":"local","code":"invalid_argument","number":1001,`+
		`"message":"the pointer is not a live block of mp_alloc, or the length exceeds it or 4 MiB",`+
		`"remedy":"Copy the bytes into a block from mp_alloc and free it after the call.",`+
		`"text":"maskinporten: the pointer is not a live block of mp_alloc, or the length exceeds it or 4 MiB. `+
		`Copy the bytes into a block from mp_alloc and free it after the call.","retryable":false}`))
}

// peeked is the one result that is reused, by the next mp_source_peek, because
// that verb is called before every request to an API.
var peeked = make([]byte, peekHeaderSize+4096)

const peekHeaderSize = statusSize + 8 + 4 + 8

var peekedAddress = register(peeked)

func replyPeek(p wire.Peeked) uint64 {
	length := peekHeaderSize + len(p.AccessToken)
	if length > len(peeked) {
		clear(peeked)
		delete(blocks, peekedAddress)
		peeked = make([]byte, length)
		peekedAddress = register(peeked)
	}
	binary.LittleEndian.PutUint32(peeked, 0)
	binary.LittleEndian.PutUint64(peeked[4:], uint64(p.UsableMS))
	due := uint32(0)
	if p.RefreshDue {
		due = 1
	}
	binary.LittleEndian.PutUint32(peeked[12:], due)
	binary.LittleEndian.PutUint64(peeked[16:], uint64(p.LeaseMS))
	copy(peeked[peekHeaderSize:], p.AccessToken)
	return pack(peekedAddress, length)
}
