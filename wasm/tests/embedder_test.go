// Package wasmtests drives the wasip1 modules from wazero, as a program would
// that embeds them: what README.md of the folder above says, and nothing else.
package wasmtests

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/maskinporten-core/maskinporten/core/internal/vectors"
)

// An engine is one compiled module, of which instances are made.
type engine struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

var ctx = context.Background()

func build() string {
	if folder := os.Getenv("MASKINPORTEN_BUILD"); folder != "" {
		return folder
	}
	return "../../build"
}

func mustRead(t testing.TB, name string) []byte {
	t.Helper()
	code, err := os.ReadFile(filepath.Join(build(), "maskinporten-"+name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// newEngine compiles a module; memory is limited to that many pages of 64 KiB.
func newEngine(t testing.TB, name string, pages uint32) *engine {
	t.Helper()
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(pages).WithCloseOnContextDone(true)
	e := &engine{runtime: wazero.NewRuntimeWithConfig(ctx, config)}
	t.Cleanup(func() { e.runtime.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, e.runtime)
	var err error
	if e.compiled, err = e.runtime.CompileModule(ctx, mustRead(t, name)); err != nil {
		t.Fatal(err)
	}
	return e
}

// An instance is the module with a memory of its own. One goroutine at a time
// may call it.
type instance struct {
	module  api.Module
	context context.Context // of the calls
}

// start makes an instance: a reactor, so _initialize before anything else.
func (e *engine) start(t testing.TB) *instance {
	t.Helper()
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
		WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime()
	module, err := e.runtime.InstantiateModule(ctx, e.compiled, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { module.Close(ctx) })
	return &instance{module, ctx}
}

// call calls an export. An error is a trap: the instance is good for nothing
// afterwards.
func (i *instance) call(export string, parameters ...uint64) (uint64, error) {
	results, err := i.module.ExportedFunction(export).Call(i.context, parameters...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return results[0], nil
}

func (i *instance) must(export string, parameters ...uint64) uint64 {
	result, err := i.call(export, parameters...)
	if err != nil {
		panic(err)
	}
	return result
}

// give copies bytes into a block of the instance.
func (i *instance) give(data []byte) (address, length uint64, err error) {
	if len(data) == 0 {
		return 0, 0, nil
	}
	address, err = i.call("mp_alloc", uint64(len(data)))
	if err == nil && address == 0 {
		err = errors.New("mp_alloc has none")
	}
	if err == nil && !i.module.Memory().Write(uint32(address), data) {
		err = errors.New("the block lies outside of memory")
	}
	return address, uint64(len(data)), err
}

// take reads a result and frees its block.
func (i *instance) take(packed uint64) (status uint32, payload []byte, err error) {
	address, length := uint32(packed>>32), uint32(packed)
	view, ok := i.module.Memory().Read(address, length)
	if !ok || len(view) < 4 {
		return 0, nil, errors.New("the result lies outside of memory")
	}
	status = binary.LittleEndian.Uint32(view)
	payload = append([]byte(nil), view[4:]...) // the view ends with the next call
	_, err = i.call("mp_free", uint64(address))
	return status, payload, err
}

// try calls a verb with a handle, if any, and inputs.
func (i *instance) try(verb string, handle []uint64, inputs ...[]byte) (status uint32, payload []byte, err error) {
	parameters := handle
	for _, input := range inputs {
		address, length, err := i.give(input)
		if err != nil {
			return 0, nil, err
		}
		parameters = append(parameters, address, length)
		if address != 0 {
			defer i.call("mp_free", address)
		}
	}
	packed, err := i.call(verb, parameters...)
	if err != nil {
		return 0, nil, err
	}
	return i.take(packed)
}

// verb is try where a trap is a defect: the payload, or the error object.
func (i *instance) verb(verb string, handle []uint64, inputs ...[]byte) (payload, failure []byte) {
	status, payload, err := i.try(verb, handle, inputs...)
	switch {
	case err != nil:
		panic(err)
	case status != 0:
		return nil, payload
	}
	return payload, nil
}

func (i *instance) handle(verb string, handle []uint64, inputs ...[]byte) (uint64, []byte) {
	payload, failure := i.verb(verb, handle, inputs...)
	if failure != nil {
		return 0, failure
	}
	return binary.LittleEndian.Uint64(payload), nil
}

func (i *instance) done(verb string, handle uint64, inputs ...[]byte) []byte {
	_, failure := i.verb(verb, []uint64{handle}, inputs...)
	return failure
}

// The verbs as the runner of the vectors wants them.

func (i *instance) ClientNew(config []byte) (uint64, []byte) {
	return i.handle("mp_client_new", nil, config)
}

func (i *instance) SourceNew(client uint64, request []byte) (uint64, []byte) {
	return i.handle("mp_source_new", []uint64{client}, request)
}

func (i *instance) SourceKey(source uint64) (key, failure []byte) {
	return i.verb("mp_source_key", []uint64{source})
}

func (i *instance) SourcePeek(source uint64) (peeked vectors.Peeked, failure []byte) {
	payload, failure := i.verb("mp_source_peek", []uint64{source})
	if failure != nil {
		return peeked, failure
	}
	number := binary.LittleEndian.Uint64
	return vectors.Peeked{UsableMS: int64(number(payload)), RefreshDue: binary.LittleEndian.Uint32(payload[8:]) == 1,
		LeaseMS: int64(number(payload[12:])), AccessToken: string(payload[20:])}, nil
}

func (i *instance) SourceInvalidate(source uint64, accessToken []byte) []byte {
	return i.done("mp_source_invalidate", source, accessToken)
}

func (i *instance) FlowNew(source uint64) (uint64, []byte) {
	return i.handle("mp_flow_new", []uint64{source})
}

func (i *instance) FlowNext(flow uint64) (step, failure []byte) {
	return i.verb("mp_flow_next", []uint64{flow})
}

func (i *instance) FlowSigned(flow uint64, signature []byte) []byte {
	return i.done("mp_flow_signed", flow, signature)
}

func (i *instance) FlowReceived(flow uint64, head, body []byte) []byte {
	return i.done("mp_flow_received", flow, head, body)
}

func (i *instance) FlowFailed(flow uint64, reason []byte) []byte {
	return i.done("mp_flow_failed", flow, reason)
}

func (i *instance) FlowFree(flow uint64) []byte { return i.done("mp_flow_free", flow) }

// code is the code of an error object.
func code(t testing.TB, failure []byte) string {
	t.Helper()
	var object struct{ Code string }
	if err := json.Unmarshal(failure, &object); err != nil {
		t.Fatalf("%q is no error object", failure)
	}
	return object.Code
}
