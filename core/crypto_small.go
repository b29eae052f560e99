//go:build wasm && host_signs

package core

import (
	"io"

	"github.com/maskinporten-core/maskinporten/core/internal/smallcrypto"
)

// In the WebAssembly module of which the host signs, package crypto and what
// it brings along (fmt, os) would be a tenth of everything. A structure test
// keeps them out.

var systemRandom io.Reader = hostRandom{}

// hostRandom is the random source of the WebAssembly host.
type hostRandom struct{}

func sumSHA256(data []byte) [32]byte { return smallcrypto.SHA256(data) }

func newAESGCM(key [32]byte) (aead, error) { return smallcrypto.NewGCM(key), nil }
