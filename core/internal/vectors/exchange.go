package vectors

import (
	"encoding/json"
	"fmt"
)

// exchanges: the second hop. Customs follows RFC 8693 with bare words.
func exchanges() File {
	f := File{Subject: "exchanges", Operation: "acquire", Config: raw(defaultConfig), Request: requestWith(object{"exchanges": []object{{"type": "customs"}}}),
		Comment: "Acquisitions of two hops: the answers are taken in the order of the requests, the last one is repeated."}
	const subject = `{"access_token":"SUBJECT-1","token_type":"Bearer","expires_in":119,"scope":"a:b"}`
	const secondSubject = `{"access_token":"SUBJECT-2","token_type":"Bearer","expires_in":119,"scope":"a:b"}`
	const exchanged = `{"issued_token_type":"access_token","access_token":"` + canary + `","token_type":"Bearer","expires_in":970}`
	hides := []string{canary, "SUBJECT"}
	answer := func(status int, body string) Answer { return Answer{Status: status, Body: &Blob{Text: body}} }
	add := func(name string, config, request json.RawMessage, expect object, answers ...Answer) {
		if expect["step"] == "failed" {
			expect["hides"] = hides
		}
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Config: config, Request: request, Answers: answers, Expect: expect})
	}
	form := func(token string) string {
		return "grant_type=token-exchange&subject_token_type=access_token&subject_token=" + token
	}
	post := func(url, body string) object {
		return object{"method": "POST", "url": url, "body": body, "headers": object{"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}}
	}
	const testToken, testCustoms = "https://test.maskinporten.no/token", "https://api-test.toll.no/api/access/external/oauth/token"
	customs := func(url string) json.RawMessage {
		return requestWith(object{"exchanges": []object{{"type": "customs", "token_endpoint": url}}})
	}

	add("Customs in test", nil, nil, object{"step": "done", "access_token": canary, "token_type": "Bearer", "life_s": 970, "usable_s": 960, "sent": 2,
		"requests": []object{post(testToken, grantBody), post(testCustoms, form("SUBJECT-1"))}}, answer(200, subject), answer(200, exchanged))
	add("Customs in production", configWith(object{"environment": "production"}), nil, object{"step": "done", "sent": 2,
		"requests": []object{post("https://maskinporten.no/token", grantBody), post("https://api.toll.no/api/access/external/oauth/token", form("SUBJECT-1"))}},
		answer(200, subject), answer(200, exchanged))
	add("Customs somewhere else", nil, customs("https://customs.example.no/token"), object{"step": "done", "sent": 2,
		"requests": []object{post(testToken, grantBody), post("https://customs.example.no/token", form("SUBJECT-1"))}}, answer(200, subject), answer(200, exchanged))
	add("the subject token is percent-encoded", nil, nil, object{"step": "done", "requests": []object{{}, {"body": form("SUBJECT%2Fa%2Bb%3D%3D")}}},
		answer(200, `{"access_token":"SUBJECT/a+b==","token_type":"Bearer","expires_in":119}`), answer(200, exchanged))
	add("an answer without scope is fine", nil, nil, object{"step": "done", "scope": ""}, answer(200, subject), answer(200, exchanged))
	add("an exchanged token without expires_in holds a minute", nil, nil, object{"step": "done", "life_s": 60, "usable_s": 54},
		answer(200, subject), answer(200, `{"issued_token_type":"access_token","access_token":"`+canary+`","token_type":"Bearer"}`))
	add("an exchanged token is not asked for fewer scopes", nil, nil, object{"step": "done", "scope": "other"},
		answer(200, subject), answer(200, `{"access_token":"`+canary+`","token_type":"Bearer","expires_in":970,"scope":"other"}`))
	add("the first hop is refused: nothing is exchanged", nil, nil, object{"step": "failed", "code": "key_expired", "mp_code": "MP-121", "sent": 1},
		answer(400, `{"error":"invalid_grant","error_description":"Expired key","error_uri":"https://test.maskinporten.no/errors/MP-121"}`))
	add("the first hop is asked again, then exchanged", nil, nil, object{"step": "done", "sent": 3}, answer(503, ""), answer(200, subject), answer(200, exchanged))
	for _, status := range []int{400, 401} {
		add(fmt.Sprintf("HTTP %d: once more with a new subject token", status), nil, nil, object{"step": "done", "sent": 4,
			"requests": []object{post(testToken, grantBody), post(testCustoms, form("SUBJECT-1")), post(testToken, grantBody2), post(testCustoms, form("SUBJECT-2"))}},
			answer(200, subject), answer(status, ""), answer(200, secondSubject), answer(200, exchanged))
		add(fmt.Sprintf("HTTP %d twice", status), nil, nil, object{"step": "failed", "code": "subject_token_rejected", "kind": "remote", "status": status, "retryable": false, "sent": 4,
			"says": []string{"customs"}}, answer(200, subject), answer(status, ""), answer(200, secondSubject), answer(status, ""))
	}
	add("an OAuth error at the exchange", nil, nil, object{"step": "failed", "code": "subject_token_rejected", "error": "invalid_request", "error_description": "no such token", "mp_code": nil, "sent": 4},
		answer(200, subject), answer(400, `{"error":"invalid_request","error_description":"no such token"}`), answer(200, secondSubject), answer(400, `{"error":"invalid_request","error_description":"no such token"}`))
	add("the exchange forbids it", nil, nil, object{"step": "failed", "code": "rejected", "status": 403, "error": "forbidden", "retryable": false, "sent": 2}, answer(200, subject), answer(403, `{"error":"forbidden"}`))
	add("there is no exchange at this address", nil, nil, object{"step": "failed", "code": "unexpected_status", "status": 404, "sent": 2}, answer(200, subject), answer(404, "not here"))
	add("the exchange redirects", nil, nil, object{"step": "failed", "code": "redirected", "status": 302, "sent": 2}, answer(200, subject), answer(302, ""))
	add("the exchange is down: three attempts, one subject token", nil, nil, object{"step": "failed", "code": "server_error", "status": 503, "retryable": true, "attempts": 3, "sent": 4},
		answer(200, subject), answer(503, ""))
	add("the exchange comes back", nil, nil, object{"step": "done", "sent": 3, "requests": []object{{}, post(testCustoms, form("SUBJECT-1")), post(testCustoms, form("SUBJECT-1"))}},
		answer(200, subject), answer(502, ""), answer(200, exchanged))
	add("the exchange answers without a token", nil, nil, object{"step": "failed", "code": "invalid_response", "sent": 3, "attempts": 2}, answer(200, subject), answer(200, `{"issued_token_type":"access_token"}`))
	add("the exchange echoes the subject token in its error", nil, nil, object{"step": "failed", "code": "rejected", "sent": 2},
		answer(200, `{"access_token":"eyJ.SUBJECT.x","token_type":"Bearer","expires_in":119}`), answer(403, `{"error":"forbidden","error_description":"bad token eyJ.SUBJECT.x"}`))
	altinnExchanges(add)
	tokenExchanges(add)
	add("two exchanges in a row", nil, requestWith(object{"exchanges": []object{{"type": "customs"}, {"type": "customs", "token_endpoint": "https://second.example.no/token"}}}),
		object{"step": "done", "access_token": canary, "sent": 3, "requests": []object{{"url": testToken}, post(testCustoms, form("SUBJECT-1")), post("https://second.example.no/token", form("SUBJECT-2"))}},
		answer(200, subject), answer(200, secondSubject), answer(200, exchanged))
	return f
}

const grantBody2 = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=<grant 2>"

// addExchange adds a case of two hops.
type addExchange func(name string, config, request json.RawMessage, expect object, answers ...Answer)

const subjectBody = `{"access_token":"SUBJECT-1","token_type":"Bearer","expires_in":119,"scope":"a:b"}`

func oneExchange(exchange object) json.RawMessage {
	return requestWith(object{"exchanges": []object{exchange}})
}

// altinnExchanges: a GET that answers the bare token, raw or in quotes, which
// alone knows how long it holds.
func altinnExchanges(add addExchange) {
	jwt := func(claims string) string {
		return base64url([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64url([]byte(claims)) + ".c2lnbmF0dXJl"
	}
	answer := func(status int, body string) Answer { return Answer{Status: status, Body: &Blob{Text: body}} }
	subject := answer(200, subjectBody)
	get := func(url string) object {
		return object{"method": "GET", "url": url, "body": "", "headers": object{"Authorization": "Bearer SUBJECT-1", "Accept": "text/plain"}}
	}
	const path = "/authentication/api/v1/exchange/maskinporten"
	halfHour := jwt(`{"iat":4102444800,"exp":4102446600}`)
	for _, place := range [][2]string{{"tt02", "https://platform.tt02.altinn.no"}, {"at21", "https://platform.at21.altinn.cloud"}, {"at22", "https://platform.at22.altinn.cloud"},
		{"at23", "https://platform.at23.altinn.cloud"}, {"at24", "https://platform.at24.altinn.cloud"}, {"yt01", "https://platform.yt01.altinn.cloud"}} {
		add("Altinn's "+place[0], nil, oneExchange(object{"type": "altinn", "environment": place[0]}), object{"step": "done", "access_token": halfHour, "sent": 2,
			"requests": []object{{}, get(place[1] + path)}}, subject, answer(200, halfHour))
	}
	tt02 := oneExchange(object{"type": "altinn", "environment": "tt02"})
	add("Altinn in production", configWith(object{"environment": "production"}), oneExchange(object{"type": "altinn", "environment": "prod"}), object{"step": "done",
		"requests": []object{{}, get("https://platform.altinn.no" + path)}}, subject, answer(200, halfHour))
	add("Altinn's test organization", nil, oneExchange(object{"type": "altinn", "environment": "tt02", "test": true}), object{"step": "done",
		"requests": []object{{}, get("https://platform.tt02.altinn.no" + path + "?test=true")}}, subject, answer(200, halfHour))
	add("Altinn somewhere else", nil, oneExchange(object{"type": "altinn", "endpoint": "https://altinn.example.no/exchange"}), object{"step": "done",
		"requests": []object{{}, get("https://altinn.example.no/exchange")}}, subject, answer(200, halfHour))
	dated := func(body, date string) Answer {
		return Answer{Status: 200, Headers: object{"Date": date}, Body: &Blob{Text: body}}
	}
	lives := func(name string, life int, second Answer) {
		add(name, nil, tt02, object{"step": "done", "token_type": "Bearer", "scope": "", "life_s": life, "usable_s": life - 10}, subject, second)
	}
	lives("an Altinn token lives from its iat to its exp", 1800, answer(200, halfHour))
	lives("the same in quotes", 1800, answer(200, `"`+halfHour+`"`))
	lives("the same with white space", 1800, answer(200, " \r\n"+halfHour+"\n"))
	lives("the same with white space inside the quotes", 1800, answer(200, `" `+halfHour+` "`))
	lives("nbf is as good as iat", 1200, answer(200, jwt(`{"nbf":4102444800,"exp":4102446000}`)))
	lives("exp against the server's Date", 900, dated(jwt(`{"exp":1772367300}`), "Sun, 01 Mar 2026 12:00:00 GMT"))
	lives("the shorter of the two", 900, dated(jwt(`{"iat":1772365500,"exp":1772367300}`), "Sun, 01 Mar 2026 12:00:00 GMT"))
	lives("no exp: half an hour", 1800, answer(200, jwt(`{}`)))
	lives("a payload that is no JSON: half an hour", 1800, answer(200, "eyJ.eyJ.eyJ"))
	lives("more than a day is a day", 86_400, answer(200, jwt(`{"exp":9999999999}`)))
	broken := func(name string, second Answer) {
		add(name, nil, tt02, object{"step": "failed", "code": "invalid_response", "retryable": true, "sent": 3, "attempts": 2}, subject, second)
	}
	broken("an Altinn token that has ended", dated(jwt(`{"exp":1772366399}`), "Sun, 01 Mar 2026 12:00:00 GMT"))
	broken("Altinn answers nothing", answer(200, ""))
	broken("Altinn answers HTML", answer(200, "<html>"))
	broken("Altinn answers an object", answer(200, `{"access_token":"`+canary+`"}`))
	broken("Altinn answers a word", answer(200, canary))
	broken("Altinn answers four parts", answer(200, "eyJ.a.b."+canary))
	broken("Altinn answers a quote that does not end", answer(200, `"`+halfHour))
	broken("Altinn answers a token with a space", answer(200, "eyJ.a b.c"))
	refused := func(name string, status int, code string, sent int) {
		add(name, nil, tt02, object{"step": "failed", "code": code, "status": status, "sent": sent}, subject, answer(status, `{"title":"`+canary+`"}`))
	}
	add("Altinn refuses the token: once more with a new one", nil, tt02, object{"step": "done", "sent": 4, "requests": []object{{}, {}, {}, {"headers": object{"Authorization": "Bearer SUBJECT-2", "Accept": "text/plain"}}}},
		subject, answer(401, ""), answer(200, `{"access_token":"SUBJECT-2","token_type":"Bearer","expires_in":119}`), answer(200, halfHour))
	refused("Altinn does not have this address", 400, "unexpected_status", 2)
	refused("Altinn no longer does this", 410, "unexpected_status", 2)
	refused("Altinn is down", 503, "server_error", 4)
	refused("Altinn is asked too often", 429, "rate_limited", 2)
}

// tokenExchanges: RFC 8693 as it is written.
func tokenExchanges(add addExchange) {
	const form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token=SUBJECT-1"
	const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	answer := func(status int, body string) Answer { return Answer{Status: status, Body: &Blob{Text: body}} }
	subject := answer(200, subjectBody)
	exchange := func(more object) json.RawMessage {
		members := object{"type": "token_exchange", "token_endpoint": "https://sts.example.no/token"}
		for name, value := range more {
			members[name] = value
		}
		return oneExchange(members)
	}
	good := answer(200, `{"issued_token_type":"`+accessTokenType+`","access_token":"`+canary+`","token_type":"Bearer","expires_in":300}`)
	sends := func(name string, more object, body string) {
		add(name, nil, exchange(more), object{"step": "done", "access_token": canary, "life_s": 300, "sent": 2, "requests": []object{{}, {"method": "POST", "url": "https://sts.example.no/token", "body": body}}}, subject, good)
	}
	sends("RFC 8693 without a target", nil, form)
	sends("RFC 8693 with audiences", object{"audience": []string{"a b", "c"}}, form+"&audience=a%20b&audience=c")
	sends("RFC 8693 with resources", object{"resource": []string{"https://a.no", "https://b.no"}}, form+"&resource=https%3A%2F%2Fa.no&resource=https%3A%2F%2Fb.no")
	sends("RFC 8693 with scopes", object{"scopes": []string{"y", "x", "y"}}, form+"&scope=x%20y")
	sends("RFC 8693 with a requested type", object{"requested_token_type": accessTokenType}, form+"&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token")
	sends("RFC 8693 with a subject type", object{"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&subject_token=SUBJECT-1")
	add("an exchange that grants fewer scopes", nil, exchange(object{"scopes": []string{"x", "y"}}), object{"step": "failed", "code": "scope_reduced", "sent": 2},
		subject, answer(200, `{"access_token":"`+canary+`","token_type":"Bearer","expires_in":300,"scope":"x"}`))
	add("an exchange that issues another type", nil, exchange(object{"requested_token_type": accessTokenType}), object{"step": "failed", "code": "invalid_response", "sent": 3},
		subject, answer(200, `{"issued_token_type":"urn:ietf:params:oauth:token-type:saml2","access_token":"`+canary+`","token_type":"Bearer"}`))
	for _, code := range []string{"invalid_target", "invalid_scope", "invalid_client", "unauthorized_client", "unsupported_grant_type"} {
		add("an exchange that answers "+code+" is not asked again", nil, exchange(nil), object{"step": "failed", "code": "rejected", "error": code, "status": 400, "sent": 2},
			subject, answer(400, `{"error":"`+code+`"}`))
	}
}
