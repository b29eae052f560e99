package vectors

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The registration and the request of cases that are about something else.
const (
	clientID       = "7e7f6d5c-0f0e-4b6a-9a53-d4f0f0a1b2c3"
	testIssuer     = "https://test.maskinporten.no/"
	defaultConfig  = `{"environment":"test","client_id":"` + clientID + `","key":{"kid":"vector-key-1","signature_size":256}}`
	defaultRequest = `{"scopes":["a:b"]}`
)

var everywhere = []string{OnGo, OnABI}

// object is a JSON object in a table.
type object = map[string]any

// withMembers is an object with some members replaced, or removed by nil.
func withMembers(text string, changes object) json.RawMessage {
	members := object{}
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		panic("vectors: " + err.Error())
	}
	for name, value := range changes {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return raw(jsonText(members))
}

func configWith(changes object) json.RawMessage  { return withMembers(defaultConfig, changes) }
func requestWith(changes object) json.RawMessage { return withMembers(defaultRequest, changes) }

func repeat(text string, times int) string { return strings.Repeat(text, times) }

// claims: what a request becomes (Digdir, "JWT grant"; RFC 7515 §4.1 for the
// header). The claims are all there are, except iat, exp and jti.
func claims() File {
	f := File{Subject: "claims", Operation: "grant", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "The header and the claims that a registration and a request become; iat, exp and jti are left out and have rules of their own."}
	add := func(name string, config, request json.RawMessage, header, claims object, life int) {
		all := object{"aud": testIssuer, "iss": clientID, "scope": "a:b"}
		for member, value := range claims {
			all[member] = value
		}
		if header == nil {
			header = object{"alg": "RS256", "kid": "vector-key-1"}
		}
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Config: config, Request: request,
			Expect: object{"alg": header["alg"], "header": header, "claims": all, "life_s": life}})
	}
	request := func(name string, changes, claims object) { add(name, nil, requestWith(changes), nil, claims, 60) }
	config := func(name string, changes, header, claims object, life int) {
		add(name, configWith(changes), nil, header, claims, life)
	}

	request("one scope", object{}, object{})
	request("scopes are sorted", object{"scopes": []string{"c:d", "a:b"}}, object{"scope": "a:b c:d"})
	request("repeated scopes are sent once", object{"scopes": []string{"c:d", "a:b", "c:d"}}, object{"scope": "a:b c:d"})
	request("upper and lower case are different scopes", object{"scopes": []string{"a:b", "a:B"}}, object{"scope": "a:B a:b"})
	request("a scope with slashes, dots and dashes", object{"scopes": []string{"toll:movement/road/v2", "altinn:service-owner/x_y.read"}},
		object{"scope": "altinn:service-owner/x_y.read toll:movement/road/v2"})
	request("a scope with every kind of character of RFC 6749 §3.3", object{"scopes": []string{"a:!#$%&'()*+-./09:;<=>?@[]^_`{|}~"}},
		object{"scope": "a:!#$%&'()*+-./09:;<=>?@[]^_`{|}~"})
	request("a prefix that is an organization number", object{"scopes": []string{"991825827:read"}}, object{"scope": "991825827:read"})
	request("one resource is a string", object{"resource": []string{"https://api.example.no"}}, object{"resource": "https://api.example.no"})
	request("two resources are an array in their order", object{"resource": []string{"https://b.example.no", "https://a.example.no"}},
		object{"resource": []string{"https://b.example.no", "https://a.example.no"}})
	request("a resource may be a URN", object{"resource": []string{"urn:example:api"}}, object{"resource": "urn:example:api"})
	request("a resource with path and query", object{"resource": []string{"https://api.example.no/v1/x?y=1&z=2"}},
		object{"resource": "https://api.example.no/v1/x?y=1&z=2"})
	request("no resource, no claim", object{"resource": []string{}}, object{})
	request("consumer_org is a string without prefix", object{"consumer_org": "910753614"}, object{"consumer_org": "910753614"})
	request("a synthetic consumer_org", object{"consumer_org": "310702641"}, object{"consumer_org": "310702641"})
	request("a consumer_org whose check digit is 0", object{"consumer_org": "974760460"}, object{"consumer_org": "974760460"})
	request("pid is a string, leading zero included", object{"pid": "01017012345"}, object{"pid": "01017012345"})
	request("consumer_org, pid and resource together", object{"consumer_org": "910753614", "pid": "01017012345", "resource": []string{"https://api.example.no"}},
		object{"consumer_org": "910753614", "pid": "01017012345", "resource": "https://api.example.no"})
	systemUser := func(more object) []object {
		detail := object{"type": "urn:altinn:systemuser", "systemuser_org": object{"authority": "iso6523-actorid-upis", "ID": "0192:310702641"}}
		for name, value := range more {
			detail[name] = value
		}
		return []object{detail}
	}
	request("a system user", object{"system_user": object{"org": "310702641"}}, object{"authorization_details": systemUser(nil)})
	request("a system user with its externalRef", object{"system_user": object{"org": "310702641", "external_ref": "ref-1"}},
		object{"authorization_details": systemUser(object{"externalRef": "ref-1"})})
	request("an externalRef that JSON has to escape", object{"system_user": object{"org": "310702641", "external_ref": `a "b" \ c`}},
		object{"authorization_details": systemUser(object{"externalRef": `a "b" \ c`})})
	const consentID = "3ee2f0a4-6ac8-4b8e-9d1c-9d5b0c1f2a3b"
	consent := func(from string) []object {
		return []object{{"type": "urn:altinn:consent", "id": consentID, "from": from}}
	}
	const person, organization = "urn:altinn:person:identifier-no:01017012345", "urn:altinn:organization:identifier-no:310702641"
	request("a consent of a person", object{"consent": object{"id": consentID, "from": person}}, object{"authorization_details": consent(person)})
	request("a consent of an organization", object{"consent": object{"id": consentID, "from": organization}}, object{"authorization_details": consent(organization)})
	request("a consent given to a customer", object{"consent": object{"id": consentID, "from": person}, "consumer_org": "910753614"},
		object{"authorization_details": consent(person), "consumer_org": "910753614"})
	request("iss_onbehalfof", object{"iss_onbehalfof": "customer-1"}, object{"iss_onbehalfof": "customer-1"})
	extra := object{"new_claim": "text", "another": []any{1, object{"b": true}}, "number": 1.5, "largest": json.RawMessage("9007199254740991")}
	request("claims that come tomorrow", object{"extra_claims": extra}, extra)
	request("null is the same as absent", object{"consumer_org": json.RawMessage("null"), "system_user": json.RawMessage("null")}, object{})
	request("an exchange changes nothing in the grant", object{"exchanges": []object{{"type": "customs"}}}, object{})
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprintf("a:scope-%02d", i))
	}
	request("fifty scopes", object{"scopes": many}, object{"scope": strings.Join(many, " ")})

	config("production", object{"environment": "production"}, nil, object{"aud": "https://maskinporten.no/"}, 60)
	config("an environment by its parts", object{"environment": object{"issuer": testIssuer, "token_endpoint": "https://test.maskinporten.no/token"}}, nil, object{}, 60)
	for _, sky := range [][2]string{{"skyporten", "https://sky.maskinporten.no"}, {"skyporten-test", "https://test.sky.maskinporten.no"}} {
		add(sky[0], configWith(object{"environment": sky[0]}), requestWith(object{"resource": []string{"https://api.example.no"}}), nil,
			object{"aud": sky[1], "resource": "https://api.example.no"}, 60)
	}
	add("an eSeal", configWith(object{"eseal": true, "client_id": "Example-GmbH", "key": object{"x5c": x5c()}}), requestWith(object{"scopes": []string{"toll:eu/movement/road/v2"}}),
		object{"alg": "RS256", "x5c": x5c()}, object{"iss": "Example-GmbH", "scope": "toll:eu/movement/road/v2"}, 60)
	add("Skyporten's issuer has no slash", configWith(object{"environment": object{"issuer": "https://test.sky.maskinporten.no", "token_endpoint": "https://test.sky.maskinporten.no/token"}}),
		requestWith(object{"resource": []string{"https://api.example.no"}}), nil,
		object{"aud": "https://test.sky.maskinporten.no", "resource": "https://api.example.no"}, 60)
	config("a sandbox on loopback", object{"environment": object{"issuer": "http://127.0.0.1:8080/", "token_endpoint": "http://127.0.0.1:8080/token", "allow_loopback_http": true}},
		nil, object{"aud": "http://127.0.0.1:8080/"}, 60)
	config("a grant that lives 120 s", object{"grant_life_seconds": 120}, nil, object{}, 120)
	config("a grant that lives 10 s", object{"grant_life_seconds": 10}, nil, object{}, 10)
	config("an old client id", object{"client_id": "oidc_difi_x-y.z"}, nil, object{"iss": "oidc_difi_x-y.z"}, 60)
	for _, alg := range []string{"RS256", "RS384", "RS512"} {
		config("a registered key with "+alg, object{"key": object{"kid": "k", "alg": alg}}, object{"alg": alg, "kid": "k"}, object{}, 60)
	}
	config("a kid of every kind of character", object{"key": object{"kid": "aZ09._-"}}, object{"alg": "RS256", "kid": "aZ09._-"}, object{}, 60)
	config("a certificate alone", object{"key": object{"x5c": x5c()[:1]}}, object{"alg": "RS256", "x5c": x5c()[:1]}, object{}, 60)
	config("a chain, leaf first", object{"key": object{"x5c": x5c(), "alg": "RS512"}}, object{"alg": "RS512", "x5c": x5c()}, object{}, 60)
	for _, bits := range []int{3072, 4096, 8192} {
		config(fmt.Sprintf("a key of %d bits", bits), object{"key": object{"kid": "k", "signature_size": bits / 8}}, object{"alg": "RS256", "kid": "k"}, object{}, 60)
	}
	return f
}

// signingInputs: the same to the byte. The order of members is the core's own
// choice; the cases pin it, since a signature covers it.
func signingInputs() File {
	f := File{Subject: "signing_input", Operation: "signing_input", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "header.payload of RFC 7515 §5.1 to the byte, with time and jti given. iat is two seconds before now, cut to a second."}
	const now, jti = 1764627082000, "jti-0123456789abcdefghijklmnopqr"
	add := func(name string, config, request json.RawMessage, nowMS int64, header, claims string) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: []string{OnGo}, Config: config, Request: request, NowMS: nowMS, JTI: jti,
			Expect: object{"header_text": header, "claims_text": claims, "signing_input": signingInput(header, claims)}})
	}
	const header = `{"alg":"RS256","kid":"vector-key-1"}`
	body := func(aud, scope string, iat, exp int, rest string) string {
		return fmt.Sprintf(`{"aud":%q,"iss":"%s","scope":%q,"iat":%d,"exp":%d,"jti":"%s"%s}`, aud, clientID, scope, iat, exp, jti, rest)
	}
	plain := func(rest string) string { return body(testIssuer, "a:b", 1764627080, 1764627140, rest) }
	add("plain", nil, nil, now, header, plain(""))
	add("a millisecond before the second", nil, nil, now-1, header, body(testIssuer, "a:b", 1764627079, 1764627139, ""))
	add("a millisecond before the next second", nil, nil, now+999, header, plain(""))
	add("in the year 2038", nil, nil, 2147483650000, header, body(testIssuer, "a:b", 2147483648, 2147483708, ""))
	add("a life of 120 s", configWith(object{"grant_life_seconds": 120}), nil, now, header, body(testIssuer, "a:b", 1764627080, 1764627200, ""))
	add("production", configWith(object{"environment": "production"}), nil, now, header, body("https://maskinporten.no/", "a:b", 1764627080, 1764627140, ""))
	add("RS512", configWith(object{"key": object{"kid": "k", "alg": "RS512"}}), nil, now, `{"alg":"RS512","kid":"k"}`, plain(""))
	add("a chain", configWith(object{"key": object{"x5c": x5c()}}), nil, now, `{"alg":"RS256","x5c":["`+strings.Join(x5c(), `","`)+`"]}`, plain(""))
	add("one resource", nil, requestWith(object{"resource": []string{"https://a.no"}}), now, header, plain(`,"resource":"https://a.no"`))
	add("two resources", nil, requestWith(object{"resource": []string{"https://b.no", "https://a.no"}}), now, header, plain(`,"resource":["https://b.no","https://a.no"]`))
	add("delegation and pid", nil, requestWith(object{"consumer_org": "910753614", "pid": "01017012345"}), now, header, plain(`,"consumer_org":"910753614","pid":"01017012345"`))
	add("a system user", nil, requestWith(object{"system_user": object{"org": "310702641", "external_ref": "r"}}), now, header,
		plain(`,"authorization_details":[{"type":"urn:altinn:systemuser","systemuser_org":{"authority":"iso6523-actorid-upis","ID":"0192:310702641"},"externalRef":"r"}]`))
	add("a consent", nil, requestWith(object{"consent": object{"id": "3ee2f0a4-6ac8-4b8e-9d1c-9d5b0c1f2a3b", "from": "urn:altinn:person:identifier-no:01017012345"}}), now, header,
		plain(`,"authorization_details":[{"type":"urn:altinn:consent","id":"3ee2f0a4-6ac8-4b8e-9d1c-9d5b0c1f2a3b","from":"urn:altinn:person:identifier-no:01017012345"}]`))
	add("other claims stand last, by their names", nil, requestWith(object{"pid": "01017012345", "extra_claims": object{"b": []int{1, 2}, "a": "x y"}}), now, header,
		plain(`,"pid":"01017012345","a":"x y","b":[1,2]`))
	add("a scope that JSON need not escape", nil, requestWith(object{"scopes": []string{"a:<&>/'"}}), now, header, fmt.Sprintf(`{"aud":%q,"iss":"%s","scope":"a:<&>/'","iat":1764627080,"exp":1764627140,"jti":"%s"}`, testIssuer, clientID, jti))
	add("an externalRef that JSON has to escape", nil, requestWith(object{"system_user": object{"org": "310702641", "external_ref": `"\`}}), now, header,
		plain(`,"authorization_details":[{"type":"urn:altinn:systemuser","systemuser_org":{"authority":"iso6523-actorid-upis","ID":"0192:310702641"},"externalRef":"\"\\"}]`))
	return f
}

// grants: whole assertions. RSASSA-PKCS1-v1_5 is deterministic (RFC 8017 §8.2),
// so the same key and input give the same bytes everywhere.
func grants() File {
	f := File{Subject: "grants", Operation: "assertion", Request: raw(defaultRequest), Config: raw(defaultConfig),
		Comment: "Whole grants, signed by the key of keys.json: to the byte where time and jti are given, and by their signature where they are not."}
	const now, jti = 1764627082000, "jti-0123456789abcdefghijklmnopqr"
	const claims = `{"aud":"https://test.maskinporten.no/","iss":"` + clientID + `","scope":"a:b","iat":1764627080,"exp":1764627140,"jti":"` + jti + `"}`
	key := testChain().key
	for _, alg := range []string{"RS256", "RS384", "RS512"} {
		forms := []struct {
			name   string
			key    object
			header string
		}{
			{"PEM and kid", object{"pem": keyPEM(key), "kid": "vector-key-1", "alg": alg}, `{"alg":"` + alg + `","kid":"vector-key-1"}`},
			{"JWK", object{"jwk": privateJWK("vector-key-1", alg)}, `{"alg":"` + alg + `","kid":"vector-key-1"}`},
			{"PEM and chain", object{"pem": keyPEM(key), "certificate_chain": chainPEM(), "alg": alg}, `{"alg":"` + alg + `","x5c":["` + strings.Join(x5c(), `","`) + `"]}`},
		}
		for _, form := range forms {
			config := configWith(object{"key": form.key})
			f.Cases = append(f.Cases, Case{Name: alg + ", " + form.name + ", to the byte", RunsOn: []string{OnGo}, Config: config, NowMS: now, JTI: jti,
				Expect: object{"assertion": assertion(alg, form.header, claims)}},
				Case{Name: alg + ", " + form.name + ", signed by the library", RunsOn: []string{OnLibrary}, Config: config,
					Expect: object{"header": json.RawMessage(form.header), "signed_by": keyName}})
		}
	}
	return f
}

const grantBody = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=<grant 1>"

// tokenRequests: the HTTP request (RFC 7523 §2.1): a form of two fields and no
// client authentication.
func tokenRequests() File {
	f := File{Subject: "token_requests", Operation: "acquire", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "The HTTP request that carries the grant. <grant 1> stands for the signing input, a dot and the signature in base64url."}
	add := func(name string, config, request json.RawMessage, signature int, url string) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Config: config, Request: request,
			Signatures: []Signature{{Bytes: signature}}, Answers: []Answer{{Status: 200, Body: &Blob{Text: goodBody}}},
			Expect: object{"step": "done", "sent": 1, "requests": []object{{"method": "POST", "url": url, "body": grantBody, "timeout_ms": 8000, "max_body": 1048576,
				"headers": object{"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}}}}})
	}
	const testURL = "https://test.maskinporten.no/token"
	add("test", nil, nil, 256, testURL)
	add("production", configWith(object{"environment": "production"}), nil, 256, "https://maskinporten.no/token")
	add("Skyporten", configWith(object{"environment": object{"issuer": "https://sky.maskinporten.no", "token_endpoint": "https://sky.maskinporten.no/token"}}),
		requestWith(object{"resource": []string{"https://api.example.no"}}), 256, "https://sky.maskinporten.no/token")
	add("a sandbox on loopback", configWith(object{"environment": object{"issuer": "http://[::1]:8080/", "token_endpoint": "http://[::1]:8080/token", "allow_loopback_http": true}}),
		nil, 256, "http://[::1]:8080/token")
	add("scope, resource and details stay inside the grant", nil, requestWith(object{"scopes": []string{"a:b"}, "resource": []string{"https://api.example.no"},
		"consumer_org": "910753614", "system_user": object{"org": "310702641"}}), 256, testURL)
	add("a key of 4096 bits", configWith(object{"key": object{"kid": "k", "signature_size": 512}}), nil, 512, testURL)
	add("a chain in the header", configWith(object{"key": object{"x5c": x5c()}}), nil, 256, testURL)
	return f
}
