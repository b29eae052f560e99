package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Consent is what a person or an organization has allowed an organization, as
// Altinn keeps it.
type Consent struct {
	// ID is a UUID.
	ID string `json:"id"`
	// From is who consents: urn:altinn:person:identifier-no: and eleven
	// digits, or urn:altinn:organization:identifier-no: and nine.
	From string `json:"from"`
	// To is the number of the organization that it is given to.
	To string `json:"to"`
	// Scope is a scope that a grant must ask for to use the consent. Empty
	// means any.
	Scope string `json:"scope,omitempty"`
	// ValidTo is the end of the consent. Consented is when it was given; zero
	// means a year before its end.
	ValidTo   time.Time `json:"valid_to"`
	Consented time.Time `json:"consented,omitzero"`
	// Rights is what is allowed.
	Rights []ConsentRight `json:"rights,omitempty"`
}

// ConsentRight is one thing that a consent allows. It stands in tokens as it is.
type ConsentRight struct {
	Action   []string          `json:"action"`
	Resource []ConsentResource `json:"resource"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// ConsentResource names what a right is about.
type ConsentResource struct {
	// Type is urn:altinn:resource for all that Altinn has.
	Type  string `json:"type"`
	Value string `json:"value"`
}

// consentGivers are the forms of who consents, with how many digits they have.
var consentGivers = map[string]int{
	"urn:altinn:person:identifier-no:":       11,
	"urn:altinn:organization:identifier-no:": 9,
}

func isConsentGiver(urn string) bool {
	for prefix, digits := range consentGivers {
		if number, ok := strings.CutPrefix(urn, prefix); ok && isDigits(number, digits) {
			return true
		}
	}
	return false
}

// validate lists what is wrong with a consent.
func (c Consent) validate() []string {
	var problems []string
	if c.ID == "" {
		problems = append(problems, "id: it is empty")
	}
	if !isConsentGiver(c.From) {
		problems = append(problems, fmt.Sprintf("from: %q is not urn:altinn:person:identifier-no: and eleven digits or urn:altinn:organization:identifier-no: and nine", c.From))
	}
	if c.ValidTo.IsZero() {
		problems = append(problems, "valid_to: it is missing")
	}
	for i, right := range c.Rights {
		resourceless := slices.ContainsFunc(right.Resource, func(r ConsentResource) bool { return r.Type == "" || r.Value == "" })
		if len(right.Action) == 0 || len(right.Resource) == 0 || resourceless {
			problems = append(problems, fmt.Sprintf("rights[%d]: it needs an action, and a resource with type and value", i))
		}
	}
	return problems
}

// consentDetails is what a token says of its consent.
type consentDetails struct {
	Type      string         `json:"type"`
	ID        string         `json:"id"`
	From      string         `json:"from"`
	To        participant    `json:"to"`
	Consented string         `json:"consented"`
	ValidTo   string         `json:"validTo"`
	Rights    []ConsentRight `json:"consentRights"`
}

// resolveConsent looks a consent up and wants it to be from whom the grant
// says, to the consumer of the token, and to hold still. The codes for consents
// are undocumented; these are the ones for system users, which Altinn keeps too.
func resolveConsent(t *tokenRequest, object map[string]any) (any, *refusal) {
	id, from := text(object, "id"), text(object, "from")
	if id == "" || !isConsentGiver(from) {
		return nil, detailsInvalid.because("id or from is missing, or from is not the URN of a person or an organization")
	}
	consent, found := t.world.consents[id]
	switch {
	case !found:
		return nil, detailsInvalid.because("there is no consent %q", shorten(id))
	case consent.From != from:
		return nil, detailsInvalid.because("the consent is from somebody else")
	case t.seal || consent.To != t.consumer:
		return nil, detailsInvalid.because("the consent is given to %s, not to the consumer of the token", consent.To)
	case !t.now.Before(consent.ValidTo):
		return nil, detailsInvalid.because("the consent ended %s ago", roundSeconds(t.now.Sub(consent.ValidTo)))
	case consent.Scope != "" && !slices.ContainsFunc(t.scopes, func(s *scope) bool { return s.name == consent.Scope }):
		return nil, detailsInvalid.because("the consent is for the scope %s", consent.Scope)
	}
	if consent.Consented.IsZero() {
		consent.Consented = consent.ValidTo.AddDate(-1, 0, 0)
	}
	if consent.Rights == nil {
		consent.Rights = []ConsentRight{}
	}
	// As .NET writes a time: always with an offset, never with a Z.
	const layout = "2006-01-02T15:04:05.999999999-07:00"
	return consentDetails{typeConsent, id, from, organizationParticipant(consent.To),
		consent.Consented.Format(layout), consent.ValidTo.Format(layout), consent.Rights}, nil
}
