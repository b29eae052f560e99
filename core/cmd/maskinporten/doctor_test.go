package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// examination is the JSON of the command.
type examination struct {
	OK       bool
	Findings []struct{ Severity, Field, Message, Remedy string }
	Key      map[string]any
	Claims   map[string]any
	Steps    []struct{ Name, Result, Detail string }
}

func (r result) examination(t *testing.T) (x examination) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.out), &x); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return x
}

func (x examination) results() string {
	var list []string
	for _, step := range x.Steps {
		list = append(list, step.Result)
	}
	return strings.Join(list, " ")
}

func TestDoctorHealthy(t *testing.T) {
	w := shared(t)
	before := w.asked(t)
	r := call{arguments: []string{"doctor", "--settings", w.settings, "--scope", w.demo.Scopes.Customs, "--exchange", "customs"}}.run(t)
	r.want(t, 0, "… configuration\n", "… exchange 1: customs\n")
	withoutSecrets(t, r.out+r.errors)
	if strings.Count(r.out, "✓ ") != 8 || !strings.HasSuffix(r.out, "\n\nAll is well.\n") || !strings.Contains(r.out, "holds 10m0s, scope "+w.demo.Scopes.Customs) {
		t.Errorf("stdout:\n%s", r.out)
	}
	if asked := w.asked(t) - before; asked != 1 {
		t.Errorf("the token endpoint was asked %d times", asked)
	}
}

func TestDoctorOtherKeys(t *testing.T) {
	w := shared(t)
	d := w.demo
	at := []string{"doctor", "--issuer", d.Issuer, "--token-endpoint", d.TokenEndpoint, "--allow-loopback-http", "--json"}
	for name, test := range map[string]struct {
		call call
		want string
	}{
		"variables": {call{arguments: []string{"doctor", "--allow-loopback-http", "--json"}, variables: w.nais(t)}, "ok ok ok ok ok ok ok"},
		"certificate": {call{arguments: append(slices.Clone(at), "--client-id", d.CertificateClientID, "--key", d.CertificateP12, "--password-env", "P12", "--scope", d.Scopes.Plain),
			variables: []string{"P12=" + d.CertificatePassword}}, "ok ok ok ok skipped skipped ok"},
		"no scope": {call{arguments: []string{"doctor", "--settings", w.settings, "--json"}}, "ok ok skipped ok ok ok ok"},
		"offline":  {call{arguments: []string{"doctor", "--settings", w.settings, "--json", "--offline", "--scope", "a:b", "--pid", "12345678901", "--consumer-org", d.CustomerOrganization}}, "ok ok ok"},
	} {
		t.Run(name, func(t *testing.T) {
			r := test.call.run(t)
			r.want(t, 0)
			withoutSecrets(t, r.out+r.errors, d.CertificatePassword, "12345678901")
			if x := r.examination(t); x.results() != test.want || !x.OK || x.Key["alg"] != "RS256" || x.Key["signs"] != true {
				t.Errorf("%s: %+v", x.results(), x)
			}
		})
	}
}

// TestDoctorFinds has one row for each thing that goes wrong: the calls, the
// results of all steps, and the fields of the errors.
func TestDoctorFinds(t *testing.T) {
	w := ownWorld(t)
	d := w.demo
	dir, file := folder(t)
	settings := []string{"--settings", w.settings, "--scope", d.Scopes.Customs}
	with := func(arguments ...string) []string { return append(slices.Clone(settings), arguments...) }
	for _, test := range []struct {
		name      string
		arguments []string
		variables []string
		results   string
		errors    string
		says      string
	}{
		{"nothing given", nil, nil, "failed failed skipped skipped skipped skipped skipped", "environment client_id key", "--key"},
		{"metadata alone", nil, []string{"MASKINPORTEN_WELL_KNOWN_URL=" + d.MetadataURL}, "failed failed skipped skipped skipped skipped skipped", "environment client_id key", "MASKINPORTEN_ISSUER and MASKINPORTEN_TOKEN_ENDPOINT"},
		{"issuer without its slash", with("--offline", "--issuer", "https://test.maskinporten.no", "--token-endpoint", "https://test.maskinporten.no/token"), nil, "failed ok ok", "environment.issuer", "slash included"},
		{"ver2", with("--env", "ver2"), nil, "failed ok ok ok skipped skipped skipped", "environment", "test environment"},
		{"test and production", with("--offline", "--env", "production", "--exchange", "customs", "--customs-endpoint", "https://api-test.toll.no/api/access/external/oauth/token"), nil,
			"warning ok failed", "exchanges[0].token_endpoint", "same environment"},
		{"unreadable key file", with("--key", filepath.Join(dir, "none.pem")), nil, "ok failed ok skipped ok ok skipped", "key", "no such file"},
		{"damaged key", with("--key", file("damaged.pem", "-----BEGIN PRIVATE KEY-----\nAAAA")), nil, "ok failed ok skipped ok ok skipped", "key", "cut off"},
		{"key without kid", []string{"--issuer", d.Issuer, "--token-endpoint", d.TokenEndpoint, "--allow-loopback-http", "--client-id", d.ClientID, "--key", d.KeyPEM, "--scope", "a:b"}, nil,
			"ok failed ok skipped skipped skipped skipped", "key", "Set --kid"},
		{"wrong scope", []string{"--settings", w.settings, "--scope", "Toll:movement/road/v2"}, nil, "ok ok warning ok ok ok failed", "token", "upper-case"},
		{"scope with a comma", []string{"--settings", w.settings, "--scope", "a:b,c:d"}, nil, "ok ok failed ok ok ok skipped", "scopes[0]", "comma"},
	} {
		t.Run(test.name, func(t *testing.T) {
			json := call{arguments: append([]string{"doctor", "--json"}, test.arguments...), variables: test.variables}.run(t)
			json.want(t, 1)
			x := json.examination(t)
			var fields []string
			for _, f := range x.Findings {
				if f.Severity == "error" {
					fields = append(fields, f.Field)
				}
			}
			if got := strings.Join(fields, " "); x.OK || x.results() != test.results || got != test.errors {
				t.Errorf("steps %s, want %s; errors %s, want %s", x.results(), test.results, got, test.errors)
			}
			table := call{arguments: append([]string{"doctor"}, test.arguments...), variables: test.variables}.run(t)
			table.want(t, 1)
			if !strings.Contains(table.out, test.says) || strings.Count(table.out, "✗") == 0 || strings.Contains(table.out, "All is well") || strings.Contains(table.out, " \n") {
				t.Errorf("stdout does not say %q:\n%s", test.says, table.out)
			}
			withoutSecrets(t, json.out+json.errors+table.out+table.errors)
		})
	}
}

func TestDoctorSandboxFaults(t *testing.T) {
	w := ownWorld(t)
	arguments := []string{"doctor", "--settings", w.settings, "--scope", w.demo.Scopes.Plain}
	w.put(t, "/clock", `{"offset_seconds": 3600}`)
	r := maskinporten(t, arguments...)
	r.want(t, 1)
	if !strings.Contains(r.out, "✗ clock") || !strings.Contains(r.out, "1h0m0s behind") || !strings.Contains(r.out, "✓ token") || !strings.Contains(r.out, "1 error, 0 warnings.") {
		t.Errorf("a wrong clock:\n%s", r.out)
	}
	w.put(t, "/clock", `{"offset_seconds": 5}`)
	r = maskinporten(t, arguments...)
	r.want(t, 0)
	if !strings.Contains(r.out, "! clock") || !strings.HasSuffix(r.out, "No error, 1 warning.\n") {
		t.Errorf("a clock that is a little wrong:\n%s", r.out)
	}
	w.put(t, "/clock", `{"offset_seconds": 0}`)
	w.setFaults(t, `[{"path":"/token","kind":"hang"}]`)
	r = maskinporten(t, append(arguments, "--timeout", "400ms")...)
	r.want(t, 1)
	if !strings.Contains(r.out, "✗ token") || !strings.Contains(r.out, "deadline") {
		t.Errorf("a hanging endpoint:\n%s", r.out)
	}
	w.end(t)
	r = maskinporten(t, arguments...)
	r.want(t, 1)
	if !strings.Contains(r.out, "✗ metadata") || !strings.Contains(r.out, "✗ token") || !strings.Contains(r.out, "Check the network") {
		t.Errorf("nothing there:\n%s", r.out)
	}
}

func TestDoctorWithoutSettings(t *testing.T) {
	r := maskinporten(t, "doctor", "--settings", filepath.Join(t.TempDir(), "none"))
	r.want(t, 1, "maskinporten doctor: ", "cannot be read", "--settings")
}

func TestCertificate(t *testing.T) {
	d := shared(t).demo
	r := maskinporten(t, "certificate", d.CertificatePEM) // with its key
	r.want(t, 0)
	withoutSecrets(t, r.out+r.errors)
	if !strings.Contains(r.out, "organization   "+d.Organization+"\n") || strings.Count(r.out, "\nissuer ") != 3 || strings.Count(r.out, "valid  ") != 3 {
		t.Errorf("stdout:\n%s", r.out)
	}
	r = call{arguments: []string{"certificate", "--json", "--env", "production", "-"}, stdin: string(readPrivate(t, d.CertificatePEM))}.run(t)
	r.want(t, 1)
	var said struct {
		Certificates []map[string]any
		Problems     []struct{ Field, Message, Remedy string }
	}
	if err := json.Unmarshal([]byte(r.out), &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Certificates) != 3 || said.Certificates[0]["organization_number"] != d.Organization || said.Certificates[0]["key_bits"] != 2048.0 ||
		len(said.Problems) != 1 || said.Problems[0].Field != "key.x5c[0]" || !strings.Contains(said.Problems[0].Message, "test certificate") {
		t.Errorf("%s", r.out)
	}
	r = maskinporten(t, "certificate", "--env", "production", d.CertificatePEM)
	r.want(t, 1)
	if !strings.Contains(r.out, "✗ key.x5c[0]: ") || !strings.Contains(r.out, "What to do: Use the organization's production certificate") {
		t.Errorf("stdout:\n%s", r.out)
	}
	for word, arguments := range map[string][]string{
		"no environment \"staging\"": {"--env", "staging", d.CertificatePEM}, "cannot be read": {filepath.Join(t.TempDir(), "none")},
		"PKCS#12": {d.CertificateP12}, "holds no certificate": {d.KeyPEM},
	} {
		maskinporten(t, append([]string{"certificate"}, arguments...)...).want(t, 1, word, "What to do: ")
	}
}
