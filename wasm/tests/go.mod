// What an embedder in Go does, with wazero. A module of its own, so that the
// product does not require wazero; its name is below core/ so that it may run
// the cases of core/internal/vectors.
module github.com/maskinporten-core/maskinporten/core/wasm-tests

go 1.26.0

replace github.com/maskinporten-core/maskinporten => ../..

require (
	github.com/maskinporten-core/maskinporten v0.0.0-00010101000000-000000000000
	github.com/tetratelabs/wazero v1.12.0
)

require golang.org/x/sys v0.44.0 // indirect
