package keys

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// Certificate is what a certificate says about its owner.
type Certificate struct {
	// Subject and Issuer are distinguished names (RFC 4514).
	Subject, Issuer string
	// SerialNumber is in hexadecimal, in upper case, as OpenSSL writes it.
	SerialNumber string
	// NotBefore and NotAfter are its validity (UTC).
	NotBefore, NotAfter time.Time
	// OrganizationNumber is the number of the Norwegian organization that it
	// names, if it names one; see [OrganizationNumber].
	OrganizationNumber string
	// OrganizationIdentifier is the attribute of that name of the subject (ETSI
	// EN 319 412-1 §5.1.4), such as NTRNO-310702641. SEID 1 has none.
	OrganizationIdentifier string
	// SHA256 is the thumbprint of the whole certificate, in hexadecimal.
	SHA256 string
	// KeyBits is the size of its public key; 0 for a kind that is neither RSA
	// nor EC.
	KeyBits int
	// Raw is the certificate in DER.
	Raw []byte
}

// ReadCertificates reads certificates in PEM or DER, one or many, also wrapped
// in base64, and keeps their order. Private keys that stand beside them in PEM
// are passed over: nothing of them is kept or shown.
func ReadCertificates(data []byte) ([]Certificate, error) {
	ders, err := certificatesIn(data)
	if err != nil {
		return nil, err
	}
	list := make([]Certificate, 0, len(ders))
	for i, der := range ders {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, refuse(fmt.Sprintf("certificate %d of %d cannot be read", i+1, len(ders)), "Give every certificate as its issuer delivered it, in PEM or DER.")
		}
		list = append(list, describe(cert))
	}
	return list, nil
}

// certificatesIn finds the DER of every certificate.
func certificatesIn(data []byte) ([][]byte, error) {
	const remedy = "Give certificates in PEM or DER."
	if err := checkSize(data); err != nil {
		return nil, err
	}
	text := tidy(data)
	defer clear(text)
	if inner := unwrapBase64(text); inner != nil && kindOf(data) == unknownKind {
		defer clear(inner)
		data, text = inner, inner
	}
	switch kindOf(data) {
	case pkcs12File:
		return nil, refuse("the data is a PKCS#12 file, which opens with its password only", "Take the certificates out of it: openssl pkcs12 -in file.p12 -nokeys.")
	case pkcs1Key, pkcs8Key, encryptedKey, ecKey, publicKey:
		return nil, refuse("the data is a key, without a certificate", remedy)
	}
	if isPEM(text) {
		return certificateBlocks(text)
	}
	if len(text) == 0 {
		return nil, refuse("there is no certificate: the data is empty", remedy)
	}
	ders, err := readChain(data)
	for i, der := range ders {
		ders[i] = slices.Clone(der) // what was unwrapped is wiped
	}
	return ders, err
}

func certificateBlocks(text []byte) ([][]byte, error) {
	blocks, err := scanPEM(text)
	var ders [][]byte
	for _, b := range blocks {
		if b.holdsCertificate() {
			ders = append(ders, slices.Clone(b.der))
		}
		clear(b.der)
	}
	switch {
	case err != nil:
		return nil, err
	case len(ders) == 0:
		return nil, refuse("the PEM holds no certificate", "Give the block that begins with -----BEGIN CERTIFICATE-----.")
	}
	return ders, nil
}

func describe(cert *x509.Certificate) Certificate {
	sum := sha256.Sum256(cert.Raw)
	number, _ := OrganizationNumber(cert)
	return Certificate{
		Subject: distinguishedName(cert.Subject), Issuer: distinguishedName(cert.Issuer),
		SerialNumber: fmt.Sprintf("%X", cert.SerialNumber.Bytes()),
		NotBefore:    cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(),
		OrganizationNumber: number, OrganizationIdentifier: core.Printable(identifierOf(cert.Subject)),
		SHA256: hex.EncodeToString(sum[:]), KeyBits: bitsOf(cert), Raw: cert.Raw,
	}
}

// distinguishedName is a name after RFC 4514, in which organizationIdentifier
// has its own name and text: package pkix writes an OID and DER.
func distinguishedName(name pkix.Name) string {
	text := name.String()
	if before, after, found := strings.Cut(text, oidOrganizationIdentifier.String()+"=#"); found {
		text = before + "organizationIdentifier=" + identifierOf(name) + strings.TrimLeft(after, "0123456789abcdef")
	}
	return core.Printable(text)
}

// identifierOf returns the organizationIdentifier of a subject, or nothing.
func identifierOf(subject pkix.Name) string {
	for _, attribute := range subject.Names {
		if attribute.Type.Equal(oidOrganizationIdentifier) {
			value, _ := attribute.Value.(string)
			return value
		}
	}
	return ""
}

func bitsOf(cert *x509.Certificate) int {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen()
	case *ecdsa.PublicKey:
		return key.Params().BitSize
	}
	return 0
}

// CheckCertificates checks certificates that may be of either sort: as
// [CheckSealChain] does if the first one names an organization outside Norway,
// and as [CheckChain] does otherwise.
func CheckCertificates(env core.Environment, list []Certificate, now time.Time) []core.Problem {
	var chain [][]byte
	for _, c := range list {
		chain = append(chain, c.Raw)
	}
	if len(list) > 0 && list[0].OrganizationIdentifier != "" && list[0].OrganizationNumber == "" {
		return CheckSealChain(env, chain, now)
	}
	return CheckChain(env, chain, now)
}

// CheckSignature checks that a signature of signed was made with the key of a
// certificate in DER, after one of the algorithms of [core.Key].
func CheckSignature(certificate []byte, algorithm string, signed, signature []byte) error {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return refuse("the certificate cannot be read", "Give the certificate as its issuer delivered it, in DER.")
	}
	kinds := map[string]x509.SignatureAlgorithm{core.RS256: x509.SHA256WithRSA, core.RS384: x509.SHA384WithRSA, core.RS512: x509.SHA512WithRSA}
	if cert.CheckSignature(kinds[algorithm], signed, signature) != nil {
		return refuse("the signature is not that of the key in "+nameOf(cert), "Give the certificate that was issued for this key, or sign with the key of this certificate.")
	}
	return nil
}
