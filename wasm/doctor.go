//go:build (js || wasip1) && !host_signs

package main

// What needs to read certificates is in the full flavour only.

//go:wasmexport mp_diagnose
func diagnose(configAddress, configLength, requestAddress, requestLength uint32) uint64 {
	config, configOK := input(configAddress, configLength)
	request, requestOK := input(requestAddress, requestLength)
	if !configOK || !requestOK {
		return replyBadMemory()
	}
	return replyBytes(host.Diagnose(config, request))
}

//go:wasmexport mp_certificate_read
func certificateRead(address, length uint32) uint64 {
	certificates, ok := input(address, length)
	if !ok {
		return replyBadMemory()
	}
	return replyBytes(host.CertificateRead(certificates))
}
