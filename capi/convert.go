package main

// #include "exports.h"
import "C"

import (
	"unsafe"

	"github.com/maskinporten-core/maskinporten/core/wire"
)

// copied takes what the caller passed into Go's memory, so that nothing the
// caller does to it afterwards, or on another thread, is seen. shim.c bounds
// its length.
func copied(data unsafe.Pointer, length C.size_t) []byte {
	input := C.GoBytes(data, C.int(length))
	provoke(input)
	return input
}

// done answers a verb that has no output.
func done(failure *wire.Failure, fault *C.mp_buf) C.int32_t {
	if failure == nil {
		return C.MP_OK
	}
	if fault != nil {
		fill(fault, failure.JSON) // without memory the number alone must do
	}
	return C.int32_t(failure.Number)
}

// giveHandle answers a verb that makes something.
func giveHandle(out *C.uint64_t, handle uint64, failure *wire.Failure, fault *C.mp_buf) C.int32_t {
	if failure == nil {
		*out = C.uint64_t(handle)
	}
	return done(failure, fault)
}

// giveBytes answers a verb that returns text.
func giveBytes(out *C.mp_buf, data []byte, failure *wire.Failure, fault *C.mp_buf) C.int32_t {
	if failure == nil && fill(out, data) != C.MP_OK {
		return C.mpshim_no_memory(fault)
	}
	return done(failure, fault)
}

func fill(buf *C.mp_buf, data []byte) C.int32_t {
	return C.mpshim_fill(buf, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)))
}

// rescue keeps a panic out of the caller's process. Package wire recovers what
// happens inside a verb; a panic that comes as far as this one is a fault of
// the bookkeeping itself, after which nothing can be relied on.
func rescue(status *C.int32_t, fault *C.mp_buf) {
	if recover() != nil {
		*status = C.mpshim_poison(fault)
	}
}
