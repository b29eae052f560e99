package sandbox

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// organizationIdentifier is where a SEID 2 certificate has its organization,
// as NTRNO- and the number (ETSI EN 319 412-1 §5.1.4).
var organizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}

// serialNumber is where a SEID 1 certificate has it, as the bare number.
var serialNumber = asn1.ObjectIdentifier{2, 5, 4, 5}

// maxChain is how many certificates x5c may have.
const maxChain = 10

// readCertificates reads every certificate of a PEM text. Anything else in it
// is an error, so that a private key does not end up in a configuration.
func readCertificates(text string) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block of type %q is not a certificate", block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("a PEM block is not an X.509 certificate")
		}
		list = append(list, certificate)
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("there is text that is not PEM")
	}
	return list, nil
}

// readChain reads the header member x5c: an array of strings, each the
// standard base64 of a DER certificate (RFC 7515 §4.1.6).
func readChain(x5c any) ([]*x509.Certificate, error) {
	list, ok := x5c.([]any)
	if !ok {
		return nil, errors.New("x5c is not an array")
	}
	if len(list) == 0 || len(list) > maxChain {
		return nil, fmt.Errorf("x5c has %d certificates, not 1 to %d", len(list), maxChain)
	}
	chain := make([]*x509.Certificate, 0, len(list))
	for i, member := range list {
		text, ok := member.(string)
		if !ok || strings.ContainsAny(text, "\r\n") {
			return nil, fmt.Errorf("x5c[%d] is not a string of base64 without line breaks", i)
		}
		der, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("x5c[%d] is not standard base64 with padding", i)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("x5c[%d] is not a DER certificate", i)
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

// verifyChain says why a chain, leaf first, is not that of a business
// certificate at that time, or nil.
func (w *world) verifyChain(chain []*x509.Certificate, now time.Time) error {
	leaf := chain[0]
	if err := checkLeaf(leaf); err != nil {
		return err
	}
	return issuedUnder(leaf, w.roots, slices.Concat(chain[1:], w.intermediates), now)
}

// checkLeaf says why a certificate cannot be that of who signs, or nil.
func checkLeaf(leaf *x509.Certificate) error {
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	switch {
	case leaf.IsCA:
		return errors.New("the first certificate is that of an issuer; the leaf comes first")
	case !ok || key.N.BitLen() < minKeyBits:
		return fmt.Errorf("the certificate's key is not RSA with at least %d bits", minKeyBits)
	}
	return nil
}

// issuedUnder says why a certificate was not issued under one of the roots, or
// does not hold at that time, or nil.
func issuedUnder(leaf *x509.Certificate, roots *x509.CertPool, intermediates []*x509.Certificate, now time.Time) error {
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: poolOf(intermediates),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

func poolOf(certificates []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return pool
}

// organizationOf returns the organization number in a certificate's subject,
// or "" when there is none.
func organizationOf(certificate *x509.Certificate) string {
	for _, at := range []struct {
		attribute asn1.ObjectIdentifier
		prefix    string
	}{{organizationIdentifier, "NTRNO-"}, {serialNumber, ""}} {
		for _, name := range certificate.Subject.Names {
			text, _ := name.Value.(string)
			number, found := strings.CutPrefix(text, at.prefix)
			if found && name.Type.Equal(at.attribute) && isDigits(number, 9) {
				return number
			}
		}
	}
	return ""
}
