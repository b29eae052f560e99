package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// issuerOfAltinn is iss of the tokens of the sandbox's Altinn.
func (w *world) issuerOfAltinn() string { return w.url + "/authentication/api/v1/openid/" }

func TestTokenAltinn(t *testing.T) {
	w := shared(t)
	for name, c := range map[string]call{
		"settings":        {arguments: []string{"token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--exchange", "altinn"}},
		"an address":      {arguments: []string{"token", "--allow-loopback-http", "--exchange", "altinn=" + w.demo.AltinnExchange}, variables: w.nais(t)},
		"before settings": {arguments: []string{"token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--exchange", "altinn=" + w.demo.AltinnExchange}},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.run(t)
			r.want(t, 0)
			if claims := claimsOf(t, r.out); claims["iss"] != w.issuerOfAltinn() || claims["urn:altinn:orgNumber"] != w.demo.Organization || claims["scope"] != w.demo.Scopes.Plain {
				t.Errorf("iss %v, orgNumber %v, scope %v", claims["iss"], claims["urn:altinn:orgNumber"], claims["scope"])
			}
		})
	}
}

// TestTokenAltinnTest has a token of Digdir, which becomes one of ttd.
func TestTokenAltinnTest(t *testing.T) {
	w := ownWorld(t)
	w.reconfigure(t, func(config map[string]any) {
		config["organizations"] = append(config["organizations"].([]any)[1:], map[string]any{"number": w.demo.Organization, "altinn_code": "digdir"})
		config["scopes"] = append(config["scopes"].([]any), map[string]any{"name": "altinn:serviceowner/instances.read", "accessible_for_all": true})
		client := config["clients"].([]any)[0].(map[string]any)
		client["scopes"] = append(client["scopes"].([]any), "altinn:serviceowner/instances.read")
	})
	arguments := []string{"token", "--settings", w.settings, "--scope", "altinn:serviceowner/instances.read", "--exchange", "altinn"}
	for want, more := range map[string][]string{"digdir": nil, "ttd": {"--exchange-test"}} {
		r := maskinporten(t, append(slices.Clone(arguments), more...)...)
		r.want(t, 0)
		if got := claimsOf(t, r.out)["urn:altinn:org"]; got != want {
			t.Errorf("with %v the token is that of %v, want %s", more, got, want)
		}
	}
}

// TestTokenExchanges leads a token through Altinn and then twice through an
// endpoint of RFC 8693, which tells what it was asked.
func TestTokenExchanges(t *testing.T) {
	w := shared(t)
	var asked []url.Values
	endpoint := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		asked = append(asked, r.PostForm)
		answer.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(answer, `{"access_token":"exchanged-%d","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":300}`, len(asked))
	}))
	defer endpoint.Close()
	r := maskinporten(t, "token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--exchange", "altinn",
		"--exchange", endpoint.URL+"/token", "--exchange-audience", "one", "--exchange-audience", "two", "--exchange-resource", "https://api.example.no",
		"--exchange-scope", "a:b", "--exchange-scope", "a:c", "--subject-token-type", "urn:ietf:params:oauth:token-type:jwt", "--requested-token-type", "urn:ietf:params:oauth:token-type:access_token",
		"--exchange", endpoint.URL+"/token", "--exchange-audience", "three")
	endpoint.Close() // nothing is written to asked any more
	r.want(t, 0)
	if r.out != "exchanged-2\n" || len(asked) != 2 {
		t.Fatalf("stdout %q; the endpoint was asked %d times", r.out, len(asked))
	}
	if claims := claimsOf(t, asked[0].Get("subject_token")); claims["iss"] != w.issuerOfAltinn() {
		t.Errorf("the first one takes a token of %v", claims["iss"])
	}
	delete(asked[0], "subject_token")
	for i, want := range []url.Values{
		{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
			"audience": {"one", "two"}, "resource": {"https://api.example.no"}, "scope": {"a:b a:c"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"}},
		{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
			"subject_token": {"exchanged-1"}, "audience": {"three"}},
	} {
		if asked[i].Encode() != want.Encode() {
			t.Errorf("exchange %d was asked %v, want %v", i+1, asked[i], want)
		}
	}
}

func TestDoctorExchanges(t *testing.T) {
	w := shared(t)
	d := w.demo
	r := maskinporten(t, "doctor", "--settings", w.settings, "--scope", d.Scopes.Customs, "--exchange", "altinn", "--exchange", "customs="+d.CustomsTokenEndpoint)
	r.want(t, 1, "… exchange 1: altinn\n", "… exchange 2: customs\n") // Customs takes Maskinporten's tokens only
	if !strings.Contains(r.out, "✓ exchange 1: altinn ") || !strings.Contains(r.out, "✗ exchange 2: customs") {
		t.Errorf("stdout:\n%s", r.out)
	}
	withoutSecrets(t, r.out+r.errors)
}

// reconfigure changes the world of the sandbox.
func (w *world) reconfigure(t *testing.T, change func(config map[string]any)) {
	t.Helper()
	status, body := get(t, w.demo.Control+"/configuration", "")
	var config map[string]any
	if err := json.Unmarshal(body, &config); status != 200 || err != nil {
		t.Fatalf("configuration: %d %v", status, err)
	}
	change(config)
	changed, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, "/configuration", string(changed))
}
