package main

// #include "exports.h"
import "C"

import (
	"sync/atomic"
	"unsafe"

	"github.com/maskinporten-core/maskinporten/core/nethttp"
	"github.com/maskinporten-core/maskinporten/core/wire"
)

// host is the one world of clients, sources and flows in a process. The epoch
// of its leases is a place in C's memory, which programs look at without a call.
var host = wire.NewHost(provoked(nethttp.New(nethttp.Config{})), (*atomic.Uint64)(unsafe.Pointer(&C.mpshim_lease_epoch)))

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

//export mpgo_client_rotate
func mpgo_client_rotate(client C.uint64_t, keys *C.mp_text, keysLen C.size_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	input := copied(unsafe.Pointer(keys), keysLen)
	defer clear(input)
	return done(host.ClientRotate(uint64(client), input), fault)
}

//export mpgo_client_events
func mpgo_client_events(client C.uint64_t, timeoutMS C.int64_t, events, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	text, failure := host.ClientEvents(uint64(client), int64(timeoutMS))
	if status = giveBytes(events, text, failure, fault); status == C.MP_ERROR_NO_MEMORY {
		host.ClientEventsBack(uint64(client), text)
	}
	return status
}

//export mpgo_client_status
func mpgo_client_status(client C.uint64_t, out, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	text, failure := host.ClientStatus(uint64(client))
	return giveBytes(out, text, failure, fault)
}

//export mpgo_live_handles
func mpgo_live_handles(count *C.uint64_t) (status C.int32_t) {
	defer rescue(&status, nil)
	*count = C.uint64_t(host.Live())
	return C.MP_OK
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

//export mpgo_certificate_read
func mpgo_certificate_read(certificates *C.mp_bytes, certificatesLen C.size_t, out, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	input := copied(unsafe.Pointer(certificates), certificatesLen)
	defer clear(input) // there may be a key beside them
	facts, failure := host.CertificateRead(input)
	return giveBytes(out, facts, failure, fault)
}

//export mpgo_diagnose
func mpgo_diagnose(config *C.mp_text, configLen C.size_t, request *C.mp_text, requestLen C.size_t, report, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	input := copied(unsafe.Pointer(config), configLen)
	defer clear(input)
	text, failure := host.Diagnose(input, copied(unsafe.Pointer(request), requestLen))
	return giveBytes(report, text, failure, fault)
}
