package main

import (
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
)

// asked is what a token is asked for, by the options.
type asked struct {
	request              core.TokenRequest
	systemUser, exchange string
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
	o.choice(&a.exchange, "exchange", "exchange the token at Norwegian Customs", "customs")
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
	return request
}

func (a *asked) exchanges(environment core.Environment) []core.Exchange {
	if a.exchange == "" {
		return nil
	}
	return []core.Exchange{core.CustomsExchange(environment)}
}
