package vectors

import (
	"encoding/json"
	"fmt"
)

// cacheKeys: which pairs share a token. Every ingredient of a grant and of its
// exchanges makes a difference; the way it is written does not.
func cacheKeys() File {
	f := File{Subject: "cache_keys", Operation: "cache_key", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "Pairs of a registration and a request: whether their sources have the same cache key."}
	add := func(name string, same bool, config, request, otherConfig, otherRequest json.RawMessage) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: everywhere, Config: config, Request: request,
			Other: &Registration{otherConfig, otherRequest}, Expect: object{"same": same}})
	}
	requests := func(name string, same bool, a, b object) {
		add(name, same, nil, requestWith(a), nil, requestWith(b))
	}
	configs := func(name string, same bool, b object) { add(name, same, nil, nil, configWith(b), nil) }

	requests("equal requests", true, object{}, object{})
	requests("the order of scopes", true, object{"scopes": []string{"a:b", "c:d"}}, object{"scopes": []string{"c:d", "a:b"}})
	requests("repeated scopes", true, object{"scopes": []string{"a:b", "a:b"}}, object{})
	requests("one scope as a string", true, object{"scopes": "a:b"}, object{})
	requests("one resource as a string", true, object{"resource": "https://a.no"}, object{"resource": []string{"https://a.no"}})
	requests("null and absent", true, object{"pid": json.RawMessage("null")}, object{})
	requests("no resource and an empty list", true, object{"resource": []string{}}, object{})
	requests("another scope", false, object{"scopes": []string{"a:c"}}, object{})
	requests("a scope more", false, object{"scopes": []string{"a:b", "a:c"}}, object{})
	requests("the case of a scope", false, object{"scopes": []string{"a:B"}}, object{})
	requests("where one scope ends and the next begins", false, object{"scopes": []string{"a", "bc"}}, object{"scopes": []string{"ab", "c"}})
	requests("one long scope and two short ones", false, object{"scopes": []string{"ab"}}, object{"scopes": []string{"a", "b"}})
	requests("with and without a resource", false, object{"resource": []string{"https://a.no"}}, object{})
	requests("another resource", false, object{"resource": []string{"https://a.no"}}, object{"resource": []string{"https://b.no"}})
	requests("a resource in another case", false, object{"resource": []string{"https://a.no/X"}}, object{"resource": []string{"https://a.no/x"}})
	requests("a scope is not a resource", false, object{"scopes": []string{"a:b", "urn:x"}}, object{"resource": []string{"urn:x"}})
	requests("with and without a customer", false, object{"consumer_org": "910753614"}, object{})
	requests("another customer", false, object{"consumer_org": "910753614"}, object{"consumer_org": "310702641"})
	requests("with and without a person", false, object{"pid": "01017012345"}, object{})
	requests("another person", false, object{"pid": "01017012345"}, object{"pid": "01017012346"})
	requests("with and without a system user", false, object{"system_user": object{"org": "310702641"}}, object{})
	requests("another system user", false, object{"system_user": object{"org": "310702641"}}, object{"system_user": object{"org": "910753614"}})
	requests("another externalRef", false, object{"system_user": object{"org": "310702641", "external_ref": "1"}}, object{"system_user": object{"org": "310702641", "external_ref": "2"}})
	requests("with and without an externalRef", false, object{"system_user": object{"org": "310702641", "external_ref": "1"}}, object{"system_user": object{"org": "310702641"}})
	requests("a customer is not a system user's owner", false, object{"consumer_org": "310702641"}, object{"system_user": object{"org": "310702641"}})
	requests("with and without iss_onbehalfof", false, object{"iss_onbehalfof": "a"}, object{})
	requests("iss_onbehalfof is not a customer", false, object{"iss_onbehalfof": "910753614"}, object{"consumer_org": "910753614"})
	consent := func(id, person string) object {
		return object{"consent": object{"id": "3ee2f0a4-6ac8-4b8e-9d1c-9d5b0c1f2a3" + id, "from": "urn:altinn:person:identifier-no:0101701234" + person}}
	}
	requests("with and without a consent", false, consent("1", "1"), object{})
	requests("another consent", false, consent("1", "1"), consent("2", "1"))
	requests("a consent of another person", false, consent("1", "1"), consent("1", "2"))
	requests("with and without another claim", false, object{"extra_claims": object{"x": 1}}, object{})
	requests("another claim's value", false, object{"extra_claims": object{"x": 1}}, object{"extra_claims": object{"x": 2}})
	requests("another claim's name", false, object{"extra_claims": object{"x": 1}}, object{"extra_claims": object{"y": 1}})
	requests("another claim as text", false, object{"extra_claims": object{"x": 1}}, object{"extra_claims": object{"x": "1"}})
	requests("the order of other claims", true, object{"extra_claims": json.RawMessage(`{"x":1,"y":2}`)}, object{"extra_claims": json.RawMessage(`{"y":2,"x":1}`)})
	customs := []object{{"type": "customs"}}
	requests("equal exchanges", true, object{"exchanges": customs}, object{"exchanges": customs})
	requests("with and without an exchange", false, object{"exchanges": customs}, object{})
	requests("the exchange's own address, written out", true, object{"exchanges": customs},
		object{"exchanges": []object{{"type": "customs", "token_endpoint": "https://api-test.toll.no/api/access/external/oauth/token"}}})
	requests("an exchange at another address", false, object{"exchanges": customs}, object{"exchanges": []object{{"type": "customs", "token_endpoint": "https://x.no/token"}}})
	requests("one exchange and two", false, object{"exchanges": customs}, object{"exchanges": []object{customs[0], customs[0]}})
	exchange := func(name string, same bool, a, b object) {
		requests(name, same, object{"exchanges": []object{a}}, object{"exchanges": []object{b}})
	}
	altinn := object{"type": "altinn", "environment": "tt02"}
	exchange("Altinn and Customs", false, altinn, customs[0])
	exchange("another environment of Altinn", false, altinn, object{"type": "altinn", "environment": "at22"})
	exchange("Altinn by its name and by its address", true, altinn, object{"type": "altinn", "endpoint": "https://platform.tt02.altinn.no/authentication/api/v1/exchange/maskinporten"})
	exchange("Altinn's test organization", false, altinn, object{"type": "altinn", "environment": "tt02", "test": true})
	plain := object{"type": "token_exchange", "token_endpoint": "https://x.no/token"}
	with := func(member string, value any) object {
		return object{"type": "token_exchange", "token_endpoint": "https://x.no/token", member: value}
	}
	exchange("an exchange's audience", false, plain, with("audience", []string{"x"}))
	exchange("an audience is not a scope", false, with("audience", []string{"x"}), with("scopes", []string{"x"}))
	exchange("an exchange's resource", false, plain, with("resource", []string{"https://a.no"}))
	exchange("an exchange's requested type", false, plain, with("requested_token_type", "urn:x:y"))
	exchange("the order of an exchange's scopes", true, with("scopes", []string{"x", "y"}), with("scopes", []string{"y", "x"}))
	configs("the same registration twice", true, object{})
	configs("the environment by its name and by its parts", true, object{"environment": object{"issuer": testIssuer, "token_endpoint": "https://test.maskinporten.no/token"}})
	configs("the life of a grant", true, object{"grant_life_seconds": 100})
	configs("the size of the cache", true, object{"cache_limit": 5})
	configs("another environment", false, object{"environment": "production"})
	configs("another client", false, object{"client_id": "another"})
	configs("another kid", false, object{"key": object{"kid": "vector-key-2"}})
	configs("a certificate instead of a kid", false, object{"key": object{"x5c": x5c()}})
	x := x5c()
	add("another certificate", false, configWith(object{"key": object{"x5c": x[:1]}}), nil, configWith(object{"key": object{"x5c": x[1:]}}), nil)
	add("an eSeal and a client with the same certificate", false, configWith(object{"key": object{"x5c": x}}), nil, configWith(object{"eseal": true, "key": object{"x5c": x}}), nil)
	add("the same leaf with and without its issuer", true, configWith(object{"key": object{"x5c": x[:1]}}), nil, configWith(object{"key": object{"x5c": x}}), nil)
	return f
}

// script builds the lines of a case.
type script []Step

func (s *script) do(step Step) { *s = append(*s, step) }

func (s *script) at(ms int64, step Step) {
	step.AtMS = &ms
	s.do(step)
}

func token(name string, life int) Answer {
	return Answer{Status: 200, Body: &Blob{Text: fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, name, life)}}
}

func says(status int, headers object) Answer { return Answer{Status: status, Headers: headers} }

func acquireStep(expect object, answers ...Answer) Step {
	return Step{Do: "acquire", Answers: answers, Expect: expect}
}

var (
	expiredKey = Answer{Status: 400, Body: &Blob{Text: `{"error":"invalid_grant","error_description":"Expired key","error_uri":"https://test.maskinporten.no/errors/MP-121"}`}}
	noToken    = object{"code": "no_token"}
	peekDue    = func(token string) object { return object{"access_token": token, "refresh_due": true} }
	peekFresh  = func(token string) object { return object{"access_token": token, "refresh_due": false} }
	stepSign   = object{"step": "sign"}
	stepSend   = object{"step": "send"}
	stepWait   = object{"step": "wait"}
	doneWith   = func(token string, sent int) object {
		return object{"step": "done", "access_token": token, "sent": sent}
	}
	failedWith   = func(code string, sent int) object { return object{"step": "failed", "code": code, "sent": sent} }
	failedForNow = func(code string, sent int, again int64) object {
		return object{"step": "failed", "code": code, "sent": sent, "again_in_ms": again}
	}
)

// cacheStates: the state machine of one key over time. Times are of both
// clocks; random is what stands for every random number.
func cacheStates() File {
	f := File{Subject: "cache_state", Operation: "flow", Config: raw(defaultConfig), Request: raw(defaultRequest),
		Comment: "What the cache answers over time: fresh, due, backing off, failing, over; with both clocks and every random number given."}
	add := func(name string, random float64, s script) {
		f.Cases = append(f.Cases, Case{Name: name, RunsOn: []string{OnGo}, Random: &random, Steps: s})
	}
	// Due at 40 to 48 % of the life; not handed out in its last min(10 s, 10 %).
	for _, life := range []struct{ s, earliest, latest, hard int64 }{{1, 400, 480, 900}, {30, 12_000, 14_400, 27_000}, {120, 48_000, 57_600, 110_000},
		{599, 239_600, 287_520, 589_000}, {970, 388_000, 465_600, 960_000}, {3600, 1_440_000, 1_728_000, 3_590_000}, {86_400, 34_560_000, 41_472_000, 86_390_000}} {
		for _, due := range []struct {
			when   string
			random float64
			soft   int64
		}{{"earliest", 0, life.earliest}, {"latest", 1, life.latest}} {
			var s script
			s.at(0, acquireStep(doneWith("T1", 1), token("T1", int(life.s))))
			s.at(due.soft-1, Step{Do: "peek", Expect: object{"access_token": "T1", "refresh_due": false, "usable_ms": life.hard - due.soft + 1}})
			s.at(due.soft+1, Step{Do: "peek", Expect: peekDue("T1")})
			s.at(life.hard-1, Step{Do: "peek", Expect: object{"access_token": "T1", "usable_ms": 1}})
			s.at(life.hard, Step{Do: "peek", Expect: noToken})
			add(fmt.Sprintf("a life of %d s, due at the %s", life.s, due.when), due.random, s)
		}
	}

	var s script
	s.at(0, Step{Do: "peek", Expect: noToken})
	s.do(Step{Do: "next", Expect: stepSign})
	s.do(Step{Do: "next", Flow: "b", Expect: stepWait, Comment: "one fetch for a key, however many ask"})
	s.do(Step{Do: "signed"})
	s.do(Step{Do: "received", Answer: ptr(token("T1", 120))})
	s.do(Step{Do: "next", Expect: object{"step": "done", "access_token": "T1"}})
	s.do(Step{Do: "next", Flow: "b", Expect: object{"step": "done", "access_token": "T1"}})
	s.at(47_000, acquireStep(doneWith("T1", 0)))
	add("empty, acquiring, fresh", 0, s)

	s = nil
	s.at(0, acquireStep(doneWith("T1", 1), token("T1", 120)))
	s.at(50_000, Step{Do: "next", Expect: stepSign, Comment: "the first who sees it renews"})
	s.do(Step{Do: "peek", Expect: peekFresh("T1")})
	s.do(Step{Do: "next", Flow: "b", Expect: object{"step": "done", "access_token": "T1"}, Comment: "nobody else waits or fetches"})
	s.do(Step{Do: "signed"})
	s.do(Step{Do: "received", Answer: ptr(token("T2", 120))})
	s.do(Step{Do: "next", Expect: object{"step": "done", "access_token": "T2"}})
	s.at(97_000, acquireStep(doneWith("T2", 0)))
	add("due, refreshing, fresh", 0, s)

	s = nil
	s.at(0, acquireStep(doneWith("T1", 1), token("T1", 120)))
	s.at(60_000, acquireStep(failedForNow("server_error", 1, 750), says(503, nil)))
	s.at(60_749, Step{Do: "peek", Expect: peekFresh("T1")})
	s.at(60_751, Step{Do: "peek", Expect: peekDue("T1")})
	s.do(acquireStep(failedForNow("server_error", 1, 1500), says(503, nil)))
	s.do(acquireStep(doneWith("T1", 0)))
	s.at(62_300, acquireStep(doneWith("T2", 1), token("T2", 120)))
	add("a renewal makes one attempt; the token holds while it fails", 0.5, s)

	s = nil
	s.at(0, acquireStep(doneWith("T1", 1), token("T1", 120)))
	s.at(109_000, acquireStep(failedForNow("key_expired", 1, 5000), expiredKey))
	s.at(109_900, acquireStep(doneWith("T1", 0)))
	s.at(110_000, acquireStep(doneWith("T2", 1), token("T2", 120)))
	add("passing the end drops a pause once", 0.5, s)

	series := func(name string, random float64, code string, answer Answer, pauses ...int64) {
		var s script
		now := int64(0)
		for _, pause := range pauses {
			s.at(now, acquireStep(failedForNow(code, 1, pause), answer))
			s.at(now+pause-1, acquireStep(failedWith(code, 0)))
			now += pause
		}
		s.at(now, acquireStep(doneWith("T1", 1), token("T1", 120)))
		add(name, random, s)
	}
	series("a failure that passes: 1 s doubled to 8 s, half of it random", 0.5, "server_error", says(501, nil), 750, 1500, 3000, 6000, 6000)
	series("the same at its shortest", 0, "server_error", says(501, nil), 500, 1000, 2000, 4000, 4000)
	series("the same at its longest", 1, "server_error", says(501, nil), 1000, 2000, 4000, 8000, 8000)
	series("a failure to be mended: 5 s doubled to 60 s, give or take a fifth", 0.5, "key_expired", expiredKey, 5000, 10_000, 20_000, 40_000, 60_000, 60_000)
	series("the same at its shortest, 4 s", 0, "key_expired", expiredKey, 4000, 8000, 16_000, 32_000)
	series("429 without Retry-After: 5 s", 0.5, "rate_limited", says(429, nil), 5000, 5000)
	series("429 with Retry-After: 30", 0.5, "rate_limited", says(429, object{"Retry-After": "30"}), 30_000)
	series("429 with Retry-After: 86400 is a minute", 0.5, "rate_limited", says(429, object{"Retry-After": "86400"}), 60_000)
	series("503 with Retry-After: 61 is a minute", 0.5, "server_error", says(503, object{"Retry-After": "61"}), 60_000)

	s = nil
	s.at(0, acquireStep(failedWith("key_expired", 1), expiredKey))
	s.at(5000, acquireStep(doneWith("T1", 1), token("T1", 10)))
	s.at(14_000, acquireStep(failedForNow("key_expired", 1, 5000), expiredKey))
	add("a success forgets the failures before it", 0.5, s)

	s = nil
	s.at(0, acquireStep(doneWith("T1", 1), token("T1", 120)))
	s.at(1000, Step{Do: "invalidate", AccessToken: "T0"})
	s.do(Step{Do: "peek", Expect: peekFresh("T1"), Comment: "another token is no reason"})
	s.do(Step{Do: "invalidate", AccessToken: "T1"})
	s.do(Step{Do: "peek", Expect: noToken})
	s.at(2000, acquireStep(doneWith("T2", 1), token("T2", 120)))
	s.at(5999, Step{Do: "invalidate", AccessToken: "T2"})
	s.do(Step{Do: "peek", Expect: peekFresh("T2"), Comment: "at most one forced fetch in five seconds"})
	s.at(6000, Step{Do: "invalidate", AccessToken: "T2"})
	s.do(Step{Do: "peek", Expect: noToken})
	add("a token that an API rejected", 0, s)

	s = nil
	s.at(0, Step{Do: "next", Expect: stepSign})
	s.do(Step{Do: "next", Flow: "b", Expect: stepWait})
	s.at(1000, Step{Do: "free"})
	s.do(Step{Do: "next", Flow: "b", Expect: stepSign})
	add("a flow that is given up makes room", 0, s)

	s = nil
	s.at(0, Step{Do: "next", Expect: stepSign})
	s.do(Step{Do: "signed"})
	s.at(19_999, Step{Do: "next", Flow: "b", Expect: stepWait})
	s.at(20_000, Step{Do: "next", Flow: "b", Expect: stepSign})
	s.do(Step{Do: "received", Answer: ptr(token("T1", 120)), Comment: "late, but a token is a token"})
	s.do(Step{Do: "peek", Expect: object{"access_token": "T1", "usable_ms": 90_000}})
	add("a flow without an end loses its place after 20 s", 0, s)

	s = nil
	s.at(0, Step{Do: "next", Expect: stepSign})
	s.do(Step{Do: "signed"})
	s.do(Step{Do: "next", Expect: stepSend})
	s.at(7000, Step{Do: "received", Answer: ptr(token("T1", 10))})
	s.do(Step{Do: "peek", Expect: object{"access_token": "T1", "usable_ms": 2000}})
	s.at(9000, Step{Do: "peek", Expect: noToken})
	add("the life counts from sending", 0, s)

	wall := func(name string, shift int64, expect object) {
		var s script
		s.at(0, acquireStep(doneWith("T1", 1), token("T1", 120)))
		s.at(10_000, Step{Do: "peek", WallMS: &shift, Expect: expect})
		s.at(110_000, Step{Do: "peek", Expect: noToken})
		add(name, 0, s)
	}
	wall("the wall clock jumps ahead an hour, or the machine slept", 3_600_000, noToken)
	wall("the wall clock is set back an hour", -3_600_000, peekFresh("T1"))
	wall("the wall clock is corrected by a second", 1000, peekFresh("T1"))

	s = nil
	s.at(0, acquireStep(doneWith("T1", 1), token("T1", 120)))
	s.at(1000, Step{Do: "rotate", KeyID: "vector-key-2"})
	s.do(Step{Do: "peek", Expect: noToken})
	s.do(Step{Do: "next", Expect: object{"step": "sign", "header": object{"alg": "RS256", "kid": "vector-key-2"}}})
	add("the old key's token is never handed out after a rotation", 0, s)

	s = nil
	s.at(0, acquireStep(failedWith("key_expired", 1), expiredKey))
	s.at(1000, acquireStep(failedWith("key_expired", 0)))
	s.do(Step{Do: "rotate", KeyID: "vector-key-2"})
	s.do(acquireStep(doneWith("T1", 1), token("T1", 120)))
	add("a rotation forgets a failure at once", 0, s)

	s = nil
	s.at(0, acquireStep(doneWith("X1", 2), token("S1", 120), token("X1", 970)))
	s.at(200_000, acquireStep(doneWith("X1", 0)))
	s.at(389_000, acquireStep(doneWith("X2", 2), token("S2", 120), token("X2", 970)))
	f.Cases = append(f.Cases, Case{Name: "an exchanged token holds without its subject token", RunsOn: []string{OnGo}, Random: ptr(0.0),
		Request: requestWith(object{"exchanges": []object{{"type": "customs"}}}), Steps: s})
	return f
}

func ptr[T any](v T) *T { return &v }
