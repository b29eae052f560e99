package wire

import (
	"errors"

	"github.com/maskinporten-core/maskinporten/core"
)

// Failure is an error in the form that crosses a language boundary.
type Failure struct {
	// Number is the code's number in the C ABI, never 0.
	Number int32
	// JSON is the error object.
	JSON []byte
}

func errorJSON(e *core.Error) []byte {
	text, _ := e.MarshalJSON() // it has no error
	return text
}

// fail makes a Failure of an error, and nil of nil.
func fail(err error) *Failure {
	if err == nil {
		return nil
	}
	var e *core.Error
	if !errors.As(err, &e) {
		e = core.NewError(core.CodeInternal, "an unexpected error", err)
	}
	return &Failure{Number: e.Code.Number(), JSON: errorJSON(e)}
}

var noToken = fail(core.NewError(core.CodeNoToken, "the cache holds no usable token", nil))

func invalidHandle(kind string) *Failure {
	return fail(core.NewError(core.CodeInvalidHandle, "this is no live "+kind+" handle", nil))
}

// handleOf answers a verb that makes something; a handle of 0 is none.
func handleOf(handle uint64) (uint64, *Failure) {
	if handle == 0 {
		return 0, fail(core.NewError(core.CodeNoMemory, "there are more than a million live handles; free those that are not used", nil))
	}
	return handle, nil
}
