package wire

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/vectors"
)

// next returns the next step with the members that the cases speak of.
func (v *vectorHost) next(f *vectorFlow) jsonObject {
	v.Helper()
	text, failure := v.FlowNext(f.handle)
	if failure != nil {
		return v.outcome(failure)
	}
	var step jsonObject
	if err := json.Unmarshal(text, &step); err != nil {
		v.Fatal(err)
	}
	switch step["step"] {
	case "sign":
		v.grant(f, step)
	case "send":
		step["body"] = f.named(step["body"].(string))
	case "done":
		token := step["token"].(jsonObject)
		token["step"] = "done"
		token["life_s"] = (token["expires_at_ms"].(float64) - token["requested_at_ms"].(float64)) / 1000
		token["usable_s"] = (token["usable_until_ms"].(float64) - token["requested_at_ms"].(float64)) / 1000
		return token
	case "failed":
		text, _ := json.Marshal(step["error"])
		failed := v.failure(text)
		failed["step"] = "failed"
		return failed
	}
	return step
}

// grant takes a signing input apart and checks the rules of iat, exp and jti.
func (v *vectorHost) grant(f *vectorFlow, step jsonObject) {
	v.Helper()
	input := step["signing_input"].(string)
	if n := len(f.grants); n == 0 || f.grants[n-1] != input {
		f.grants = append(f.grants, input)
	} else {
		return // the same step, asked again
	}
	header, payload, _ := strings.Cut(input, ".")
	claims := decodeJSON(v.T, payload)
	iat, exp, jti := claims["iat"].(float64), claims["exp"].(float64), claims["jti"].(string)
	if age := float64(time.Now().Unix()) - iat; age < 0 || age > 10 {
		v.Errorf("iat is %v s old", age)
	}
	if v.jtis == nil {
		v.jtis = map[string]bool{}
	}
	if len(jti) < 22 || v.jtis[jti] {
		v.Errorf("the jti is short or was used before")
	}
	v.jtis[jti] = true
	for _, name := range []string{"iat", "exp", "jti"} {
		delete(claims, name)
	}
	step["header"], step["claims"], step["life_s"] = decodeJSON(v.T, header), claims, exp-iat
}

func decodeJSON(t *testing.T, part string) jsonObject {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var members jsonObject
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// named writes <grant n> where the body holds the n-th grant of the flow,
// signed with zeros.
func (f *vectorFlow) named(body string) string {
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
func (v *vectorHost) acquire(f *vectorFlow, signatures []vectors.Signature, answers []vectors.Answer) jsonObject {
	v.Helper()
	requests, signs := []jsonObject{}, 0
	for range 100 {
		step := v.next(f)
		switch step["step"] {
		case "sign":
			signature := vectors.Signature{Bytes: 256}
			if len(signatures) > 0 {
				signature = signatures[min(signs, len(signatures)-1)]
			}
			signs++
			if signature.Fail != nil {
				ok(v.T, v.FlowFailed(f.handle, reason(signature.Fail)))
			} else {
				v.FlowSigned(f.handle, make([]byte, signature.Bytes)) // what is wrong with it is the next step's to tell
			}
		case "send":
			requests = append(requests, step)
			ok(v.T, v.feed(f, answers[min(len(requests), len(answers))-1]))
		case "wait":
			time.Sleep(time.Duration(step["wait_ms"].(float64)) * time.Millisecond)
		default:
			step["sent"], step["requests"] = len(requests), requests
			return step
		}
	}
	v.Fatal("the flow does not end")
	return nil
}

func (v *vectorHost) feed(f *vectorFlow, answer vectors.Answer) *Failure {
	if answer.Fail != nil {
		return v.FlowFailed(f.handle, reason(answer.Fail))
	}
	head, _ := json.Marshal(jsonObject{"status": answer.Status, "headers": answer.Headers})
	return v.FlowReceived(f.handle, head, answer.Body.Bytes())
}

func reason(fail *vectors.Failure) []byte {
	text, _ := json.Marshal(fail)
	return text
}

// step does one line of a script.
func (v *vectorHost) step(source uint64, s vectors.Step) jsonObject {
	v.Helper()
	name := s.Flow
	if name == "" {
		name = "a"
	}
	switch s.Do {
	case "next":
		return v.next(v.flow(name, source))
	case "signed":
		size := max(s.Bytes, 0)
		if s.Bytes == 0 {
			size = 256
		}
		return v.outcome(v.FlowSigned(v.flow(name, source).handle, make([]byte, size)))
	case "received":
		return v.outcome(v.feed(v.flow(name, source), *s.Answer))
	case "failed":
		return v.outcome(v.FlowFailed(v.flow(name, source).handle, reason(s.Fail)))
	case "wait":
		return v.wait(v.flow(name, source))
	case "free":
		return v.outcome(v.FlowFree(v.flow(name, source).handle))
	case "peek":
		peeked, failure := v.SourcePeek(source)
		if failure != nil {
			return v.outcome(failure)
		}
		return jsonObject{"access_token": peeked.AccessToken, "usable_ms": peeked.UsableMS,
			"refresh_due": peeked.RefreshDue, "lease_ms": peeked.LeaseMS}
	case "invalidate":
		return v.outcome(v.SourceInvalidate(source, []byte(s.AccessToken)))
	}
	v.Fatalf("there is no verb %q", s.Do)
	return nil
}

// wait makes the pauses that a flow asks for, if any.
func (v *vectorHost) wait(f *vectorFlow) jsonObject {
	total := 0.0
	for {
		step := v.next(f)
		if step["step"] != "wait" {
			return jsonObject{"wait_ms": total}
		}
		total += step["wait_ms"].(float64)
		time.Sleep(time.Duration(step["wait_ms"].(float64)) * time.Millisecond)
	}
}

// assertion lets the library sign and checks the signature with the standard
// library.
func (v *vectorHost) assertion(f *vectorFlow) jsonObject {
	v.Helper()
	sign := v.next(f)
	ok(v.T, v.FlowPerform(f.handle, -1))
	form, err := url.ParseQuery(v.next(f)["body"].(string))
	if err != nil {
		v.Fatal(err)
	}
	input, encoded, _ := strings.Cut(form.Get("assertion"), sign["signing_input"].(string)+".")
	signature, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || input != "" {
		v.Fatal("the assertion is not the signing input with a signature")
	}
	keys, err := vectors.LoadKeys(vectorFolder)
	if err != nil {
		v.Fatal(err)
	}
	signer := "nobody"
	for name, key := range keys {
		n, err := base64.RawURLEncoding.DecodeString(key.PublicJWK["n"])
		if err != nil {
			v.Fatal(err)
		}
		hash := map[string]crypto.Hash{"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512}[sign["alg"].(string)]
		digest := hash.New()
		digest.Write([]byte(sign["signing_input"].(string)))
		if rsa.VerifyPKCS1v15(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}, hash, digest.Sum(nil), signature) == nil {
			signer = name
		}
	}
	return jsonObject{"header": sign["header"], "signed_by": signer}
}
