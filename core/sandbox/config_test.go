package sandbox

import (
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
)

func TestValidateListsEveryProblem(t *testing.T) {
	key := PublicKey("k", &otherKey().PublicKey)
	bad := key
	bad.Modulus, bad.Use, bad.Algorithm, bad.KeyID = "AQAB", "enc", "PS256", ""
	config := Config{
		Listen:        "0.0.0.0:0",
		Organizations: []Organization{{Number: "1"}},
		Scopes:        []Scope{{Name: "noprefix", LifetimeSeconds: -1, AccessFor: []string{"x"}}, {Name: "a:b"}, {Name: "a:b"}},
		Clients:       []Client{{Organization: "314444442", Scopes: []string{"c:d"}, Keys: []Key{bad, key, key}}, {ClientID: "c", Organization: "0192:314444442"}, {ClientID: "c", Organization: "314444442", Keys: []Key{key, key, key, key, key, key}}},
		Delegations:   []Delegation{{Scope: "a:b", From: "314444442", To: "314"}},
		SystemUsers:   []SystemUser{{Organization: "314444442", SystemID: "name", Clients: []string{"nobody"}}},
		Consents:      []Consent{{To: "3", Scope: "c:d", From: "somebody", Rights: []ConsentRight{{Action: []string{"a"}, Resource: []ConsentResource{{Type: "t"}}}}}, {ID: "twice"}, {ID: "twice"}},
		ESealRoots:    "no PEM",
		TrustedRoots:  "no PEM", KnownIntermediates: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		CustomsLifetimeSeconds: -1,
	}
	err := config.Validate()
	if err == nil {
		t.Fatal("it validates")
	}
	for _, want := range []string{
		"listen: ", "organizations[0].number: ", "scopes[0].name: ", "scopes[0].lifetime_seconds: ", "scopes[0].access_for: ", "scopes[2].name: there are two",
		"clients[0].client_id: it is empty", "clients[0].scopes: ", "clients[0].keys[0]: ", "clients[0].keys[0].use: ", "clients[0].keys[0].alg: ", "clients[0].keys[0].kid: ", "clients[0].keys[2].kid: ",
		"clients[1].organization: ", "clients[2].client_id: there are two", "clients[2].keys: 6 keys",
		"delegations[0].to: ", "delegations[0].scope: ", "system_users[0].id: ", "system_users[0].system_id: ", "system_users[0].clients: ",
		"consents[0]: id: ", "consents[0]: from: ", "consents[0]: valid_to: ", "consents[0]: rights[0]: ", "consents[0].to: ", "consents[0].scope: ", "consents[2].id: there are two",
		"eseal_roots: ", "trusted_roots: ", "known_intermediates: ", "customs_lifetime_seconds: ",
	} {
		if !strings.Contains(err.Error(), "sandbox: "+want) {
			t.Errorf("nothing is said of %q", want)
		}
	}
	if _, startErr := Start(config); startErr == nil || startErr.Error() != err.Error() {
		t.Errorf("Start says %v", startErr)
	}
}

func TestListenOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:8080", "example.no:80", "127.0.0.1", "127.0.0.1.example.no:0"} {
		if server, err := Start(Config{Listen: address}); err == nil {
			server.Close()
			t.Errorf("it listens on %s", address)
		}
	}
	for _, address := range []string{"", "127.0.0.1:0", "localhost:0"} {
		server, err := Start(Config{Listen: address})
		if err != nil {
			t.Errorf("%q: %v", address, err)
			continue
		}
		defer server.Close()
		host, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL(), "http://"))
		if err != nil || !net.ParseIP(host).IsLoopback() || port == "0" {
			t.Errorf("%q: URL %s", address, server.URL())
		}
	}
}

// The zero Config is a world in which nobody is known.
func TestEmptyWorld(t *testing.T) {
	f := start(t, func(c *Config) { *c = Config{} })
	f.refused(f.post(f.keyGrant().sign()), outcome{400, "invalid_grant", "MP-100", "Invalid assertion. Client authentication failed."})
}

func TestParseConfig(t *testing.T) {
	config, _ := defaultWorld()
	text := must(json.Marshal(config))
	read, err := ParseConfig(text)
	if err != nil || !reflect.DeepEqual(read, config) {
		t.Errorf("the default configuration does not survive JSON: %v", err)
	}
	for name, broken := range map[string]string{
		"unknown member": `{"client":[]}`,
		"private key":    strings.Replace(string(text), `"e":"AQAB"`, `"e":"AQAB","d":"AQAB"`, 1),
		"trailing text":  string(text) + "{}",
		"not JSON":       "listen: 127.0.0.1",
		"member twice":   `{"listen":"127.0.0.1:1","listen":"127.0.0.1:2"}`,
		"other case":     `{"Listen":"127.0.0.1:1"}`,
		"wrong kind":     `{"scopes":{"name":"a:b"}}`,
		"invalid":        `{"listen":"0.0.0.0:1"}`,
	} {
		if _, err := ParseConfig([]byte(broken)); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

func TestReconfigure(t *testing.T) {
	f := start(t, nil)
	f.token(f.keyGrant())
	config, _ := defaultWorld()
	config.Clients = []Client{config.Clients[0]}
	config.Clients[0].Keys = []Key{PublicKey("new", &otherKey().PublicKey)}
	config.SystemUsers = nil
	if err := f.Reconfigure(config); err != nil {
		t.Fatal(err)
	}
	f.refused(f.post(f.keyGrant().sign()), wantKeyID)
	d := f.keyGrant()
	d.header["kid"], d.key = "new", otherKey()
	f.token(d)
	config.Clients[0].Organization = "x"
	if err := f.Reconfigure(config); err == nil {
		t.Error("it took an invalid configuration")
	}
	d = f.keyGrant()
	d.header["kid"], d.key = "new", otherKey()
	f.token(d)
}

func TestDemoKeepsItsSecrets(t *testing.T) {
	_, demo := defaultWorld()
	seal := demo.ESeal
	printed := fmt.Sprintf("%v %+v %#v %s %x %v %+v", demo, demo, demo, demo, demo, *demo, *demo) + string(must(json.Marshal(demo))) +
		fmt.Sprintf("%v %+v %#v %x", seal, seal, &seal, seal) + string(must(json.Marshal(seal)))
	if !strings.Contains(printed, demo.ClientID) {
		t.Error("it does not name its client")
	}
	for name, secret := range map[string]string{
		"key":              demo.PrivateKey.D.String(),
		"key in hex":       demo.PrivateKey.D.Text(16),
		"certificate key":  demo.CertificateKey.D.String(),
		"password":         demo.CertificatePassword,
		"eSeal's key":      demo.ESeal.Key.D.String(),
		"eSeal's password": demo.ESeal.Password,
	} {
		if strings.Contains(printed, secret) {
			t.Errorf("it prints its %s", name)
		}
	}
}
