package vectors

import (
	"encoding/json"
	"strings"
)

// Verbs are the language-neutral verbs of the host, wherever they run: in this
// process or inside a WebAssembly instance. What they fail with is an error
// object in JSON; nil is success.
type Verbs interface {
	ClientNew(config []byte) (client uint64, failure []byte)
	SourceNew(client uint64, request []byte) (source uint64, failure []byte)
	SourceKey(source uint64) (key, failure []byte)
	SourcePeek(source uint64) (peeked Peeked, failure []byte)
	SourceInvalidate(source uint64, accessToken []byte) (failure []byte)
	FlowNew(source uint64) (flow uint64, failure []byte)
	FlowNext(flow uint64) (step, failure []byte)
	FlowSigned(flow uint64, signature []byte) (failure []byte)
	FlowReceived(flow uint64, head, body []byte) (failure []byte)
	FlowFailed(flow uint64, reason []byte) (failure []byte)
	FlowFree(flow uint64) (failure []byte)
}

// Performer has the verb of those cases that run on OnLibrary only.
type Performer interface {
	FlowPerform(flow uint64, timeoutMS int64) (failure []byte)
}

// Peeked is what a peek says of the cached token.
type Peeked struct {
	AccessToken       string
	UsableMS, LeaseMS int64
	RefreshDue        bool
}

// Tester is as much of a *testing.T as is needed to run a case.
type Tester interface {
	Helper()
	Error(arguments ...any)
	Errorf(format string, arguments ...any)
	Fatal(arguments ...any)
	Fatalf(format string, arguments ...any)
}

// Run runs one case. The keys that sign are those of LoadKeys.
func Run(t Tester, verbs Verbs, keys map[string]Key, operation string, c Case) {
	r := &run{Tester: t, Verbs: verbs, keys: keys, flows: map[string]*runFlow{}, jtis: map[string]bool{}}
	r.operation(operation, c)
}

// run runs one case.
type run struct {
	Tester
	Verbs
	keys  map[string]Key
	flows map[string]*runFlow
	jtis  map[string]bool
}

// runFlow is a flow with what was seen of it.
type runFlow struct {
	handle uint64
	grants []string // signing inputs
}

func (r *run) operation(operation string, c Case) {
	switch operation {
	case "client":
		_, failure := r.ClientNew(textOr(c.ConfigText, c.Config))
		r.match(c.Expect, r.outcome(failure))
	case "source":
		client, failure := r.ClientNew(c.Config)
		r.ok(failure)
		_, failure = r.SourceNew(client, textOr(c.RequestText, c.Request))
		r.match(c.Expect, r.outcome(failure))
	case "cache_key":
		other := *c.Other
		if other.Config == nil {
			other.Config = c.Config
		}
		if other.Request == nil {
			other.Request = c.Request
		}
		r.match(c.Expect, object{"same": r.key(c.Config, c.Request) == r.key(other.Config, other.Request)})
	case "grant":
		source := r.newSource(c)
		r.match(c.Expect, r.next(r.flow("a", source)))
	case "assertion":
		r.match(c.Expect, r.assertion(r.flow("a", r.newSource(c))))
	case "acquire":
		r.match(c.Expect, r.acquire(r.flow("a", r.newSource(c)), c.Signatures, c.Answers))
	case "flow":
		source := r.newSource(c)
		for i, step := range c.Steps {
			if why := Match(step.Expect, r.step(source, step)); why != "" {
				r.Fatalf("step %d, %s: %s", i, step.Do, why)
			}
		}
	default:
		r.Fatalf("there is no operation %q", operation)
	}
}

func (r *run) match(expect object, got object) {
	r.Helper()
	if why := Match(expect, got); why != "" {
		r.Error(why)
	}
}

func textOr(text *Blob, value json.RawMessage) []byte {
	if text != nil {
		return text.Bytes()
	}
	return value
}

func (r *run) newSource(c Case) uint64 {
	r.Helper()
	return r.source(c.Config, c.Request)
}

func (r *run) source(config, request json.RawMessage) uint64 {
	r.Helper()
	client, failure := r.ClientNew(config)
	r.ok(failure)
	source, failure := r.SourceNew(client, request)
	r.ok(failure)
	return source
}

func (r *run) ok(failure []byte) {
	r.Helper()
	if failure != nil {
		r.Fatalf("%s", failure)
	}
}

func (r *run) key(config, request json.RawMessage) string {
	r.Helper()
	key, failure := r.SourceKey(r.source(config, request))
	r.ok(failure)
	if len(key) != 64 {
		r.Errorf("the key %s has not 64 digits", key)
	}
	return string(key)
}

// flow returns the flow of that name, which begins with its first use.
func (r *run) flow(name string, source uint64) *runFlow {
	if r.flows[name] == nil {
		handle, failure := r.FlowNew(source)
		r.ok(failure)
		r.flows[name] = &runFlow{handle: handle}
	}
	return r.flows[name]
}

// outcome is what a verb without a result came to.
func (r *run) outcome(failure []byte) object {
	if failure == nil {
		return object{}
	}
	return r.failure(failure)
}

// failure reads an error object and checks what holds for all of them.
func (r *run) failure(text []byte) object {
	r.Helper()
	var e object
	if err := json.Unmarshal(text, &e); err != nil {
		r.Fatal(err)
	}
	remedy, _ := e["remedy"].(string)
	line, _ := e["text"].(string)
	if !strings.HasSuffix(remedy, ".") || !strings.HasPrefix(line, "maskinporten: ") || !strings.Contains(line, remedy) || e["number"].(float64) < 1001 {
		r.Errorf("%s is no good error", text)
	}
	switch e["kind"] {
	case "local", "remote", "transport":
	default:
		r.Errorf("kind is %v", e["kind"])
	}
	if problems, ok := e["problems"].([]any); ok {
		fields := []any{}
		for _, p := range problems {
			fields = append(fields, p.(object)["field"])
		}
		e["problems"] = fields
	}
	return e
}
