// Package core gets, keeps and exchanges access tokens from Maskinporten,
// Norway's machine-to-machine OAuth 2.0 service.
//
// A program describes its registration once, as a [Client]; says what it
// needs, as a [TokenRequest]; and asks a [Source] for a token whenever it is
// about to call an API:
//
//	client, err := core.NewClient(core.ClientConfig{
//		Environment: core.Test,
//		ClientID:    "b1a5e1d2-…",
//		Key:         key, // from package keys, or the public half of a key in an HSM
//		Transport:   nethttp.New(nethttp.Config{}),
//	})
//	source, err := client.Source(core.TokenRequest{Scopes: []string{"skatteetaten:innrapporteringboligsameie"}})
//	token, err := source.Token(ctx)
//
// A Source keeps the token, renews it in the background before it ends, and
// lets any number of callers share one fetch. A program that acts for many
// customers asks [Client.Token] with the request of each. A second hop, such as
// the token exchange of Norwegian Customs, is an [Exchange] given with the
// request. The [Token] never changes, and says how long it holds.
//
// Examples: a first token ([Source.Token]); delegation, one customer or many
// ([Client.Token]); a system user ([TokenRequest]); Customs ([CustomsExchange])
// and Altinn ([AltinnExchange]); a key in a KMS ([Signer]); a shared store
// ([Store]); rotation ([Client.Rotate]); the audit trail ([AuditLog]), log/slog
// and OpenTelemetry ([Event]); what an error says ([Error]).
//
// # Three levels
//
// The package is pure: it opens no connection, reads no file and holds no
// private key. It can be used at three levels, each without the one above it.
//
//  1. Functions and plain structs: [TokenRequest.Validate], [BuildGrant],
//     [Grant.Assemble], [ReadTokenResponse].
//  2. [Flow]: one acquisition as a state machine. It says the next [Step]
//     (sign these bytes, send this request, wait this long) and is told what
//     came of it. The host performs the steps with whatever it has: an HSM, a
//     KMS, WebCrypto, fetch.
//  3. [Client] and [Source]: a blocking driver and a cache for Go programs,
//     which performs the steps with a [Signer] and a [Transport].
//
// # In operation
//
// [Client.Rotate] changes the keys of a running client, and NextKeys are tried
// when one is refused as expired. A [Store] shares tokens between processes.
// ClientConfig.OnEvent is told what happens; [AuditLog] writes it down. A token
// that holds is served through an outage; the failure shows as an event. When a
// token is renewed and how long before its end it is withheld are settings:
// RefreshAt and Margin of [ClientConfig].
//
// Hooks (a Signer, a Transport, a Store) get a context with a time limit. One
// that does not keep to it holds up nobody: the fetch goes on or fails without
// its answer, and only its own goroutine stays until it returns.
//
// # Times
//
// Durations are time.Duration. Points in time are an [Instant], a reading of
// the wall clock and the monotonic clock together, because a token is over as
// soon as either of them says so.
//
// # Errors
//
// Every error is an [*Error]: whose fault it is, a stable code, the MP code of
// Maskinporten where there is one, and what to do about it in one sentence.
//
// # Secrets
//
// Tokens and keys print as "[redacted]". Their text comes from the methods and
// fields that say so in their name, for the code that needs them and nothing else.
package core

// Version is the version of the product in all its packages.
const Version = "0.1.0"
