package core

import "github.com/maskinporten-core/maskinporten/core/internal/strictjson"

// MarshalJSON writes the error object that every language gets: kind, code,
// number, message, remedy, text and retryable, and of problems, error,
// error_description, mp_code, status, trace_id, attempts and next_attempt_ms
// (milliseconds since 1970-01-01 UTC) those that apply. It holds no secret.
func (e *Error) MarshalJSON() ([]byte, error) {
	var w strictjson.Writer
	w.String("kind", string(e.Kind))
	w.String("code", string(e.Code))
	w.Int("number", int64(e.Code.Number()))
	w.String("message", e.Message)
	w.String("remedy", e.Remedy)
	w.String("text", e.Error())
	if len(e.Problems) > 0 {
		w.Raw("problems", problemsJSON(e.Problems))
	}
	w.Optional("error", e.OAuthError)
	w.Optional("error_description", e.Description)
	w.Optional("mp_code", e.MPCode)
	if e.Status != 0 {
		w.Int("status", int64(e.Status))
	}
	w.Optional("trace_id", e.TraceID)
	if e.Attempts != 0 {
		w.Int("attempts", int64(e.Attempts))
	}
	w.Bool("retryable", e.Retryable)
	if !e.NextAttempt.IsZero() {
		w.Int("next_attempt_ms", e.NextAttempt.UnixMilli())
	}
	return w.Bytes(), nil
}

func problemsJSON(problems []Problem) []byte {
	out := []byte{'['}
	for i, p := range problems {
		if i > 0 {
			out = append(out, ',')
		}
		var w strictjson.Writer
		w.String("field", p.Field)
		w.String("message", p.Message)
		w.String("remedy", p.Remedy)
		out = append(out, w.Bytes()...)
	}
	return append(out, ']')
}
