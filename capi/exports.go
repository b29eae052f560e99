package main

// #include "exports.h"
import "C"

import (
	"unsafe"

	"github.com/maskinporten-core/maskinporten/core/nethttp"
	"github.com/maskinporten-core/maskinporten/core/wire"
)

// host is the one world of clients, sources and flows in a process.
var host = wire.NewHost(provoked(nethttp.New(nethttp.Config{})))

//export mpgo_client_new
func mpgo_client_new(config *C.mp_text, configLen C.size_t, client *C.uint64_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	input := copied(unsafe.Pointer(config), configLen)
	defer clear(input)
	handle, failure := host.ClientNew(input)
	return giveHandle(client, handle, failure, fault)
}

//export mpgo_client_free
func mpgo_client_free(client C.uint64_t) (status C.int32_t) {
	defer rescue(&status, nil)
	return done(host.ClientFree(uint64(client)), nil)
}

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
func mpgo_source_peek(source C.uint64_t, accessToken *C.char, capacity C.size_t, length *C.size_t, usableMS *C.int64_t, refreshDue *C.int32_t) (status C.int32_t) {
	defer rescue(&status, nil)
	token, usable, due, failure := host.SourcePeek(uint64(source))
	if failure != nil {
		return C.int32_t(failure.Number)
	}
	*length = C.size_t(len(token))
	if capacity <= C.size_t(len(token)) {
		return C.MP_ERROR_BUFFER_TOO_SMALL
	}
	room := unsafe.Slice((*byte)(unsafe.Pointer(accessToken)), len(token)+1)
	room[copy(room, token)] = 0
	*usableMS = C.int64_t(usable)
	*refreshDue = 0
	if due {
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

//export mpgo_key_read
func mpgo_key_read(key *C.mp_text, keyLen C.size_t, out, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	input := copied(unsafe.Pointer(key), keyLen)
	defer clear(input)
	parts, failure := host.KeyRead(input)
	defer clear(parts)
	return giveBytes(out, parts, failure, fault)
}

//export mpgo_key_generate
func mpgo_key_generate(options *C.mp_text, optionsLen C.size_t, out, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	parts, failure := host.KeyGenerate(copied(unsafe.Pointer(options), optionsLen))
	defer clear(parts)
	return giveBytes(out, parts, failure, fault)
}
