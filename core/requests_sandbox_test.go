package core_test

import (
	"crypto/rsa"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// TestEveryRequestAndExchange asks the sandbox, which decides by code of its
// own, for each kind of token, and leads them through each exchange it has.
func TestEveryRequestAndExchange(t *testing.T) {
	server, demo := startSandbox(t)
	transport := nethttp.New(nethttp.Config{})
	t.Cleanup(transport.CloseIdleConnections)
	client := func(id string, private *rsa.PrivateKey, options keys.Options, eseal bool) *core.Client {
		t.Helper()
		key, err := readKey(private, options)
		if err != nil {
			t.Fatal(err)
		}
		c, err := core.NewClient(core.ClientConfig{Environment: server.Environment(), ClientID: id, Key: key.Key(), ESeal: eseal, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	registered := client(demo.ClientID, demo.PrivateKey, keys.Options{KeyID: demo.KeyID}, false)
	certified := client(demo.CertificateClientID, demo.CertificateKey, keys.Options{CertificateChain: slices.Concat(demo.CertificateChain...)}, false)
	seal := client("bolag", demo.ESeal.Key, keys.Options{CertificateChain: slices.Concat(demo.ESeal.Chain...)}, true)

	altinn := core.Exchange{Kind: core.ExchangeAltinn, TokenEndpoint: server.AltinnExchange()}
	testOrganization := altinn
	testOrganization.TestOrganization = true
	customs := core.CustomsExchange(server.Environment())
	scopes := func(names ...string) core.TokenRequest { return core.TokenRequest{Scopes: names} }
	with := func(r core.TokenRequest, change func(*core.TokenRequest)) core.TokenRequest {
		change(&r)
		return r
	}
	for _, test := range []struct {
		name      string
		client    *core.Client
		request   core.TokenRequest
		exchanges []core.Exchange
		life      time.Duration
		code      core.Code
	}{
		{"plain", registered, scopes(demo.Scopes.Plain), nil, 2 * time.Minute, ""},
		{"certificate", certified, scopes(demo.Scopes.Plain), nil, 2 * time.Minute, ""},
		{"several scopes", registered, scopes(demo.Scopes.Other, demo.Scopes.Customs, demo.Scopes.Plain), nil, 2 * time.Minute, ""},
		{"resource", registered, with(scopes(demo.Scopes.Plain), func(r *core.TokenRequest) { r.Resource = []string{"https://api.example.no"} }), nil, 2 * time.Minute, ""},
		{"two resources", registered, with(scopes(demo.Scopes.Plain), func(r *core.TokenRequest) { r.Resource = []string{"https://a.example.no", "urn:b:c"} }), nil, 2 * time.Minute, ""},
		{"pid", registered, with(scopes(demo.Scopes.Plain), func(r *core.TokenRequest) { r.PID = "01817012345" }), nil, 2 * time.Minute, ""},
		{"consumer_org", registered, with(scopes(demo.Scopes.Delegated), func(r *core.TokenRequest) { r.ConsumerOrg = demo.CustomerOrganization }), nil, 2 * time.Minute, ""},
		{"no delegation", registered, with(scopes(demo.Scopes.Delegated), func(r *core.TokenRequest) { r.ConsumerOrg = demo.OtherOrganization }), nil, 0, core.CodeNotDelegated},
		{"system user", registered, with(scopes(demo.Scopes.SystemUser), func(r *core.TokenRequest) {
			r.SystemUser = &core.SystemUser{Org: demo.SystemUser.Organization, ExternalRef: demo.SystemUser.ExternalRef}
		}), nil, 2 * time.Minute, ""},
		{"consent", registered, with(scopes(demo.Scopes.Consent), func(r *core.TokenRequest) { r.Consent = &core.Consent{ID: demo.Consent.ID, From: demo.Consent.From} }), nil, 2 * time.Minute, ""},
		{"consent of somebody else", registered, with(scopes(demo.Scopes.Consent), func(r *core.TokenRequest) {
			r.Consent = &core.Consent{ID: demo.Consent.ID, From: "urn:altinn:person:identifier-no:01817012345"}
		}), nil, 0, core.CodeDetailsInvalid},
		{"a claim of tomorrow", registered, with(scopes(demo.Scopes.Plain), func(r *core.TokenRequest) { r.ExtraClaims = map[string]string{"tomorrow": "1"} }), nil, 0, core.CodeGrantMalformed},
		{"scope in the wrong case", registered, scopes(strings.ToUpper(demo.Scopes.Plain)), nil, 0, core.CodeScopeNotRegistered},
		{"eSeal", seal, scopes(demo.Scopes.ESeal), nil, 2 * time.Minute, ""},
		{"customs", registered, scopes(demo.Scopes.Customs), []core.Exchange{customs}, 970 * time.Second, ""},
		{"customs for an eSeal", seal, scopes(demo.Scopes.ESeal), []core.Exchange{customs}, 970 * time.Second, ""},
		{"customs without their scope", registered, scopes(demo.Scopes.Plain), []core.Exchange{customs}, 0, core.CodeSubjectTokenRejected},
		{"altinn", registered, scopes(demo.Scopes.Plain), []core.Exchange{altinn}, 30 * time.Minute, ""},
		{"altinn for the test organization", certified, scopes(demo.Scopes.Plain), []core.Exchange{testOrganization}, 30 * time.Minute, ""},
		{"altinn after customs", registered, scopes(demo.Scopes.Customs), []core.Exchange{customs, altinn}, 0, core.CodeSubjectTokenRejected},
	} {
		t.Run(test.name, func(t *testing.T) {
			source, err := test.client.Source(test.request, test.exchanges...)
			if err != nil {
				t.Fatal(err)
			}
			token, err := source.Token(t.Context())
			if test.code != "" {
				if e, ok := err.(*core.Error); !ok || e.Code != test.code || e.Remedy == "" {
					t.Errorf("got %v, want %s", err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// Altinn's times are whole seconds.
			if life := token.Life(); life > test.life || life < test.life-2*time.Second {
				t.Errorf("the token lives %v, want %v", life, test.life)
			}
		})
	}
	if _, err := seal.Source(scopes(demo.Scopes.ESeal), altinn); err == nil {
		t.Error("an eSeal's token would be sent to Altinn")
	}
	discovery, err := core.NewDiscovery(server.Environment())
	if err != nil {
		t.Fatal(err)
	}
	if env, err := discovery.Environment(t.Context(), transport, core.SystemClock()); err != nil || env != server.Environment() {
		t.Errorf("the metadata say %+v, %v, want %+v", env, err, server.Environment())
	}
}
