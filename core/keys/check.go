package keys

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/maskinporten-core/maskinporten/core"
)

// CheckChain lists what will make Maskinporten refuse a grant that is signed
// with this chain (DER, leaf first) in this environment at this time, as far as
// the certificates show it: damage, order, validity, a leaf that names no
// Norwegian organization, and a test certificate in production or the reverse.
// Trust and revocation are Maskinporten's to check. An empty chain has no
// problems: the key has a kid.
//
// The chain of an eSeal has rules of its own; see [CheckSealChain].
func CheckChain(env core.Environment, chain [][]byte, now time.Time) []core.Problem {
	certs, list := readInOrder(chain, now)
	if len(certs) == 0 {
		return list
	}
	if _, ok := OrganizationNumber(certs[0]); !ok {
		list = append(list, problem(0, nameOf(certs[0])+" names no organization in Norway",
			"Use a virksomhetssertifikat; its subject has an organizationIdentifier of NTRNO- and nine digits."))
	}
	test := slices.ContainsFunc(certs, isOfTestCA)
	switch {
	case test && isOneOf(env, core.Production, core.Skyporten):
		list = append(list, problem(0, nameOf(certs[0])+" is a test certificate, and the environment is production",
			"Use the organization's production certificate, or the test environment."))
	case !test && isOneOf(env, core.Test, core.SkyportenTest) && slices.ContainsFunc(certs, isOfNorwegianCA):
		list = append(list, problem(0, nameOf(certs[0])+" is a production certificate, and the environment is test",
			"Use the organization's test certificate, or the production environment."))
	}
	return list
}

// CheckSealChain is CheckChain for the eSeal of a European business. Maskinporten
// wants its whole chain, an organizationIdentifier in its subject (ETSI EN 319
// 412-1 §5.1.4), and a production certificate even in test.
func CheckSealChain(env core.Environment, chain [][]byte, now time.Time) []core.Problem {
	certs, list := readInOrder(chain, now)
	if len(certs) == 0 {
		return list
	}
	if len(certs) == 1 {
		list = append(list, core.Problem{Field: "key.x5c", Message: nameOf(certs[0]) + " stands alone", Remedy: "Add the certificates of its issuers; the whole chain of an eSeal is needed."})
	}
	if !slices.ContainsFunc(certs[0].Subject.Names, func(a pkix.AttributeTypeAndValue) bool { return a.Type.Equal(oidOrganizationIdentifier) }) {
		list = append(list, problem(0, nameOf(certs[0])+" has no organizationIdentifier", "Use an eSeal whose subject has one, such as NTRSE-5560000000."))
	}
	if isOneOf(env, core.Production, core.Test, core.Skyporten, core.SkyportenTest) && slices.ContainsFunc(certs, isOfTestCA) {
		list = append(list, problem(0, nameOf(certs[0])+" is a test certificate", "Use the production eSeal, in the test environment too: no list of trust services has test certificates."))
	}
	return list
}

// readInOrder parses a chain and checks what holds for every one. It returns
// no certificates when there are none or one cannot be read.
func readInOrder(chain [][]byte, now time.Time) (certs []*x509.Certificate, list []core.Problem) {
	if len(chain) > maxChain {
		return nil, []core.Problem{{Field: "key.x5c", Message: fmt.Sprintf("%d certificates are given; a chain has at most %d", len(chain), maxChain),
			Remedy: "Give only the certificate of the key and its issuers."}}
	}
	for i, der := range chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, []core.Problem{problem(i, "the certificate cannot be read", "Give every certificate as its issuer delivered it, in DER.")}
		}
		certs = append(certs, cert)
	}
	for i, cert := range certs {
		switch {
		case now.After(cert.NotAfter):
			list = append(list, problem(i, nameOf(cert)+" expired at "+cert.NotAfter.UTC().Format(time.RFC3339), "Get a new certificate; until then no grant is accepted."))
		case now.Before(cert.NotBefore):
			list = append(list, problem(i, nameOf(cert)+" is not valid before "+cert.NotBefore.UTC().Format(time.RFC3339), "Wait until then, or check the clock of this machine."))
		}
		if i > 0 && !issued(cert, certs[i-1]) {
			list = append(list, problem(i, nameOf(cert)+" has not issued "+nameOf(certs[i-1])+", which stands before it",
				"Put the certificate of the key first, and behind each one its issuer, without a gap."))
		}
	}
	return certs, list
}

func problem(i int, message, remedy string) core.Problem {
	return core.Problem{Field: fmt.Sprintf("key.x5c[%d]", i), Message: message, Remedy: remedy}
}

func isOneOf(env core.Environment, list ...core.Environment) bool {
	return slices.ContainsFunc(list, func(e core.Environment) bool { return e.Issuer == env.Issuer })
}

// isOfTestCA reports whether the issuer has the word "test" in its name, as
// the test hierarchies of the Norwegian authorities have. The subject is not
// looked at: a business may be called so.
func isOfTestCA(cert *x509.Certificate) bool {
	return slices.ContainsFunc(words(cert.Issuer), func(word string) bool { return strings.EqualFold(word, "test") })
}

// isOfNorwegianCA reports whether one of the two authorities that issue
// virksomhetssertifikat has issued this one.
func isOfNorwegianCA(cert *x509.Certificate) bool {
	return slices.ContainsFunc(words(cert.Issuer), func(word string) bool {
		return strings.EqualFold(word, "buypass") || strings.EqualFold(word, "commfides")
	})
}

func words(name pkix.Name) []string {
	return strings.FieldsFunc(name.String(), func(r rune) bool { return !unicode.IsLetter(r) })
}
