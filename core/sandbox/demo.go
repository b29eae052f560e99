package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Demo is what a program under test needs to know of the world that
// [DefaultConfig] makes. It prints without its keys.
type Demo struct {
	// ClientID is a client with PrivateKey registered as KeyID.
	ClientID   string
	KeyID      string
	PrivateKey *rsa.PrivateKey

	// CertificateClientID is a client without registered keys, which
	// authenticates with the business certificate of its organization.
	CertificateClientID string
	// CertificateChain is DER: leaf, intermediate, root.
	CertificateChain [][]byte
	CertificateKey   *rsa.PrivateKey
	// CertificatePassword protects the PKCS#12 file of [WriteFiles].
	CertificatePassword string

	// ESeal is a European business without a registration.
	ESeal DemoESeal

	// Organization is the number of the organization that owns both clients.
	Organization string
	// CustomerOrganization has delegated Scopes.Delegated to Organization.
	CustomerOrganization string
	// OtherOrganization has access to Scopes.Delegated and has not delegated it.
	OtherOrganization string

	Scopes     DemoScopes
	SystemUser DemoSystemUser
	Consent    DemoConsent
}

// DemoESeal is the eSeal of a European business, an advanced one.
type DemoESeal struct {
	// Chain is DER: leaf, intermediate, root. Send all of it.
	Chain [][]byte
	Key   *rsa.PrivateKey
	// Password protects the PKCS#12 file of [WriteFiles].
	Password string
	// Identifier is the organizationIdentifier of the subject, which becomes
	// consumer.ID of its tokens, and ClientID what becomes their client_id.
	Identifier string
	ClientID   string
}

// String names the business and shows no key.
func (d DemoESeal) String() string { return fmt.Sprintf("sandbox.DemoESeal{%s}", d.Identifier) }

// Format makes every verb of package fmt print String.
func (d DemoESeal) Format(f fmt.State, _ rune) { io.WriteString(f, d.String()) }

// MarshalText is String, for log/slog and for JSON made for logs.
func (d DemoESeal) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// DemoScopes are the scopes of the default world. All but ESeal are registered
// on both clients.
type DemoScopes struct {
	// Customs is the scope of Norwegian Customs for road transport. Its tokens
	// live 600 seconds, all others 120.
	Customs string `json:"customs"`
	// Plain and Other are two scopes that the organization has access to.
	Plain string `json:"plain"`
	Other string `json:"other"`
	// Delegated is a scope that only the customer has access to.
	Delegated string `json:"delegated"`
	// SystemUser is a scope to ask for together with the system user.
	SystemUser string `json:"system_user"`
	// Ungranted is a scope that nobody has access to.
	Ungranted string `json:"ungranted"`
	// Consent is a scope to ask for together with the consent.
	Consent string `json:"consent"`
	// ESeal is the scope of Norwegian Customs for European businesses.
	ESeal string `json:"eseal"`
	// Login is a scope for the login of persons, not for Maskinporten.
	Login string `json:"login"`
	// Many are twenty scopes that the organization has access to.
	Many []string `json:"many"`
}

// DemoSystemUser is a system user that the customer has given the vendor.
type DemoSystemUser struct {
	Organization string `json:"org"`
	ExternalRef  string `json:"external_ref"`
	ID           string `json:"id"`
	SystemID     string `json:"system_id"`
}

// DemoConsent is a consent that a person has given the vendor.
type DemoConsent struct {
	ID   string `json:"id"`
	From string `json:"from"`
}

// String names the clients and shows no key.
func (d Demo) String() string {
	return fmt.Sprintf("sandbox.Demo{client %s, certificate client %s}", d.ClientID, d.CertificateClientID)
}

// Format makes every verb of package fmt print String.
func (d Demo) Format(f fmt.State, _ rune) { io.WriteString(f, d.String()) }

// MarshalText is String, for log/slog and for JSON made for logs.
func (d Demo) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// The organizations of the default world. The numbers are of the synthetic
// series and their check digits are right.
const (
	demoVendor   = "314444442"
	demoCustomer = "313333337"
	demoOther    = "312222221"
	demoRegistry = "311111116" // the test issuer of certificates
	demoSeal     = "NTRSE-5560000000"
	demoPerson   = "07819490001" // born in a month past 80, as only made-up persons are
)

// DefaultConfig returns a ready world and what there is in it. Keys and
// certificates are made at each call and belong to nobody else. Nothing in it
// ends within ten years, so that the clock can be set.
func DefaultConfig() (Config, *Demo, error) {
	go warmKeys(maskinportenKey) // Start needs them next
	demo := &Demo{
		ClientID:             newUUID(),
		KeyID:                newUUID(),
		CertificateClientID:  newUUID(),
		CertificatePassword:  rand.Text(),
		Organization:         demoVendor,
		CustomerOrganization: demoCustomer,
		OtherOrganization:    demoOther,
		Scopes: DemoScopes{
			Customs:    "toll:movement/road/v2",
			Plain:      "sandbox:plain",
			Other:      "sandbox:other",
			Delegated:  "sandbox:delegated",
			SystemUser: "sandbox:systemuser",
			Consent:    "sandbox:consent",
			ESeal:      "toll:eu/movement/road/v2",
			Ungranted:  "sandbox:ungranted",
			Login:      "sandbox:login",
		},
		SystemUser: DemoSystemUser{
			Organization: demoCustomer,
			ExternalRef:  "department-1",
			ID:           newUUID(),
			SystemID:     demoVendor + "_sandbox",
		},
		ESeal:   DemoESeal{Password: rand.Text(), Identifier: demoSeal},
		Consent: DemoConsent{ID: newUUID(), From: "urn:altinn:person:identifier-no:" + demoPerson},
	}
	for i := range 20 {
		demo.Scopes.Many = append(demo.Scopes.Many, fmt.Sprintf("sandbox:many/%02d", i+1))
	}

	var errs [3]error
	var making sync.WaitGroup
	making.Go(func() { demo.PrivateKey, errs[0] = rsa.GenerateKey(rand.Reader, minKeyBits) })
	making.Go(func() {
		demo.CertificateChain, demo.CertificateKey, errs[1] = issued("Business", norwegian("Sandbox CA AS", demoRegistry), norwegian("Sandbox Vendor AS", demoVendor))
	})
	making.Go(func() {
		haulier := business("SE", "Sandbox Haulier AB", demoSeal)
		haulier.OrganizationalUnit = []string{"Transport"}
		demo.ESeal.Chain, demo.ESeal.Key, errs[2] = issued("eSeal", business("SE", "Sandbox Trust AB", "NTRSE-5560000001"), haulier)
	})
	making.Wait()
	for _, err := range errs {
		if err != nil {
			return Config{}, nil, fmt.Errorf("sandbox: cannot make keys: %w", err)
		}
	}
	leaf, err := x509.ParseCertificate(demo.ESeal.Chain[0])
	if err != nil {
		return Config{}, nil, fmt.Errorf("sandbox: cannot read a certificate of its own: %w", err)
	}
	demo.ESeal.ClientID = sealClient + leaf.SerialNumber.String()
	return demo.config(), demo, nil
}

// issued makes an issuer, and what it issues to a subject.
func issued(kind string, issuer, subject pkix.Name) (chain [][]byte, key *rsa.PrivateKey, err error) {
	authority, err := newAuthority(kind, issuer)
	if err != nil {
		return nil, nil, err
	}
	return authority.issue(subject)
}

// config is the world around the demo.
func (d *Demo) config() Config {
	own := []string{d.Organization}
	scopes := []Scope{
		{Name: d.Scopes.Customs, AccessFor: own, LifetimeSeconds: 600},
		{Name: d.Scopes.Plain, AccessFor: own},
		{Name: d.Scopes.Other, AccessFor: own},
		{Name: d.Scopes.Delegated, AccessFor: []string{d.CustomerOrganization, d.OtherOrganization}, Delegable: true},
		{Name: d.Scopes.SystemUser, AccessFor: own},
		{Name: d.Scopes.Consent, AccessFor: own},
		{Name: d.Scopes.Ungranted},
		{Name: d.Scopes.Login, AccessFor: own, IntegrationTypes: []string{"idporten"}},
	}
	for _, name := range d.Scopes.Many {
		scopes = append(scopes, Scope{Name: name, AccessFor: own})
	}
	var registered []string
	for _, s := range scopes {
		registered = append(registered, s.Name)
	}
	scopes = append(scopes, Scope{Name: d.Scopes.ESeal, SupportsEuropeanBusinesses: true})
	root := func(chain [][]byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1]}))
	}
	return Config{
		TrustedRoots: root(d.CertificateChain),
		ESealRoots:   root(d.ESeal.Chain),
		Organizations: []Organization{
			{Number: d.Organization, Name: "Sandbox Vendor AS"},
			{Number: d.CustomerOrganization, Name: "Sandbox Customer AS"},
			{Number: d.OtherOrganization, Name: "Sandbox Other AS"},
		},
		Scopes: scopes,
		Clients: []Client{
			{ClientID: d.ClientID, Organization: d.Organization, Scopes: registered, Keys: []Key{PublicKey(d.KeyID, &d.PrivateKey.PublicKey)}},
			{ClientID: d.CertificateClientID, Organization: d.Organization, Scopes: registered},
		},
		Delegations: []Delegation{{Scope: d.Scopes.Delegated, From: d.CustomerOrganization, To: d.Organization}},
		SystemUsers: []SystemUser{{
			ID: d.SystemUser.ID, Organization: d.SystemUser.Organization, ExternalRef: d.SystemUser.ExternalRef,
			SystemID: d.SystemUser.SystemID, Clients: []string{d.ClientID, d.CertificateClientID},
		}},
		Consents: []Consent{{
			ID: d.Consent.ID, From: d.Consent.From, To: d.Organization, Scope: d.Scopes.Consent,
			Consented: time.Now().UTC().AddDate(-10, 0, 0).Truncate(time.Second), ValidTo: time.Now().UTC().AddDate(10, 0, 1).Truncate(time.Second),
			Rights: []ConsentRight{{
				Action:   []string{"consent"},
				Resource: []ConsentResource{{"urn:altinn:resource", "sandbox-income"}},
				Metadata: map[string]string{"year": "2025"},
			}},
		}},
	}
}

// newUUID returns a random UUID (RFC 9562 §5.4), the form of client ids and kids.
func newUUID() string {
	var bits [16]byte
	rand.Read(bits[:])
	bits[6] = bits[6]&0x0f | 0x40
	bits[8] = bits[8]&0x3f | 0x80
	text := fmt.Sprintf("%x", bits)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}
