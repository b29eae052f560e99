package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// nais are the variables of an application at NAIS whose Maskinporten is w.
func (w *world) nais(t *testing.T) []string {
	t.Helper()
	jwk, err := os.ReadFile(w.demo.KeyJWK)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"MASKINPORTEN_CLIENT_ID=" + w.demo.ClientID, "MASKINPORTEN_CLIENT_JWK=" + string(jwk), "MASKINPORTEN_ISSUER=" + w.demo.Issuer,
		"MASKINPORTEN_TOKEN_ENDPOINT=" + w.demo.TokenEndpoint, "MASKINPORTEN_WELL_KNOWN_URL=" + w.demo.MetadataURL, "MASKINPORTEN_SCOPES=" + w.demo.Scopes.Plain}
}

func TestToken(t *testing.T) {
	w := shared(t)
	d := w.demo
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(d.CertificatePassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pem, certified := readPrivate(t, d.KeyPEM), readPrivate(t, d.CertificatePEM)
	split := bytes.Index(certified, []byte("-----BEGIN CERTIFICATE")) // the key comes first
	keyAlone, chainAlone := filepath.Join(t.TempDir(), "key.pem"), filepath.Join(t.TempDir(), "chain.pem")
	if err := errors.Join(os.WriteFile(keyAlone, certified[:split], 0o600), os.WriteFile(chainAlone, certified[split:], 0o600)); err != nil {
		t.Fatal(err)
	}
	at := []string{"token", "--issuer", d.Issuer, "--token-endpoint", d.TokenEndpoint, "--allow-loopback-http"}
	with := func(arguments ...string) []string { return append(slices.Clone(at), arguments...) }
	settings := func(arguments ...string) []string {
		return append([]string{"token", "--settings", w.settings}, arguments...)
	}

	for _, test := range []struct {
		name               string
		call               call
		api                string // that takes the token
		scope, client, org string // as the sandbox saw them
	}{
		{"settings", call{arguments: settings("--scope", d.Scopes.Plain)}, d.SampleAPI, d.Scopes.Plain, d.ClientID, ""},
		{"settings against variables", call{arguments: settings("--scope", d.Scopes.Plain), variables: []string{"MASKINPORTEN_CLIENT_ID=nobody", "MASKINPORTEN_ISSUER=https://test.maskinporten.no/"}},
			d.SampleAPI, d.Scopes.Plain, d.ClientID, ""},
		{"variables", call{arguments: []string{"token", "--allow-loopback-http"}, variables: w.nais(t)}, d.SampleAPI, d.Scopes.Plain, d.ClientID, ""},
		{"option against variable", call{arguments: []string{"token", "--allow-loopback-http", "--scope", d.Scopes.Other}, variables: w.nais(t)}, d.SampleAPI, d.Scopes.Other, d.ClientID, ""},
		{"two scopes in a variable", call{arguments: []string{"token", "--allow-loopback-http"}, variables: append(w.nais(t), "MASKINPORTEN_SCOPES="+d.Scopes.Plain+" "+d.Scopes.Other)},
			d.SampleAPI, d.Scopes.Other + " " + d.Scopes.Plain, d.ClientID, ""},
		{"options only", call{arguments: with("--client-id", d.ClientID, "--key", d.KeyPEM, "--kid", d.Kid, "--scope", d.Scopes.Plain)}, d.SampleAPI, d.Scopes.Plain, d.ClientID, ""},
		{"key on stdin", call{arguments: with("--client-id", d.ClientID, "--key", "-", "--kid", d.Kid, "--scope", d.Scopes.Plain), stdin: string(pem)}, d.SampleAPI, d.Scopes.Plain, d.ClientID, ""},
		{"RS512", call{arguments: settings("--scope", d.Scopes.Plain, "--alg", "RS512")}, d.SampleAPI, d.Scopes.Plain, d.ClientID, ""},
		{"certificate, password in a variable", call{arguments: with("--client-id", d.CertificateClientID, "--key", d.CertificateP12, "--password-env", "P12_PASSWORD", "--scope", d.Scopes.Plain),
			variables: []string{"P12_PASSWORD=" + d.CertificatePassword}}, d.SampleAPI, d.Scopes.Plain, d.CertificateClientID, ""},
		{"certificate, password in a file", call{arguments: with("--client-id", d.CertificateClientID, "--key", d.CertificateP12, "--password-file", password, "--scope", d.Scopes.Plain)},
			d.SampleAPI, d.Scopes.Plain, d.CertificateClientID, ""},
		{"certificate in a file of its own", call{arguments: with("--client-id", d.CertificateClientID, "--key", keyAlone, "--certificate", chainAlone, "--scope", d.Scopes.Plain)},
			d.SampleAPI, d.Scopes.Plain, d.CertificateClientID, ""},
		{"customer", call{arguments: settings("--scope", d.Scopes.Delegated, "--consumer-org", d.CustomerOrganization)}, d.SampleAPI, d.Scopes.Delegated, d.ClientID, d.CustomerOrganization},
		{"system user", call{arguments: settings("--scope", d.Scopes.SystemUser, "--system-user", d.SystemUser.Org+":"+d.SystemUser.ExternalRef)}, d.SampleAPI, d.Scopes.SystemUser, d.ClientID, ""},
		{"Customs", call{arguments: settings("--scope", d.Scopes.Customs, "--exchange", "customs")}, d.CustomsTestAuth, d.Scopes.Customs, d.ClientID, ""},
		{"Customs elsewhere", call{arguments: []string{"token", "--allow-loopback-http", "--scope", d.Scopes.Customs, "--exchange", "customs", "--customs-endpoint", d.CustomsTokenEndpoint}, variables: w.nais(t)},
			d.CustomsTestAuth, d.Scopes.Customs, d.ClientID, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.call.run(t)
			r.want(t, 0)
			if r.errors != "" || strings.Count(r.out, "\n") != 1 {
				t.Fatalf("stderr %q, %d lines on stdout", r.errors, strings.Count(r.out, "\n"))
			}
			if status, _ := get(t, test.api, strings.TrimSpace(r.out)); status != 200 {
				t.Errorf("the API answers %d to the token", status)
			}
			requests := w.journal(t).Requests
			for i := len(requests) - 1; i >= 0; i-- {
				if saw := requests[i]; saw.Path == "/token" {
					if saw.Status != 200 || saw.Scope != test.scope || saw.ClientID != test.client || saw.ConsumerOrg != test.org {
						t.Errorf("the sandbox saw %+v", saw)
					}
					return
				}
			}
			t.Error("the token endpoint was not asked")
		})
	}
}

func TestTokenResourceAndPerson(t *testing.T) {
	w := shared(t)
	r := maskinporten(t, "token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--resource", "https://api.example.no", "--pid", "12345678901")
	r.want(t, 0)
	if status, _ := get(t, w.demo.SampleAPI, strings.TrimSpace(r.out)); status != 200 {
		t.Errorf("the API answers %d to the token", status)
	}
}

func TestTokenJSON(t *testing.T) {
	w := shared(t)
	r := maskinporten(t, "token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--json")
	r.want(t, 0)
	withoutSecrets(t, r.out+r.errors)
	var members map[string]string
	if err := json.Unmarshal([]byte(r.out), &members); err != nil {
		t.Fatal(err)
	}
	at := map[string]time.Time{}
	for _, name := range []string{"requested_at", "usable_until", "expires_at"} {
		instant, err := time.Parse("2006-01-02T15:04:05Z", members[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		at[name] = instant
	}
	if !at["requested_at"].Before(at["usable_until"]) || !at["usable_until"].Before(at["expires_at"]) {
		t.Errorf("the times are out of order: %v", at)
	}
	if members["token_type"] != "Bearer" || members["scope"] != w.demo.Scopes.Plain || len(members["cache_key"]) != 64 || len(members) != 6 {
		t.Errorf("members: %v", members)
	}
}

func TestTokenForms(t *testing.T) {
	w := shared(t)
	arguments := []string{"token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain}
	r := maskinporten(t, append(arguments, "--header")...)
	r.want(t, 0)
	token, ok := strings.CutPrefix(r.out, "Authorization: Bearer ")
	if status, _ := get(t, w.demo.SampleAPI, strings.TrimSuffix(token, "\n")); !ok || status != 200 || strings.Count(r.out, "\n") != 1 || r.errors != "" {
		t.Errorf("--header: the API answers %d; stderr %q", status, r.errors)
	}

	r = maskinporten(t, append(arguments, "--json", "--with-token")...)
	r.want(t, 0)
	var members map[string]string
	if err := json.Unmarshal([]byte(r.out), &members); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, w.demo.SampleAPI, members["access_token"]); status != 200 || members["scope"] != w.demo.Scopes.Plain || len(members) != 7 {
		t.Errorf("--with-token: the API answers %d; %d members", status, len(members))
	}
}

// TestTokenBadInput checks what is refused before anything is sent.
func TestTokenBadInput(t *testing.T) {
	w := shared(t)
	d := w.demo
	dir, file := folder(t)
	public := file("public.jwk", maskinporten(t, "keygen", "--out", filepath.Join(dir, "new.pem")).out)
	settings := []string{"token", "--settings", w.settings, "--scope", d.Scopes.Plain}
	with := func(arguments ...string) call { return call{arguments: append(slices.Clone(settings), arguments...)} }
	before := w.asked(t)

	for name, test := range map[string]struct {
		call call
		says []string
	}{
		"nothing given":            {call{arguments: []string{"token"}}, []string{"--scope:", "--env:", "--client-id:", "--key:", "MASKINPORTEN_CLIENT_JWK"}},
		"metadata alone":           {call{arguments: []string{"token"}, variables: []string{"MASKINPORTEN_WELL_KNOWN_URL=" + d.MetadataURL}}, []string{"Set MASKINPORTEN_ISSUER and MASKINPORTEN_TOKEN_ENDPOINT"}},
		"no scope":                 {call{arguments: []string{"token", "--settings", w.settings}}, []string{"no scope is given", "MASKINPORTEN_SCOPES"}},
		"scope with a space":       {with("--scope", "a:b c:d"), []string{"has a space in it"}},
		"scope with a comma":       {with("--scope", "a:b,c:d"), []string{"has a comma in it"}},
		"customer with a prefix":   {with("--consumer-org", "0192:310702641"), []string{"has the prefix 0192:", "310702641."}},
		"customer, wrong digit":    {with("--consumer-org", "310702642"), []string{"wrong check digit"}},
		"system user, prefix":      {with("--system-user", "0192:310702641"), []string{"is not an organization number"}},
		"short pid":                {with("--pid", "123"), []string{"eleven digits"}},
		"relative resource":        {with("--resource", "api"), []string{"is not an absolute URI"}},
		"ver2":                     {with("--env", "ver2"), []string{"no longer in service", "test environment"}},
		"unknown environment":      {with("--env", "staging"), []string{`no environment "staging"`}},
		"issuer without slash":     {with("--issuer", "https://test.maskinporten.no", "--token-endpoint", "https://test.maskinporten.no/token"), []string{"lacks its trailing slash"}},
		"two environments":         {with("--issuer", "https://test.maskinporten.no/", "--token-endpoint", "https://maskinporten.no/token"), []string{"different environments"}},
		"issuer alone":             {with("--issuer", "https://issuer.example/"), []string{"token_endpoint", "--issuer and --token-endpoint"}},
		"http":                     {call{arguments: []string{"token"}, variables: w.nais(t)}, []string{"is not encrypted", "--allow-loopback-http"}},
		"http elsewhere":           {with("--issuer", "http://issuer.example/", "--token-endpoint", "http://issuer.example/token"), []string{"is not encrypted", "https"}},
		"client id with a newline": {with("--client-id", "a\nb"), []string{"a client id cannot have"}},
		"no such key":              {with("--key", filepath.Join(dir, "none.pem")), []string{"cannot be read", "no such file", "--key"}},
		"public key":               {with("--key", public), []string{"public"}},
		"key without kid":          {with("--key", d.KeyPEM), []string{"neither a kid nor a certificate", "--kid"}},
		"certificate as its key":   {with("--key", file("certificate.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), []string{"What to do"}},
		"damaged key":              {with("--key", file("damaged.pem", "-----BEGIN PRIVATE KEY-----\nAAAA")), []string{"What to do"}},
		"empty key":                {with("--key", file("empty.pem", "")), []string{"the key is empty"}},
		"alg against the JWK":      {with("--key", d.KeyJWK, "--alg", "RS384"), []string{`"RS384" was asked for`, "--alg"}},
		"PKCS#12, no password":     {with("--key", d.CertificateP12), []string{"--password-env"}},
		"PKCS#12, wrong password":  {call{arguments: append(slices.Clone(settings), "--key", d.CertificateP12, "--password-env", "WRONG"), variables: []string{"WRONG=hunter2"}}, []string{"password"}},
		"password not set":         {with("--key", d.CertificateP12, "--password-env", "NOT_SET_HERE"), []string{"NOT_SET_HERE is empty or not set"}},
		"no password file":         {with("--password-file", filepath.Join(dir, "none")), []string{"cannot be read", "--password-file"}},
		"no settings":              {call{arguments: []string{"token", "--settings", filepath.Join(dir, "none")}}, []string{"cannot be read", "--settings"}},
		"settings, no JSON":        {call{arguments: []string{"token", "--settings", file("text", "hello")}}, []string{"is not a JSON object", "sandbox --out"}},
		"settings, wrong kind":     {call{arguments: []string{"token", "--settings", file("kind.json", `{"client_id": 7}`)}}, []string{"client_id is a JSON number"}},
		"settings, empty":          {call{arguments: []string{"token", "--settings", file("empty.json", `{}`), "--scope", "a:b"}}, []string{"--env:", "--client-id:", "--key:"}},
		"no Customs here":          {call{arguments: []string{"token", "--allow-loopback-http", "--exchange", "customs"}, variables: w.nais(t)}, []string{"no endpoint for this exchange", "--customs-endpoint"}},
		"consent of nobody":        {with("--consent", d.Consent.ID), []string{"consent.from", "urn:altinn:organization:identifier-no:"}},
		"consent without id":       {with("--consent-from", d.Consent.From), []string{"consent.id", "is not a UUID"}},
		"consent, system user":     {with("--consent", d.Consent.ID, "--consent-from", d.Consent.From, "--system-user", "310702641"), []string{"beside system_user", "two tokens"}},
		"two customers":            {with("--iss-onbehalfof", "a", "--consumer-org", d.CustomerOrganization), []string{"Keep --consumer-org; --iss-onbehalfof is deprecated"}},
		"claim of the library":     {with("--claim", `aud="hunter2"`), []string{"extra_claims.aud", "leave it out"}},
		"claim with an option":     {with("--claim", `pid="hunter2"`), []string{"Use the option of that name."}},
		"claim of details":         {with("--claim", `authorization_details=["hunter2"]`), []string{"Use --system-user or --consent."}},
		"claim without quotes":     {with("--claim", "purpose=hunter2"), []string{"extra_claims.purpose", `as in --claim 'name="text"'`}},
		"claim without a name":     {with("--claim", "=1"), []string{"not a name that a claim can have"}},
		"long grant":               {with("--grant-life", "3m"), []string{"grant_life_seconds", "from 10 to 120"}},
		"eSeal with a kid":         {with("--eseal", "--key", d.KeyJWK), []string{"has no kid", "x5c", "Leave kid out"}},
		"eSeal, nothing given":     {call{arguments: []string{"token", "--env", "test", "--eseal", "--scope", "a:b"}}, []string{"Give any name with --client-id", "its whole certificate chain, with --key"}},
		"eSeal at Altinn":          {with("--eseal", "--exchange", "altinn"), []string{"exchanges[0]", "organizations in Norway"}},
		"eSeal, no such file":      {call{arguments: []string{"token", "--eseal", "--settings", file("seal.json", `{"eseal": {"pem": "/nowhere.pem", "client_id": "a"}, "issuer": "https://a.example/", "token_endpoint": "https://a.example/token"}`), "--scope", "a:b"}}, []string{"eseal.pem in the settings"}},
		"Skyporten, no resource":   {with("--env", "skyporten-test"), []string{"resource", "Skyporten gives no token without"}},
		"Altinn of production":     {with("--env", "test", "--exchange", "altinn:prod"), []string{"does not trust tokens of", "same environment"}},
		"audience at Customs":      {with("--exchange", "customs", "--exchange-audience", "a"), []string{"exchanges[0]", "has no token types, audience"}},
		"test at Customs":          {with("--exchange", "customs", "--exchange-test"), []string{"only Altinn has it"}},
		"exchange without TLS":     {with("--exchange", "customs", "--exchange", "http://a.example/token"), []string{"exchanges[1].token_endpoint", "is not encrypted"}},
		"token type, no URI":       {with("--exchange", "https://a.example/token", "--subject-token-type", "jwt"), []string{"subject_token_type", "Give a URI"}},
		"loopback not allowed":     {with("--env", "test", "--customs-endpoint", d.CustomsTokenEndpoint), []string{"is not encrypted"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := test.call.run(t)
			r.want(t, 1, append(test.says, "maskinporten token: ", "What to do: ")...)
			withoutSecrets(t, r.out+r.errors, d.CertificatePassword, "hunter2")
			if r.out != "" {
				t.Errorf("stdout: %q", r.out)
			}
		})
	}
	if asked := w.asked(t) - before; asked != 0 {
		t.Errorf("the token endpoint was asked %d times", asked)
	}
}

func TestTokenRefused(t *testing.T) {
	w := shared(t)
	arguments := []string{"token", "--settings", w.settings, "--scope", w.demo.Scopes.Ungranted}
	r := maskinporten(t, arguments...)
	r.want(t, 1, "MP-250", "HTTP 403", "trace_id ", "It said: ", "What to do: Ask the API's owner")

	r = maskinporten(t, append(arguments, "--json")...)
	r.want(t, 1)
	withoutSecrets(t, r.out+r.errors)
	var e struct {
		Kind, Code, Remedy, Text string
		MPCode                   string `json:"mp_code"`
		Status, Number           int
	}
	if err := json.Unmarshal([]byte(r.errors), &e); err != nil {
		t.Fatalf("stderr is not JSON: %v: %s", err, r.errors)
	}
	if e.Kind != "remote" || e.Code != "access_not_granted" || e.MPCode != "MP-250" || e.Status != 403 || e.Number == 0 || e.Remedy == "" || e.Text == "" || r.out != "" {
		t.Errorf("error: %+v", e)
	}
}

func TestTokenTimeout(t *testing.T) {
	w := ownWorld(t)
	w.setFaults(t, `[{"path":"/token","times":0,"kind":"hang"}]`)
	r := maskinporten(t, "token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain, "--timeout", "200ms")
	r.want(t, 1, "no token came before the caller's deadline", "What to do: ")
}

func TestTokenEndpointDown(t *testing.T) {
	w := ownWorld(t)
	w.end(t)
	r := maskinporten(t, "token", "--settings", w.settings, "--scope", w.demo.Scopes.Plain)
	r.want(t, 1, "the request got no answer", "What to do: Check the network")
}
