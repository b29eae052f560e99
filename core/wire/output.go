package wire

import (
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// Failure is an error in the form that crosses a language boundary.
type Failure struct {
	// Number is the code's number in the C ABI, never 0.
	Number int32
	// JSON is the error object.
	JSON []byte
}

func errorJSON(e *core.Error) []byte {
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
	return w.Bytes()
}

func problemsJSON(problems []core.Problem) []byte {
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

func tokenJSON(t core.Token) []byte {
	var w strictjson.Writer
	w.String("access_token", t.AccessToken)
	w.String("token_type", t.TokenType)
	w.String("scope", t.Scope)
	w.Int("requested_at_ms", t.RequestedAt.UnixMilli())
	w.Int("expires_at_ms", t.ExpiresAt.UnixMilli())
	w.Int("usable_until_ms", t.UsableUntil.UnixMilli())
	return w.Bytes()
}

func stepJSON(s core.Step) []byte {
	var w strictjson.Writer
	w.String("step", string(s.Kind))
	switch s.Kind {
	case core.StepSign:
		w.String("alg", s.Algorithm)
		w.String("signing_input", string(s.SigningInput))
	case core.StepSend:
		var headers strictjson.Writer
		for _, h := range s.Request.Header {
			headers.String(h.Name, h.Value)
		}
		w.String("method", s.Request.Method)
		w.String("url", s.Request.URL)
		w.Raw("headers", headers.Bytes())
		w.String("body", string(s.Request.Body))
		w.Int("timeout_ms", s.Request.Timeout.Milliseconds())
		w.Int("max_body", int64(s.Request.MaxBody))
	case core.StepWait:
		w.Int("wait_ms", int64((s.Wait+time.Millisecond-1)/time.Millisecond))
	case core.StepDone:
		w.Raw("token", tokenJSON(s.Token))
	case core.StepFailed:
		w.Raw("error", errorJSON(s.Err))
	}
	return w.Bytes()
}
