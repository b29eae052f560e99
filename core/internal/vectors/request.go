package vectors

// moreBadRequests: the members that are rarely used.
func moreBadRequests(f *File, add func(name string, on []string, changes object, problems ...string)) {
	wire := []string{OnABI}
	const uuid, person = "3ee2f0a4-6ac8-4b8e-9d1c-9d5b0c1f2a3b", "urn:altinn:person:identifier-no:01017012345"
	add("a token as scope", everywhere, object{"scopes": []string{"eyJhbGciOiJSUzI1NiJ9." + canary + ".x"}}, "scopes[0]")
	add("iss_onbehalfof and consumer_org", everywhere, object{"iss_onbehalfof": "x", "consumer_org": "910753614"}, "iss_onbehalfof")
	add("iss_onbehalfof with a space", everywhere, object{"iss_onbehalfof": "a b"}, "iss_onbehalfof")
	add("iss_onbehalfof empty", wire, object{"iss_onbehalfof": ""}, "iss_onbehalfof")

	consent := func(name string, on []string, id, from any, problems ...string) {
		add("a consent "+name, on, object{"consent": object{"id": id, "from": from}}, problems...)
	}
	consent("whose id is no UUID", everywhere, "123", person, "consent.id")
	consent("whose id lacks its hyphens", everywhere, "3ee2f0a46ac84b8e9d1c9d5b0c1f2a3b", person, "consent.id")
	consent("of a person with ten digits", everywhere, uuid, "urn:altinn:person:identifier-no:0101701234", "consent.from")
	consent("of an organization with a wrong check digit", everywhere, uuid, "urn:altinn:organization:identifier-no:310702642", "consent.from")
	consent("of bare digits", everywhere, uuid, "01017012345", "consent.from")
	consent("without anything", everywhere, "", "", "consent.id", "consent.from")
	consent("with a number", wire, 1, person, "consent.id")
	add("a consent and a system user", everywhere, object{"consent": object{"id": uuid, "from": person}, "system_user": object{"org": "310702641"}}, "consent")
	add("a member of a consent that there is not", wire, object{"consent": object{"id": uuid, "from": person, "to": person}}, "consent.to")

	for _, name := range []string{"aud", "iss", "scope", "iat", "exp", "jti", "nbf", "sub", "resource", "pid", "consumer_org", "consumer_orgno", "iss_onbehalfof", "authorization_details",
		"alg", "kid", "x5c", "typ", "crit", "ISS", "assertion"} {
		add("another claim "+name, everywhere, object{"extra_claims": object{name: "x"}}, "extra_claims."+name)
	}
	for _, value := range []string{"null", "9007199254740992", "1e3", `[1,{"x":12345678901234567890}]`} {
		// As text: not every language writes a number as it has read it.
		f.Cases = append(f.Cases, Case{Name: "another claim that is " + value, RunsOn: everywhere, RequestText: &Blob{Text: `{"scopes":["a:b"],"extra_claims":{"x":` + value + `}}`},
			Expect: object{"code": "invalid_token_request", "problems": []string{"extra_claims.x"}}})
	}
	add("another claim with a space in its name", everywhere, object{"extra_claims": object{"a b": 1}}, "extra_claims.a b")
	add("two other claims that differ in case", []string{OnGo}, object{"extra_claims": object{"X": 1, "x": 1}}, "extra_claims.x")
	add("other claims of more than 16 KiB", everywhere, object{"extra_claims": object{"x": repeat("x", 16<<10)}}, "extra_claims")
	add("other claims as a list", wire, object{"extra_claims": []string{"x"}}, "extra_claims")

	exchange := func(name string, on []string, members object, problems ...string) {
		add(name, on, object{"exchanges": []object{members}}, problems...)
	}
	exchange("Altinn of production for a client in test", everywhere, object{"type": "altinn", "environment": "prod"}, "exchanges[0].endpoint")
	exchange("Altinn without TLS", everywhere, object{"type": "altinn", "endpoint": "http://altinn.example.no/"}, "exchanges[0].endpoint")
	exchange("an Altinn that there is not", wire, object{"type": "altinn", "environment": "at99"}, "exchanges[0].environment")
	exchange("Altinn by name and by address", wire, object{"type": "altinn", "environment": "tt02", "endpoint": "https://altinn.example.no/"}, "exchanges[0].environment")
	exchange("Altinn without a name", wire, object{"type": "altinn"}, "exchanges[0].environment")
	exchange("Customs' test organization", wire, object{"type": "customs", "test": true}, "exchanges[0].test")
	exchange("an exchange without an endpoint", everywhere, object{"type": "token_exchange"}, "exchanges[0].token_endpoint")
	sts := func(name string, member string, value any, problem string) {
		exchange("an exchange with "+name, everywhere, object{"type": "token_exchange", "token_endpoint": "https://sts.example.no/token", member: value}, "exchanges[0]."+problem)
	}
	sts("a bare word for its subject type", "subject_token_type", "access_token", "subject_token_type")
	sts("a bare word for its requested type", "requested_token_type", "jwt", "requested_token_type")
	sts("an empty audience", "audience", []string{""}, "audience[0]")
	sts("a relative resource", "resource", []string{"/x"}, "resource[0]")
	sts("a scope with a space", "scopes", []string{"a b"}, "scopes[0]")

	refused := func(name string, config, request object, problem string) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Config: configWith(config), Request: requestWith(request),
			Expect: object{"code": "invalid_token_request", "problems": []string{problem}}})
	}
	refused("Skyporten without a resource", object{"environment": "skyporten"}, object{}, "resource")
	refused("an eSeal at Altinn", object{"eseal": true, "key": object{"x5c": x5c()}}, object{"exchanges": []object{{"type": "altinn", "environment": "tt02"}}}, "exchanges[0].type")
	refused("Customs of test for a client in production", object{"environment": "production"},
		object{"exchanges": []object{{"type": "customs", "token_endpoint": "https://api-test.toll.no/api/access/external/oauth/token"}}}, "exchanges[0].token_endpoint")
}
