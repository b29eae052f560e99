// Command capi is libmaskinporten, the C shared library: built with
// -buildmode=c-shared, described by include/maskinporten.h.
//
// A call passes three layers. shim.c has the public mp_ functions; it answers
// misuse, and every call in a forked child, without entering Go. The mpgo_
// functions of this package turn C memory into Go values and back. Package wire
// does the work.
//
// This file has no cgo in it, so that the module builds and vets without a C
// compiler.
package main

func main() {}
