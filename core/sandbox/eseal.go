package sandbox

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The rules for European businesses. They have no registration: what a grant
// is worth is decided by the certificate that it is signed with, an eSeal, and
// by its scopes, which their owners have opened to such businesses.

const (
	methodSeal          = "CForESeal"
	methodQualifiedSeal = "QCForESeal"

	// sealAuthority is that of the documentation's example; its prose has
	// another spelling.
	sealAuthority = "etsi-en-319-412"
	sealClient    = "eidas-"
)

// registered is a check that does not apply to a grant of an eSeal, which has
// no client registration and needs no access to be granted.
func registered(check func(*tokenRequest) *refusal) func(*tokenRequest) *refusal {
	return func(t *tokenRequest) *refusal {
		if t.seal {
			return nil
		}
		return check(t)
	}
}

// checkSeal finds out whether a grant is of an eSeal. Its iss is not looked at,
// except that a registered client whose chain is no eSeal is judged as that
// client: Norwegian businesses use the same scopes. How the real service
// refuses an eSeal is undocumented; these are its refusals of certificates.
func checkSeal(t *tokenRequest) *refusal {
	if !t.asksForSealScopes() {
		return nil
	}
	var problem *refusal
	chain, err := readChain(t.grant.header["x5c"])
	if err != nil {
		problem = chainMalformed.because("%v", err)
	} else if err := t.world.verifySeal(chain, t.now); err != nil {
		problem = certificateInvalid.because("eSeal: %v", err)
	}
	if problem != nil {
		if t.world.clients[text(t.grant.claims, "iss")] != nil {
			return nil
		}
		return problem
	}
	leaf := chain[0]
	t.seal, t.chain = true, chain
	t.key = registeredKey{public: leaf.PublicKey.(*rsa.PublicKey)}
	t.method = methodSeal
	if isQualified(leaf) {
		t.method = methodQualifiedSeal
	}
	// Decimal is how most programs write a serial number; the sheet does not say.
	t.client = &client{id: sealClient + leaf.SerialNumber.String(), scopes: set(strings.Fields(text(t.grant.claims, "scope")))}
	return nil
}

// asksForSealScopes reports whether a grant has a certificate, and scopes that
// are all open to European businesses.
func (t *tokenRequest) asksForSealScopes() bool {
	_, chain := t.grant.header["x5c"]
	_, key := t.grant.header["kid"]
	return chain && !key && !slices.ContainsFunc(strings.Fields(text(t.grant.claims, "scope")), func(name string) bool {
		s := t.world.scopes[name]
		return s == nil || !s.forSeals
	})
}

// verifySeal says why a chain, leaf first, is not that of an eSeal at that
// time, or nil. The chain must be whole: no issuer is filled in, and each
// certificate is followed by its issuer. Only the root, which the trust list
// has anyway, may be left out.
func (w *world) verifySeal(chain []*x509.Certificate, now time.Time) error {
	leaf := chain[0]
	if err := checkLeaf(leaf); err != nil {
		return err
	}
	if len(chain) == 1 {
		return errors.New("x5c has the leaf alone; send the full chain")
	}
	for i, issuer := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(issuer); err != nil {
			return fmt.Errorf("x5c[%d] is not issued by x5c[%d]; send the chain in order: %w", i, i+1, err)
		}
	}
	if sealIdentifier(leaf) == "" {
		return errors.New("the subject has no organizationIdentifier")
	}
	return issuedUnder(leaf, w.sealRoots, chain[1:], now)
}

// sealIdentifier returns the organizationIdentifier of a certificate's subject
// (ETSI EN 319 412-1 §5.1.4), such as NTRSE-5560000000, or "".
func sealIdentifier(leaf *x509.Certificate) string {
	return attributeOf(leaf.Subject, organizationIdentifier)
}

func attributeOf(subject pkix.Name, attribute asn1.ObjectIdentifier) string {
	for _, name := range subject.Names {
		if text, ok := name.Value.(string); ok && name.Type.Equal(attribute) {
			return text
		}
	}
	return ""
}

// sealParticipant is what a token says of the business behind an eSeal.
func sealParticipant(leaf *x509.Certificate) participant {
	first := func(values []string) string { return strings.Join(values[:min(1, len(values))], "") }
	subject := leaf.Subject
	return participant{
		Authority: sealAuthority, ID: sealIdentifier(leaf), CommonName: subject.CommonName,
		Name: first(subject.Organization), Unit: first(subject.OrganizationalUnit), Country: first(subject.Country),
	}
}

var (
	qcStatements = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3} // RFC 3739 §3.2.6
	qcCompliance = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 1}       // ETSI EN 319 412-5 §4.2.1
)

// qcStatement is one of the statements that an issuer makes of a certificate.
type qcStatement struct {
	ID   asn1.ObjectIdentifier
	Info asn1.RawValue `asn1:"optional"`
}

// isQualified reports whether the issuer states that a certificate is a
// qualified one of the EU.
func isQualified(leaf *x509.Certificate) bool {
	for _, extension := range leaf.Extensions {
		var statements []qcStatement
		if !extension.Id.Equal(qcStatements) {
			continue
		}
		if _, err := asn1.Unmarshal(extension.Value, &statements); err == nil {
			return slices.ContainsFunc(statements, func(s qcStatement) bool { return s.ID.Equal(qcCompliance) })
		}
	}
	return false
}
