package vectors

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
)

// next returns the next step with the members that the cases speak of.
func (r *run) next(f *runFlow) object {
	r.Helper()
	text, failure := r.FlowNext(f.handle)
	if failure != nil {
		return r.outcome(failure)
	}
	var step object
	if err := json.Unmarshal(text, &step); err != nil {
		r.Fatal(err)
	}
	switch step["step"] {
	case "sign":
		r.grant(f, step)
	case "send":
		step["body"] = f.named(step["body"].(string))
	case "done":
		token := step["token"].(object)
		token["step"] = "done"
		token["life_s"] = (token["expires_at_ms"].(float64) - token["requested_at_ms"].(float64)) / 1000
		token["usable_s"] = (token["usable_until_ms"].(float64) - token["requested_at_ms"].(float64)) / 1000
		return token
	case "failed":
		text, _ := json.Marshal(step["error"])
		failed := r.failure(text)
		failed["step"] = "failed"
		return failed
	}
	return step
}

// grant takes a signing input apart and checks the rules of iat, exp and jti.
func (r *run) grant(f *runFlow, step object) {
	r.Helper()
	input := step["signing_input"].(string)
	if n := len(f.grants); n == 0 || f.grants[n-1] != input {
		f.grants = append(f.grants, input)
	} else {
		return // the same step, asked again
	}
	header, payload, _ := strings.Cut(input, ".")
	claims := r.decodeJSON(payload)
	iat, exp, jti := claims["iat"].(float64), claims["exp"].(float64), claims["jti"].(string)
	if age := float64(time.Now().Unix()) - iat; age < 0 || age > 10 {
		r.Errorf("iat is %v s old", age)
	}
	if len(jti) < 22 || r.jtis[jti] {
		r.Errorf("the jti is short or was used before")
	}
	r.jtis[jti] = true
	for _, name := range []string{"iat", "exp", "jti"} {
		delete(claims, name)
	}
	step["header"], step["claims"], step["life_s"] = r.decodeJSON(header), claims, exp-iat
}

func (r *run) decodeJSON(part string) object {
	r.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		r.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		r.Fatal(err)
	}
	return members
}

// named writes <grant n> where the body holds the n-th grant of the flow,
// signed with zeros.
func (f *runFlow) named(body string) string {
	for i, input := range f.grants {
		if at := strings.Index(body, input+"."); at >= 0 {
			if signature := body[at+len(input)+1:]; strings.Trim(signature, "A") == "" {
				return body[:at] + fmt.Sprintf("<grant %d>", i+1)
			}
		}
	}
	return body
}

// acquire drives a flow to its end.
func (r *run) acquire(f *runFlow, signatures []Signature, answers []Answer) object {
	r.Helper()
	requests, signs := []object{}, 0
	for range 100 {
		step := r.next(f)
		switch step["step"] {
		case "sign":
			signature := Signature{Bytes: 256}
			if len(signatures) > 0 {
				signature = signatures[min(signs, len(signatures)-1)]
			}
			signs++
			if signature.Fail != nil {
				r.ok(r.FlowFailed(f.handle, reason(signature.Fail)))
			} else {
				r.FlowSigned(f.handle, make([]byte, signature.Bytes)) // what is wrong with it is the next step's to tell
			}
		case "send":
			requests = append(requests, step)
			r.ok(r.feed(f, answers[min(len(requests), len(answers))-1]))
		case "wait":
			time.Sleep(time.Duration(step["wait_ms"].(float64)) * time.Millisecond)
		default:
			step["sent"], step["requests"] = len(requests), requests
			return step
		}
	}
	r.Fatal("the flow does not end")
	return nil
}

func (r *run) feed(f *runFlow, answer Answer) []byte {
	if answer.Fail != nil {
		return r.FlowFailed(f.handle, reason(answer.Fail))
	}
	head, _ := json.Marshal(object{"status": answer.Status, "headers": answer.Headers})
	return r.FlowReceived(f.handle, head, answer.Body.Bytes())
}

func reason(fail *Failure) []byte {
	text, _ := json.Marshal(fail)
	return text
}

// step does one line of a script.
func (r *run) step(source uint64, s Step) object {
	r.Helper()
	name := s.Flow
	if name == "" {
		name = "a"
	}
	switch s.Do {
	case "next":
		return r.next(r.flow(name, source))
	case "signed":
		size := max(s.Bytes, 0)
		if s.Bytes == 0 {
			size = 256
		}
		return r.outcome(r.FlowSigned(r.flow(name, source).handle, make([]byte, size)))
	case "received":
		return r.outcome(r.feed(r.flow(name, source), *s.Answer))
	case "failed":
		return r.outcome(r.FlowFailed(r.flow(name, source).handle, reason(s.Fail)))
	case "wait":
		return r.wait(r.flow(name, source))
	case "free":
		return r.outcome(r.FlowFree(r.flow(name, source).handle))
	case "peek":
		peeked, failure := r.SourcePeek(source)
		if failure != nil {
			return r.outcome(failure)
		}
		return object{"access_token": peeked.AccessToken, "usable_ms": peeked.UsableMS,
			"refresh_due": peeked.RefreshDue, "lease_ms": peeked.LeaseMS}
	case "invalidate":
		return r.outcome(r.SourceInvalidate(source, []byte(s.AccessToken)))
	}
	r.Fatalf("there is no verb %q", s.Do)
	return nil
}

// wait makes the pauses that a flow asks for, if any.
func (r *run) wait(f *runFlow) object {
	total := 0.0
	for {
		step := r.next(f)
		if step["step"] != "wait" {
			return object{"wait_ms": total}
		}
		total += step["wait_ms"].(float64)
		time.Sleep(time.Duration(step["wait_ms"].(float64)) * time.Millisecond)
	}
}

// assertion lets the library sign and checks the signature with the standard
// library.
func (r *run) assertion(f *runFlow) object {
	r.Helper()
	sign := r.next(f)
	r.ok(r.Verbs.(Performer).FlowPerform(f.handle, -1))
	form, err := url.ParseQuery(r.next(f)["body"].(string))
	if err != nil {
		r.Fatal(err)
	}
	input, encoded, _ := strings.Cut(form.Get("assertion"), sign["signing_input"].(string)+".")
	signature, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || input != "" {
		r.Fatal("the assertion is not the signing input with a signature")
	}
	signer := "nobody"
	for name, key := range r.keys {
		n, err := base64.RawURLEncoding.DecodeString(key.PublicJWK["n"])
		if err != nil {
			r.Fatal(err)
		}
		hash := map[string]crypto.Hash{"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512}[sign["alg"].(string)]
		digest := hash.New()
		digest.Write([]byte(sign["signing_input"].(string)))
		if rsa.VerifyPKCS1v15(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}, hash, digest.Sum(nil), signature) == nil {
			signer = name
		}
	}
	return object{"header": sign["header"], "signed_by": signer}
}
