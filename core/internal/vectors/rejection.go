package vectors

// rejection is a row of protocol documents: what Maskinporten says and what a
// developer has to be told.
type rejection struct {
	name      string
	status    int
	oauth, mp string
	texts     []string // new wording first
	code      string
	remedy    string
	attempts  int // 0 counts as 1
	retryable bool
}

// rejections is Digdir's troubleshooting page, with wordings seen in public.
var rejections = []rejection{
	{"malformed grant", 400, "invalid_request", "MP-011", []string{"Invalid assertion. Invalid parameter value"}, "grant_malformed", "extra claims", 0, false},
	{"grant used before", 400, "invalid_grant", "MP-012", []string{"Grant is used before"}, "grant_reused", "new jti", 2, true},
	{"client unknown", 400, "invalid_grant", "MP-100", []string{"Client not found", "Invalid assertion. Client authentication failed."}, "client_unknown", "client id", 0, false},
	{"wrong aud", 400, "invalid_grant", "MP-110", []string{"Invalid assertion. Client authentication failed. Invalid JWT claim aud"}, "audience_wrong", "slash", 0, false},
	{"invalid certificate", 400, "invalid_grant", "MP-120", []string{"Invalid assertion. Client authentication failed. The JWT is signed with an invalid certificate."}, "certificate_invalid", "environment", 0, false},
	{"expired key", 400, "invalid_grant", "MP-121", []string{"Invalid assertion. Client authentication failed. Expired key"}, "key_expired", "one year", 0, false},
	{"organization of the certificate", 400, "invalid_grant", "MP-122", []string{"Invalid JWT. Invalid organization number for client. Does not match certificate orgno", "Client orgno 991825827 does not match certificate orgno 910753614"}, "organization_mismatch", "organization", 0, false},
	{"x5c of the wrong form", 400, "invalid_grant", "MP-123", []string{"Invalid JWT header x5c", "Failed to extract certificate from jwt"}, "x5c_malformed", "array of strings", 0, false},
	{"wrong signature", 400, "invalid_grant", "MP-124", []string{"Invalid assertion. Client authentication failed. Invalid JWT signature.", "Invalid JWT signature", "Could not validate JWT Signature"}, "signature_rejected", "private key", 0, false},
	{"unknown kid", 400, "invalid_grant", "", []string{"Invalid assertion. Client authentication failed. Unknown key identifier (kid) for client."}, "kid_unknown", "Register this kid", 0, false},
	{"kid required", 400, "invalid_grant", "", []string{"Invalid assertion. Client authentication failed. Invalid JWT. The client requires pre-registered jwk and no key identifier (kid) provided"}, "kid_required", "Set kid", 0, false},
	{"expired grant", 400, "invalid_grant", "MP-130", []string{"JWT is expired", "JWT has expired."}, "grant_expired", "NTP", 0, false},
	{"issued in the future", 400, "invalid_grant", "", []string{"Issue time is after now", "Issue time is in the future."}, "issued_in_future", "NTP", 0, false},
	{"life too long", 400, "invalid_request", "", []string{"JWT has too long lifetime.", "Invalid assertion. JWT has too long lifetime."}, "lifetime_too_long", "120 seconds", 0, false},
	{"own organization as consumer_org", 400, "invalid_request", "", []string{"Validation of JWT claim failed: The combination consumer_org in claim and delegation scope on client is invalid"}, "consumer_org_invalid", "own organization", 0, false},
	{"scope not registered", 400, "invalid_scope", "MP-200", []string{"Token request contains invalid scopes for client, altinn:serviceowners/read", "Token request contains invalid scopes for client"}, "scope_not_registered", "case", 0, false},
	{"scope not for maskinporten", 400, "invalid_scope", "MP-201", []string{"Token request contains scopes not allowed for maskinporten", "Token request contains scopes with integration types only allowed for user login"}, "scope_not_allowed", "integration type", 0, false},
	{"access not granted", 403, "forbidden", "MP-250", []string{"Consumer has not been granted access to the scope a:b"}, "access_not_granted", "consumer_org", 0, false},
	{"not delegated", 403, "forbidden", "MP-251", []string{"Consumer 910753614 has not delegated access to the scope a:b to supplier 991825827"}, "not_delegated", "Altinn", 0, false},
	{"unknown type of details", 400, "invalid_authorization_details", "MP-301", []string{"Unknown authorization details type"}, "authorization_details_type_unknown", "urn:altinn:systemuser", 0, false},
	{"unknown member of details", 400, "invalid_authorization_details", "MP-302", []string{"Unknown fields in the authorization details"}, "authorization_details_field_unknown", "member", 0, false},
	{"system user not found", 400, "invalid_altinn_customer_configuration", "MP-303", []string{"Invalid authorization details values", "System user not found"}, "authorization_details_invalid", "externalRef", 0, false},
}

const (
	traceID       = "35660123456789abcdef0123456789ab"
	correlationID = "35660123-4567-89ab-cdef-0123456789ab"
)

// errorAnswers: every row in the ways that it was seen: with error_uri and
// trace id, by its text alone, and with the older trailer.
func errorAnswers() File {
	f := File{Subject: "errors", Operation: "acquire", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "What Maskinporten answers when it says no, and what a developer is told. The answer is repeated."}
	add := func(name string, status int, body, expect object) {
		expect["step"], expect["kind"], expect["status"] = "failed", "remote", status
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Answers: []Answer{{Status: status, Body: &Blob{Text: jsonText(body)}}}, Expect: expect})
	}
	for _, r := range rejections {
		for i, text := range r.texts {
			expect := func(mp, trace string) object {
				e := object{"code": r.code, "error": r.oauth, "error_description": text, "mp_code": nil, "trace_id": nil,
					"retryable": r.retryable, "attempts": max(r.attempts, 1), "says": []string{r.remedy}}
				if mp != "" {
					e["mp_code"] = mp
				}
				if trace != "" {
					e["trace_id"] = trace
				}
				return e
			}
			name := r.name
			if i > 0 {
				name += ", wording " + string(rune('1'+i))
			}
			if r.mp != "" {
				add(name, r.status, object{"error": r.oauth, "error_description": text + " (trace_id: " + traceID + ")", "error_uri": testIssuer + "errors/" + r.mp}, expect(r.mp, traceID))
			} else {
				add(name, r.status, object{"error": r.oauth, "error_description": text + " (trace_id: " + traceID + ")"}, expect("", traceID))
			}
			add(name+", by its text", r.status, object{"error": r.oauth, "error_description": text}, expect("", ""))
			if i == len(r.texts)-1 {
				add(name+", before 2023", r.status, object{"error": r.oauth, "error_description": text + " (correlation id: " + correlationID + ")"}, expect("", correlationID))
			}
		}
	}
	odd := func(name string, status int, body object, code, mp string, more object) {
		expect := object{"code": code, "mp_code": nil, "attempts": 1}
		if mp != "" {
			expect["mp_code"] = mp
		}
		for member, value := range more {
			expect[member] = value
		}
		add(name, status, body, expect)
	}
	uri := func(mp string) string { return "https://maskinporten.no/errors/" + mp }
	odd("the code decides over a text that nobody knows", 400, object{"error": "invalid_grant", "error_description": "Nøkkelen er utløpt", "error_uri": uri("MP-121")}, "key_expired", "MP-121", nil)
	odd("the code decides over the text of another row", 400, object{"error": "invalid_grant", "error_description": "Client not found", "error_uri": uri("MP-121")}, "key_expired", "MP-121", nil)
	odd("the code in the description", 400, object{"error": "invalid_scope", "error_description": "MP-200: no"}, "scope_not_registered", "MP-200", nil)
	odd("the code in lower case", 400, object{"error": "invalid_grant", "error_description": "no", "error_uri": "https://maskinporten.no/errors/mp-124"}, "signature_rejected", "MP-124", nil)
	odd("error_uri goes before the description", 400, object{"error": "invalid_grant", "error_description": "MP-100", "error_uri": uri("MP-121")}, "key_expired", "MP-121", nil)
	odd("four digits are no code", 400, object{"error": "invalid_grant", "error_description": "x", "error_uri": uri("MP-1214")}, "rejected", "", nil)
	odd("a code that nobody knows", 400, object{"error": "invalid_grant", "error_description": "something new", "error_uri": uri("MP-199")}, "rejected", "MP-199", object{"says": []string{"something new", "trace id"}})
	odd("a general code beside a text that says more", 400, object{"error": "invalid_grant", "error_description": "Invalid assertion. Client authentication failed. Expired key", "error_uri": uri("MP-100")}, "key_expired", "MP-100", nil)
	odd("MP-301 as it was until June 2024", 403, object{"error": "forbidden", "error_description": "Consumer 910753614 has not delegated access to the scope a:b to supplier 991825827", "error_uri": uri("MP-301")}, "not_delegated", "MP-301", nil)
	odd("a code that nobody knows before one that is known", 400, object{"error": "invalid_grant", "error_description": "MP-121", "error_uri": uri("MP-199")}, "key_expired", "MP-121", nil)
	odd("too long a life beside a general code", 400, object{"error": "invalid_request", "error_description": "JWT has too long lifetime.", "error_uri": uri("MP-011")}, "lifetime_too_long", "MP-011", nil)
	odd("an invalid assertion without more", 400, object{"error": "invalid_grant", "error_description": "Invalid assertion"}, "grant_malformed", "", nil)
	odd("invalid_scope alone", 400, object{"error": "invalid_scope"}, "scope_not_registered", "", object{"error_description": nil})
	odd("invalid_client alone", 401, object{"error": "invalid_client"}, "client_unknown", "", nil)
	odd("unauthorized_client alone", 400, object{"error": "unauthorized_client"}, "client_unknown", "", nil)
	odd("invalid_altinn_customer_configuration alone", 400, object{"error": "invalid_altinn_customer_configuration"}, "authorization_details_invalid", "", nil)
	odd("invalid_authorization_details alone", 400, object{"error": "invalid_authorization_details"}, "authorization_details_invalid", "", nil)
	odd("unsupported_grant_type", 400, object{"error": "unsupported_grant_type"}, "rejected", "", object{"error": "unsupported_grant_type"})
	odd("an error with status 200", 200, object{"error": "invalid_scope", "access_token": canary, "token_type": "Bearer"}, "scope_not_registered", "", object{"hides": []string{canary}})
	odd("an error with status 503 is the server's trouble", 503, object{"error": "temporarily_unavailable", "error_description": "later"}, "server_error", "", object{"attempts": 3, "retryable": true, "error": "temporarily_unavailable"})
	odd("an error with status 429 is the limit", 429, object{"error": "slow_down"}, "rate_limited", "", object{"retryable": true, "error": "slow_down"})
	odd("error is a number", 400, object{"error": 1}, "unexpected_status", "", object{"error": nil})
	odd("error is empty", 400, object{"error": ""}, "unexpected_status", "", object{"error": nil})
	odd("error is null", 400, object{"error": nil}, "unexpected_status", "", object{"error": nil})
	odd("error_description is a number", 400, object{"error": "invalid_grant", "error_description": 7}, "rejected", "", object{"error": "invalid_grant"})
	f.Cases = append(f.Cases, Case{Name: "a scope with upper case in its prefix", RunsOn: everywhere, Request: requestWith(object{"scopes": []string{"Altinn:read"}}),
		Answers: []Answer{{Status: 400, Body: &Blob{Text: `{"error":"invalid_scope","error_uri":"https://maskinporten.no/errors/MP-200"}`}}},
		Expect:  object{"step": "failed", "code": "scope_not_registered", "mp_code": "MP-200", "says": []string{"case", "Altinn:read"}}})
	return f
}
