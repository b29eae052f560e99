//go:build host_signs

package core

// getRandomData is crypto.getRandomValues, which gives at most 64 KiB; the
// core asks for 24 bytes. It throws, and so traps, where it cannot.
//
//go:wasmimport gojs runtime.getRandomData
//go:noescape
func getRandomData(data []byte)

func (hostRandom) Read(data []byte) (int, error) {
	data = data[:min(len(data), 64<<10)]
	getRandomData(data)
	return len(data), nil
}
