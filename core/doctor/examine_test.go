package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

const allWell = "configuration=ok key=ok request=ok signature=ok metadata=ok clock=ok token=ok exchange-1:-customs=ok"

func TestExamineHealthy(t *testing.T) {
	w := start(t)
	var told []string
	x := Examine(t.Context(), w.in, Options{Progress: func(step string) { told = append(told, step) }})
	if got := results(x); got != allWell || !x.OK || len(x.Findings) != 0 {
		t.Errorf("%s; %+v", got, x.Findings)
	}
	if len(told) != len(x.Steps) || told[0] != "configuration" || told[6] != "token" {
		t.Errorf("told of %v", told)
	}
	if token, customs := x.step(t, "token"), x.step(t, "exchange 1: customs"); token.Detail != "holds 10m0s, scope toll:movement/road/v2" ||
		!strings.HasPrefix(customs.Detail, "holds 16m10s") || token.Took <= 0 || customs.Took <= 0 {
		t.Errorf("%+v, %+v", token, customs)
	}
	if w.Count("/token") != 1 || w.Count("/.well-known/oauth-authorization-server") != 1 {
		t.Errorf("the sandbox was asked %v", w.Load().Counts)
	}
	object := members(t, x)
	steps := object["steps"].([]any)
	if len(steps) != 8 || object["ok"] != true || steps[6].(map[string]any)["result"] != "ok" || steps[6].(map[string]any)["took_ms"] == nil {
		t.Errorf("%v", object)
	}
}

// TestExamineFaults has one row for each thing that may be wrong out there:
// what is changed, what comes of each step, and all that is found.
func TestExamineFaults(t *testing.T) {
	ended := func(t *testing.T, w *world) {
		config := w.Config()
		config.Clients[0].Keys[0].Expires = time.Now().Add(-time.Hour).Unix()
		if err := w.Reconfigure(config); err != nil {
			t.Fatal(err)
		}
	}
	fault := func(faults ...sandbox.Fault) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.SetFaults(faults) }
	}
	const metadataPath = "/.well-known/oauth-authorization-server"
	const given, signed = "configuration=ok key=ok request=ok ", "configuration=ok key=ok request=ok signature=ok "
	for name, test := range map[string]struct {
		spoil  func(*testing.T, *world)
		want   string
		found  string
		says   string
		tokens int // requests to the token endpoint
	}{
		"issuer without its slash": {func(_ *testing.T, w *world) {
			w.in.Config.Environment.Issuer = strings.TrimSuffix(w.in.Config.Environment.Issuer, "/")
		}, signed + "metadata=failed clock=ok token=failed exchange-1:-customs=skipped", "e:environment.issuer e:token", "trailing slash", 1},
		"test and production": {func(_ *testing.T, w *world) {
			w.in.Exchanges = []core.Exchange{core.CustomsExchange(core.Test)}
			w.in.Config.Environment = core.Production
			w.in.Config.Transport = transport(func(core.Request) (core.Response, error) { return core.Response{}, errors.New("not from here") })
		}, "configuration=ok key=ok request=failed signature=ok metadata=failed clock=skipped token=skipped exchange-1:-customs=skipped", "e:exchanges[0].token_endpoint e:environment.metadata_url", "same environment", 0},
		"expired key": {ended, signed + "metadata=ok clock=ok token=failed exchange-1:-customs=skipped", "e:token", "Register the key again", 1},
		"clock an hour behind": {func(_ *testing.T, w *world) { w.SetClockOffset(time.Hour) },
			signed + "metadata=ok clock=failed token=ok exchange-1:-customs=ok", "e:clock", "1h0m0s behind", 2},
		"clock an hour ahead": {func(_ *testing.T, w *world) { w.SetClockOffset(-time.Hour) },
			signed + "metadata=ok clock=failed token=ok exchange-1:-customs=ok", "e:clock", "1h0m0s ahead", 2},
		"clock six seconds behind": {func(_ *testing.T, w *world) { w.SetClockOffset(6 * time.Second) },
			signed + "metadata=ok clock=warning token=ok exchange-1:-customs=ok", "w:clock", "NTP", 1},
		"no Date": {fault(sandbox.Fault{Path: metadataPath, Header: map[string][]string{"Date": {}}}),
			signed + "metadata=ok clock=skipped token=ok exchange-1:-customs=ok", "", "", 1},
		"unreachable": {func(t *testing.T, w *world) { w.Close() },
			signed + "metadata=failed clock=skipped token=failed exchange-1:-customs=skipped", "e:environment.metadata_url e:token", "Check the network", 0},
		"no metadata there": {fault(sandbox.Fault{Path: metadataPath, Status: 404}),
			signed + "metadata=warning clock=ok token=ok exchange-1:-customs=ok", "w:environment.metadata_url", "no metadata at that address", 1},
		"metadata of another": {fault(sandbox.Fault{Path: metadataPath, Body: `{"issuer":"https://other.example/","token_endpoint":"https://other.example/token"}`}),
			signed + "metadata=failed clock=ok token=ok exchange-1:-customs=ok", "e:environment.issuer", "other.example", 1},
		"another token endpoint": {func(t *testing.T, w *world) { w.in.Config.Environment.TokenEndpoint += "s" },
			signed + "metadata=failed clock=ok token=failed exchange-1:-customs=skipped", "e:environment.token_endpoint e:token", "the metadata names another one", 0},
		"no metadata_url": {func(_ *testing.T, w *world) { w.in.Config.Environment.MetadataURL = "" },
			signed + "metadata=skipped clock=skipped token=ok exchange-1:-customs=ok", "", "", 1},
		"wrong scope": {func(_ *testing.T, w *world) { w.in.Request.Scopes = []string{"toll:Movement/road/v2"} },
			signed + "metadata=ok clock=ok token=failed exchange-1:-customs=skipped", "e:token", "spelling and case", 1},
		"no access": {func(_ *testing.T, w *world) {
			w.in.Request.Scopes, w.in.Exchanges = []string{w.demo.Scopes.Ungranted}, nil
		},
			signed + "metadata=ok clock=ok token=failed", "e:token", "Ask the API's owner", 1},
		"Customs says no": {fault(sandbox.Fault{Path: "/api/access/external/oauth/token", Status: 403}),
			signed + "metadata=ok clock=ok token=ok exchange-1:-customs=failed", "e:exchanges[0]", "", 1},
		"short-lived token": {fault(sandbox.Fault{Path: "/token", ExpiresIn: 30}),
			signed + "metadata=ok clock=ok token=ok exchange-1:-customs=ok", "n:token", "30s only", 1},
		"unreadable key": {func(_ *testing.T, w *world) {
			w.in.KeyUnread, w.in.Problems = true, []core.Problem{{Field: "key", Message: "it is damaged", Remedy: "Copy it again."}}
		}, "configuration=ok key=failed request=ok signature=skipped metadata=ok clock=ok token=skipped exchange-1:-customs=skipped", "e:key", "damaged", 0},
		"no scope known": {func(_ *testing.T, w *world) { w.in.Request, w.in.Exchanges = nil, nil },
			"configuration=ok key=ok request=skipped signature=ok metadata=ok clock=ok token-endpoint=ok", "", "", 1},
		"token endpoint down": {func(t *testing.T, w *world) {
			w.in.Request = nil
			w.SetFaults([]sandbox.Fault{{Path: "/token", Kind: sandbox.Drop}})
		}, "configuration=ok key=ok request=skipped signature=ok metadata=ok clock=ok token-endpoint=failed", "e:environment.token_endpoint", "Check the network", 1},
		"token endpoint is a page": {func(t *testing.T, w *world) {
			w.in.Request = nil
			w.SetFaults([]sandbox.Fault{{Path: "/token", Kind: sandbox.HTML}})
		}, "configuration=ok key=ok request=skipped signature=ok metadata=ok clock=ok token-endpoint=failed", "e:environment.token_endpoint", "", 1},
		"a token for nothing": {func(t *testing.T, w *world) {
			w.in.Request = nil
			w.SetFaults([]sandbox.Fault{{Path: "/token", Body: `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":60}`, ContentType: "application/json"}})
		}, "configuration=ok key=ok request=skipped signature=ok metadata=ok clock=ok token-endpoint=failed", "e:environment.token_endpoint", "for nothing", 1},
		"no transport": {func(_ *testing.T, w *world) { w.in.Config.Transport = nil },
			signed + "metadata=skipped clock=skipped token=skipped exchange-1:-customs=skipped", "", "", 0},
		"no transport, no scope": {func(_ *testing.T, w *world) { w.in.Config.Transport, w.in.Request = nil, nil },
			"configuration=ok key=ok request=skipped signature=ok metadata=skipped clock=skipped token-endpoint=skipped", "", "", 0},
		"the host signs": {func(_ *testing.T, w *world) { w.in.Config.Key.Signer = nil },
			given + "signature=skipped metadata=ok clock=ok token=skipped exchange-1:-customs=skipped", "", "", 0},
		"an environment that is wrong": {func(_ *testing.T, w *world) { w.in.Config.Environment.AllowLoopbackHTTP = false; w.in.Exchanges = nil },
			"configuration=failed key=ok request=ok signature=ok metadata=skipped clock=skipped token=skipped", "e:environment.issuer e:environment.token_endpoint e:environment.metadata_url e:environment.customs_token_endpoint", "allow_loopback_http", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			test.spoil(t, &w)
			x := Examine(t.Context(), w.in, Options{})
			if got := results(x); got != test.want {
				t.Errorf("steps are  %s\nwant       %s", got, test.want)
			}
			if got := listed(x.Findings); got != test.found || x.OK != !strings.Contains(test.found, "e:") {
				t.Errorf("ok %t, found %s, want %s", x.OK, got, test.found)
			}
			wantSentences(t, x.Findings)
			if test.says != "" && !slices.ContainsFunc(x.Findings, func(f Finding) bool { return strings.Contains(f.Message+" "+f.Remedy, test.says) }) {
				t.Errorf("nothing says %q: %+v", test.says, x.Findings)
			}
			if w.Count("/token") != test.tokens {
				t.Errorf("%d requests to the token endpoint, want %d", w.Count("/token"), test.tokens)
			}
			members(t, x)
		})
	}
}

func TestExamineOffline(t *testing.T) {
	w := start(t)
	w.in.Config.Key.Signer = signer(func(context.Context, []byte) ([]byte, error) { t.Error("it signs"); return nil, nil })
	x := Examine(t.Context(), w.in, Options{Offline: true})
	if got := results(x); got != "configuration=ok key=ok request=ok" || !x.OK {
		t.Errorf("%s", got)
	}
	if counts := w.Load().Counts; len(counts) != 0 {
		t.Errorf("the sandbox was asked %v", counts)
	}
}

// TestExamineError: the step of a refusal has everything that support asks for.
func TestExamineError(t *testing.T) {
	w := start(t)
	w.in.Request.Scopes, w.in.Exchanges = []string{w.demo.Scopes.Ungranted}, nil
	x := Examine(t.Context(), w.in, Options{})
	err := x.step(t, "token").Err
	if err == nil || err.MPCode != "MP-250" || err.TraceID == "" || err.Status != 403 {
		t.Fatalf("%v", err)
	}
	step := members(t, x)["steps"].([]any)[6].(map[string]any)
	if step["error"].(map[string]any)["mp_code"] != "MP-250" || step["result"] != "failed" {
		t.Errorf("%v", step)
	}
}

func TestExamineSignature(t *testing.T) {
	w := start(t)
	certified := parse(t, w.demo.CertificateKey, keys.Options{CertificateChain: slices.Concat(w.demo.CertificateChain...)}).Key()
	for name, test := range map[string]struct {
		change func(*core.ClientConfig)
		want   string
		says   string
	}{
		"certificate": {func(c *core.ClientConfig) { c.Key = certified; c.ClientID = w.demo.CertificateClientID }, "", ""},
		"certificate of another key": {func(c *core.ClientConfig) {
			signer := c.Key.Signer
			c.Key = certified
			c.Key.Signer = signer
		}, "e:key", "not that of the key"},
		"a signer that fails": {func(c *core.ClientConfig) {
			c.Key.Signer = signer(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("the HSM is out") })
		}, "e:key", "the HSM is out"},
		"a signature of another size": {func(c *core.ClientConfig) {
			c.Key.Signer = signer(func(context.Context, []byte) ([]byte, error) { return make([]byte, 128), nil })
		}, "e:key", "128 bytes"},
		"a check that does not accept": {func(c *core.ClientConfig) { c.Key.Verify = func(_, _ []byte) error { return errors.New(canary) } }, "e:key", "own check"},
		"a next key": {func(c *core.ClientConfig) {
			next := certified
			next.Signer = signer(func(context.Context, []byte) ([]byte, error) {
				return nil, core.NewError(core.CodeSigningFailed, "no slot", nil)
			})
			c.NextKeys = []core.Key{next, {KeyID: "of-the-host"}}
		}, "e:next_keys[0]", "no slot"},
	} {
		t.Run(name, func(t *testing.T) {
			in := w.in
			test.change(&in.Config)
			x := Examine(t.Context(), in, Options{})
			step := x.step(t, "signature")
			if got := listed(step.Findings); got != test.want || !strings.Contains(strings.Join(messages(step), " "), test.says) {
				t.Errorf("found %s: %v", got, messages(step))
			}
			if skipped := x.step(t, "token").Skipped; skipped != (test.want != "") {
				t.Errorf("the token is left out: %t", skipped)
			}
			wantSentences(t, x.Findings)
			members(t, x)
		})
	}
}

func messages(s Step) []string {
	var list []string
	for _, f := range s.Findings {
		list = append(list, f.Message)
	}
	return list
}

// TestExamineEndsInTime: the caller's deadline bounds all of it.
func TestExamineEndsInTime(t *testing.T) {
	w := start(t)
	w.SetFaults([]sandbox.Fault{{Kind: sandbox.Hang}})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	x := Examine(ctx, w.in, Options{})
	if x.OK || x.step(t, "metadata").OK() || x.step(t, "token").OK() {
		t.Errorf("%s", results(x))
	}
}

func TestKeyFactsInWords(t *testing.T) {
	end := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	for want, facts := range map[string]KeyFacts{
		"kid k, RS256":            {KeyID: "k", Algorithm: "RS256"},
		"kid k, RS256, 2048 bits": {KeyID: "k", Algorithm: "RS256", Bits: 2048},
		"certificate of organization 314444442, RS512, until 2027-01-02": {Thumbprint: strings.Repeat("a", 64), OrganizationNumber: "314444442", Algorithm: "RS512", NotAfter: end},
		"certificate aaaaaaaaaaaaaaaa, RS256":                            {Thumbprint: strings.Repeat("a", 64), Algorithm: "RS256"},
	} {
		if got := facts.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
