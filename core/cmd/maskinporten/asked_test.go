package main

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// claimsOf reads what a token says, which only tests may.
func claimsOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		t.Fatal("it is not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestTokenConsent(t *testing.T) {
	w := shared(t)
	d := w.demo
	arguments := []string{"--settings", w.settings, "--scope", d.Scopes.Consent, "--consent", d.Consent.ID, "--consent-from", d.Consent.From}
	r := maskinporten(t, append([]string{"token"}, arguments...)...)
	r.want(t, 0)
	if status, _ := get(t, d.SampleAPI, strings.TrimSpace(r.out)); status != 200 {
		t.Errorf("the API answers %d to the token", status)
	}
	details := claimsOf(t, r.out)["authorization_details"].([]any)
	if detail := details[0].(map[string]any); len(details) != 1 || detail["type"] != "urn:altinn:consent" || detail["id"] != d.Consent.ID || detail["from"] != d.Consent.From {
		t.Errorf("authorization_details: %v", details)
	}
	r = maskinporten(t, append([]string{"doctor"}, arguments...)...)
	r.want(t, 0)
	withoutSecrets(t, r.out+r.errors, d.Consent.From[strings.LastIndex(d.Consent.From, ":")+1:])
}

func TestTokenESeal(t *testing.T) {
	w := shared(t)
	d := w.demo
	asked := []string{"--scope", d.Scopes.ESeal, "--eseal"}
	for name, c := range map[string]call{
		"settings": {arguments: append([]string{"--settings", w.settings}, asked...)},
		"options": {arguments: append([]string{"--issuer", d.Issuer, "--token-endpoint", d.TokenEndpoint, "--allow-loopback-http", "--client-id", "haulier",
			"--key", d.ESeal.P12, "--password-env", "SEAL"}, asked...), variables: []string{"SEAL=" + d.ESeal.Password}},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := c.arguments
			c.arguments = append([]string{"token"}, arguments...)
			r := c.run(t)
			r.want(t, 0)
			claims := claimsOf(t, r.out)
			if consumer := claims["consumer"].(map[string]any); consumer["ID"] != d.ESeal.OrganizationIdentifier || claims["client_id"] != d.ESeal.ClientID {
				t.Errorf("consumer %v, client_id %v", consumer, claims["client_id"])
			}
			c.arguments = append([]string{"doctor"}, arguments...)
			r = c.run(t)
			r.want(t, 0)
			withoutSecrets(t, r.out+r.errors, d.ESeal.Password)
			if !strings.Contains(r.out, "✓ token") {
				t.Errorf("stdout:\n%s", r.out)
			}
		})
	}
}

// TestTokenClaims has claims that only a sandbox of its own knows.
func TestTokenClaims(t *testing.T) {
	w := ownWorld(t)
	arguments := []string{"token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--claim", `purpose="hunter2"`, "--claim", `levels=[1, 2]`}
	r := maskinporten(t, arguments...)
	r.want(t, 1, "MP-011", "What to do: ")
	withoutSecrets(t, r.errors, "hunter2")
	w.reconfigure(t, func(config map[string]any) { config["allowed_claims"] = []string{"purpose", "levels"} })
	maskinporten(t, arguments...).want(t, 0)
	r = maskinporten(t, append(arguments, "--claim", "level=3")...)
	r.want(t, 1, "MP-011")

	arguments[0] = "doctor"
	r = maskinporten(t, append(arguments, "--json", "--offline")...)
	r.want(t, 0)
	withoutSecrets(t, r.out+r.errors, "hunter2")
	if claims := r.examination(t).Claims; claims["purpose"] != "[redacted]" || claims["levels"] != "[redacted]" {
		t.Errorf("claims: %v", claims)
	}
}

func TestTokenOnBehalfOf(t *testing.T) {
	w := shared(t)
	arguments := []string{"token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--iss-onbehalfof", "registered"}
	maskinporten(t, arguments...).want(t, 0)
	arguments[0] = "doctor"
	r := maskinporten(t, append(arguments, "--json")...)
	r.want(t, 0)
	x := r.examination(t)
	if x.Claims["iss_onbehalfof"] != "registered" || len(x.Findings) != 1 || x.Findings[0].Field != "iss_onbehalfof" || !strings.Contains(x.Findings[0].Message, "deprecated") {
		t.Errorf("%+v", x)
	}
}

// TestTokenGrantLife sees the life by a server that is half a minute ahead: a
// short grant has ended there, and is made once more by the server's clock.
func TestTokenGrantLife(t *testing.T) {
	w := ownWorld(t)
	w.put(t, "/clock", `{"offset_seconds": 30}`)
	for life, want := range map[string]int{"20s": 2, "2m": 1} {
		before := w.asked(t)
		maskinporten(t, "token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--grant-life", life).want(t, 0)
		if asked := w.asked(t) - before; asked != want {
			t.Errorf("with a life of %s the token endpoint was asked %d times, want %d", life, asked, want)
		}
	}
}

func TestTokenReducedScope(t *testing.T) {
	w := ownWorld(t)
	w.setFaults(t, `[{"path":"/token","times":0,"granted_scope":"`+w.demo.Scopes.Plain+`"}]`)
	arguments := []string{"token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--scope", w.demo.Scopes.Other}
	maskinporten(t, arguments...).want(t, 1, "does not have the scope", w.demo.Scopes.Other)
	r := maskinporten(t, append(arguments, "--accept-reduced-scope")...)
	r.want(t, 0)
	if scope := claimsOf(t, r.out)["scope"]; scope != w.demo.Scopes.Plain {
		t.Errorf("scope %v", scope)
	}
}

// TestSkyporten looks at the built-in environments without sending anything.
func TestSkyporten(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key.jwk")
	maskinporten(t, "keygen", "--format", "jwk", "--out", key).want(t, 0)
	for name, issuer := range map[string]string{"skyporten": "https://sky.maskinporten.no", "skyporten-test": "https://test.sky.maskinporten.no"} {
		arguments := []string{"doctor", "--offline", "--json", "--env", name, "--client-id", "a", "--key", key, "--scope", "a:b"}
		r := maskinporten(t, append(arguments, "--resource", "https://api.example.no")...)
		r.want(t, 0)
		if x := r.examination(t); x.Claims["aud"] != issuer {
			t.Errorf("%s: aud is %v", name, x.Claims["aud"])
		}
		r = maskinporten(t, arguments...)
		r.want(t, 1)
		if !strings.Contains(r.out, `"resource"`) {
			t.Errorf("%s without resource: %s", name, r.out)
		}
	}
}
