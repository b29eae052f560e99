package sandbox

import (
	"slices"
	"strings"
)

// authorization_details (RFC 9396): permissions of a person or a customer that
// Maskinporten looks up in Altinn.

const (
	typeSystemUser = "urn:altinn:systemuser"
	typeConsent    = "urn:altinn:consent"
)

// detailsTypes are the types that the metadata announces, each with the
// members a request may have and with who resolves it to what the token says.
var detailsTypes = map[string]struct {
	members []string
	resolve func(*tokenRequest, map[string]any) (any, *refusal)
}{
	typeSystemUser: {[]string{"type", "systemuser_org", "externalRef"}, resolveSystemUser},
	typeConsent:    {[]string{"type", "id", "from"}, resolveConsent},
}

// checkDetails wants an array with one object of a known type.
func checkDetails(t *tokenRequest) *refusal {
	value, present := t.grant.claims["authorization_details"]
	if !present {
		return nil
	}
	list, ok := value.([]any)
	if !ok || len(list) != 1 {
		return detailsTypeUnknown.because("authorization_details is not an array of exactly one object")
	}
	object, ok := list[0].(map[string]any)
	if !ok {
		return detailsTypeUnknown.because("authorization_details[0] is not an object")
	}
	kind, known := detailsTypes[text(object, "type")]
	if !known {
		return detailsTypeUnknown.because("authorization_details[0].type is missing or not one of %s, %s", typeSystemUser, typeConsent)
	}
	if name := unknownMember(object, kind.members); name != "" {
		return detailsMemberUnknown.because("authorization_details[0] has the member %q", shorten(name))
	}
	details, refused := kind.resolve(t, object)
	if refused != nil {
		return refused
	}
	t.details = []any{details}
	return nil
}

// unknownMember returns the first member, by name, that is not in the list.
func unknownMember(object map[string]any, members []string) string {
	var unknown []string
	for name := range object {
		if !slices.Contains(members, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return ""
	}
	return slices.Min(unknown)
}

// systemUserDetails is what a token says of its system user. externalRef is
// there although the documentation says otherwise: a real token had it.
type systemUserDetails struct {
	Type         string      `json:"type"`
	Organization participant `json:"systemuser_org"`
	IDs          []string    `json:"systemuser_id"`
	SystemID     string      `json:"system_id"`
	ExternalRef  string      `json:"externalRef"`
}

// resolveSystemUser looks the system user up as Altinn does: by client, vendor,
// owner and externalRef, where a missing externalRef is the owner's number.
func resolveSystemUser(t *tokenRequest, object map[string]any) (any, *refusal) {
	org, ok := object["systemuser_org"].(map[string]any)
	if !ok {
		return nil, detailsInvalid.because("systemuser_org is missing or not an object")
	}
	if name := unknownMember(org, []string{"authority", "ID"}); name != "" {
		return nil, detailsMemberUnknown.because("systemuser_org has the member %q", shorten(name))
	}
	owner, prefixed := strings.CutPrefix(text(org, "ID"), iso6523Prefix)
	if text(org, "authority") != iso6523 || !prefixed || !isDigits(owner, 9) {
		return nil, detailsInvalid.because("systemuser_org is not %s with %s and nine digits", iso6523, iso6523Prefix)
	}
	reference := owner
	if value, present := object["externalRef"]; present {
		if !isText(value) {
			return nil, detailsInvalid.because("externalRef is not a string")
		}
		reference = value.(string)
	}
	user, found := t.world.systemUsers[systemUserKey{t.client.id, t.client.organization, owner, reference}]
	if !found {
		return nil, detailsInvalid.because("organization %s has no system user with this client and externalRef %q", owner, shorten(reference))
	}
	return systemUserDetails{typeSystemUser, organizationParticipant(owner), []string{user.ID}, user.SystemID, user.ExternalRef}, nil
}
