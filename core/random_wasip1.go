//go:build host_signs

package core

import (
	"errors"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 random_get
//go:noescape
func randomGet(data unsafe.Pointer, size uint32) (errno uint32)

func (hostRandom) Read(data []byte) (int, error) {
	if errno := randomGet(unsafe.Pointer(unsafe.SliceData(data)), uint32(len(data))); errno != 0 {
		return 0, errors.New("random_get failed")
	}
	return len(data), nil
}
