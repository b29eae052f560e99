package wire

import (
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
	keys, err := vectors.LoadKeys(vectorFolder)
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
					vectors.Run(t, vectorVerbs{NewHost(nil, nil)}, keys, file.Operation, c)
				})
			})
		}
	}
	t.Logf("%d cases", ran)
}

// vectorVerbs gives the failures of a Host as JSON.
type vectorVerbs struct{ host *Host }

func failureJSON(failure *Failure) []byte {
	if failure == nil {
		return nil
	}
	return failure.JSON
}

func (v vectorVerbs) ClientNew(config []byte) (uint64, []byte) {
	result, failure := v.host.ClientNew(config)
	return result, failureJSON(failure)
}

func (v vectorVerbs) SourceNew(client uint64, request []byte) (uint64, []byte) {
	result, failure := v.host.SourceNew(client, request)
	return result, failureJSON(failure)
}

func (v vectorVerbs) SourceKey(source uint64) ([]byte, []byte) {
	result, failure := v.host.SourceKey(source)
	return result, failureJSON(failure)
}

func (v vectorVerbs) SourcePeek(source uint64) (vectors.Peeked, []byte) {
	result, failure := v.host.SourcePeek(source)
	return vectors.Peeked(result), failureJSON(failure)
}

func (v vectorVerbs) SourceInvalidate(source uint64, accessToken []byte) []byte {
	return failureJSON(v.host.SourceInvalidate(source, accessToken))
}

func (v vectorVerbs) FlowNew(source uint64) (uint64, []byte) {
	result, failure := v.host.FlowNew(source)
	return result, failureJSON(failure)
}

func (v vectorVerbs) FlowNext(flow uint64) ([]byte, []byte) {
	result, failure := v.host.FlowNext(flow)
	return result, failureJSON(failure)
}

func (v vectorVerbs) FlowSigned(flow uint64, signature []byte) []byte {
	return failureJSON(v.host.FlowSigned(flow, signature))
}

func (v vectorVerbs) FlowReceived(flow uint64, head, body []byte) []byte {
	return failureJSON(v.host.FlowReceived(flow, head, body))
}

func (v vectorVerbs) FlowFailed(flow uint64, reason []byte) []byte {
	return failureJSON(v.host.FlowFailed(flow, reason))
}

func (v vectorVerbs) FlowPerform(flow uint64, timeoutMS int64) []byte {
	return failureJSON(v.host.FlowPerform(flow, timeoutMS))
}

func (v vectorVerbs) FlowFree(flow uint64) []byte {
	return failureJSON(v.host.FlowFree(flow))
}
