//go:build mp_bench

// This file is laid over package capi when the library is built to be measured.

package main

import "C"

// mp_bench_noop is what every call of the library costs before it does anything.
//
//export mp_bench_noop
func mp_bench_noop() {}
