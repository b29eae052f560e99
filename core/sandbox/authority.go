package sandbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// authority is a made-up issuer of certificates for businesses: a root and an
// issuing certificate below it. Its own keys are elliptic, which are quick to
// make; those of businesses are RSA, as Maskinporten wants them.
type authority struct {
	root, issuing       *x509.Certificate
	rootKey, issuingKey *ecdsa.PrivateKey
}

// newAuthority makes the issuer that owner names; its certificates have kind in
// their names.
func newAuthority(kind string, owner pkix.Name) (*authority, error) {
	a := &authority{}
	var err error
	if a.rootKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if a.issuingKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	issuer := func(name string, below int) *x509.Certificate {
		owner.CommonName = "Sandbox Test " + kind + name
		template := newTemplate(owner)
		template.IsCA, template.BasicConstraintsValid = true, true
		template.MaxPathLen, template.MaxPathLenZero = below, below == 0
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		return template
	}
	rootTemplate := issuer(" Root CA", 1)
	if a.root, err = certify(rootTemplate, rootTemplate, a.rootKey.Public(), a.rootKey); err != nil {
		return nil, err
	}
	a.issuing, err = certify(issuer(" Issuing CA", 0), a.root, a.issuingKey.Public(), a.rootKey)
	return a, err
}

// business is a subject with the identifier in organizationIdentifier, where
// certificates of the SEID 2 kind and eSeals have it.
func business(country, name, identifier string) pkix.Name {
	return pkix.Name{Country: []string{country}, Organization: []string{name}, CommonName: name,
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: organizationIdentifier, Value: identifier}}}
}

// norwegian is the subject of a business certificate.
func norwegian(name, organization string) pkix.Name {
	return business("NO", name, "NTRNO-"+organization)
}

// issue makes a certificate for signing, and its key. The chain is DER: leaf,
// issuing, root.
func (a *authority) issue(subject pkix.Name, extensions ...pkix.Extension) (chain [][]byte, key *rsa.PrivateKey, err error) {
	if key, err = rsa.GenerateKey(rand.Reader, minKeyBits); err != nil {
		return nil, nil, err
	}
	template := newTemplate(subject)
	template.ExtraExtensions = extensions
	template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	leaf, err := certify(template, a.issuing, key.Public(), a.issuingKey)
	if err != nil {
		return nil, nil, err
	}
	return [][]byte{leaf.Raw, a.issuing.Raw, a.root.Raw}, key, nil
}

// newTemplate is valid from ten years ago for twenty, longer than any real
// certificate, so that setting the sandbox's clock makes a grant too old or too
// young and not its certificate.
func newTemplate(subject pkix.Name) *x509.Certificate {
	var serial [16]byte
	rand.Read(serial[:])
	serial[0] &= 0x7f // positive in 16 bytes
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]),
		Subject:      subject,
		NotBefore:    time.Now().AddDate(-10, 0, 0),
		NotAfter:     time.Now().AddDate(10, 0, 0),
	}
}

func certify(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
