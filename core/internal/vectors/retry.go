package vectors

import (
	"encoding/json"
	"time"
)

// retries: what is tried again, how often and after which pause. random is 0.5
// unless the case has another: half of the full jitter of 250 ms and 500 ms.
func retries() File {
	f := File{Subject: "retry", Operation: "acquire", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "One acquisition each: how many requests are sent, which pauses are made between them, and how it ends. The last answer is repeated."}
	addAt := func(random float64, name string, waits []int, expect object, answers ...Answer) {
		expect["waits_ms"] = waits
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: []string{OnGo}, Random: &random, Answers: answers, Expect: expect})
	}
	add := func(name string, waits []int, expect object, answers ...Answer) {
		addAt(0.5, name, waits, expect, answers...)
	}
	fails := func(code string) Answer { return Answer{Fail: &Failure{Code: code, Message: "on purpose"}} }
	refused := func(mp string) Answer {
		return Answer{Status: 400, Body: &Blob{Text: `{"error":"invalid_grant","error_uri":"https://test.maskinporten.no/errors/` + mp + `"}`}}
	}
	header := func(status int, value any) Answer { return says(status, object{"Retry-After": value}) }
	good, none := token("T1", 120), []int{}
	broken := Answer{Status: 200, Body: &Blob{Text: "<html>"}}

	add("no failure", none, doneWith("T1", 1), good)
	add("the connection fails for good", []int{125, 250}, object{"step": "failed", "code": "connection_failed", "kind": "transport", "retryable": true, "attempts": 3, "sent": 3, "again_in_ms": 750}, fails("connection_failed"))
	add("no answer in time, for good", []int{125, 250}, object{"step": "failed", "code": "timeout", "kind": "transport", "retryable": true, "attempts": 3, "sent": 3}, fails("timeout"))
	add("TLS is not tried again", none, object{"step": "failed", "code": "tls_failed", "kind": "transport", "retryable": false, "attempts": 1, "sent": 1}, fails("tls_failed"))
	add("a host that gives up is not asked again", none, failedWith("cancelled", 1), fails("cancelled"))
	add("the connection fails once", []int{125}, doneWith("T1", 2), fails("connection_failed"), good)
	add("the connection fails twice", []int{125, 250}, object{"step": "done", "sent": 3,
		"requests": []object{{"body": grantBody}, {"body": grantBody2}, {"body": "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=<grant 3>"}}},
		fails("connection_failed"), fails("timeout"), good)
	for _, status := range []int{408, 500, 502, 503, 504} {
		add("HTTP "+jsonText(status)+" once", []int{125}, doneWith("T1", 2), says(status, nil), good)
	}
	add("HTTP 503 for good", []int{125, 250}, object{"step": "failed", "code": "server_error", "attempts": 3, "sent": 3, "again_in_ms": 750}, says(503, nil))
	add("HTTP 501 is not tried again", none, failedWith("server_error", 1), says(501, nil))
	add("503 with Retry-After: 2", []int{2000}, doneWith("T1", 2), header(503, "2"), good)
	add("503 with Retry-After: 0", []int{500}, doneWith("T1", 2), header(503, "0"), good)
	add("503 with a space before Retry-After's value", []int{5000}, doneWith("T1", 2), header(503, " 5"), good)
	add("503 with Retry-After: 00007", []int{7000}, doneWith("T1", 2), header(503, "00007"), good)
	for _, value := range []string{"", "5s", "-1", "1e3", "0x10", "1.5", "soon", "99999999999999999999", "Sunday, 01-Mar-26 12:00:02 GMT", "Sun Mar  1 12:00:02 2026"} {
		add("503 with a Retry-After that says nothing: "+jsonText(value), []int{125}, doneWith("T1", 2), header(503, value), good)
	}
	add("503 with two Retry-After", []int{125}, doneWith("T1", 2), header(503, []string{"5", "9"}), good)
	at := func(offset time.Duration) string { return start.Add(offset).Format(httpDate) }
	dated := func(retryAfter string) Answer {
		return says(503, object{"Retry-After": retryAfter, "Date": at(time.Hour)})
	}
	add("503 with a date, counted from the server's own Date", []int{3000}, doneWith("T1", 2), dated(at(time.Hour+3*time.Second)), good)
	add("503 with a date that has passed", []int{125}, doneWith("T1", 2), dated(at(time.Hour-time.Second)), good)
	add("503 with a date and no Date", []int{125}, doneWith("T1", 2), header(503, at(3*time.Second)), good)
	add("503 with Retry-After: 15 twice is more than the 20 s there are", []int{15_000}, failedForNow("server_error", 2, 15_000), header(503, "15"))
	add("503 with Retry-After: 20", none, failedForNow("server_error", 1, 20_000), header(503, "20"))
	add("429 with a short Retry-After, once", []int{1000}, doneWith("T1", 2), header(429, "1"), good)
	add("429 with a short Retry-After, twice", []int{2000}, failedForNow("rate_limited", 2, 2000), header(429, "2"))
	add("429 with Retry-After: 3 is not tried again", none, failedForNow("rate_limited", 1, 3000), header(429, "3"))
	add("429 without Retry-After is not tried again", none, failedForNow("rate_limited", 1, 5000), says(429, nil))
	add("MP-012 once: at once, with a new grant", none, object{"step": "done", "sent": 2, "requests": []object{{"body": grantBody}, {"body": grantBody2}}}, refused("MP-012"), good)
	add("MP-012 twice", none, object{"step": "failed", "code": "grant_reused", "attempts": 2, "sent": 2}, refused("MP-012"))
	for _, mp := range []string{"MP-011", "MP-100", "MP-110", "MP-120", "MP-121", "MP-122", "MP-123", "MP-124", "MP-130", "MP-200", "MP-201", "MP-250", "MP-251", "MP-301", "MP-302", "MP-303"} {
		add(mp+" is not tried again", none, object{"step": "failed", "mp_code": mp, "attempts": 1, "sent": 1, "again_in_ms": 5000}, refused(mp))
	}
	add("a broken answer once", []int{125}, doneWith("T1", 2), broken, good)
	add("a broken answer twice", []int{125}, object{"step": "failed", "code": "invalid_response", "attempts": 2, "sent": 2}, broken)
	add("different failures add up", []int{125, 250}, doneWith("T1", 3), broken, says(503, nil), good)
	add("different failures use up the attempts", []int{125, 250}, failedWith("invalid_response", 3), says(503, nil), fails("timeout"), broken)
	add("a redirect is final", none, failedWith("redirected", 1), says(307, object{"Location": "https://elsewhere.example.no/"}))

	signing := func(name string, waits []int, expect object, signatures ...Signature) {
		expect["waits_ms"] = waits
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: []string{OnGo}, Random: ptr(0.5), Signatures: signatures, Answers: []Answer{good}, Expect: expect})
	}
	busy := Signature{Fail: &Failure{Code: "signing_failed", Message: "busy", Retryable: true}}
	signing("a signer that is busy once", []int{125}, doneWith("T1", 1), busy, Signature{Bytes: 256})
	signing("a signer that is busy twice", []int{125}, object{"step": "failed", "code": "signing_failed", "kind": "local", "attempts": nil, "sent": 0}, busy)
	signing("a signer that refuses", none, object{"step": "failed", "code": "signing_failed", "sent": 0}, Signature{Fail: &Failure{Code: "signing_failed", Message: "no such slot"}})
	for _, size := range []int{1, 255, 257, 512} {
		signing("a signature of "+jsonText(size)+" bytes", none, object{"step": "failed", "code": "invalid_signature", "kind": "local", "sent": 0}, Signature{Bytes: size})
	}
	addAt(0, "the shortest pauses", none, failedWith("server_error", 3), says(503, nil))
	addAt(1, "the longest pauses", []int{250, 500}, failedWith("server_error", 3), says(503, nil))
	return f
}

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT" // RFC 9110 §5.6.7

// start is what the wall clock shows at 0 ms of every case with clocks of its own.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clocks: a clock that is wrong is noticed from the Date of a refusal, and
// corrected once. iat_s is iat of each grant, in seconds from the start; Date
// was cut to a second, so half a second is added to it.
func clocks() File {
	f := File{Subject: "clock", Operation: "acquire", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "Refusals for the time of a grant, with the server's Date, and iat of the grants that follow in seconds from the start."}
	zero := 0.0
	refusal := func(description string, headers object) Answer {
		return Answer{Status: 400, Headers: headers, Body: &Blob{Text: `{"error":"invalid_grant","error_description":"` + description + `"}`}}
	}
	date := func(offset int) object {
		return object{"Date": start.Add(time.Duration(offset) * time.Second).Format(httpDate)}
	}
	good := token("T1", 120)
	add := func(name string, expect object, answers ...Answer) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: []string{OnGo}, Random: &zero, Answers: answers, Expect: expect})
	}
	for _, wrong := range []struct {
		name   string
		offset int
	}{{"2 s behind", 2}, {"30 s behind", 30}, {"an hour behind", 3600}, {"a year behind", 31_536_000},
		{"3 s ahead", -3}, {"30 s ahead", -30}, {"an hour ahead", -3600}, {"a year ahead", -31_536_000}} {
		text := "JWT is expired"
		if wrong.offset < 0 {
			text = "Issue time is after now"
		}
		add("our clock is "+wrong.name, object{"step": "done", "sent": 2, "iat_s": []int{-2, wrong.offset - 2}, "clock_offset_ms": wrong.offset*1000 + 500},
			refusal(text, date(wrong.offset)), good)
	}
	unlearnt := func(name string, headers object) {
		add(name, object{"step": "failed", "code": "grant_expired", "sent": 1, "iat_s": []int{-2}, "clock_offset_ms": 0}, refusal("JWT is expired", headers), good)
	}
	unlearnt("a difference of a second is none", date(1))
	unlearnt("no Date", nil)
	unlearnt("two Dates", object{"Date": []string{date(30)["Date"].(string), date(60)["Date"].(string)}})
	unlearnt("an answer from a cache", object{"Date": date(30)["Date"], "Age": "7"})
	unlearnt("a Date that is none", object{"Date": "yesterday"})
	unlearnt("a Date with a local zone", object{"Date": "Sun, 01 Mar 2026 13:00:00 +0100"})
	unlearnt("a Date of RFC 850", object{"Date": "Sunday, 01-Mar-26 13:00:00 GMT"})
	unlearnt("a Date in 1970", object{"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})
	unlearnt("a Date in 2300", object{"Date": "Mon, 01 Jan 2300 00:00:00 GMT"})
	unlearnt("a 61st second", object{"Date": "Sun, 01 Mar 2026 12:00:61 GMT"})
	add("a correction is made once", object{"step": "failed", "code": "grant_expired", "sent": 2, "iat_s": []int{-2, 28}}, refusal("JWT is expired", date(30)))
	add("a wrong Date beside a token teaches nothing", object{"step": "done", "sent": 1, "iat_s": []int{-2}, "clock_offset_ms": 0},
		Answer{Status: 200, Headers: date(31_536_000), Body: good.Body})
	add("another refusal teaches nothing", object{"step": "failed", "code": "key_expired", "sent": 1, "clock_offset_ms": 0}, Answer{Status: 400, Headers: date(3600), Body: expiredKey.Body})
	return f
}

// redaction: text of the server's own in an error, made fit for a log.
func redaction() File {
	f := File{Subject: "redaction", Operation: "acquire", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "error_description as the server wrote it and as an error shows it: printable, at most 256 characters, nothing that may be a token."}
	add := func(name, description, shown string) {
		expect := object{"step": "failed", "code": "rejected", "error_description": shown, "hides": []string{canary}}
		if shown == "" {
			expect["error_description"] = nil
		}
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Expect: expect,
			Answers: []Answer{{Status: 400, Body: &Blob{Text: `{"error":"x","error_description":` + string(raw(jsonText(description))) + `}`}}}})
	}
	jwt := "eyJhbGciOiJSUzI1NiJ9." + canary + "." + canary
	add("plain words", "the scope is unknown", "the scope is unknown")
	add("nothing", "", "")
	add("Norwegian letters", "Ugyldig nøkkel: æøåÆØÅ", "Ugyldig nøkkel: æøåÆØÅ")
	add("a JWT", "bad grant "+jwt+" here", "bad grant [redacted] here")
	add("a JWT in quotes", `bad "`+jwt+`"`, "bad [redacted]")
	add("a JWT behind an equals sign", "assertion="+jwt, "[redacted]")
	add("a long run of token characters", canary+repeat("a", 60), "[redacted]")
	add("a long run in base64", canary+repeat("A+", 40)+"==", "[redacted]")
	add("a trace id is no token", "see 0123456789abcdef0123456789abcdef", "see 0123456789abcdef0123456789abcdef")
	add("a SHA-256 in hexadecimal is no token", "kid "+repeat("0123456789abcdef", 4), "kid "+repeat("0123456789abcdef", 4))
	add("line breaks and tabs", "one\r\ntwo\tthree", "one two three")
	add("escapes of a terminal", "\x1b[31mred\x1b[0m", "[31mred [0m")
	add("NUL and DEL", "a\x00b\x7fc", "a b c")
	add("spaces around and between", "  a   b  ", "a b")
	add("emoji and other scripts", "a😀b日c", "a?b?c")
	add("C1 controls and the right-to-left mark", "a\u0085b\u202ec", "a?b?c")
	add("exactly 256 characters", repeat("word ", 51)+"x", repeat("word ", 51)+"x")
	add("longer than 256 characters", repeat("word ", 60), repeat("word ", 51)+"w…")
	secret := func(name string, body string, expect object) {
		expect["step"], expect["hides"] = "failed", []string{canary}
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Answers: []Answer{{Status: 400, Body: &Blob{Text: body}}}, Expect: expect})
	}
	secret("a JWT as the error", `{"error":"`+jwt+`"}`, object{"code": "rejected", "error": "[redacted]"})
	secret("ten thousand characters of error", `{"error":"`+repeat("e ", 5000)+`"}`, object{"code": "rejected", "error": repeat("e ", 128) + "…"})
	secret("error_uri is not shown", `{"error":"x","error_uri":"https://x.no/`+canary+`"}`, object{"code": "rejected"})
	secret("members that nobody knows are not shown", `{"error":"x","hint":"`+canary+`"}`, object{"code": "rejected"})
	secret("a body that is no JSON is not shown", canary, object{"code": "unexpected_status"})
	f.Cases = append(f.Cases, Case{Name: "what a host says of its failure", RunsOn: everywhere, Answers: []Answer{{Fail: &Failure{Code: "tls_failed", Message: "proxy said " + jwt}}},
		Expect: object{"step": "failed", "code": "tls_failed", "says": []string{"proxy said [redacted]"}, "hides": []string{canary}}})
	return f
}

// flows: the steps one by one, as a host drives them.
func flows() File {
	f := File{Subject: "flows", Operation: "flow", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "Scripts of verbs: what each call answers. A flow is named by a letter, a when it has no name, and begins with its first line."}
	add := func(name string, on []string, request json.RawMessage, steps ...Step) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: on, Request: request, Steps: steps})
	}
	next := func(expect object) Step { return Step{Do: "next", Expect: expect} }
	of := func(flow string, step Step) Step { step.Flow = flow; return step }
	signed := Step{Do: "signed", Expect: object{"code": nil}}
	received := func(a Answer) Step { return Step{Do: "received", Answer: &a, Expect: object{"code": nil}} }
	failed := func(code string, retryable bool) Step {
		return Step{Do: "failed", Fail: &Failure{Code: code, Message: "on purpose", Retryable: retryable}, Expect: object{"code": nil}}
	}
	out := func(step Step, code string) Step { step.Expect = object{"code": code}; return step }
	sign, send := next(object{"step": "sign", "alg": "RS256"}), next(object{"step": "send", "method": "POST", "url": "https://test.maskinporten.no/token", "max_body": 1048576, "timeout_ms": 8000})
	wait := Step{Do: "wait", Expect: object{"wait_ms_at_most": 2000}}
	done := next(object{"step": "done", "access_token": "T1", "token_type": "Bearer", "life_s": 120, "usable_s": 110})
	peek := func(expect object) Step { return Step{Do: "peek", Expect: expect} }
	good := token("T1", 120)

	add("the whole way", everywhere, nil, peek(noToken), sign, signed, send, received(good), done, peek(peekFresh("T1")))
	add("next repeats its answer", everywhere, nil, sign, sign, signed, send, send, received(good), done, done)
	add("a response before the signature", everywhere, nil, sign, out(received(good), "out_of_order"), sign, signed, send)
	add("a signature in place of a response", everywhere, nil, sign, signed, send, out(signed, "out_of_order"), send, received(good), done)
	add("feeding before asking", everywhere, nil, out(signed, "out_of_order"), out(received(good), "out_of_order"), out(failed("timeout", false), "out_of_order"), sign)
	add("feeding a flow that is done", everywhere, nil, sign, signed, send, received(good), done, out(signed, "out_of_order"), out(received(good), "out_of_order"), out(failed("timeout", false), "out_of_order"), done)
	refused := next(object{"step": "failed", "code": "key_expired", "mp_code": "MP-121", "attempts": 1, "retryable": false})
	add("feeding a flow that has failed", everywhere, nil, sign, signed, send, received(expiredKey), refused, out(signed, "out_of_order"), out(failed("timeout", false), "out_of_order"), refused)
	add("feeding while it waits", everywhere, nil, sign, signed, send, received(says(429, object{"Retry-After": "1"})), next(object{"step": "wait", "wait_ms_at_most": 1000}), out(signed, "out_of_order"), out(received(good), "out_of_order"), next(stepWait))
	add("a cached token comes at once", everywhere, nil, sign, signed, send, received(good), done, of("b", done), of("c", done))
	add("a failure is told to the next who asks", everywhere, nil, sign, signed, send, received(expiredKey), refused, of("b", refused))
	add("two flows of one key: one fetch", everywhere, nil, sign, of("b", next(object{"step": "wait", "wait_ms_at_most": 1000})), signed, send, of("b", next(stepWait)), received(good), done, of("b", done))
	add("two flows of one key: one failure", everywhere, nil, sign, of("b", next(stepWait)), signed, send, received(expiredKey), refused, of("b", refused))
	add("a flow that is given up before signing", everywhere, nil, sign, of("b", next(stepWait)), Step{Do: "free"}, of("b", sign))
	add("a flow that is given up after sending", everywhere, nil, sign, signed, send, of("b", next(stepWait)), Step{Do: "free"}, of("b", sign), of("b", signed), of("b", send), of("b", received(good)), of("b", done))
	add("a flow that was freed", []string{OnABI}, nil, sign, Step{Do: "free"}, next(object{"code": "invalid_handle"}))
	add("a lost connection, then a new grant", everywhere, nil, sign, signed, send, failed("connection_failed", false), wait, sign, signed, send, received(good), done)
	add("a broken answer, then a new grant", everywhere, nil, sign, signed, send, received(Answer{Status: 200, Body: &Blob{Text: "{"}}), wait, sign, signed, send, received(good), done)
	add("a grant used before, then a new one at once", everywhere, nil, sign, signed, send,
		received(Answer{Status: 400, Body: &Blob{Text: `{"error":"invalid_grant","error_description":"Grant is used before"}`}}), sign, signed, send, received(good), done)
	add("a signer that is busy is asked once more", everywhere, nil, sign, failed("signing_failed", true), wait, sign, signed, send)
	add("a signer that refuses ends it", everywhere, nil, sign, failed("signing_failed", false), next(object{"step": "failed", "code": "signing_failed", "kind": "local", "says": []string{"on purpose"}}))
	add("no TLS, no second attempt", everywhere, nil, sign, signed, send, failed("tls_failed", false), next(object{"step": "failed", "code": "tls_failed", "kind": "transport", "attempts": 1}))
	add("a host that gives up", everywhere, nil, sign, signed, send, failed("cancelled", false), next(object{"step": "failed", "code": "cancelled", "kind": "local", "retryable": true}))
	for _, size := range []int{0, 255, 257} {
		wrong := Step{Do: "signed", Bytes: size, Expect: object{"code": "invalid_signature"}}
		if size == 0 {
			wrong.Bytes = -1
		}
		add("a signature of "+jsonText(size)+" bytes ends it", everywhere, nil, sign, wrong, next(object{"step": "failed", "code": "invalid_signature", "kind": "local"}))
	}
	add("a reason that is none of a host's", []string{OnABI}, nil, sign, signed, send, out(failed("key_expired", false), "invalid_argument"), send, out(failed("", false), "invalid_argument"), send)
	add("a status that is none", []string{OnABI}, nil, sign, signed, send, out(received(Answer{Status: 99}), "invalid_argument"), out(received(Answer{Status: 1000}), "invalid_argument"), send, received(good), done)
	add("headers in any case, alone or in lists", everywhere, nil, sign, signed, send, received(says(429, object{"retry-AFTER": []string{"1"}, "set-cookie": []string{"a", "b"}, "x": ""})), next(object{"step": "wait", "wait_ms_at_most": 1000}))
	add("a rejected token is dropped, another is not", everywhere, nil, sign, signed, send, received(good), done,
		Step{Do: "invalidate", AccessToken: "T0"}, peek(peekFresh("T1")), Step{Do: "invalidate", AccessToken: "T1"}, peek(noToken), of("b", sign))
	customs := requestWith(object{"exchanges": []object{{"type": "customs"}}})
	toCustoms := next(object{"step": "send", "url": "https://api-test.toll.no/api/access/external/oauth/token", "body": "grant_type=token-exchange&subject_token_type=access_token&subject_token=S1"})
	add("two hops", everywhere, customs, sign, signed, send, received(token("S1", 120)), toCustoms, toCustoms, received(token("T1", 120)), done)
	add("two hops, a signature in place of the second response", everywhere, customs, sign, signed, send, received(token("S1", 120)), toCustoms, out(signed, "out_of_order"), toCustoms, received(token("T1", 120)), done)
	add("two hops, the second fails on the way", everywhere, customs, sign, signed, send, received(token("S1", 120)), toCustoms, failed("timeout", false), wait, toCustoms, received(token("T1", 120)), done)
	add("two hops, given up between them", everywhere, customs, sign, signed, send, received(token("S1", 120)), toCustoms, Step{Do: "free"}, of("b", toCustoms))
	return f
}
