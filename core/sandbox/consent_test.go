package sandbox

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// consent is the authorization_details for the demo's consent.
func (f *fixture) consent() []any {
	return []any{map[string]any{"type": "urn:altinn:consent", "id": f.demo.Consent.ID, "from": f.demo.Consent.From}}
}

// consentGrant asks for the consent, with one member changed.
func (f *fixture) consentGrant(name string, value any) *draft {
	d, list := f.keyGrant(), f.consent()
	put(list[0].(map[string]any), name, value)
	d.claims["scope"], d.claims["authorization_details"] = f.demo.Scopes.Consent, list
	return d
}

func TestConsentToken(t *testing.T) {
	f := start(t, nil)
	token, _ := f.token(f.consentGrant("", nil))
	claims := f.verified(token)
	configured := f.Config().Consents[0]
	want := []any{map[string]any{
		"type": "urn:altinn:consent", "id": f.demo.Consent.ID, "from": f.demo.Consent.From, "to": organization(f.demo.Organization),
		"consented": configured.Consented.Format("2006-01-02T15:04:05-07:00"),
		"validTo":   configured.ValidTo.Format("2006-01-02T15:04:05-07:00"),
		"consentRights": []any{map[string]any{
			"action":   []any{"consent"},
			"resource": []any{map[string]any{"type": "urn:altinn:resource", "value": "sandbox-income"}},
			"metadata": map[string]any{"year": "2025"},
		}},
	}}
	if !reflect.DeepEqual(claims["authorization_details"], want) {
		t.Errorf("authorization_details is %v, want %v", claims["authorization_details"], want)
	}
	if to := want[0].(map[string]any)["to"]; !reflect.DeepEqual(claims["consumer"], to) {
		t.Errorf("consumer %v is not to", claims["consumer"])
	}
	if valid := want[0].(map[string]any)["validTo"].(string); !strings.HasSuffix(valid, "+00:00") {
		t.Errorf("validTo %s has no offset", valid)
	}

	// Altinn takes it, and makes an object of the array.
	_, exchanged := decode(t, string(f.get(f.AltinnExchange(), token).body))
	if !reflect.DeepEqual(exchanged["authorization_details"], want[0]) {
		t.Errorf("after the exchange: %v", exchanged["authorization_details"])
	}
}

func TestConsentRefusals(t *testing.T) {
	f := start(t, func(c *Config) {
		consent := c.Consents[0]
		consent.ID, consent.To, consent.Scope = "of the customer", demoCustomer, ""
		c.Consents = append([]Consent{consent}, c.Consents...)
	})
	const other = "urn:altinn:organization:identifier-no:312222221"
	for _, row := range []struct {
		name, member string
		value        any
		detail       string
		want         outcome
	}{
		{"unknown id", "id", "00000000-0000-4000-8000-000000000000", "there is no consent", wantDetailsInvalid},
		{"no id", "id", nil, "id or from is missing", wantDetailsInvalid},
		{"id a number", "id", 1, "id or from is missing", wantDetailsInvalid},
		{"no from", "from", nil, "id or from is missing", wantDetailsInvalid},
		{"from a bare number", "from", demoPerson, "not the URN", wantDetailsInvalid},
		{"from of ten digits", "from", "urn:altinn:person:identifier-no:0781949000", "not the URN", wantDetailsInvalid},
		{"from somebody else", "from", other, "from somebody else", wantDetailsInvalid},
		{"given to another organization", "id", "of the customer", "not to the consumer", wantDetailsInvalid},
		{"unknown member", "to", "x", `the member "to"`, wantDetailsMember},
	} {
		t.Run(row.name, func(t *testing.T) {
			inner := &fixture{t, f.Server, f.demo}
			inner.refused(inner.post(inner.consentGrant(row.member, row.value).sign()), row.want)
			if detail := inner.last().Detail; !strings.Contains(detail, row.detail) {
				t.Errorf("refused for %q, want %q", detail, row.detail)
			}
		})
	}

	without := f.consentGrant("", nil)
	without.claims["scope"] = f.demo.Scopes.Plain
	f.refused(f.post(without.sign()), wantDetailsInvalid)
	if detail := f.last().Detail; !strings.Contains(detail, f.demo.Scopes.Consent) {
		t.Errorf("without its scope it is refused for %q", detail)
	}

	end := f.Config().Consents[1].ValidTo
	f.SetClockOffset(time.Until(end) - time.Minute)
	f.token(f.consentGrant("", nil))
	f.SetClockOffset(time.Until(end) + time.Second)
	f.refused(f.post(f.consentGrant("", nil).sign()), wantDetailsInvalid)
	if detail := f.last().Detail; !strings.Contains(detail, "ended") {
		t.Errorf("after its end it is refused for %q", detail)
	}
}

// A time that cannot be told in JSON is an error, not a crash.
func TestConsentOfTheFarFuture(t *testing.T) {
	if server, err := Start(Config{Consents: []Consent{{ValidTo: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}}); err == nil {
		server.Close()
		t.Error("it starts")
	}
}

// With consumer_org a consent must be given to the customer, and the customer
// must have delegated the scope as always.
func TestConsentWithConsumerOrg(t *testing.T) {
	given := time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.FixedZone("", 3600))
	f := start(t, func(c *Config) {
		c.Consents = []Consent{
			{ID: "customer", From: "urn:altinn:organization:identifier-no:" + demoOther, To: demoCustomer, ValidTo: given.AddDate(100, 0, 0), Consented: given},
			{ID: "vendor", From: "urn:altinn:organization:identifier-no:" + demoOther, To: demoVendor, ValidTo: given.AddDate(100, 0, 0)},
		}
	})
	grant := func(id, scope string) *draft {
		d := f.keyGrant()
		d.claims["scope"], d.claims["consumer_org"] = scope, f.demo.CustomerOrganization
		d.claims["authorization_details"] = []any{map[string]any{"type": "urn:altinn:consent", "id": id, "from": "urn:altinn:organization:identifier-no:" + demoOther}}
		return d
	}
	token, _ := f.token(grant("customer", f.demo.Scopes.Delegated))
	claims := f.verified(token)
	details := claims["authorization_details"].([]any)[0].(map[string]any)
	if !reflect.DeepEqual(details["to"], claims["consumer"]) || !reflect.DeepEqual(claims["supplier"], organization(f.demo.Organization)) {
		t.Errorf("to %v, consumer %v, supplier %v", details["to"], claims["consumer"], claims["supplier"])
	}
	if details["consented"] != "2026-03-01T12:00:00.5+01:00" || !reflect.DeepEqual(details["consentRights"], []any{}) {
		t.Errorf("consented %v, consentRights %v", details["consented"], details["consentRights"])
	}
	f.refused(f.post(grant("vendor", f.demo.Scopes.Delegated).sign()), wantDetailsInvalid)
	f.refused(f.post(grant("customer", f.demo.Scopes.Plain).sign()), outcome{403, "forbidden", "MP-250", "Consumer has not been granted access to the scope sandbox:plain"})

	own := grant("vendor", f.demo.Scopes.Plain)
	delete(own.claims, "consumer_org")
	token, _ = f.token(own)
	details = f.verified(token)["authorization_details"].([]any)[0].(map[string]any)
	if details["consented"] != "2125-03-01T12:00:00.5+01:00" {
		t.Errorf("a consent without a beginning: consented %v", details["consented"])
	}
}
