package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maskinporten-core/maskinporten/core/internal/vectors"
)

const vectorFolder = "../testdata/vectors"

// TestVectors runs every shared case that speaks of the language-neutral
// verbs, the way that the runners of the other languages do.
func TestVectors(t *testing.T) {
	files, err := vectors.Load(vectorFolder)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range files {
		for _, c := range file.Cases {
			if !c.RunsHere(vectors.OnABI, vectors.OnLibrary) {
				continue
			}
			ran++
			t.Run(file.Subject+"/"+c.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { // pauses take no time
					v := &vectorHost{T: t, Host: NewHost(nil, nil), flows: map[string]*vectorFlow{}}
					v.run(file.Operation, c)
				})
			})
		}
	}
	t.Logf("%d cases", ran)
}

// vectorHost runs one case.
type vectorHost struct {
	*testing.T
	*Host
	flows map[string]*vectorFlow
	jtis  map[string]bool
}

// vectorFlow is a flow with what was seen of it.
type vectorFlow struct {
	handle uint64
	grants []string // signing inputs
}

type jsonObject = map[string]any

func (v *vectorHost) run(operation string, c vectors.Case) {
	switch operation {
	case "client":
		_, failure := v.ClientNew(textOr(c.ConfigText, c.Config))
		v.match(c.Expect, v.outcome(failure))
	case "source":
		client, failure := v.ClientNew(c.Config)
		ok(v.T, failure)
		_, failure = v.SourceNew(client, textOr(c.RequestText, c.Request))
		v.match(c.Expect, v.outcome(failure))
	case "cache_key":
		other := *c.Other
		if other.Config == nil {
			other.Config = c.Config
		}
		if other.Request == nil {
			other.Request = c.Request
		}
		v.match(c.Expect, jsonObject{"same": v.key(c.Config, c.Request) == v.key(other.Config, other.Request)})
	case "grant":
		source := v.newSource(c)
		v.match(c.Expect, v.next(v.flow("a", source)))
	case "assertion":
		v.match(c.Expect, v.assertion(v.flow("a", v.newSource(c))))
	case "acquire":
		v.match(c.Expect, v.acquire(v.flow("a", v.newSource(c)), c.Signatures, c.Answers))
	case "flow":
		source := v.newSource(c)
		for i, step := range c.Steps {
			if why := vectors.Match(step.Expect, v.step(source, step)); why != "" {
				v.Fatalf("step %d, %s: %s", i, step.Do, why)
			}
		}
	default:
		v.Fatalf("there is no operation %q", operation)
	}
}

func (v *vectorHost) match(expect jsonObject, got jsonObject) {
	v.Helper()
	if why := vectors.Match(expect, got); why != "" {
		v.Error(why)
	}
}

func textOr(text *vectors.Blob, value json.RawMessage) []byte {
	if text != nil {
		return text.Bytes()
	}
	return value
}

func (v *vectorHost) newSource(c vectors.Case) uint64 {
	v.Helper()
	_, source := newSource(v.T, v.Host, string(c.Config), string(c.Request))
	return source
}

func (v *vectorHost) key(config, request json.RawMessage) string {
	v.Helper()
	_, source := newSource(v.T, v.Host, string(config), string(request))
	key, failure := v.SourceKey(source)
	ok(v.T, failure)
	if len(key) != 64 {
		v.Errorf("the key %s has not 64 digits", key)
	}
	return string(key)
}

// flow returns the flow of that name, which begins with its first use.
func (v *vectorHost) flow(name string, source uint64) *vectorFlow {
	if v.flows[name] == nil {
		handle, failure := v.FlowNew(source)
		ok(v.T, failure)
		v.flows[name] = &vectorFlow{handle: handle}
	}
	return v.flows[name]
}

// outcome is what a verb without a result came to.
func (v *vectorHost) outcome(failure *Failure) jsonObject {
	if failure == nil {
		return jsonObject{}
	}
	return v.failure(failure.JSON)
}

// failure reads an error object and checks what holds for all of them.
func (v *vectorHost) failure(text []byte) jsonObject {
	v.Helper()
	var e jsonObject
	if err := json.Unmarshal(text, &e); err != nil {
		v.Fatal(err)
	}
	remedy, _ := e["remedy"].(string)
	line, _ := e["text"].(string)
	if !strings.HasSuffix(remedy, ".") || !strings.HasPrefix(line, "maskinporten: ") || !strings.Contains(line, remedy) || e["number"].(float64) < 1001 {
		v.Errorf("%s is no good error", text)
	}
	switch e["kind"] {
	case "local", "remote", "transport":
	default:
		v.Errorf("kind is %v", e["kind"])
	}
	if problems, ok := e["problems"].([]any); ok {
		fields := []any{}
		for _, p := range problems {
			fields = append(fields, p.(jsonObject)["field"])
		}
		e["problems"] = fields
	}
	return e
}
