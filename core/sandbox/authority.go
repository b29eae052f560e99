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

// authority is a made-up issuer of business certificates: a root and an
// issuing certificate below it. Its own keys are elliptic, which are quick to
// make; those of businesses are RSA, as Maskinporten wants them.
type authority struct {
	root, issuing       *x509.Certificate
	rootKey, issuingKey *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	a := &authority{}
	var err error
	if a.rootKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if a.issuingKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	issuer := func(name string, below int) *x509.Certificate {
		template := newTemplate(pkix.Name{Country: []string{"NO"}, Organization: []string{"Sandbox CA AS"}, CommonName: name,
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: organizationIdentifier, Value: "NTRNO-" + demoRegistry}}})
		template.IsCA, template.BasicConstraintsValid = true, true
		template.MaxPathLen, template.MaxPathLenZero = below, below == 0
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		return template
	}
	rootTemplate := issuer("Sandbox Test Root CA", 1)
	if a.root, err = certify(rootTemplate, rootTemplate, a.rootKey.Public(), a.rootKey); err != nil {
		return nil, err
	}
	a.issuing, err = certify(issuer("Sandbox Test Business CA", 0), a.root, a.issuingKey.Public(), a.rootKey)
	return a, err
}

// issue makes a business certificate of the SEID 2 kind, which has the
// organization number in organizationIdentifier, and its key. The chain is
// DER: leaf, issuing, root.
func (a *authority) issue(organization string) (chain [][]byte, key *rsa.PrivateKey, err error) {
	if key, err = rsa.GenerateKey(rand.Reader, minKeyBits); err != nil {
		return nil, nil, err
	}
	template := newTemplate(pkix.Name{Country: []string{"NO"}, Organization: []string{"Sandbox Vendor AS"}, CommonName: "Sandbox Vendor AS",
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: organizationIdentifier, Value: "NTRNO-" + organization}}})
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
