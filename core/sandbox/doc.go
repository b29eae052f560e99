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
// client id and key from [Demo]. What it sent is then in [Server.Journal], and
// what should go wrong is said with [Server.SetFaults].
//
// # What it refuses
//
// A grant is judged by a list of small checks, in one fixed order; the first
// that fails gives the answer, with Maskinporten's own error, description,
// trace id and, where one is documented, error_uri with the MP code. The
// answer is as terse as the real one. What exactly was wrong is in the
// journal, in the member detail.
//
// Where the real service's behaviour is undocumented the sandbox takes the
// stricter reading; a comment says so at each such place.
//
// The package decides everything by its own code and the standard library. It
// shares nothing with the builders of package core, because a mistake made in
// both would go unseen.
package sandbox
