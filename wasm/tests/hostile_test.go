package wasmtests

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

const (
	config  = `{"environment":"test","client_id":"c0ffee00-0000-4000-8000-000000000000","key":{"kid":"k"}}`
	request = `{"scopes":["a:b"]}`
)

// source makes a client and a source.
func (i *instance) source(t testing.TB) uint64 {
	t.Helper()
	client, failure := i.ClientNew([]byte(config))
	if failure != nil {
		t.Fatalf("%s", failure)
	}
	source, failure := i.SourceNew(client, []byte(request))
	if failure != nil {
		t.Fatalf("%s", failure)
	}
	return source
}

// jti builds a grant and returns its jti.
func (i *instance) jti(t testing.TB, source uint64) string {
	t.Helper()
	flow, failure := i.FlowNew(source)
	if failure != nil {
		t.Fatalf("%s", failure)
	}
	defer i.FlowFree(flow)
	text, failure := i.FlowNext(flow)
	if failure != nil {
		t.Fatalf("%s", failure)
	}
	var step struct {
		Input string `json:"signing_input"`
	}
	var claims struct{ JTI string }
	if err := json.Unmarshal(text, &step); err != nil || step.Input == "" {
		t.Fatalf("the step is %s", text)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(step.Input, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || len(claims.JTI) < 22 {
		t.Fatalf("%s has no jti", payload)
	}
	return claims.JTI
}

// works reports whether the instance still does its job.
func (i *instance) works(t testing.TB) {
	t.Helper()
	i.jti(t, i.source(t))
}

// TestHostileMemory passes pointers and lengths that are not the host's to use.
func TestHostileMemory(t *testing.T) {
	i := newEngine(t, "wasip1-host-signs", pages).start(t)
	block, length, err := i.give([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	large := i.must("mp_alloc", 16<<20)
	const all = 1<<32 - 1
	hostile := map[string][2]uint64{
		"null":                         {0, 5},
		"inside nothing":               {1, 1},
		"behind the end of memory":     {0xfffffff0, 8},
		"over the end of 4 GiB":        {0xfffffff0, 100},
		"a negative length":            {block, all},
		"pointer and length overflow":  {all, all},
		"half of the address space":    {0x7fffffff, 0x7fffffff},
		"a byte too many":              {block, length + 1},
		"into a block":                 {block + 1, 1},
		"more than a verb takes":       {large, 4<<20 + 1},
		"the length of all of memory":  {block, uint64(i.module.Memory().Size())},
		"what only the host wrote to":  {uint64(i.module.Memory().Size()) - 8, 8},
		"the place of the lease epoch": {i.must("mp_lease_epoch"), 8},
	}
	for name, bytes := range hostile {
		for _, verb := range []string{"mp_client_new", "mp_key_read", "mp_key_generate"} {
			status, failure, err := i.take(i.must(verb, bytes[0], bytes[1]))
			if err != nil || status != 1001 || code(t, failure) != "invalid_argument" {
				t.Errorf("%s: %s: %d %s %v", verb, name, status, failure, err)
			}
		}
		for _, verb := range []string{"mp_client_rotate", "mp_source_new", "mp_source_invalidate", "mp_flow_signed", "mp_flow_failed", "mp_flow_loaded"} {
			if status, _, err := i.take(i.must(verb, 1, bytes[0], bytes[1])); err != nil || status != 1001 {
				t.Errorf("%s: %s: %d %v", verb, name, status, err)
			}
		}
		if status, _, err := i.take(i.must("mp_flow_received", 1, bytes[0], bytes[1], block, length)); err != nil || status != 1001 {
			t.Errorf("head: %s: %d %v", name, status, err)
		}
		if status, _, err := i.take(i.must("mp_flow_received", 1, block, length, bytes[0], bytes[1])); err != nil || status != 1001 {
			t.Errorf("body: %s: %d %v", name, status, err)
		}
		i.must("mp_free", bytes[0]) // of the large block this frees it, which is its good right
	}
	for _, size := range []uint64{0, 1<<32 - 1, 16<<20 + 1, 1 << 31} {
		if address := i.must("mp_alloc", size); address != 0 {
			t.Errorf("mp_alloc(%d) gives %d", size, address)
		}
	}
	i.works(t)
}

// TestOverlap passes one block as two inputs, a result as an input, and the
// buffer of a peek, which the verb itself writes to.
func TestOverlap(t *testing.T) {
	i := newEngine(t, "wasip1", pages).start(t)
	source := i.source(t)
	flow, _ := i.FlowNew(source)
	i.FlowNext(flow)
	i.FlowSigned(flow, make([]byte, 256))
	answer := []byte(`{"status":200,"access_token":"secret","token_type":"Bearer","expires_in":120}`)
	block, length, err := i.give(answer)
	if err != nil {
		t.Fatal(err)
	}
	i.FlowNext(flow)
	// Head and body may be one block; that head has members too many.
	if status, failure, _ := i.take(i.must("mp_flow_received", flow, block, length, block, length)); status != 1001 || code(t, failure) != "invalid_argument" {
		t.Errorf("a head with the members of a body: %d %s", status, failure)
	}
	if failure := i.FlowReceived(flow, []byte(`{"status":200}`), answer); failure != nil {
		t.Fatalf("%s", failure)
	}
	if text, _ := i.FlowNext(flow); !bytes.Contains(text, []byte(`"done"`)) {
		t.Fatalf("the step is %s", text)
	}
	// The buffer that a peek writes is a live block, and the next peek has it again.
	packed := i.must("mp_source_peek", source)
	if status, _, _ := i.take(i.must("mp_source_invalidate", source, packed>>32, packed&0xffffffff)); status != 0 {
		t.Errorf("the buffer of a peek as a token: %d", status)
	}
	if peeked, failure := i.SourcePeek(source); failure != nil || peeked.AccessToken != "secret" {
		t.Errorf("after it a peek gives %v %s", peeked, failure)
	}
	// A result that was not freed yet.
	packed = i.must("mp_flow_next", flow)
	if status, _, _ := i.take(i.must("mp_client_new", packed>>32, packed&0xffffffff)); status != 1001 {
		t.Errorf("a step as a configuration: %d", status)
	}
	i.works(t)
}

// TestBeforeInitialize: an export that is called too early traps, and harms
// nobody else.
func TestBeforeInitialize(t *testing.T) {
	e := newEngine(t, "wasip1-host-signs", pages)
	module, err := e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	early := &instance{module, ctx}
	if _, err := early.call("mp_alloc", 1); err == nil {
		t.Error("mp_alloc works before _initialize")
	}
	e.start(t).works(t)
}

// TestAfterATrap (F86): an instance whose memory was ruined traps, now and
// later; another one restarts clean, and no jti comes twice.
func TestAfterATrap(t *testing.T) {
	e := newEngine(t, "wasip1-host-signs", pages)
	seen := map[string]bool{}
	for range 3 {
		i := e.start(t)
		source := i.source(t)
		for range 50 {
			if jti := i.jti(t, source); seen[jti] {
				t.Fatalf("the jti %s was used before", jti)
			} else {
				seen[jti] = true
			}
		}
		memory, _ := i.module.Memory().Read(0, i.module.Memory().Size())
		for at := range memory {
			memory[at] = 0xff
		}
		for range 3 {
			if _, err := i.call("mp_source_peek", source); err == nil {
				t.Fatal("a ruined instance answers")
			}
		}
	}
	if len(seen) != 150 {
		t.Errorf("%d jti", len(seen))
	}
}

// TestMemoryLimit (F87): where memory cannot grow the call traps, and neither
// hangs nor answers; the next instance is as good as new.
func TestMemoryLimit(t *testing.T) {
	free := newEngine(t, "wasip1-host-signs", pages).start(t)
	free.works(t)
	limit := free.module.Memory().Size()>>16 + 16 // a MiB more than it has
	e := newEngine(t, "wasip1-host-signs", limit)
	for range 2 {
		i := e.start(t)
		i.works(t)
		err := error(nil)
		for range 8 {
			if _, err = i.call("mp_alloc", 4<<20); err != nil {
				break
			}
		}
		if err == nil {
			t.Fatal("32 MiB were found in one")
		}
		if i.module.Memory().Size()>>16 > limit {
			t.Error("the limit was passed")
		}
	}
}

// TestTimeLimit: a call that takes longer than the host allows is cut off, and
// the instance with it.
func TestTimeLimit(t *testing.T) {
	e := newEngine(t, "wasip1", pages)
	i := e.start(t)
	limited, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	begin := time.Now()
	i.context = limited
	_, _, err := i.try("mp_key_generate", nil, []byte(`{"bits":4096}`)) // takes seconds
	var exit *sys.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != sys.ExitCodeDeadlineExceeded || time.Since(begin) > 10*time.Second {
		t.Errorf("after %v it ends with %v", time.Since(begin), err)
	}
	e.start(t).works(t)
}

// brokenRandom gives random numbers until it is broken.
type brokenRandom struct{ broken bool }

func (r *brokenRandom) Read(data []byte) (int, error) {
	if r.broken {
		return 0, errors.New("there are none")
	}
	return rand.Read(data)
}

// TestNoRandomNumbers: no grant is made without them. Where the host signs that
// is an error; package crypto of the other flavour ends the program, a trap.
func TestNoRandomNumbers(t *testing.T) {
	for _, flavour := range []string{"wasip1", "wasip1-host-signs"} {
		e := newEngine(t, flavour, pages)
		source := &brokenRandom{}
		module, err := e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().WithName("").
			WithStartFunctions("_initialize").WithRandSource(source).WithSysWalltime().WithSysNanotime())
		if err != nil {
			t.Fatal(err)
		}
		i := &instance{module, ctx}
		flow, _ := i.FlowNew(i.source(t))
		source.broken = true
		status, step, err := i.try("mp_flow_next", []uint64{flow})
		if err == nil && (status != 0 || !bytes.Contains(step, []byte(`"failed"`)) || !bytes.Contains(step, []byte(`"random_failed"`))) {
			t.Errorf("%s: the step is %s", flavour, step)
		}
		if err != nil && flavour == "wasip1-host-signs" {
			t.Errorf("%s: %v", flavour, err)
		}
		e.start(t).works(t)
	}
}

// TestSharedImports: instances that share their host functions do not know of
// each other.
func TestSharedImports(t *testing.T) {
	e := newEngine(t, "wasip1-host-signs", pages)
	var all sync.Map
	var group sync.WaitGroup
	for range 4 {
		i := e.start(t)
		group.Go(func() {
			source := i.source(t)
			for range 50 {
				if _, twice := all.LoadOrStore(i.jti(t, source), true); twice {
					t.Error("two instances made the same jti")
				}
			}
		})
	}
	group.Wait()
	one, other := e.start(t), e.start(t)
	source := one.source(t)
	if key, failure := other.SourceKey(source); failure == nil || code(t, failure) != "invalid_handle" {
		t.Errorf("a handle of another instance: %s %s", key, failure)
	}
}

// TestReentry: a host that calls an export from within an import gets an
// answer or a trap, but no hang and nothing that harms the next instance.
func TestReentry(t *testing.T) {
	var module api.Module
	answers, depth := 0, 0
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	builder := runtime.NewHostModuleBuilder("wasi_snapshot_preview1")
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(builder)
	builder.NewFunctionBuilder().WithFunc(func(call context.Context, m api.Module, address, length uint32) uint32 {
		random := bytes.Repeat([]byte{byte(answers + 1)}, int(length))
		m.Memory().Write(address, random)
		if module != nil && depth == 0 {
			depth++
			defer func() { depth-- }()
			if result, err := module.ExportedFunction("mp_abi_version").Call(call); err == nil && result[0] == 1 {
				answers++
			}
		}
		return 0
	}).Export("random_get")
	if _, err := builder.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, "wasip1-host-signs", pages)
	code, err := runtime.CompileModule(ctx, mustRead(t, "wasip1-host-signs"))
	if err != nil {
		t.Fatal(err)
	}
	i := (&engine{runtime, code}).start(t)
	source := i.source(t)
	module = i.module
	flow, _ := i.FlowNew(source)
	done := make(chan error, 1)
	go func() {
		_, _, err := i.try("mp_flow_next", []uint64{flow})
		done <- err
	}()
	select {
	case err := <-done:
		t.Logf("%d answers from within an import, then %v", answers, err)
		if answers == 0 && err == nil {
			t.Error("the export that was called from within an import neither answered nor trapped")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
	}
	e.start(t).works(t)
}
