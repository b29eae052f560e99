package main

// #include "exports.h"
import "C"

import "unsafe"

//export mpgo_source_new
func mpgo_source_new(client C.uint64_t, request *C.mp_text, requestLen C.size_t, source *C.uint64_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	handle, failure := host.SourceNew(uint64(client), copied(unsafe.Pointer(request), requestLen))
	return giveHandle(source, handle, failure, fault)
}

//export mpgo_source_free
func mpgo_source_free(source C.uint64_t) (status C.int32_t) {
	defer rescue(&status, nil)
	return done(host.SourceFree(uint64(source)), nil)
}

//export mpgo_source_cancel
func mpgo_source_cancel(source C.uint64_t) (status C.int32_t) {
	defer rescue(&status, nil)
	return done(host.SourceCancel(uint64(source)), nil)
}

//export mpgo_source_key
func mpgo_source_key(source C.uint64_t, key, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	text, failure := host.SourceKey(uint64(source))
	return giveBytes(key, text, failure, fault)
}

//export mpgo_source_token
func mpgo_source_token(source C.uint64_t, timeoutMS C.int64_t, token, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	text, failure := host.SourceToken(uint64(source), int64(timeoutMS))
	return giveBytes(token, text, failure, fault)
}

// mpgo_source_peek is the path that programs take before every request: it
// allocates nothing on either side.
//
//export mpgo_source_peek
func mpgo_source_peek(source C.uint64_t, accessToken *C.char, capacity C.size_t, length *C.size_t, usableMS *C.int64_t, refreshDue *C.int32_t, leaseMS *C.int64_t) (status C.int32_t) {
	defer rescue(&status, nil)
	peeked, failure := host.SourcePeek(uint64(source))
	if failure != nil {
		return C.int32_t(failure.Number)
	}
	token := peeked.AccessToken
	*length = C.size_t(len(token))
	if capacity <= C.size_t(len(token)) {
		return C.MP_ERROR_BUFFER_TOO_SMALL
	}
	room := unsafe.Slice((*byte)(unsafe.Pointer(accessToken)), len(token)+1)
	room[copy(room, token)] = 0
	*usableMS, *leaseMS, *refreshDue = C.int64_t(peeked.UsableMS), C.int64_t(peeked.LeaseMS), 0
	if peeked.RefreshDue {
		*refreshDue = 1
	}
	return C.MP_OK
}

//export mpgo_source_invalidate
func mpgo_source_invalidate(source C.uint64_t, accessToken *C.mp_text, accessTokenLen C.size_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	token := copied(unsafe.Pointer(accessToken), accessTokenLen)
	defer clear(token)
	return done(host.SourceInvalidate(uint64(source), token), fault)
}
