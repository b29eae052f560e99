//go:build !mp_fault

package main

import "github.com/maskinporten-core/maskinporten/core"

// provoke and provoked are where the fault build of the tests panics. In every
// other build they do nothing.
func provoke([]byte) {}

func provoked(transport core.Transport) core.Transport { return transport }
