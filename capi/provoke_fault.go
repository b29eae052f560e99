//go:build mp_fault

package main

import (
	"context"
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
)

// provoke panics in the layer that nothing can be relied on after.
func provoke(input []byte) {
	if string(input) == "panic" {
		panic("provoked in the ABI layer")
	}
}

// provoked returns a Transport that panics instead of sending to a URL that
// ends in /panic.
func provoked(transport core.Transport) core.Transport { return panicking{transport} }

type panicking struct{ core.Transport }

func (p panicking) Send(ctx context.Context, request core.Request) (core.Response, error) {
	if strings.HasSuffix(request.URL, "/panic") {
		panic("provoked in the transport")
	}
	return p.Transport.Send(ctx, request)
}
