package vectors

import "fmt"

// The token that stands in answers. Whatever goes wrong, it may not show up.
const canary = "CANARY"

const goodBody = `{"access_token":"` + canary + `.a-b_c~+/=","token_type":"Bearer","expires_in":119,"scope":"a:b"}`

// responses: answers of the token endpoint with status 200 (RFC 6749 §5.1).
// One that cannot be understood is asked for once more, with a new grant.
func responses() File {
	f := File{Subject: "responses", Operation: "acquire", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "What the token endpoint may answer with status 200, and with a status that has no meaning. The last answer is repeated."}
	add := func(name string, status int, body *Blob, expect object) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Answers: []Answer{{Status: status, Body: body}}, Expect: expect})
	}
	good := func(name, body string, life int, usable float64, more object) {
		expect := object{"step": "done", "sent": 1, "access_token": canary, "token_type": "Bearer", "life_s": life, "usable_s": usable}
		for member, value := range more {
			expect[member] = value
		}
		add(name, 200, &Blob{Text: body}, expect)
	}
	broken := func(name string, body *Blob) {
		add(name, 200, body, object{"step": "failed", "code": "invalid_response", "kind": "remote", "status": 200,
			"retryable": true, "attempts": 2, "sent": 2, "hides": []string{canary}})
	}
	text := func(name, body string) { broken(name, &Blob{Text: body}) }
	token := `"access_token":"` + canary + `","token_type":"Bearer"`
	lives := func(value string) string { return `{` + token + `,"expires_in":` + value + `}` }

	good("as documented", `{`+token+`,"expires_in":119,"scope":"a:b"}`, 119, 109, object{"scope": "a:b"})
	good("every character of a bearer token", goodBody, 119, 109, object{"access_token": canary + ".a-b_c~+/="})
	good("members that nobody knows", `{"x":[1,{"y":null}],`+token+`,"expires_in":119}`, 119, 109, nil)
	good("white space around it", " \r\n\t{ "+token+" , \"expires_in\" : 119 } \n", 119, 109, nil)
	good("bearer in lower case", `{"access_token":"`+canary+`","token_type":"bearer","expires_in":119}`, 119, 109, nil)
	good("more scopes than asked for", `{`+token+`,"expires_in":119,"scope":"z:z a:b"}`, 119, 109, object{"scope": "z:z a:b"})
	good("no scope member means all of them", lives("119"), 119, 109, object{"scope": ""})
	good("scope null", `{`+token+`,"expires_in":119,"scope":null}`, 119, 109, nil)
	good("no expires_in counts as a minute", `{`+token+`}`, 60, 54, nil)
	good("expires_in null counts as a minute", lives("null"), 60, 54, nil)
	good("expires_in 1", lives("1"), 1, 0.9, nil)
	good("expires_in 30", lives("30"), 30, 27, nil)
	good("expires_in 120", lives("120"), 120, 110, nil)
	good("expires_in 599", lives("599"), 599, 589, nil)
	good("expires_in 7199", lives("7199"), 7199, 7189, nil)
	good("expires_in a day", lives("86400"), 86400, 86390, nil)
	good("expires_in over a day is a day", lives("86401"), 86400, 86390, nil)
	good("expires_in 2^63 is a day", lives("9223372036854775808"), 86400, 86390, nil)
	good("expires_in of forty digits is a day", lives(repeat("9", 40)), 86400, 86390, nil)
	add("a token of 64 KiB", 200, &Blob{Parts: []Part{{`{"access_token":"`, 1}, {"a", 64 << 10}, {`","token_type":"Bearer","expires_in":119}`, 1}}},
		object{"step": "done", "sent": 1, "life_s": 119})

	text("expires_in 0", lives("0"))
	text("expires_in negative", lives("-5"))
	text("expires_in as text", lives(`"119"`))
	text("expires_in 1e3", lives("1e3"))
	text("expires_in 119.0", lives("119.0"))
	text("expires_in true", lives("true"))
	text("scope as an array", `{`+token+`,"expires_in":119,"scope":["a:b"]}`)
	text("scope with a control character", `{`+token+`,"expires_in":119,"scope":"a:b\u0007"}`)
	text("no access_token", `{"token_type":"Bearer","expires_in":119}`)
	text("access_token in upper case", `{"ACCESS_TOKEN":"`+canary+`","token_type":"Bearer"}`)
	text("access_token in two cases", `{"Access_Token":"`+canary+`",`+token+`}`)
	text("access_token twice", `{"access_token":"`+canary+`",`+token+`}`)
	for _, value := range []string{`""`, `null`, `1`, `{}`, `["` + canary + `"]`} {
		text("access_token "+value, `{"access_token":`+value+`,"token_type":"Bearer"}`)
	}
	text("a token with CR LF", `{"access_token":"`+canary+`\r\nX: y","token_type":"Bearer"}`)
	text("a token with NUL", `{"access_token":"`+canary+`\u0000","token_type":"Bearer"}`)
	text("a token with a space", `{"access_token":"`+canary+` a","token_type":"Bearer"}`)
	text("a token with an emoji", `{"access_token":"`+canary+`😀","token_type":"Bearer"}`)
	text("a token with half a surrogate pair", `{"access_token":"`+canary+`\ud800","token_type":"Bearer"}`)
	text("a token of equals signs", `{"access_token":"===","token_type":"Bearer"}`)
	broken("a token over 64 KiB", &Blob{Parts: []Part{{`{"access_token":"`, 1}, {"a", 64<<10 + 1}, {`","token_type":"Bearer"}`, 1}}})
	text("no token_type", `{"access_token":"`+canary+`","expires_in":119}`)
	text("token_type DPoP", `{"access_token":"`+canary+`","token_type":"DPoP"}`)
	text("token_type mac", `{"access_token":"`+canary+`","token_type":"mac"}`)
	text("nothing", "")
	text("null", "null")
	text("an array", "[]")
	text("a string", `"`+canary+`"`)
	text("HTML of a captive portal", "<html>"+canary)
	text("two objects", lives("119")+"{}")
	text("a comment", `{/**/`+token+`}`)
	text("NaN", lives("NaN"))
	text("single quotes", `{'access_token':'`+canary+`'}`)
	text("cut off", `{`+token+`,"expires_`)
	text("a trailing comma", `{`+token+`,}`)
	text("a form instead of JSON", "access_token="+canary+"&token_type=Bearer&expires_in=119")
	broken("a byte order mark", &Blob{Text: "\ufeff" + lives("119")})
	broken("UTF-16", &Blob{Base64: "ewAiAGEAIgA6ADEAfQA="})
	broken("bytes that are not UTF-8", &Blob{Base64: "eyJ4Ijoi/yJ9"})
	broken("nested ten thousand deep", &Blob{Parts: []Part{{`{"x":`, 1}, {"[", 10_001}, {"]", 10_001}, {"," + token + "}", 1}}})
	add("larger than 1 MiB", 200, &Blob{Parts: []Part{{`{"access_token":"`, 1}, {".", 1 << 20}, {`"}`, 1}}},
		object{"step": "failed", "code": "response_too_large", "kind": "remote", "attempts": 2})

	reduced := object{"step": "failed", "code": "scope_reduced", "kind": "remote", "retryable": false, "attempts": 1, "sent": 1, "says": []string{`"a:b"`}, "hides": []string{canary}}
	add("a scope less than asked for", 200, &Blob{Text: `{` + token + `,"expires_in":119,"scope":"z:z"}`}, reduced)
	add("no scope at all", 200, &Blob{Text: `{` + token + `,"expires_in":119,"scope":""}`}, reduced)
	add("a scope in another case", 200, &Blob{Text: `{` + token + `,"expires_in":119,"scope":"A:B"}`}, reduced)

	type row struct {
		status    int
		code      string
		retryable bool
		attempts  int
	}
	for _, r := range []row{{201, "unexpected_status", false, 1}, {204, "unexpected_status", false, 1}, {206, "unexpected_status", false, 1},
		{301, "redirected", false, 1}, {302, "redirected", false, 1}, {303, "redirected", false, 1}, {304, "redirected", false, 1}, {307, "redirected", false, 1}, {308, "redirected", false, 1},
		{400, "unexpected_status", false, 1}, {401, "unexpected_status", false, 1}, {403, "unexpected_status", false, 1}, {404, "unexpected_status", false, 1},
		{405, "unexpected_status", false, 1}, {408, "server_error", true, 3}, {415, "unexpected_status", false, 1}, {429, "rate_limited", true, 1},
		{500, "server_error", true, 3}, {501, "server_error", true, 1}, {502, "server_error", true, 3}, {503, "server_error", true, 3}, {504, "server_error", true, 3}, {505, "server_error", true, 1}} {
		expect := object{"step": "failed", "code": r.code, "kind": "remote", "status": r.status, "retryable": r.retryable, "attempts": r.attempts, "sent": r.attempts, "hides": []string{canary, "elsewhere"}}
		headers := object(nil)
		if r.status/100 == 3 {
			headers = object{"Location": "https://elsewhere.example.no/?secret=" + canary}
		}
		f.Cases = append(f.Cases, Case{Name: fmt.Sprintf("status %d", r.status), RunsOn: everywhere,
			Answers: []Answer{{Status: r.status, Headers: headers, Body: &Blob{Text: canary}}}, Expect: expect})
	}
	return f
}
