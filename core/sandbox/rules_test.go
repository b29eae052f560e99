package sandbox

import (
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"
	"time"
)

var traceTrailer = regexp.MustCompile(` \(trace_id: ([0-9a-f]{32})\)$`)

func TestRefusals(t *testing.T) {
	for _, row := range refusalRows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, row.config)
			d := f.keyGrant()
			if row.certify {
				d = f.certificateGrant()
			}
			if row.change != nil {
				row.change(f, d)
			}
			f.refused(f.post(d.sign()), row.want)
			if detail := f.last().Detail; !strings.Contains(detail, row.detail) || row.want == wantMalformed && row.detail == "" {
				t.Errorf("refused for %q, want %q", detail, row.detail)
			}
		})
	}
}

// refused checks a refusal in all its parts, and that the journal has it.
func (f *fixture) refused(r reply, want outcome) {
	f.Helper()
	body := r.json(f.T)
	description, _ := body["error_description"].(string)
	trace := traceTrailer.FindStringSubmatch(description)
	if trace == nil {
		f.Fatalf("error_description %q does not end in a trace id", description)
	}
	if got := strings.TrimSuffix(description, trace[0]); got != want.text {
		f.Errorf("error_description is %q, want %q", got, want.text)
	}
	if r.status != want.status || body["error"] != want.err {
		f.Errorf("status %d and error %v, want %d and %s (%s)", r.status, body["error"], want.status, want.err, f.last().Detail)
	}
	wantURI := any(nil)
	if want.mp != "" {
		wantURI = f.URL() + "/errors/" + want.mp
	}
	if body["error_uri"] != wantURI {
		f.Errorf("error_uri is %v, want %v", body["error_uri"], wantURI)
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		f.Errorf("Cache-Control is %q", got)
	}
	if r.header.Get("Date") == "" || r.header.Get("Content-Type") != "application/json" {
		f.Errorf("Date is %q, Content-Type %q", r.header.Get("Date"), r.header.Get("Content-Type"))
	}
	entry := f.last()
	if entry.Status != want.status || entry.Error != want.err || entry.MPCode != want.mp || entry.TraceID != trace[1] {
		f.Errorf("the journal has status %d, error %q, code %q, trace id %q", entry.Status, entry.Error, entry.MPCode, entry.TraceID)
	}
}

// The grants that the rows start from are good, and so is one at each edge of
// the rules that the rows overstep.
func TestAcceptedAtTheEdges(t *testing.T) {
	f := start(t, nil)
	for name, change := range map[string]func(*fixture, *draft){
		"as it is":            claim("", nil),
		"RS384":               header("alg", "RS384"),
		"RS512":               header("alg", "RS512"),
		"typ JWT":             header("typ", "JWT"),
		"nbf and sub":         func(_ *fixture, d *draft) { d.claims["nbf"], d.claims["sub"] = d.claims["iat"], d.claims["iss"] },
		"life of 120 seconds": times(0, 120),
		"iat a little ahead":  times(8, 100),
		"iat long ago":        times(-110, 5),
		"no jti":              claim("jti", nil),
	} {
		t.Run(name, func(t *testing.T) {
			d := f.keyGrant()
			change(f, d)
			inner := &fixture{t, f.Server, f.demo}
			inner.token(d)
		})
	}
}

func TestReplay(t *testing.T) {
	f := start(t, nil)
	want := outcome{400, "invalid_grant", "MP-012", "Grant is used before"}

	used := f.keyGrant()
	f.token(used)
	f.refused(f.post(used.sign()), want)

	again := f.keyGrant()
	again.claims["jti"], again.claims["exp"] = used.claims["jti"], f.now().Unix()+50
	f.refused(f.post(again.sign()), want)

	without := f.keyGrant()
	delete(without.claims, "jti")
	f.token(without)
	f.refused(f.post(without.sign()), want)

	other := f.certificateGrant()
	other.claims["jti"] = used.claims["jti"] // of another client, so not the same
	f.token(other)
}

// A grant with a bad signature must not spend the jti of the right one.
func TestForgeryDoesNotSpend(t *testing.T) {
	f := start(t, nil)
	d := f.keyGrant()
	forged := *d
	forged.key = otherKey()
	f.refused(f.post(forged.sign()), wantSignature)
	f.token(d)
}

func TestReplaysAreForgotten(t *testing.T) {
	var r replays
	now := time.Unix(1_700_000_000, 0)
	for i := range 10 * minSweep {
		at := now.Add(time.Duration(i) * time.Second)
		if !r.use(replayKey{"client", [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}}, at.Add(time.Minute), at) {
			t.Fatal("a first use was refused")
		}
	}
	if len(r.used) > 2*minSweep {
		t.Errorf("%d grants are remembered, of which 60 still count", len(r.used))
	}
}

// Both kinds of Norwegian business certificates say whose they are.
func TestOrganizationOfCertificate(t *testing.T) {
	config, demo := defaultWorld()
	leaf := must(x509.ParseCertificate(demo.CertificateChain[0]))
	if got := organizationOf(leaf); got != demo.Organization {
		t.Errorf("SEID 2: %q", got)
	}
	old := *leaf
	old.Subject.Names = nil
	for _, name := range leaf.Subject.Names {
		if !name.Type.Equal(organizationIdentifier) {
			old.Subject.Names = append(old.Subject.Names, name)
		}
	}
	if got := organizationOf(&old); got != "" {
		t.Errorf("without an organization: %q", got)
	}
	name := leaf.Subject.Names[0]
	name.Type, name.Value = serialNumber, "314444442"
	old.Subject.Names = append(old.Subject.Names, name)
	if got := organizationOf(&old); got != "314444442" {
		t.Errorf("SEID 1: %q", got)
	}

	// With the issuing certificate known, the leaf alone is enough.
	config.KnownIntermediates = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: demo.CertificateChain[1]}))
	world, err := newWorld(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := world.verifyChain([]*x509.Certificate{leaf}, time.Now()); err != nil {
		t.Error(err)
	}
	if err := world.verifyChain([]*x509.Certificate{leaf}, leaf.NotAfter.Add(time.Second)); err == nil {
		t.Error("an expired certificate is accepted")
	}
}

func TestFormOfTheRequest(t *testing.T) {
	f := start(t, nil)
	form := grantForm(f.keyGrant().sign())
	for _, row := range []struct{ name, contentType, body, err, text string }{
		{"JSON", "application/json", `{}`, "invalid_request", "Invalid request."},
		{"no content type", "", form.Encode(), "invalid_request", "Invalid request."},
		{"broken form", formType, "grant_type=%zz", "invalid_request", "Invalid request."},
		{"parameter twice", formType, form.Encode() + "&grant_type=x", "invalid_request", "Invalid request."},
		{"no grant type", formType, "assertion=x", "invalid_request", "Invalid request."},
		{"other grant type", formType, "grant_type=client_credentials", "unsupported_grant_type", "Unsupported grant type."},
	} {
		t.Run(row.name, func(t *testing.T) {
			inner := &fixture{t, f.Server, f.demo}
			header := map[string]string{}
			if row.contentType != "" {
				header["Content-Type"] = row.contentType
			}
			inner.refused(inner.do("POST", f.URL()+"/token", header, row.body), outcome{400, row.err, "", row.text})
		})
	}
	if r := f.do("GET", f.URL()+"/token", nil, ""); r.status != 405 || r.header.Get("Allow") != "POST" {
		t.Errorf("GET /token: status %d, Allow %q", r.status, r.header.Get("Allow"))
	}
	if r := f.do("POST", f.URL()+"/token?"+form.Encode(), map[string]string{"Content-Type": formType}, ""); r.status != 400 {
		t.Errorf("parameters in the URL: status %d", r.status)
	}
	if r := f.do("POST", f.URL()+"/token", map[string]string{"Content-Type": formType}, strings.Repeat("a", maxBody+1)); r.status != 413 {
		t.Errorf("a body over the limit: status %d", r.status)
	}
}
