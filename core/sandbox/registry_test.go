package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// ask sends a control request and wants a status.
func (f *fixture) ask(status int, method, path string, body any) string {
	f.Helper()
	text, ok := body.(string)
	if !ok && body != nil {
		text = string(must(json.Marshal(body)))
	}
	r := f.do(method, f.Control()+path, nil, text)
	if r.status != status {
		f.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return string(r.body)
}

// grantOf is a grant of a client that the test registers.
func (f *fixture) grantOf(client, kid string, key *rsa.PrivateKey) *draft {
	d := f.keyGrant()
	d.claims["iss"], d.header["kid"], d.key = client, kid, key
	return d
}

var wantNoClient = outcome{400, "invalid_grant", "MP-100", "Invalid assertion. Client authentication failed."}

func TestClientsComeAndGo(t *testing.T) {
	f := start(t, nil)
	const id = "a client/with a slash"
	path := "/clients/a%20client%2Fwith%20a%20slash"
	second := must(rsa.GenerateKey(rand.Reader, 2048))
	f.refused(f.post(f.grantOf(id, "one", otherKey()).sign()), wantNoClient)

	f.ask(204, "PUT", path, Client{Organization: demoVendor, Scopes: []string{f.demo.Scopes.Plain}, Keys: []Key{PublicKey("one", &otherKey().PublicKey)}})
	f.token(f.grantOf(id, "one", otherKey()))
	f.token(f.keyGrant()) // the others are still there

	var shown Client
	if err := json.Unmarshal([]byte(f.ask(200, "GET", path, nil)), &shown); err != nil || shown.ClientID != id || len(shown.Keys) != 1 {
		t.Errorf("GET shows %+v, %v", shown, err)
	}
	var all []Client
	if err := json.Unmarshal([]byte(f.ask(200, "GET", "/clients", nil)), &all); err != nil || len(all) != 3 {
		t.Errorf("GET shows %d clients, %v", len(all), err)
	}

	// New keys take the place of the old at once.
	f.ask(204, "PUT", path+"/keys", map[string]any{"keys": []Key{PublicKey("two", &second.PublicKey)}})
	f.refused(f.post(f.grantOf(id, "one", otherKey()).sign()), wantKeyID)
	f.token(f.grantOf(id, "two", second))

	// The last key of a certificate client's is none.
	f.ask(204, "PUT", path+"/keys", `{"keys":[]}`)
	d := f.certificateGrant()
	d.claims["iss"] = id
	f.token(d)

	// Replaced, and gone.
	f.ask(204, "PUT", path, Client{ClientID: id, Organization: demoVendor, Keys: []Key{PublicKey("two", &second.PublicKey)}})
	f.refused(f.post(f.grantOf(id, "two", second).sign()), outcome{400, "invalid_scope", "MP-200", "Token request contains invalid scopes for client, sandbox:plain"})
	f.ask(204, "DELETE", path, nil)
	f.refused(f.post(f.grantOf(id, "two", second).sign()), wantNoClient)

	// A client that is on a system leaves it.
	f.ask(204, "DELETE", "/clients/"+f.demo.ClientID, nil)
	if users := f.Config().SystemUsers; !reflect.DeepEqual(users[0].Clients, []string{f.demo.CertificateClientID}) {
		t.Errorf("on the system are %v", users[0].Clients)
	}
}

func TestRightsComeAndGo(t *testing.T) {
	f := start(t, nil)
	refusedThenGranted := func(method, path string, body any, grant func() *draft, want outcome) {
		t.Helper()
		f.refused(f.post(grant().sign()), want)
		f.ask(204, method, path, body)
		f.token(grant())
	}

	ungranted := func() *draft {
		d := f.keyGrant()
		d.claims["scope"] = f.demo.Scopes.Ungranted
		return d
	}
	wantAccess := outcome{403, "forbidden", "MP-250", "Consumer has not been granted access to the scope sandbox:ungranted"}
	refusedThenGranted("POST", "/access", access{f.demo.Scopes.Ungranted, demoVendor}, ungranted, wantAccess)
	f.ask(204, "DELETE", "/access?scope=sandbox:ungranted&organization="+demoVendor, nil)
	f.refused(f.post(ungranted().sign()), wantAccess)

	delegated := func() *draft {
		d := f.keyGrant()
		d.claims["scope"], d.claims["consumer_org"] = f.demo.Scopes.Delegated, demoOther
		return d
	}
	wantDelegation := outcome{403, "forbidden", "MP-251", "Consumer 312222221 has not delegated access to the scope sandbox:delegated to supplier 314444442"}
	refusedThenGranted("POST", "/delegations", Delegation{f.demo.Scopes.Delegated, demoOther, demoVendor}, delegated, wantDelegation)
	f.ask(204, "DELETE", "/delegations?scope=sandbox:delegated&from="+demoOther+"&to="+demoVendor, nil)
	f.refused(f.post(delegated().sign()), wantDelegation)

	consented := func() *draft { return f.consentGrant("", nil) }
	consent := f.Config().Consents[0]
	f.ask(204, "DELETE", "/consents?id="+consent.ID, nil)
	refusedThenGranted("POST", "/consents", []Consent{consent}, consented, wantDetailsInvalid)
	consent.To = demoOther
	f.ask(204, "POST", "/consents", consent) // replaced
	f.refused(f.post(consented().sign()), wantDetailsInvalid)

	asUser := func() *draft {
		d := f.keyGrant()
		details("", nil)(f, d)
		return d
	}
	user := f.Config().SystemUsers[0]
	f.ask(204, "DELETE", "/system_users?id="+user.ID, nil)
	refusedThenGranted("POST", "/system_users", user, asUser, wantDetailsInvalid)

	f.ask(204, "POST", "/scopes", []Scope{{Name: "new:scope", AccessibleForAll: true}, {Name: f.demo.Scopes.Plain, LifetimeSeconds: 30, AccessFor: []string{demoVendor}}})
	if _, answer := f.token(f.keyGrant()); answer["expires_in"] != 30.0 {
		t.Errorf("expires_in %v", answer["expires_in"])
	}
	f.ask(204, "DELETE", "/scopes?name=new:scope", nil)
	f.ask(204, "POST", "/organizations", Organization{Number: demoVendor, AltinnCode: "ttd"})
	if listed := f.ask(200, "GET", "/organizations", nil); strings.Count(listed, demoVendor) != 1 || !strings.Contains(listed, "ttd") {
		t.Errorf("the organizations are %s", listed)
	}
}

func TestConfigurationOverTheWire(t *testing.T) {
	f := start(t, func(c *Config) { c.AllowedClaims = []string{} })
	text := f.ask(200, "GET", "/configuration", nil)
	var config Config
	if err := json.Unmarshal([]byte(text), &config); err != nil || !reflect.DeepEqual(config, f.Config()) || config.AllowedClaims == nil {
		t.Errorf("the configuration is another one than Config returns: %v", err)
	}
	f.ask(204, "PUT", "/configuration", `{}`)
	f.refused(f.post(f.keyGrant().sign()), wantNoClient)
	if list := f.ask(200, "GET", "/consents", nil); list != "[]" {
		t.Errorf("no consents are %s", list)
	}
	f.ask(204, "PUT", "/configuration", text)
	f.token(f.keyGrant())

	// What Config returns is a copy.
	config = f.Config()
	config.Clients[0].Keys[0].KeyID = "changed"
	f.token(f.keyGrant())
}

func TestOverview(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Path: "/nowhere", Status: 500}})
	var got struct {
		URL, Issuer string
		Size        map[string]int
		Controls    []struct{ Method, Path, Does string }
	}
	if err := json.Unmarshal([]byte(f.ask(200, "GET", "/", nil)), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"clients": 2, "scopes": 29, "delegations": 1, "system_users": 1, "consents": 1, "organizations": 3, "access": 28, "faults": 1} {
		if got.Size[name] != want {
			t.Errorf("%d %s, want %d", got.Size[name], name, want)
		}
	}
	if got.URL != f.URL() || got.Issuer != f.URL()+"/" || len(got.Controls) != len(controls()) {
		t.Errorf("url %s, issuer %s, %d controls", got.URL, got.Issuer, len(got.Controls))
	}
	for _, c := range got.Controls {
		if c.Method == "" || !strings.HasPrefix(c.Path, "/sandbox/") || c.Does == "" {
			t.Errorf("a control is %+v", c)
		}
	}
	if text := f.ask(200, "GET", "/faults", nil); text != `[{"path":"/nowhere","status":500}]` {
		t.Errorf("the faults are %s", text)
	}
	f.ask(204, "PUT", "/clock", `{"offset_seconds":-1.5}`)
	if text := f.ask(200, "GET", "/clock", nil); text != `{"offset_seconds":-1.5}` {
		t.Errorf("the clock is %s", text)
	}
}

// Every wrong request says what is wrong, and changes nothing.
func TestControlRefusals(t *testing.T) {
	f := start(t, nil)
	before := f.Config()
	private := string(must(f.demo.keyJWK()))
	client := "/clients/" + f.demo.ClientID
	for _, row := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PUT", client, ``, 400, "not JSON"},
		{"PUT", client, `[]`, 400, "the body is not a client"},
		{"PUT", client, `{"organization":"314444442","secret":"x"}`, 400, `it has the unknown member "secret"; it may have client_id, organization, scopes, keys`},
		{"PUT", client, `{"organization":"314444442","Scopes":[]}`, 400, `"Scopes"`},
		{"PUT", client, `{"organization":"314444442","organization":"313333337"}`, 400, "there twice"},
		{"PUT", client, `{"organization":"314444442"} {}`, 400, "not JSON"},
		{"PUT", client, `{"client_id":"other","organization":"314444442"}`, 400, "leave it out"},
		{"PUT", client, `{"organization":"1"}`, 400, "nine digits"},
		{"PUT", client, `{"organization":"314444442","scopes":["no:such"]}`, 400, `there is no scope "no:such"`},
		{"PUT", client + "/keys", private, 400, "set of public JWKs"},
		{"PUT", client + "/keys", `{"keys":[` + private + `]}`, 400, `it.keys[0] has the unknown member "d"`},
		{"PUT", client + "/keys", `{"keys":[{"kty":"EC"}]}`, 400, "not a public RSA JWK"},
		{"PUT", "/clients/nobody/keys", `{"keys":[]}`, 404, "GET /sandbox/clients"},
		{"GET", "/clients/nobody", ``, 404, `no client "nobody"`},
		{"DELETE", "/clients/nobody", ``, 404, `no client "nobody"`},
		{"POST", "/delegations", `{"scope":"sandbox:plain","from":"313333337","to":"314444442"}`, 400, "not a scope that can be delegated"},
		{"POST", "/delegations", `[{"scope":"sandbox:delegated","from":"313333337","To":"314444442"}]`, 400, `it[0] has the unknown member "To"`},
		{"POST", "/access", `{"scope":"no:such","organization":"314444442"}`, 400, "there is no scope"},
		{"POST", "/access", `{"scope":"sandbox:plain","organization":"x"}`, 400, "nine digits"},
		{"POST", "/consents", `{"id":"x","from":"y","to":"314444442","valid_to":"2030-01-01"}`, 400, "parsing time"},
		{"DELETE", "/delegations?scope=sandbox:delegated&from=313333337", ``, 400, "use DELETE /sandbox/delegations?scope=…&from=…&to=…"},
		{"DELETE", "/consents", ``, 400, "id=…"},
		{"DELETE", "/consents?id=1&id=2", ``, 400, "id=…"},
		{"DELETE", "/consents?id=1&x=2", ``, 400, "id=…"},
		{"DELETE", "/consents?id=1", ``, 404, "nothing to take away"},
		{"DELETE", "/access?scope=a:b&organization=314444442", ``, 404, "nothing to take away"},
		{"DELETE", "/scopes?name=sandbox:plain", ``, 400, "there is no scope"}, // a client still has it
		{"PUT", "/configuration", `{"listen":"0.0.0.0:1"}`, 400, "loopback"},
		{"PUT", "/configuration", `{"clients":[{"client_id":"x"}],"extra":1}`, 400, `"extra"`},
		{"PATCH", "/configuration", `{}`, 404, "GET /sandbox/ lists"},
		{"GET", "/nothing", ``, 404, "GET /sandbox/ lists"},
	} {
		if says := f.ask(row.status, row.method, row.path, row.body); !strings.Contains(says, row.says) {
			t.Errorf("%s %s %.60s: it says %q, not %q", row.method, row.path, row.body, says, row.says)
		} else if secret := f.demo.PrivateKey.D.String(); strings.Contains(says, secret) || strings.Contains(says, private[40:80]) {
			t.Errorf("%s %s: it repeats the key", row.method, row.path)
		}
	}
	if !reflect.DeepEqual(f.Config(), before) {
		t.Error("a request that was refused changed something")
	}
	if r := f.do("PUT", f.Control()+"/configuration", nil, strings.Repeat(" ", maxBody+1)); r.status != 413 {
		t.Errorf("a body over the limit: %d", r.status)
	}
	if err := f.Reconfigure(Config{Organizations: make([]Organization, maxListed+1)}); err == nil || !strings.Contains(err.Error(), "at most 100000") {
		t.Error("there is no limit to the lists")
	}
}

// Only programs of this machine get through.
func TestControlsAreForThisMachine(t *testing.T) {
	f := start(t, nil)
	for name, change := range map[string]func(*http.Request){
		"another host":      func(r *http.Request) { r.Host = "sandbox.example.no" },
		"another machine":   func(r *http.Request) { r.RemoteAddr = "192.0.2.7:5000" },
		"no remote address": func(r *http.Request) { r.RemoteAddr = "" },
		"a page elsewhere":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"an older browser":  func(r *http.Request) { r.Header.Set("Origin", "https://example.no") },
		"none of these":     func(*http.Request) {},
	} {
		r := httptest.NewRequest("POST", f.Control()+"/consents", strings.NewReader("[]"))
		r.RemoteAddr = "127.0.0.1:5000"
		change(r)
		w := httptest.NewRecorder()
		f.serve(w, r)
		if want := map[bool]int{true: 204, false: 403}[name == "none of these"]; w.Code != want {
			t.Errorf("%s: status %d, want %d", name, w.Code, want)
		}
	}
}

// Changes that come together are all made.
func TestChangesTogether(t *testing.T) {
	f := start(t, nil)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			client := Client{Organization: demoVendor, Scopes: []string{f.demo.Scopes.Plain}, Keys: []Key{PublicKey("k", &otherKey().PublicKey)}}
			r, err := do("PUT", fmt.Sprintf("%s/clients/c%d", f.Control(), i), nil, must(json.Marshal(client)))
			if err != nil || r.status != 204 {
				t.Errorf("status %d, %v", r.status, err)
				return
			}
			if r, err := f.tryPost(f.grantOf(fmt.Sprintf("c%d", i), "k", otherKey())); err != nil || r.status != 200 {
				t.Errorf("a grant of the new client: status %d, %v", r.status, err)
			}
		})
	}
	all.Wait()
	if n := len(f.Config().Clients); n != 22 {
		t.Errorf("there are %d clients", n)
	}
}
