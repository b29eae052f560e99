package core

import (
	"strings"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// This file is authorization_details (RFC 9396): an array with exactly one
// object, of one of the two types that Maskinporten's metadata lists.

// SystemUser names a system user of Altinn (urn:altinn:systemuser).
type SystemUser struct {
	// Org is the nine-digit organization number of the system user's owner.
	Org string
	// ExternalRef is needed when the system user was created with one.
	ExternalRef string
}

// Consent names a consent that was given in Altinn (urn:altinn:consent).
type Consent struct {
	// ID is the UUID of the consent.
	ID string
	// From is who has consented: urn:altinn:person:identifier-no: and eleven
	// digits, or urn:altinn:organization:identifier-no: and nine.
	From string
}

const (
	consentingPerson       = "urn:altinn:person:identifier-no:"
	consentingOrganization = "urn:altinn:organization:identifier-no:"
)

func (r TokenRequest) authorizationDetails() []byte {
	var detail strictjson.Writer
	switch {
	case r.SystemUser != nil:
		var org strictjson.Writer
		org.String("authority", "iso6523-actorid-upis")
		org.String("ID", "0192:"+r.SystemUser.Org)
		detail.String("type", "urn:altinn:systemuser")
		detail.Raw("systemuser_org", org.Bytes())
		detail.Optional("externalRef", r.SystemUser.ExternalRef)
	case r.Consent != nil:
		detail.String("type", "urn:altinn:consent")
		detail.String("id", r.Consent.ID)
		detail.String("from", r.Consent.From)
	default:
		return nil
	}
	return append(append([]byte{'['}, detail.Bytes()...), ']')
}

func (r TokenRequest) detailsProblems() []Problem {
	var list []Problem
	if r.SystemUser != nil {
		list = append(list, r.SystemUser.problems()...)
	}
	if r.Consent != nil {
		list = append(list, r.Consent.problems()...)
	}
	if r.SystemUser != nil && r.Consent != nil {
		list = append(list, Problem{"consent", "it stands beside system_user", "Ask for two tokens; a grant has one of them."})
	}
	return list
}

func (u SystemUser) problems() []Problem {
	var list []Problem
	if why, remedy := organizationProblem(u.Org); why != "" {
		list = append(list, Problem{"system_user.org", why, remedy})
	}
	if len(u.ExternalRef) > 255 || !isPrintable(u.ExternalRef) {
		list = append(list, Problem{"system_user.external_ref", "it is longer than 255 characters or not printable", "Give the externalRef that the system user was created with."})
	}
	return list
}

// problems shows no number of a person.
func (c Consent) problems() []Problem {
	var list []Problem
	if !isUUID(c.ID) {
		list = append(list, Problem{"consent.id", quoted(c.ID) + " is not a UUID", "Give the id of the consent as Altinn has it."})
	}
	person, isPerson := strings.CutPrefix(c.From, consentingPerson)
	number, isOrganization := strings.CutPrefix(c.From, consentingOrganization)
	switch {
	case isPerson && !isDigits(person, 11):
		list = append(list, Problem{"consent.from", "a national identity number has eleven digits", "Give all eleven digits behind " + consentingPerson + "."})
	case isOrganization:
		if why, remedy := organizationProblem(number); why != "" {
			list = append(list, Problem{"consent.from", why, remedy})
		}
	case !isPerson:
		list = append(list, Problem{"consent.from", "it does not name a person or an organization", "Write " + consentingPerson + " and eleven digits, or " + consentingOrganization + " and nine."})
	}
	return list
}

// isUUID checks the form of RFC 9562 §4, of any version.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
