package wire

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// seen are the findings as severity and field, in order.
func seen(report map[string]any) string {
	var list []string
	for _, item := range report["findings"].([]any) {
		finding := item.(map[string]any)
		list = append(list, finding["severity"].(string)+":"+finding["field"].(string))
		if finding["message"] == "" || finding["remedy"] == "" || len(finding) != 4 {
			list = append(list, "incomplete")
		}
	}
	return strings.Join(list, " ")
}

func TestDiagnose(t *testing.T) {
	h := NewHost(nil, nil)
	const request = `{"scopes":["toll:movement/road/v2"],"exchanges":[{"type":"customs"}]}`
	key, _ := json.Marshal(testKey())
	for _, test := range []struct {
		name, config, request string
		want                  string
		claims                bool
	}{
		{"healthy", keyConfig(), request, "", true},
		{"the host signs", hostConfig, request, "", true},
		{"without a request", keyConfig(), "", "", false},
		{"nothing", `{}`, "", "error:environment error:client_id error:key", false},
		{"unknown members", with(keyConfig(), `"nonsense":1`), `{"scopes":["a:b"],"more":1}`, "error:nonsense error:more", true},
		{"kinds", `{"environment":7,"client_id":[],"key":"x"}`, `{"scopes":7}`, "error:environment error:client_id error:key error:scopes", false},
		{"ver2", `{"environment":"ver2","client_id":"client","key":{"kid":"kid-1"}}`, "", "error:environment", false},
		{"issuer without its slash", `{"environment":{"issuer":"https://test.maskinporten.no","token_endpoint":"https://test.maskinporten.no/token"},"client_id":"client","key":{"kid":"kid-1"}}`, "", "error:environment.issuer", false},
		{"damaged key", `{"environment":"test","client_id":"client","key":{"pem":"` + canary + `"}}`, request, "error:key", true},
		{"damaged key and more", `{"environment":"test","client_id":"","key":{"pem":"` + canary + `"},"grant_life_seconds":500}`, request, "error:client_id error:grant_life_seconds error:key", false},
		{"key without a kid", `{"environment":"test","client_id":"client","key":{"pem":` + string(key) + `}}`, request, "error:key", true},
		{"damaged next key", with(keyConfig(), `"next_keys":[{"pem":"`+canary+`","kid":"k"}]`), request, "error:next_keys[0]", true},
		{"a certificate that is none", `{"environment":"test","client_id":"client","key":{"x5c":["AAAA"]}}`, "", "error:key.x5c[0]", false},
		{"warnings and notes", with(keyConfig(), `"grant_life_seconds":10`), `{"scopes":["Toll:a","toll:b"],"iss_onbehalfof":"x"}`, "warning:grant_life_seconds warning:scopes[0] note:scopes warning:iss_onbehalfof", true},
		{"exchange of production", keyConfig(), `{"scopes":["toll:a"],"exchanges":[{"type":"altinn","environment":"prod"}]}`, "error:exchanges[0].endpoint", true},
		{"unknown exchange", keyConfig(), `{"scopes":["toll:a"],"exchanges":[{"type":"x"}]}`, "error:exchanges[0].type", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, failure := h.Diagnose([]byte(test.config), []byte(test.request))
			ok(t, failure)
			report := members(t, text)
			if got := seen(report); got != test.want {
				t.Errorf("findings %s, want %s", got, test.want)
			}
			if report["ok"] != !strings.Contains(test.want, "error:") {
				t.Errorf("ok is %v", report["ok"])
			}
			if _, there := report["claims"]; there != test.claims {
				t.Errorf("claims: %v", report["claims"])
			}
			if strings.Contains(string(text), canary) || strings.Contains(string(text), "MII") {
				t.Errorf("a secret shows in %s", text)
			}
		})
	}
	text, failure := h.Diagnose([]byte(keyConfig()), []byte(request))
	ok(t, failure)
	report := members(t, text)
	if got := slices.Sorted(maps.Keys(report)); !slices.Equal(got, []string{"claims", "environment", "findings", "key", "ok"}) {
		t.Errorf("members %v", got)
	}
	facts := report["key"].(map[string]any)
	if facts["kid"] != "kid-1" || facts["alg"] != "RS256" || facts["key_bits"] != 2048.0 || facts["signs"] != true || report["environment"].(map[string]any)["name"] != "test" {
		t.Errorf("%s", text)
	}
	if claims := report["claims"].(map[string]any); claims["aud"] != core.Test.Issuer || claims["iss"] != "client" || claims["scope"] != "toll:movement/road/v2" || len(claims) != 3 {
		t.Errorf("claims %v", claims)
	}
}

// TestDiagnoseRefuses: only an input that is no object is an error.
func TestDiagnoseRefuses(t *testing.T) {
	h := NewHost(nil, nil)
	for _, text := range []string{"", "[]", "null", "{", `{"a":1,"a":2}`, strings.Repeat(" ", maxInput+1)} {
		_, failure := h.Diagnose([]byte(text), nil)
		wantFailure(t, failure, core.CodeInvalidArgument, "the configuration is")
		if text == "" {
			continue // no request
		}
		_, failure = h.Diagnose([]byte(keyConfig()), []byte(text))
		wantFailure(t, failure, core.CodeInvalidArgument, "the token request is")
	}
	h.poisoned.Store(true)
	_, failure := h.Diagnose([]byte(keyConfig()), nil)
	wantFailure(t, failure, core.CodePoisoned)
	_, failure = h.CertificateRead(nil)
	wantFailure(t, failure, core.CodePoisoned)
}

func TestCertificateRead(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(0xabc), NotBefore: time.Now().Add(-48 * time.Hour).Truncate(time.Second), NotAfter: time.Now().Add(-time.Hour).Truncate(time.Second),
		Subject: pkix.Name{CommonName: "Eksempel AS", ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "NTRNO-310702641"}}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	h := NewHost(nil, nil)
	for name, data := range map[string][]byte{"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"beside a key": append([]byte(testKey()), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), "base64": []byte(base64.StdEncoding.EncodeToString(der))} {
		text, failure := h.CertificateRead(data)
		ok(t, failure)
		out := members(t, text)
		list, problems := out["certificates"].([]any), out["problems"].([]any)
		if len(list) != 1 || len(problems) != 1 || len(out) != 2 {
			t.Fatalf("%s: %s", name, text)
		}
		c, p := list[0].(map[string]any), problems[0].(map[string]any)
		if c["organization_number"] != "310702641" || c["organization_identifier"] != "NTRNO-310702641" || c["key_bits"] != 2048.0 || c["serial_number"] != "0ABC" ||
			c["not_before_ms"] != float64(template.NotBefore.UnixMilli()) || c["not_after_ms"] != float64(template.NotAfter.UnixMilli()) ||
			len(c["sha256"].(string)) != 64 || !strings.Contains(c["subject"].(string), "CN=Eksempel AS") || c["issuer"] != c["subject"] || len(c) != 9 {
			t.Errorf("%s: %v", name, c)
		}
		if p["field"] != "key.x5c[0]" || !strings.Contains(p["message"].(string), "expired") || p["remedy"] == "" {
			t.Errorf("%s: %v", name, p)
		}
	}
	for _, data := range [][]byte{nil, []byte("x"), []byte(testKey()), der[:100]} {
		_, failure := h.CertificateRead(data)
		wantFailure(t, failure, core.CodeInvalidKey)
	}
}
