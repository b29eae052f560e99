package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

// TestPitfalls has the pitfalls that guides to Maskinporten warn of. Each is an
// error that names the member, at the step where it shows, with what to do.
func TestPitfalls(t *testing.T) {
	certified := func(issuer string, end time.Time) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			w.in.Config.Key = core.Key{CertificateChain: chain(t, "NTRNO-314444442", issuer, end)}
			w.in.Exchanges = nil
		}
	}
	both := func(first, second func(*testing.T, *world)) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { first(t, w); second(t, w) }
	}
	at := func(env core.Environment) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.in.Config.Environment, w.in.Config.Transport = env, nil }
	}
	later := time.Now().Add(400 * day)
	for _, pitfall := range []struct {
		name  string
		fall  func(*testing.T, *world)
		step  string
		field string
		says  string
	}{
		{"wrong environment, endpoint", both(at(core.Test), func(_ *testing.T, w *world) { w.in.Config.Environment.TokenEndpoint = core.Production.TokenEndpoint }),
			"configuration", "environment.token_endpoint", "same environment"},
		{"wrong environment, client", func(_ *testing.T, w *world) { w.in.Config.ClientID = "b1a5e1d2-7f1c-4d3e-9a55-0c6f4d1c2b3a" }, "token", "token", "separate clients"},
		{"wrong environment, exchange", both(at(core.Test), func(_ *testing.T, w *world) { w.in.Exchanges = []core.Exchange{core.CustomsExchange(core.Production)} }),
			"request", "exchanges[0].token_endpoint", "same environment"},
		{"missing slash", both(at(core.Test), func(_ *testing.T, w *world) { w.in.Config.Environment.Issuer = "https://test.maskinporten.no" }),
			"configuration", "environment.issuer", "slash included"},
		{"scope in the wrong case", func(_ *testing.T, w *world) { w.in.Request.Scopes = []string{"Toll:movement/road/v2"} }, "token", "token", "upper-case letters in its prefix"},
		{"clock", func(_ *testing.T, w *world) { w.SetClockOffset(90 * time.Second) }, "clock", "clock", "NTP"},
		{"use: enc", func(t *testing.T, w *world) {
			jwk := strings.Replace(string(parse(t, w.demo.PrivateKey, keys.Options{KeyID: "k"}).JWK()), `"use":"sig"`, `"use":"enc"`, 1)
			_, err := keys.Parse([]byte(jwk), keys.Options{})
			var bad *core.Error
			if !errors.As(err, &bad) {
				t.Fatal(err)
			}
			w.in.KeyUnread, w.in.Problems = true, []core.Problem{{Field: "key", Message: bad.Message, Remedy: bad.Remedy}}
		}, "key", "key", "use sig"},
		{"test certificate in production", both(at(core.Production), certified("Commfides TEST CA", later)), "key", "key.x5c[0]", "production certificate"},
		{"production certificate in test", both(at(core.Test), certified("Buypass Class 3 CA", later)), "key", "key.x5c[0]", "test certificate"},
		{"expired certificate", both(at(core.Test), certified("Commfides TEST CA", time.Now().Add(-day))), "key", "key.x5c[0]", "new certificate"},
		{"expired key", func(t *testing.T, w *world) {
			config := w.Config()
			config.Clients[0].Keys[0].Expires = time.Now().Add(-time.Hour).Unix()
			if err := w.Reconfigure(config); err != nil {
				t.Fatal(err)
			}
		}, "token", "token", "one year"},
		{"missing kid", func(_ *testing.T, w *world) { w.in.Config.Key.KeyID = "" }, "key", "key.kid", "self-service"},
		{"over-long life", func(_ *testing.T, w *world) { w.in.Config.GrantLife = 3 * time.Minute }, "configuration", "grant_life_seconds", "10 to 120"},
		{"hard-coded token", func(_ *testing.T, w *world) { w.in.Request.Scopes = []string{"eyJhbGciOiJSUzI1NiJ9." + canary} }, "request", "scopes[0]", "a Source has one"},
	} {
		t.Run(pitfall.name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			pitfall.fall(t, &w)
			x := Examine(t.Context(), w.in, Options{})
			step := x.step(t, pitfall.step)
			found := slices.IndexFunc(step.Findings, func(f Finding) bool { return f.Severity == Error && f.Field == pitfall.field })
			if found < 0 || x.OK || step.OK() {
				t.Fatalf("not found at %s: %+v", pitfall.step, x.Findings)
			}
			if !strings.Contains(step.Findings[found].Remedy, pitfall.says) {
				t.Errorf("what to do is %q, not %q", step.Findings[found].Remedy, pitfall.says)
			}
			wantSentences(t, x.Findings)
			members(t, x)
		})
	}
}
