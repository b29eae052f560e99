package doctor

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// The prefixes of the scopes of Norwegian Customs.
const (
	customsScopes  = "toll:"
	customsEUScope = "toll:eu/"
)

// judgeRequest judges what is asked for, by whom, and where it is taken then.
func (d *diagnosis) judgeRequest() {
	d.refuse(d.RequestProblems)
	d.refuse(problemsOf(d.Config.ValidateSource(*d.Request, d.Exchanges...)))
	d.judgeScopes()
	d.judgeParty()
	for i, uri := range d.Request.Resource {
		issuer := d.Config.Environment.Issuer
		if trusted := core.TrustedIssuer(uri); trusted != "" && trusted != issuer && !isLoopback(d.Config.Environment) {
			d.find(Warning, fmt.Sprintf("resource[%d]", i), quoted(uri)+" takes tokens of "+quoted(trusted)+" only", "Use the API and Maskinporten in the same environment, test or production.")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Request.ExtraClaims)) {
		d.find(Warning, "extra_claims."+core.Printable(name), "Maskinporten refuses claims that it does not know (MP-011)", "Leave it out, unless Digdir documents it now.")
	}
}

func (d *diagnosis) judgeScopes() {
	scopes := d.Request.Scopes
	for i, scope := range scopes {
		field := fmt.Sprintf("scopes[%d]", i)
		if d.refused(field) {
			continue
		}
		if message, remedy := core.ScopeAdvice(scope); message != "" {
			d.find(Warning, field, message, remedy)
		}
		switch european := strings.HasPrefix(scope, customsEUScope); {
		case european && !d.Config.ESeal:
			d.find(Warning, field, quoted(scope)+" is for European businesses that sign with an eSeal", "Use the scope without eu/, or set eseal and give the chain of the eSeal.")
		case d.Config.ESeal && strings.HasPrefix(scope, customsScopes) && !european:
			d.find(Warning, field, quoted(scope)+" is for Norwegian businesses", "Use the scope of Customs that begins with "+customsEUScope+".")
		}
	}
	if len(scopes) > 1 {
		d.find(Note, "scopes", fmt.Sprintf("%d scopes in one token, which holds as long as the shortest-lived of them", len(scopes)), "Use a source for each scope; Digdir recommends one for each token.")
	}
	for i, x := range d.Exchanges {
		if x.Kind == core.ExchangeCustoms && i == 0 && !slices.ContainsFunc(scopes, func(s string) bool { return strings.HasPrefix(s, customsScopes) }) {
			d.find(Warning, "exchanges[0]", "Customs exchanges tokens that have a scope of theirs, and none is asked for", "Ask for the scope of the API, such as toll:movement/road/v2.")
		}
	}
}

// judgeParty judges on whose behalf a token is asked for.
func (d *diagnosis) judgeParty() {
	r := d.Request
	if r.OnBehalfOf != "" {
		d.find(Warning, "iss_onbehalfof", "it is deprecated, and Digdir will remove it", "Let the customer delegate in Altinn, and use consumer_org.")
	}
	if r.ConsumerOrg != "" && r.SystemUser != nil {
		d.find(Warning, "consumer_org", "it stands beside system_user, which names the customer already", "Keep one of them; Digdir does not document both together.")
	}
	if own := factsOf(d.Config.Key).OrganizationNumber; own != "" && own == r.ConsumerOrg {
		d.find(Error, "consumer_org", quoted(own)+" is the client's own organization", "Leave it out; it is for a customer who has delegated the scope.")
	}
}

// claims returns those of a grant as JSON, without what is new in each grant
// and without what is nobody's business.
func (d *diagnosis) claims() []byte {
	key := d.Config.Key
	if d.KeyUnread {
		key = core.Key{KeyID: "unread"} // no claim comes from the key
	}
	grant, err := core.BuildGrant(core.GrantParams{Environment: d.Config.Environment, ClientID: d.Config.ClientID, Key: key,
		Request: *d.Request, Now: d.now, JTI: "none"})
	if err != nil {
		return nil
	}
	_, payload, _ := strings.Cut(string(grant.SigningInput), ".")
	text, _ := base64.RawURLEncoding.DecodeString(payload)
	claims, err := strictjson.Parse(text)
	if err != nil || strings.Contains(string(text), `"eyJ`) { // a token in the place of a name
		return nil
	}
	var w strictjson.Writer
	for _, claim := range claims.Members {
		switch _, extra := d.Request.ExtraClaims[claim.Name]; {
		case slices.Contains([]string{"iat", "exp", "jti"}, claim.Name):
		case extra || claim.Name == "pid":
			w.String(claim.Name, redacted)
		case claim.Name == "authorization_details" && d.Request.Consent != nil:
			w.Raw(claim.Name, withoutPerson(claim.Value.Raw, d.Request.Consent.From))
		default:
			w.Raw(claim.Name, claim.Value.Raw)
		}
	}
	return w.Bytes()
}

const redacted = "[redacted]"

// withoutPerson redacts the number of a person who has consented.
func withoutPerson(details []byte, from string) []byte {
	person, number, found := strings.Cut(from, "identifier-no:")
	if !found || !strings.HasSuffix(person, ":person:") {
		return details
	}
	return []byte(strings.ReplaceAll(string(details), number, redacted))
}
