package wire

import (
	"errors"
	"strconv"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

func readRequest(input []byte, env core.Environment) (request core.TokenRequest, exchanges []core.Exchange, err error) {
	err = readInput(input, "the token request", core.CodeInvalidTokenRequest, func(o object) {
		request.Scopes = o.texts("scopes")
		request.Resource = o.texts("resource")
		request.ConsumerOrg = o.filled("consumer_org")
		request.OnBehalfOf = o.filled("iss_onbehalfof")
		request.PID = o.filled("pid")
		o.object("system_user", func(u object) {
			request.SystemUser = &core.SystemUser{Org: u.filled("org"), ExternalRef: u.filled("external_ref")}
		})
		o.object("consent", func(c object) {
			request.Consent = &core.Consent{ID: c.text("id"), From: c.text("from")}
		})
		request.ExtraClaims = readExtraClaims(o)
		exchanges = readExchanges(o, env)
	}, func() error { return request.Validate() })
	return request, exchanges, err
}

// readExtraClaims takes the value of each claim as it stands. Null is kept:
// the core refuses it, and the caller learns that the claim is not sent.
func readExtraClaims(o object) map[string]string {
	v, ok := o.member("extra_claims", strictjson.Object)
	if !ok {
		return nil
	}
	claims := make(map[string]string, len(v.Members))
	for _, m := range v.Members {
		claims[m.Name] = string(m.Value.Raw)
	}
	return claims
}

func readExchanges(o object, env core.Environment) []core.Exchange {
	var exchanges []core.Exchange
	list, _ := o.member("exchanges", strictjson.Array)
	for i, item := range list.Items {
		path := o.path + index("exchanges", i)
		if item.Kind != strictjson.Object {
			o.note(index("exchanges", i), "it is "+item.Kind.String(), "Give an object with a type.")
			continue
		}
		readObject(path+".", item, o.problems, func(x object) { exchanges = append(exchanges, readExchange(x, env)) })
	}
	return exchanges
}

func readExchange(o object, env core.Environment) (x core.Exchange) {
	kind := core.ExchangeKind(o.text("type"))
	switch kind {
	case core.ExchangeCustoms:
		x = core.CustomsExchange(env)
		if endpoint := o.filled("token_endpoint"); endpoint != "" {
			x.TokenEndpoint = endpoint
		}
	case core.ExchangeAltinn:
		x = readAltinn(o)
	case core.ExchangeToken:
		x = core.TokenExchange(o.filled("token_endpoint"))
		x.SubjectTokenType, x.RequestedTokenType = o.filled("subject_token_type"), o.filled("requested_token_type")
		x.Audience, x.Resource, x.Scopes = o.texts("audience"), o.texts("resource"), o.texts("scopes")
	default:
		o.note("type", "there is no exchange of the type "+strconv.Quote(printable(string(kind))), `Use "customs", "altinn" or "token_exchange".`)
		for _, m := range o.value.Members { // which members it has depends on the type
			o.known[m.Name] = true
		}
		return x
	}
	if name := o.filled("name"); name != "" {
		x.Name = name
	}
	return x
}

// readAltinn reads an exchange of Altinn, which is named by its environment or
// has an endpoint of its own.
func readAltinn(o object) core.Exchange {
	const remedy = "Give the environment, such as tt02, or the endpoint of the exchange."
	x := core.Exchange{Kind: core.ExchangeAltinn, Name: string(core.ExchangeAltinn), TokenEndpoint: o.filled("endpoint")}
	name := o.filled("environment")
	switch {
	case name != "" && x.TokenEndpoint != "":
		o.note("environment", "it stands beside endpoint", remedy)
	case name != "":
		named, err := core.AltinnExchange(name)
		var bad *core.Error
		if errors.As(err, &bad) {
			o.note("environment", bad.Problems[0].Message, bad.Problems[0].Remedy)
		}
		x.TokenEndpoint = named.TokenEndpoint
	case !o.has("environment") && !o.has("endpoint"):
		o.note("environment", "it is missing", remedy)
	}
	x.TestOrganization = o.flag("test")
	return x
}
