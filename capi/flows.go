package main

// #include "exports.h"
import "C"

import "unsafe"

//export mpgo_flow_new
func mpgo_flow_new(source C.uint64_t, flow *C.uint64_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	handle, failure := host.FlowNew(uint64(source))
	return giveHandle(flow, handle, failure, fault)
}

//export mpgo_flow_next
func mpgo_flow_next(flow C.uint64_t, step, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	text, failure := host.FlowNext(uint64(flow))
	return giveBytes(step, text, failure, fault)
}

//export mpgo_flow_signed
func mpgo_flow_signed(flow C.uint64_t, signature *C.mp_bytes, signatureLen C.size_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	return done(host.FlowSigned(uint64(flow), copied(unsafe.Pointer(signature), signatureLen)), fault)
}

//export mpgo_flow_received
func mpgo_flow_received(flow C.uint64_t, head *C.mp_text, headLen C.size_t, body *C.mp_bytes, bodyLen C.size_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	return done(host.FlowReceived(uint64(flow), copied(unsafe.Pointer(head), headLen), copied(unsafe.Pointer(body), bodyLen)), fault)
}

//export mpgo_flow_failed
func mpgo_flow_failed(flow C.uint64_t, reason *C.mp_text, reasonLen C.size_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	return done(host.FlowFailed(uint64(flow), copied(unsafe.Pointer(reason), reasonLen)), fault)
}

//export mpgo_flow_loaded
func mpgo_flow_loaded(flow C.uint64_t, entry *C.mp_bytes, entryLen C.size_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	return done(host.FlowLoaded(uint64(flow), copied(unsafe.Pointer(entry), entryLen)), fault)
}

//export mpgo_flow_saved
func mpgo_flow_saved(flow C.uint64_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	return done(host.FlowSaved(uint64(flow)), fault)
}

//export mpgo_flow_perform
func mpgo_flow_perform(flow C.uint64_t, timeoutMS C.int64_t, fault *C.mp_buf) (status C.int32_t) {
	defer rescue(&status, fault)
	return done(host.FlowPerform(uint64(flow), int64(timeoutMS)), fault)
}

//export mpgo_flow_free
func mpgo_flow_free(flow C.uint64_t) (status C.int32_t) {
	defer rescue(&status, nil)
	return done(host.FlowFree(uint64(flow)), nil)
}
