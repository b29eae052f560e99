// Package sandbox is a Maskinporten for tests: strict, complete enough to
// develop against, and only ever on this machine. It works like
// net/http/httptest. Beside the token endpoint it runs the token exchange of
// Norwegian Customs, the one of Altinn, and a small API that wants a token, so
// that a whole chain of calls can be tested without a network.
//
//	config, demo, err := sandbox.DefaultConfig()
//	server, err := sandbox.Start(config)
//	defer server.Close()
//
// A program under test gets [Server.Environment] as its environment and a
// client id and key from [Demo]. What it sent is then in [Server.Journal], how
// politely in [Server.Load], and what should go wrong is said with
// [Server.SetFaults].
//
// # What it refuses
//
// A grant is judged by a list of small checks, in one fixed order; the first
// that fails gives the answer, with Maskinporten's own error, description,
// trace id and, where one is documented, error_uri with the MP code. The
// answer is as terse as the real one. What exactly was wrong is in the
// journal, in the member detail.
//
// A grant without a registered client is taken from a European business, if all
// its scopes are open to those and its x5c is the whole chain of an eSeal under
// Config.ESealRoots.
//
// Where the real service's behaviour is undocumented the sandbox takes the
// stricter reading; a comment says so at each such place.
//
// The package decides everything by its own code and the standard library. It
// shares nothing with the builders of package core, because a mistake made in
// both would go unseen.
//
// # Time
//
// Keys end by their exp, certificates and consents by their own dates, all by
// the clock of the sandbox. [Server.SetClockOffset] moves that clock; the fault
// with DateOffsetSeconds moves only what the sandbox says the time is.
//
// # Faults
//
// As JSON, in the array of PUT /sandbox/faults; path, scope, times and
// latency_ms go with each. See [Fault].
//
//	{"kind":"hang"}                          no answer
//	{"kind":"close"}                         the connection ends, the grant is unused
//	{"kind":"drop"}, {"kind":"reset"}        the connection ends, the grant is used
//	{"status":503,"retry_after":"7"}         a status
//	{"statuses":[500,500,200]}               one status after another; 200 is let through
//	{"requests_per_second":20}               429 beyond that
//	{"kind":"redirect","location":"…"}       307
//	{"kind":"html"}, {"kind":"empty"}        a captive portal, no body
//	{"kind":"huge"}, {"kind":"endless"}      4 MB, no end
//	{"kind":"gzip_bomb"}                     16 kB that become 16 MB
//	{"header":{"Content-Encoding":["gzip"]}} gzip that is none
//	{"body":"…","content_type":"text/xml"}   a body of one's own; body_base64 if it is no text
//	{"expires_in":3}                         another life, told and meant
//	{"granted_scope":"a:b"}                  other scopes, told and meant
//	{"members":{"expires_in":1e3}}           other members, told only: token_type, scope, …
//	{"omit":["token_type"]}                  members left out
//	{"append":{"Access_Token":"x"}}          members there twice, or in other case
//	{"date_offset_seconds":3600}             another Date
//	{"header":{"Date":[]}}                   no Date; two values make two, any text is sent
//	{"header":{"Age":["30"]}}                Age, or any other field
//	{"kind":"huge_header"}                   a field of 1 MB; many_headers: 10,000 fields
//	{"kind":"truncated"}                     half the body
//	{"header":{"Content-Length":["10"]}}     a wrong length, or two
//	{"kind":"close_delimited"}               HTTP/1.0
//	{"kind":"trailers"}                      chunks with a trailer
//	{"informational":[100,103]}              interim answers first
//	{"bytes_per_second":1}                   a slow body; head_bytes_per_second: a slow header
//
// # Controls
//
// Programs in other languages do the same over HTTP, at [Server.Control], which
// is /sandbox. Bodies are strict JSON of at most 1 MiB: a member that is unknown,
// there twice or in other case is an error. Changes answer 204 and hold for the
// next request; 400 and 404 come with a text that says what to do, and have
// changed nothing. Whoever is not on this machine, or is a page in a browser
// that came from elsewhere, gets 403.
//
//	GET    /sandbox/                   all controls, and how much there is of everything
//	GET    /sandbox/journal            {"requests","counts","max_in_flight","peak_per_second","distinct_jti"}
//	DELETE /sandbox/journal
//	GET    /sandbox/faults
//	PUT    /sandbox/faults             an array of faults in place of all
//	GET    /sandbox/clock
//	PUT    /sandbox/clock              {"offset_seconds":n}
//	GET    /sandbox/configuration
//	PUT    /sandbox/configuration      a whole [Config]
//	GET    /sandbox/clients
//	GET    /sandbox/clients/ID
//	PUT    /sandbox/clients/ID         a [Client], registered or replaced
//	DELETE /sandbox/clients/ID
//	PUT    /sandbox/clients/ID/keys    {"keys":[…]}, a JWK set of public keys
//	GET    /sandbox/delegations        and access, consents, system_users, scopes, organizations
//	POST   /sandbox/delegations        one, or an array: {"scope","from","to"}
//	DELETE /sandbox/delegations?scope=S&from=N&to=N
//	POST   /sandbox/access             {"scope","organization"}
//	DELETE /sandbox/access?scope=S&organization=N
//	POST   /sandbox/consents           a [Consent]; likewise system_users
//	DELETE /sandbox/consents?id=ID     likewise system_users
//	POST   /sandbox/scopes             a [Scope]; an [Organization] for organizations
//	DELETE /sandbox/scopes?name=S      organizations?number=N
//
// # Speed
//
// Most of the time of a token goes into its signature with RSA-3072. Tests
// that count many tokens set Config.FastTokens, which signs with RSA-2048 and
// gives about three times as many.
package sandbox
