package keys

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxChain bounds the certificates of one chain; real ones have three or four.
const maxChain = 16

// OrderChain puts certificates in the order of x5c (RFC 7515 §4.1.6): first
// the one of leafKey, then issuer by issuer. The root may be missing, and the
// leaf may stand alone. Repeated certificates are dropped. A certificate
// that has no place in the chain is an error, be it foreign or behind a gap.
//
// Signatures are checked, dates and trust are not.
func OrderChain(leafKey *rsa.PublicKey, certs []*x509.Certificate) ([]*x509.Certificate, error) {
	var rest []*x509.Certificate
	for _, c := range certs {
		if c != nil && !slices.ContainsFunc(rest, c.Equal) {
			rest = append(rest, c)
		}
	}
	if leafKey == nil || len(rest) == 0 {
		return nil, refuse("there is no certificate to order, or no key", "Give the public key and the certificates of the chain.")
	}
	if len(rest) > maxChain {
		return nil, refuse(fmt.Sprintf("%d certificates are given; a chain has at most %d", len(rest), maxChain), "Give only the certificate of the key and its issuers.")
	}
	belongs := func(c *x509.Certificate) bool { return leafKey.Equal(c.PublicKey) }
	at := slices.IndexFunc(rest, belongs)
	if at < 0 {
		return nil, refuse("no certificate belongs to the key; there is "+names(rest), "Give the certificate that was issued for this key, or the key of this certificate.")
	}
	chain := []*x509.Certificate{rest[at]}
	rest = slices.Delete(rest, at, at+1)
	if at := slices.IndexFunc(rest, belongs); at >= 0 {
		return nil, refuse("two certificates belong to the key: "+names(append(chain, rest[at])), "Keep the one that is valid now.")
	}
	for len(rest) > 0 {
		last := chain[len(chain)-1]
		at := -1
		if !selfIssued(last) {
			at = slices.IndexFunc(rest, func(c *x509.Certificate) bool { return issued(c, last) })
		}
		if at < 0 {
			return nil, misplaced(last, rest)
		}
		chain = append(chain, rest[at])
		rest = slices.Delete(rest, at, at+1)
	}
	return chain, nil
}

// misplaced explains why none of rest can follow last.
func misplaced(last *x509.Certificate, rest []*x509.Certificate) error {
	if selfIssued(last) {
		return refuse("the chain ends with the root "+nameOf(last)+"; "+names(rest)+" does not belong to it", "Remove what does not belong to the chain.")
	}
	for _, c := range rest {
		if bytes.Equal(c.RawSubject, last.RawIssuer) {
			return refuse(nameOf(last)+" names "+nameOf(c)+" as its issuer, but was not signed by it", "Get the issuer's certificates from where the certificate was issued.")
		}
	}
	return refuse(fmt.Sprintf("%s was issued by %s, which is missing; %s cannot follow it", nameOf(last), shown(last.Issuer.String()), names(rest)),
		"Add the missing certificate, and remove what does not belong to the chain.")
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// issued reports whether parent signed child. An old signature algorithm that
// crypto/x509 declines to check is taken on the name: whether it is good enough
// is for Maskinporten to say.
func issued(parent, child *x509.Certificate) bool {
	if !bytes.Equal(parent.RawSubject, child.RawIssuer) {
		return false
	}
	err := child.CheckSignatureFrom(parent)
	var old x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &old)
}

func nameOf(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return shown(c.Subject.CommonName)
	}
	return shown(c.Subject.String())
}

func names(certs []*x509.Certificate) string {
	var list []string
	for _, c := range certs[:min(len(certs), 5)] {
		list = append(list, nameOf(c))
	}
	if len(certs) > len(list) {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}

// chainOf parses certificates found beside key, and orders them. None is none.
func chainOf(key *rsa.PrivateKey, ders [][]byte) ([]*x509.Certificate, error) {
	if len(ders) == 0 {
		return nil, nil
	}
	var certs []*x509.Certificate
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, refuse(fmt.Sprintf("certificate %d of %d cannot be read", i+1, len(ders)), "Give every certificate as its issuer delivered it, in PEM or DER.")
		}
		certs = append(certs, c)
	}
	return OrderChain(&key.PublicKey, certs)
}

// readChain splits Options.CertificateChain, PEM or concatenated DER.
func readChain(data []byte) ([][]byte, error) {
	const remedy = "Give the certificates in PEM, or in DER one after the other, and nothing else."
	if err := checkSize(data); err != nil || len(data) == 0 {
		return nil, err
	}
	var ders [][]byte
	text := tidy(data)
	defer clear(text)
	if isPEM(text) {
		blocks, err := scanPEM(text)
		if err != nil {
			return nil, refuse("the certificate chain has a damaged PEM block", remedy)
		}
		for _, b := range blocks {
			if !b.holdsCertificate() {
				return nil, refuse("in the certificate chain, "+b.String()+" is not a certificate", remedy)
			}
			ders = append(ders, b.der)
		}
		return ders, nil
	}
	for rest := data; len(rest) > 0; {
		var one asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &one); err != nil || kindOf(one.FullBytes) != certificate {
			return nil, refuse(fmt.Sprintf("in the certificate chain, number %d is not a certificate", len(ders)+1), remedy)
		}
		ders = append(ders, one.FullBytes)
	}
	return ders, nil
}

var oidOrganizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}

// OrganizationNumber returns the nine digits of the Norwegian organization
// that a virksomhetssertifikat names: organizationIdentifier NTRNO-nnnnnnnnn
// (SEID 2, ETSI EN 319 412-1 §5.1.4), else a serialNumber of the subject with
// nine digits (SEID 1). It is false for every other certificate, such as a
// seal of another country.
func OrganizationNumber(cert *x509.Certificate) (string, bool) {
	if cert == nil {
		return "", false
	}
	for _, attribute := range cert.Subject.Names {
		if !attribute.Type.Equal(oidOrganizationIdentifier) {
			continue
		}
		value, _ := attribute.Value.(string)
		number, norwegian := strings.CutPrefix(value, "NTRNO-")
		return digits(number, norwegian)
	}
	return digits(cert.Subject.SerialNumber, true)
}

func digits(number string, ok bool) (string, bool) {
	if !ok || len(number) != 9 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	return number, true
}
