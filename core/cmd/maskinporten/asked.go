package main

import (
	"errors"
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
)

// asked is what a token is asked for, by the options.
type asked struct {
	request    core.TokenRequest
	systemUser string
	consent    core.Consent
	exchanges  exchanges
}

// declareScope declares the one option that nearly every call has.
func (a *asked) declareScope(o *options) {
	o.list(&a.request.Scopes, "scope", "SCOPE", "what the token shall give access to; may be given several times; default $"+variableScopes)
}

func (a *asked) declare(o *options) {
	o.list(&a.request.Resource, "resource", "URI", "API that the token is for, its aud; may be given several times")
	o.text(&a.request.ConsumerOrg, "consumer-org", "NUMBER", "organization number of the customer who delegated the scope")
	o.text(&a.request.PID, "pid", "NUMBER", "restrict the token to the person with this national identity number")
	o.text(&a.systemUser, "system-user", "ORG[:REF]", "owner of an Altinn system user, and its externalRef if it has one")
	o.text(&a.consent.ID, "consent", "UUID", "id of a consent in Altinn that the token rests on")
	o.text(&a.consent.From, "consent-from", "URN", "who has given that consent: urn:altinn:person:identifier-no: and eleven digits, or urn:altinn:organization:identifier-no: and nine")
	o.text(&a.request.OnBehalfOf, "iss-onbehalfof", "VALUE", "deprecated, use --consumer-org: registered onbehalfof value of the customer")
	o.add("claim", "NAME=JSON", "extra claim for the grant, such as 'name=\"text\"' or name=7; may be given several times; Maskinporten refuses those that it does not know", true, a.addClaim)
	a.exchanges.declare(o)
}

// addClaim never shows the value: it may be secret.
func (a *asked) addClaim(text string) error {
	name, value, ok := strings.Cut(text, "=")
	switch _, again := a.request.ExtraClaims[name]; {
	case !ok:
		return errors.New("the value is not of the form NAME=JSON")
	case again:
		return errors.New(core.Printable(name) + " is given twice")
	case a.request.ExtraClaims == nil:
		a.request.ExtraClaims = map[string]string{}
	}
	a.request.ExtraClaims[name] = value
	return nil
}

// open reads the settings file, if one is given, and takes what it says.
func (a *asked) open(who *registration) error {
	if err := who.open(); err != nil {
		return err
	}
	return a.exchanges.open(who.settings)
}

// tokenRequest is read once the registration is open, because scopes may come
// from an environment variable.
func (a *asked) tokenRequest(c *console, who *registration) core.TokenRequest {
	request := a.request
	if len(request.Scopes) == 0 {
		request.Scopes = strings.Fields(who.variable(c, variableScopes))
	}
	if a.systemUser != "" {
		org, reference, _ := strings.Cut(a.systemUser, ":")
		request.SystemUser = &core.SystemUser{Org: org, ExternalRef: reference}
	}
	if a.consent != (core.Consent{}) {
		request.Consent = &a.consent
	}
	return request
}
