package core

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/vectors"
)

// outcome is what a call without a result came to.
func (v *vectorRun) outcome(err error) vectorMembers {
	v.Helper()
	if err == nil {
		return vectorMembers{}
	}
	var e *Error
	if !errors.As(err, &e) {
		v.Fatalf("%v is no *Error", err)
	}
	if !strings.HasSuffix(e.Remedy, ".") || e.Code.Number() == 0 {
		v.Errorf("%v is no good error", e)
	}
	text, _ := e.MarshalJSON()
	var out vectorMembers
	if err := json.Unmarshal(text, &out); err != nil {
		v.Fatal(err)
	}
	fields := []string{}
	for _, p := range e.Problems {
		fields = append(fields, p.Field)
	}
	out["problems"] = fields
	if !e.NextAttempt.IsZero() {
		out["again_in_ms"] = e.NextAttempt.Sub(v.now.Time()).Milliseconds()
	}
	return out
}

// next returns the next step with the members that the cases speak of.
func (v *vectorRun) next(f *vectorFlow) vectorMembers {
	v.Helper()
	switch step := f.Next(v.now); step.Kind {
	case StepSign:
		return v.sign(f, step)
	case StepSend:
		headers := vectorMembers{}
		for _, h := range step.Request.Header {
			headers[h.Name] = h.Value
		}
		return vectorMembers{"step": "send", "method": step.Request.Method, "url": step.Request.URL, "headers": headers,
			"body": f.named(string(step.Request.Body)), "timeout_ms": step.Request.Timeout.Milliseconds(), "max_body": step.Request.MaxBody}
	case StepWait:
		return vectorMembers{"step": "wait", "wait_ms": float64(step.Wait) / float64(time.Millisecond)}
	case StepDone:
		t := step.Token
		return vectorMembers{"step": "done", "access_token": t.AccessToken(), "token_type": t.TokenType(), "scope": t.Scope(),
			"life_s": t.Life().Seconds(), "usable_s": t.UsableUntil().Sub(t.RequestedAt()).Seconds()}
	case StepFailed:
		failed := v.outcome(step.Err)
		failed["step"] = "failed"
		return failed
	default:
		v.Fatalf("no case has the step %s", step.Kind)
		return nil
	}
}

// sign takes a signing input apart.
func (v *vectorRun) sign(f *vectorFlow, step Step) vectorMembers {
	v.Helper()
	input := string(step.SigningInput)
	if n := len(f.grants); n == 0 || f.grants[n-1] != input {
		f.grants = append(f.grants, input)
	}
	header, claims := decodePart(v.T, input+".", 0), decodePart(v.T, input+".", 1)
	iat, exp, jti := claims["iat"].(float64), claims["exp"].(float64), claims["jti"].(string)
	if now := v.now.Add(v.client.ClockOffset()).Time().Unix(); int64(iat) > now || int64(iat) < now-10 {
		v.Errorf("iat is %v, %d s before now", iat, now-int64(iat))
	}
	if len(jti) < 22 {
		v.Error("the jti is short")
	}
	for _, name := range []string{"iat", "exp", "jti"} {
		delete(claims, name)
	}
	return vectorMembers{"step": "sign", "alg": step.Algorithm, "header": header, "claims": claims, "life_s": exp - iat,
		"iat_s": int64(iat) - vectorStart.Time().Unix()}
}

func vectorText(t *testing.T, part string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// named writes <grant n> where the body holds the n-th grant of the flow,
// signed with zeros.
func (f *vectorFlow) named(body string) string {
	for i, input := range f.grants {
		if before, signature, found := strings.Cut(body, input+"."); found && strings.Trim(signature, "A") == "" {
			return before + fmt.Sprintf("<grant %d>", i+1)
		}
	}
	return body
}

// acquire drives a flow to its end. Pauses move the clock.
func (v *vectorRun) acquire(f *vectorFlow, signatures []vectors.Signature, answers []vectors.Answer) vectorMembers {
	v.Helper()
	requests, waits, iats, signs := []vectorMembers{}, []any{}, []any{}, 0
	for range 100 {
		step := v.next(f)
		switch step["step"] {
		case "sign":
			iats = append(iats, step["iat_s"])
			signature := vectors.Signature{Bytes: 256}
			if len(signatures) > 0 {
				signature = signatures[min(signs, len(signatures)-1)]
			}
			signs++
			if signature.Fail != nil {
				v.outcome(f.Failed(v.now, reasonOf(signature.Fail)))
			} else {
				f.Signed(v.now, make([]byte, signature.Bytes)) // what is wrong with it is the next step's to tell
			}
		case "send":
			requests = append(requests, step)
			if len(answers) == 0 {
				v.Fatal("a request is sent that nobody expects")
			}
			if err := v.feed(f, answers[min(len(requests), len(answers))-1]); err != nil {
				v.Fatal(err)
			}
		case "wait":
			waits = append(waits, step["wait_ms"])
			v.now = v.now.Add(time.Duration(step["wait_ms"].(float64) * float64(time.Millisecond)))
		default:
			step["sent"], step["requests"], step["waits_ms"], step["iat_s"] = len(requests), requests, waits, iats
			step["clock_offset_ms"] = v.client.ClockOffset().Milliseconds()
			return step
		}
	}
	v.Fatal("the flow does not end")
	return nil
}

func (v *vectorRun) feed(f *vectorFlow, answer vectors.Answer) error {
	if answer.Fail != nil {
		return f.Failed(v.now, reasonOf(answer.Fail))
	}
	response := Response{Status: answer.Status, Body: answer.Body.Bytes()}
	for name, value := range answer.Headers {
		values, several := value.([]any)
		if !several {
			values = []any{value}
		}
		for _, one := range values {
			response.Header = append(response.Header, Header{name, one.(string)})
		}
	}
	return f.Received(v.now, response)
}

func reasonOf(fail *vectors.Failure) error {
	e := NewError(Code(fail.Code), "the host reported "+fail.Code, errors.New(fail.Message))
	if e.Code == CodeSigningFailed {
		e.Retryable = fail.Retryable
	}
	return e
}

// step does one line of a script.
func (v *vectorRun) step(s vectors.Step) vectorMembers {
	v.Helper()
	if s.AtMS != nil {
		ahead := vectorStart.Add(time.Duration(*s.AtMS)*time.Millisecond).Monotonic - v.now.Monotonic
		v.now = v.now.Add(time.Duration(ahead))
	}
	if s.WallMS != nil {
		v.now.Wall += *s.WallMS * int64(time.Millisecond)
	}
	switch s.Do {
	case "next":
		return v.next(v.flow(s.Flow))
	case "signed":
		size := max(s.Bytes, 0)
		if s.Bytes == 0 {
			size = 256
		}
		return v.outcome(v.flow(s.Flow).Signed(v.now, make([]byte, size)))
	case "received":
		return v.outcome(v.feed(v.flow(s.Flow), *s.Answer))
	case "failed":
		return v.outcome(v.flow(s.Flow).Failed(v.now, reasonOf(s.Fail)))
	case "wait":
		total := 0.0
		for {
			step := v.next(v.flow(s.Flow))
			if step["step"] != "wait" {
				return vectorMembers{"wait_ms": total}
			}
			pause := step["wait_ms"].(float64)
			total += pause
			v.now = v.now.Add(time.Duration(pause * float64(time.Millisecond)))
		}
	case "free":
		v.flow(s.Flow).Abandon(v.now)
		return vectorMembers{}
	case "peek":
		token, left, lease, found := v.source.Peek()
		if !found {
			return vectorMembers{"code": string(CodeNoToken)}
		}
		return vectorMembers{"access_token": token.AccessToken(), "usable_ms": left.Milliseconds(), "refresh_due": lease == 0, "lease_ms": lease.Milliseconds()}
	case "invalidate":
		v.source.Invalidate(s.AccessToken)
		return vectorMembers{}
	case "rotate":
		v.flows = map[string]*vectorFlow{}
		return v.outcome(v.client.Rotate(Key{KeyID: s.KeyID}))
	case "acquire":
		return v.acquire(&vectorFlow{Flow: v.source.NewFlow()}, nil, s.Answers)
	}
	v.Fatalf("there is no verb %q", s.Do)
	return nil
}
