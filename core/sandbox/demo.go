package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"sync"
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

	// Organization is the number of the organization that owns both clients.
	Organization string
	// CustomerOrganization has delegated Scopes.Delegated to Organization.
	CustomerOrganization string
	// OtherOrganization has access to Scopes.Delegated and has not delegated it.
	OtherOrganization string

	Scopes     DemoScopes
	SystemUser DemoSystemUser
}

// DemoScopes are the scopes of the default world. All are registered on both
// clients.
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
)

// DefaultConfig returns a ready world and what there is in it. Keys and
// certificates are made at each call and belong to nobody else. Nothing in it
// ends within ten years, so that the clock can be set.
func DefaultConfig() (Config, *Demo, error) {
	go warmKeys() // Start needs them next
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
			Ungranted:  "sandbox:ungranted",
			Login:      "sandbox:login",
		},
		SystemUser: DemoSystemUser{
			Organization: demoCustomer,
			ExternalRef:  "department-1",
			ID:           newUUID(),
			SystemID:     demoVendor + "_sandbox",
		},
	}
	for i := range 20 {
		demo.Scopes.Many = append(demo.Scopes.Many, fmt.Sprintf("sandbox:many/%02d", i+1))
	}

	var errs [2]error
	var authority *authority
	var making sync.WaitGroup
	making.Go(func() { demo.PrivateKey, errs[0] = rsa.GenerateKey(rand.Reader, minKeyBits) })
	making.Go(func() {
		if authority, errs[1] = newAuthority(); errs[1] == nil {
			demo.CertificateChain, demo.CertificateKey, errs[1] = authority.issue(demoVendor)
		}
	})
	making.Wait()
	for _, err := range errs {
		if err != nil {
			return Config{}, nil, fmt.Errorf("sandbox: cannot make keys: %w", err)
		}
	}
	config := demo.config()
	config.TrustedRoots = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.root.Raw}))
	return config, demo, nil
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
	return Config{
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
	}
}

// certificates returns the chain of the demo, parsed.
func (d *Demo) certificates() ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for _, der := range d.CertificateChain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	return chain, nil
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
