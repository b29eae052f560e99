package sandbox

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/maskinporten-core/maskinporten/core"
)

// settings is settings.json: where the sandbox is, who its clients are and
// where their keys are. Tests in every language read it.
type settings struct {
	Issuer               string `json:"issuer"`
	TokenEndpoint        string `json:"token_endpoint"`
	MetadataURL          string `json:"metadata_url"`
	CustomsTokenEndpoint string `json:"customs_token_endpoint"`
	CustomsTestAuth      string `json:"customs_test_auth"`
	AltinnExchange       string `json:"altinn_exchange"`
	SampleAPI            string `json:"sample_api"`
	Control              string `json:"control"`

	ClientID string `json:"client_id"`
	KeyID    string `json:"kid"`
	KeyPEM   string `json:"key_pem"`
	KeyJWK   string `json:"key_jwk"`

	CertificateClientID string `json:"certificate_client_id"`
	CertificateP12      string `json:"certificate_p12"`
	CertificatePassword string `json:"certificate_password"`
	CertificatePEM      string `json:"certificate_pem"`

	Organization         string         `json:"organization"`
	CustomerOrganization string         `json:"customer_organization"`
	OtherOrganization    string         `json:"other_organization"`
	Scopes               DemoScopes     `json:"scopes"`
	SystemUser           DemoSystemUser `json:"system_user"`
	Consent              DemoConsent    `json:"consent"`
	ESeal                sealSettings   `json:"eseal"`
}

type sealSettings struct {
	P12                    string `json:"p12"`
	Password               string `json:"password"`
	PEM                    string `json:"pem"`
	OrganizationIdentifier string `json:"organization_identifier"`
	// ClientID is what tokens will have as client_id. A grant's iss may be
	// anything.
	ClientID string `json:"client_id"`
}

// WriteFiles writes what a program in another language needs to use the
// sandbox, into a directory that it makes if there is none:
//
//	key.pem          the registered key (PKCS#8)
//	key.jwk          the same as a private JWK with kid, alg and use
//	certificate.p12  the business certificate with key and chain (PKCS#12, AES)
//	certificate.pem  the same as PEM, the key first and the leaf after it
//	eseal.p12        the eSeal of a European business, likewise
//	eseal.pem        the same as PEM
//	env              the variables of a client for a shell: ". DIR/env"
//	settings.json    addresses, client ids, scopes, and the absolute paths of the files above
//
// The files are readable by their owner only. Each appears whole, and
// settings.json last, so whoever sees that one can begin.
func WriteFiles(dir string, s *Server, d *Demo) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	path := func(name string) string { return filepath.Join(dir, name) }

	environment := s.Environment()
	described := settings{
		Issuer:               environment.Issuer,
		TokenEndpoint:        environment.TokenEndpoint,
		MetadataURL:          environment.MetadataURL,
		CustomsTokenEndpoint: environment.CustomsTokenEndpoint,
		CustomsTestAuth:      environment.CustomsTestAuth,
		AltinnExchange:       s.AltinnExchange(),
		SampleAPI:            s.SampleAPI(),
		Control:              s.Control(),
		ClientID:             d.ClientID,
		KeyID:                d.KeyID,
		KeyPEM:               path("key.pem"),
		KeyJWK:               path("key.jwk"),
		CertificateClientID:  d.CertificateClientID,
		CertificateP12:       path("certificate.p12"),
		CertificatePassword:  d.CertificatePassword,
		CertificatePEM:       path("certificate.pem"),
		Organization:         d.Organization,
		CustomerOrganization: d.CustomerOrganization,
		OtherOrganization:    d.OtherOrganization,
		Scopes:               d.Scopes,
		SystemUser:           d.SystemUser,
		Consent:              d.Consent,
		ESeal:                sealSettings{path("eseal.p12"), d.ESeal.Password, path("eseal.pem"), d.ESeal.Identifier, d.ESeal.ClientID},
	}
	certificate := bundle{d.CertificateKey, d.CertificateChain, d.CertificatePassword}
	seal := bundle{d.ESeal.Key, d.ESeal.Chain, d.ESeal.Password}
	for _, file := range []struct {
		path    string
		content func() ([]byte, error)
	}{
		{described.KeyPEM, d.keyPEM},
		{described.KeyJWK, d.keyJWK},
		{described.CertificateP12, certificate.p12},
		{described.CertificatePEM, certificate.pem},
		{described.ESeal.P12, seal.p12},
		{described.ESeal.PEM, seal.pem},
		{path("env"), func() ([]byte, error) { return d.variables(environment) }},
		{path("settings.json"), func() ([]byte, error) { return json.MarshalIndent(described, "", "  ") }},
	} {
		content, err := file.content()
		if err == nil {
			err = writeSecret(file.path, content)
		}
		if err != nil {
			return fmt.Errorf("sandbox: cannot write %s: %w", filepath.Base(file.path), err)
		}
	}
	return nil
}

// writeSecret writes a file that only its owner can read, at once.
func writeSecret(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // finds nothing after the rename
	_, err = file.Write(content)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func (d *Demo) keyPEM() ([]byte, error) { return pkcs8PEM(d.PrivateKey) }

func (d *Demo) keyJWK() ([]byte, error) {
	return jose.JSONWebKey{Key: d.PrivateKey, KeyID: d.KeyID, Algorithm: "RS256", Use: "sig"}.MarshalJSON()
}

// bundle is a key with its certificates, leaf first.
type bundle struct {
	key      *rsa.PrivateKey
	chain    [][]byte
	password string
}

func (b bundle) p12() ([]byte, error) {
	var chain []*x509.Certificate
	for _, der := range b.chain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	return pkcs12.Modern.Encode(b.key, chain[0], chain[1:], b.password)
}

func (b bundle) pem() ([]byte, error) {
	content, err := pkcs8PEM(b.key)
	if err != nil {
		return nil, err
	}
	for _, der := range b.chain {
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return content, nil
}

// variables are those that NAIS gives an application, and two more that only a
// sandbox needs. A single quote stands in none of the values.
func (d *Demo) variables(environment core.Environment) ([]byte, error) {
	jwk, err := d.keyJWK()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	for _, variable := range [][2]string{
		{"CLIENT_ID", d.ClientID},
		{"CLIENT_JWK", string(jwk)},
		{"ISSUER", environment.Issuer},
		{"TOKEN_ENDPOINT", environment.TokenEndpoint},
		{"WELL_KNOWN_URL", environment.MetadataURL},
		{"CUSTOMS_TOKEN_ENDPOINT", environment.CustomsTokenEndpoint},
		{"ALLOW_LOOPBACK_HTTP", "true"},
	} {
		fmt.Fprintf(&content, "export MASKINPORTEN_%s='%s'\n", variable[0], variable[1])
	}
	return content.Bytes(), nil
}

func pkcs8PEM(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
