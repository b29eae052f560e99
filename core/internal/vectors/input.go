package vectors

import (
	"encoding/json"
	"fmt"
)

// badRequests: requests that are refused before anything is sent, with the
// member that is wrong.
func badRequests() File {
	f := File{Subject: "requests_bad", Operation: "source", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "Requests that are refused before anything is sent; problems names every member that is wrong."}
	add := func(name string, on []string, changes object, problems ...string) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: on, Request: requestWith(changes),
			Expect: object{"code": "invalid_token_request", "kind": "local", "number": 1003, "retryable": false, "problems": problems}})
	}
	scopes := func(name string, problem string, scopes ...string) {
		add(name, everywhere, object{"scopes": scopes}, problem)
	}
	wire := []string{OnABI}
	add("no scopes member", everywhere, object{"scopes": nil}, "scopes")
	add("no scope", everywhere, object{"scopes": []string{}}, "scopes")
	scopes("an empty scope", "scopes[0]", "")
	scopes("an empty scope among others", "scopes[1]", "a:b", "")
	for _, bad := range []string{"a:b c:d", " a:b", "a:b ", "a:b\t", "a:b\n", "a:b\u00a0", "a:b,c:d", "skatteetaten:ø", `a:"b"`, `a:\b`, "a:b\u007f", "a:\u0000", "a:😀"} {
		scopes("a scope "+jsonText(bad), "scopes[0]", bad)
	}
	long := func(name string, parts ...Part) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: wire, RequestText: &Blob{Parts: parts},
			Expect: object{"code": "invalid_token_request", "problems": []string{"scopes"}}})
	}
	long("a scope of 64 KiB", Part{`{"scopes":["a:`, 1}, Part{"b", 64 << 10}, Part{`"]}`, 1})
	long("two scopes of more than 8192 characters together", Part{`{"scopes":["a:`, 1}, Part{"b", 4100}, Part{`","c:`, 1}, Part{"d", 4100}, Part{`"]}`, 1})
	for _, wrong := range []struct{ name, org string }{{"eight digits", "91075361"}, {"ten digits", "9107536140"}, {"letters", "91075361A"}, {"spaces", "910 753 614"},
		{"the prefix 0192:", "0192:910753614"}, {"a wrong check digit", "910753615"}, {"no valid check digit", "910753690"}, {"NO in front", "NO910753614"}} {
		add("consumer_org with "+wrong.name, everywhere, object{"consumer_org": wrong.org}, "consumer_org")
		add("system_user.org with "+wrong.name, everywhere, object{"system_user": object{"org": wrong.org}}, "system_user.org")
	}
	for _, pid := range []string{"0101701234", "010170123456", "0101701234a", "010170 1234", "+1017012345"} {
		add("pid "+pid, everywhere, object{"pid": pid}, "pid")
	}
	for _, uri := range []string{"", "/api", "api.example.no", "https://api.example.no/#x", "https://api.example.no/a b", "https://api.example.no/ø", "1https://a.no", "://a.no"} {
		add("resource "+jsonText(uri), everywhere, object{"resource": []string{uri}}, "resource[0]")
	}
	add("the second resource", everywhere, object{"resource": []string{"https://a.no", "b"}}, "resource[1]")
	add("an externalRef that does not print", everywhere, object{"system_user": object{"org": "310702641", "external_ref": "a\u0000"}}, "system_user.external_ref")
	add("an externalRef of 256 characters", everywhere, object{"system_user": object{"org": "310702641", "external_ref": repeat("a", 256)}}, "system_user.external_ref")
	moreBadRequests(&f, add)
	add("everything at once", everywhere, object{"scopes": []string{"a b", "c,d"}, "consumer_org": "1", "pid": "2", "resource": []string{"x"}},
		"scopes[0]", "scopes[1]", "consumer_org", "pid", "resource[0]")

	add("consumer_org empty", wire, object{"consumer_org": ""}, "consumer_org")
	add("pid empty", wire, object{"pid": ""}, "pid")
	add("consumer_org as a number", wire, object{"consumer_org": 910753614}, "consumer_org")
	add("pid as a number", wire, object{"pid": 1017012345}, "pid")
	add("scopes as an object", wire, object{"scopes": object{}}, "scopes")
	add("a scope as a number", wire, object{"scopes": []any{"a:b", 1}}, "scopes[1]")
	add("a system user as a string", wire, object{"system_user": "310702641"}, "system_user")
	add("a member that there is not", wire, object{"scope": "a:b"}, "scope")
	add("a member in another case", wire, object{"consumerOrg": "910753614"}, "consumerOrg")
	add("consumer_orgno", wire, object{"consumer_orgno": "910753614"}, "consumer_orgno")
	add("a member of a system user that there is not", wire, object{"system_user": object{"org": "310702641", "externalRef": "x"}}, "system_user.externalRef")
	add("an exchange that there is not", wire, object{"exchanges": []object{{"type": "airport"}}}, "exchanges[0].type")
	add("an exchange without a type", wire, object{"exchanges": []object{{}}}, "exchanges[0].type")
	add("an exchange as a string", wire, object{"exchanges": []string{"customs"}}, "exchanges[0]")
	add("exchanges as an object", wire, object{"exchanges": object{"type": "customs"}}, "exchanges")
	for _, url := range []string{"http://customs.example.no/token", "customs.example.no", "https://api.toll.no/api/access/external/oauth/token", "https://user:secret@customs.example.no/", "ftp://customs.example.no/"} {
		add("an exchange at "+url, wire, object{"exchanges": []object{{"type": "customs", "token_endpoint": url}}}, "exchanges[0].token_endpoint")
	}
	f.Cases = append(f.Cases, unreadable("request", func(text *Blob) Case { return Case{RequestText: text} })...)
	return f
}

// unreadable are texts that are no JSON object at all.
func unreadable(what string, made func(*Blob) Case) []Case {
	var cases []Case
	for _, t := range []struct {
		name string
		text *Blob
	}{
		{"empty", &Blob{}}, {"null", &Blob{Text: "null"}}, {"an array", &Blob{Text: "[]"}}, {"a string", &Blob{Text: `"x"`}}, {"two objects", &Blob{Text: "{}{}"}},
		{"cut off", &Blob{Text: `{"a":`}}, {"with a byte order mark", &Blob{Text: "\ufeff{}"}}, {"not UTF-8", &Blob{Base64: "eyJhIjoi/yJ9"}},
		{"with a member twice", &Blob{Text: `{"a":1,"a":1}`}}, {"with a member in two cases", &Blob{Text: `{"a":1,"A":1}`}}, {"with half a surrogate pair", &Blob{Text: `{"a":"\ud800"}`}},
		{"nested twenty thousand deep", &Blob{Parts: []Part{{`{"a":`, 20_000}}}}, {"larger than 4 MiB", &Blob{Parts: []Part{{" ", 4<<20 + 1}}}},
	} {
		c := made(t.text)
		c.Name, c.RunsOn = "a "+what+" that is "+t.name, []string{OnABI}
		c.Expect = object{"code": "invalid_argument", "kind": "local", "number": 1001, "retryable": false}
		cases = append(cases, c)
	}
	return cases
}

// badConfigs: registrations that are refused before anything is sent.
func badConfigs() File {
	f := File{Subject: "config_bad", Operation: "client", Config: raw(defaultConfig),
		Comment: "Registrations that are refused before anything is sent; problems names every member that is wrong. Private keys: keys.json."}
	add := func(name string, on []string, changes object, problems []string, words ...string) {
		expect := object{"code": "invalid_configuration", "kind": "local", "number": 1002, "retryable": false}
		if problems != nil {
			expect["problems"] = problems
		}
		if words != nil {
			expect["says"] = words
		}
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: on, Config: configWith(changes), Expect: expect})
	}
	wire := []string{OnABI}
	environment := func(name, issuer, endpoint string, problems []string, words ...string) {
		add(name, everywhere, object{"environment": object{"issuer": issuer, "token_endpoint": endpoint}}, problems, words...)
	}
	const testToken, productionToken, xToken = "https://test.maskinporten.no/token", "https://maskinporten.no/token", "https://x.no/token"
	issuer, endpoint := []string{"environment.issuer"}, []string{"environment.token_endpoint"}
	environment("the test issuer without its slash", "https://test.maskinporten.no", testToken, issuer, "slash")
	environment("the production issuer without its slash", "https://maskinporten.no", productionToken, issuer, "slash")
	environment("the token endpoint as issuer", testToken, testToken, issuer, "not an issuer")
	environment("www", "https://www.maskinporten.no/", productionToken, issuer, "https://maskinporten.no/")
	environment("Skyporten with a slash", "https://sky.maskinporten.no/", "https://sky.maskinporten.no/token", issuer, "slash")
	environment("the test issuer with the production endpoint", testIssuer, productionToken, endpoint, "different environments")
	environment("the production issuer with the test endpoint", "https://maskinporten.no/", testToken, endpoint, "different environments")
	environment("the test issuer with an endpoint of nobody", testIssuer, xToken, endpoint, "different environments")
	environment("the test endpoint with an issuer of nobody", "https://x.no/", testToken, endpoint, "different environments")
	for _, host := range []string{"ver1", "ver2", "yt2"} {
		environment(host+" by its addresses", "https://"+host+".maskinporten.no/", "https://"+host+".maskinporten.no/token",
			[]string{"environment.issuer", "environment.token_endpoint"}, "switched off")
	}
	environment("no issuer", "", xToken, issuer)
	environment("no token endpoint", "https://x.no/", "", endpoint)
	for _, url := range []string{"http://x.no/", "http://10.0.0.1/", "http://127.0.0.1/", "ftp://x.no/", "file:///etc/passwd", "data:text/plain,x", "//x.no/", "x.no", "https://", "https://X.no/", "https://x.no//",
		"https://a:b@x.no/", "https://a@x.no/", "https://x.no/?a=b", "https://x.no/#a", "https://x.no/\n", "https://x .no/", "https://xn--mskinporten-x8a.no/", "https://måskinporten.no/", "https://mаskinporten.no/",
		"https://169.254.169.254/", "https://0.0.0.0/", "https://[::]/", "https://[fe80::1%25eth0]/", "https://x.no/<a>"} {
		environment("issuer "+jsonText(url), url, xToken, issuer)
	}
	for _, url := range []string{"http://x.no/token", "https://x.no/token?a=b", "https://169.254.169.254/token", "https://u:p@x.no/token", "javascript:alert(1)"} {
		environment("token endpoint "+jsonText(url), "https://x.no/", url, endpoint)
	}
	add("http to this machine needs leave", everywhere, object{"environment": object{"issuer": "http://127.0.0.1:1/", "token_endpoint": "http://127.0.0.1:1/token"}},
		[]string{"environment.issuer", "environment.token_endpoint"}, "allow_loopback_http")
	add("leave for this machine is not for another", everywhere, object{"environment": object{"issuer": "http://127.0.0.1.example.no/", "token_endpoint": "http://10.0.0.1/token", "allow_loopback_http": true}},
		[]string{"environment.issuer", "environment.token_endpoint"})
	add("metadata without TLS", everywhere, object{"environment": object{"issuer": "https://x.no/", "token_endpoint": xToken, "metadata_url": "http://x.no/"}}, []string{"environment.metadata_url"})
	add("Customs without TLS", everywhere, object{"environment": object{"issuer": "https://x.no/", "token_endpoint": xToken, "customs_token_endpoint": "http://x.no/"}}, []string{"environment.customs_token_endpoint"})
	for _, name := range []string{"ver1", "ver2", "yt2", "", "staging", "TT02"} {
		add("environment "+jsonText(name), wire, object{"environment": name}, []string{"environment"})
	}
	add("no environment", wire, object{"environment": nil}, []string{"environment"})
	add("an environment as a number", wire, object{"environment": 1}, nil)
	add("a member of the environment that there is not", wire, object{"environment": object{"issuer": "https://x.no/", "token_endpoint": xToken, "audience": "x"}}, []string{"environment.audience"})

	for _, id := range []string{"", "a b", " a", "a\n", "a\u0000", "a\u007f", "ø"} {
		add("client_id "+jsonText(id), everywhere, object{"client_id": id}, []string{"client_id"})
	}
	add("a client_id of 256 characters", everywhere, object{"client_id": repeat("a", 256)}, []string{"client_id"})
	add("no client_id", everywhere, object{"client_id": nil}, []string{"client_id"})
	add("a client_id as a number", wire, object{"client_id": 7}, []string{"client_id"})
	for _, alg := range []string{"PS256", "ES256", "EdDSA", "HS256", "none", "rs256", "RS1"} {
		add("alg "+alg, everywhere, object{"key": object{"kid": "k", "alg": alg}}, []string{"key.alg"})
	}
	for _, kid := range []string{"a/b", "a b", "a:b", "ø", "a\n", `"`} {
		add("kid "+jsonText(kid), everywhere, object{"key": object{"kid": kid}}, []string{"key.kid"})
	}
	add("a kid of 256 characters", everywhere, object{"key": object{"kid": repeat("a", 256)}}, []string{"key.kid"})
	add("neither kid nor chain", everywhere, object{"key": object{"signature_size": 256}}, []string{"key.kid"})
	add("kid and chain", everywhere, object{"key": object{"kid": "k", "x5c": x5c()}}, []string{"key.kid"})
	add("an empty certificate", everywhere, object{"key": object{"x5c": []string{""}}}, []string{"key.x5c[0]"})
	add("x5c in base64url", wire, object{"key": object{"x5c": []string{"-_-_"}}}, nil, "standard base64")
	for _, size := range []int{128, 255, 1025} {
		add(fmt.Sprintf("signatures of %d bytes", size), everywhere, object{"key": object{"kid": "k", "signature_size": size}}, []string{"key.signature_size"})
	}
	add("no key", wire, object{"key": nil}, []string{"key"})
	add("a key as a string", wire, object{"key": "secret"}, nil)
	add("a member of the key that there is not", wire, object{"key": object{"kid": "k", "kld": "k"}}, []string{"key.kld"})
	for _, life := range []int{1, 9, 121, 3600} {
		add(fmt.Sprintf("a grant that lives %d s", life), everywhere, object{"grant_life_seconds": life}, nil, "10 to 120")
	}
	add("a grant that lives -1 s", wire, object{"grant_life_seconds": -1}, []string{"grant_life_seconds"})
	literal := func(name, member, number string) {
		text := &Blob{Text: string(configWith(object{member: json.RawMessage(number)}))}
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: wire, ConfigText: text, Expect: object{"code": "invalid_configuration", "problems": []string{member}}})
	}
	literal("a grant that lives half a second", "grant_life_seconds", "0.5")
	literal("a grant that lives 60.0 s", "grant_life_seconds", "60.0")
	literal("a grant that lives 6e1 s", "grant_life_seconds", "6e1")
	literal("a grant that lives 2^63 s", "grant_life_seconds", "9223372036854775808")
	add("a life as text", wire, object{"grant_life_seconds": "60"}, []string{"grant_life_seconds"})
	add("a cache of -1", wire, object{"cache_limit": -1}, []string{"cache_limit"})
	add("a cache of 10,000,001", everywhere, object{"cache_limit": 10_000_001}, []string{"cache_limit"})
	literal("a cache of 2^63", "cache_limit", "9223372036854775808")
	add("a member that there is not", wire, object{"secret": "x"}, []string{"secret"})
	add("a request in the registration", wire, object{"scopes": []string{"a:b"}}, []string{"scopes"})
	add("everything at once", wire, object{"environment": "ver2", "client_id": "a b", "key": object{"kid": "a/b", "alg": "none", "signature_size": 1}, "x": 1},
		[]string{"environment", "client_id", "key.kid", "key.alg", "key.signature_size", "x"})

	eseal := func(name string, key object, problems ...string) {
		add(name, everywhere, object{"eseal": true, "key": key}, problems, "eSeal")
	}
	eseal("an eSeal with a kid", object{"kid": "k"}, "key.kid", "key.x5c")
	eseal("an eSeal with its own certificate only", object{"x5c": x5c()[:1]}, "key.x5c")
	add("eseal as text", wire, object{"eseal": "true"}, []string{"eseal"})

	private := func(name string, key object, code string, words ...string) {
		expect := object{"code": code, "kind": "local", "hides": []string{keyMiddle()}}
		if words != nil {
			expect["says"] = words
		}
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: []string{OnLibrary}, Config: configWith(object{"key": key}), Expect: expect})
	}
	whole := keyPEM(testChain().key)
	private("a PEM without kid or chain", object{"pem": whole}, "invalid_key", "kid")
	private("a PEM that is cut off", object{"pem": whole[:len(whole)/2], "kid": "k"}, "invalid_key")
	private("a certificate instead of a key", object{"pem": chainPEM(), "kid": "k"}, "invalid_key", "certificate")
	private("a PEM of nothing", object{"pem": "x", "kid": "k"}, "invalid_key")
	private("a key in two forms", object{"pem": whole, "jwk": object{}, "kid": "k"}, "invalid_key", "one of")
	private("a JWK without d", object{"jwk": publicJWK(testChain().key), "kid": "k"}, "invalid_key")
	jwk := func(name, value string) object {
		out := object{}
		for member, text := range privateJWK("k", "RS256") {
			out[member] = text
		}
		out[name] = value
		return object{"jwk": out}
	}
	private("a JWK for encryption", jwk("use", "enc"), "invalid_key", "enc")
	private("a JWK of another algorithm", jwk("alg", "PS256"), "invalid_key", "PS256")
	private("a JWK of another type", jwk("kty", "EC"), "invalid_key")
	private("a JWK with e = 3", jwk("e", "Aw"), "invalid_key")
	private("a JWK whose d is another's", jwk("d", base64url(rootKey().D.Bytes())), "invalid_key")
	private("a PKCS#12 that is none", object{"pkcs12": "AAAA", "kid": "k"}, "invalid_key")
	private("a PKCS#12 in base64url", object{"pkcs12": "-_-_", "kid": "k"}, "invalid_key", "base64")
	f.Cases = append(f.Cases, unreadable("configuration", func(text *Blob) Case { return Case{ConfigText: text} })...)
	return f
}

// keyMiddle is a part of the private key that no message may show.
func keyMiddle() string { return base64url(testChain().key.D.Bytes())[40:80] }
