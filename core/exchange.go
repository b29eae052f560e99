package core

import (
	"cmp"
	"strings"
)

// ExchangeKind is the manner of an exchange.
type ExchangeKind string

const (
	// ExchangeCustoms is that of Norwegian Customs: RFC 8693 with bare words
	// in place of its URNs.
	ExchangeCustoms ExchangeKind = "customs"
	// ExchangeAltinn is that of Altinn: a GET that answers the bare token.
	ExchangeAltinn ExchangeKind = "altinn"
	// ExchangeToken is RFC 8693 as it is written.
	ExchangeToken ExchangeKind = "token_exchange"
)

// Exchange is a second hop: it turns one token into another. The result has a
// life of its own; while it holds, no new subject token is needed.
type Exchange struct {
	// Kind says how it is asked for.
	Kind ExchangeKind
	// Name says whose exchange it is, in errors and events. Empty stands for
	// the Kind.
	Name string
	// TokenEndpoint is where the exchange is asked for; for Altinn, the whole
	// address of the exchange.
	TokenEndpoint string

	// TestOrganization asks Altinn to make the token one of the test
	// organization ttd, if it is one of Digdir. No other kind has it.
	TestOrganization bool

	// The rest is for ExchangeToken, after RFC 8693 §2.1. The token types are
	// URIs; SubjectTokenType is that of an access token when it is empty.
	SubjectTokenType   string
	RequestedTokenType string
	Audience           []string
	Resource           []string
	Scopes             []string
}

const (
	grantTypeTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693 §2.1
	tokenTypeAccessToken   = "urn:ietf:params:oauth:token-type:access_token"   // RFC 8693 §3
)

// CustomsExchange is the token exchange of Norwegian Customs (Tolletaten) that
// trusts env. The subject token must have a Customs scope, such as
// toll:movement/road/v2.
func CustomsExchange(env Environment) Exchange {
	return Exchange{Kind: ExchangeCustoms, Name: "customs", TokenEndpoint: env.CustomsTokenEndpoint}
}

// TokenExchange is an exchange after RFC 8693 at any token endpoint, without
// client authentication and without an actor token. Fill in Audience, Resource
// or Scopes as the endpoint wants them.
func TokenExchange(tokenEndpoint string) Exchange {
	return Exchange{Kind: ExchangeToken, Name: "token", TokenEndpoint: tokenEndpoint}
}

// NewExchangeRequest makes the HTTP request of the exchange. It holds the
// subject token.
func NewExchangeRequest(x Exchange, subjectToken string) Request {
	switch x.Kind {
	case ExchangeAltinn:
		return altinnRequest(x, subjectToken)
	case ExchangeCustoms:
		return formRequest(x.TokenEndpoint, [][2]string{{"grant_type", "token-exchange"},
			{"subject_token_type", "access_token"}, {"subject_token", subjectToken}})
	}
	form := [][2]string{{"grant_type", grantTypeTokenExchange},
		{"subject_token_type", x.subjectTokenType()}, {"subject_token", subjectToken}}
	for _, audience := range x.Audience {
		form = append(form, [2]string{"audience", audience})
	}
	for _, resource := range x.Resource {
		form = append(form, [2]string{"resource", resource})
	}
	if len(x.Scopes) > 0 {
		form = append(form, [2]string{"scope", strings.Join(scopeSet(x.Scopes), " ")})
	}
	if x.RequestedTokenType != "" {
		form = append(form, [2]string{"requested_token_type", x.RequestedTokenType})
	}
	return formRequest(x.TokenEndpoint, form)
}

func (x Exchange) subjectTokenType() string { return cmp.Or(x.SubjectTokenType, tokenTypeAccessToken) }

func (x Exchange) name() string { return cmp.Or(x.Name, string(x.Kind)) }

// clone shares nothing with x, and has a name.
func (x Exchange) clone() Exchange {
	return Exchange{Kind: ExchangeKind(strings.Clone(string(x.Kind))), Name: strings.Clone(x.name()), TokenEndpoint: strings.Clone(x.TokenEndpoint),
		TestOrganization: x.TestOrganization, SubjectTokenType: strings.Clone(x.SubjectTokenType), RequestedTokenType: strings.Clone(x.RequestedTokenType),
		Audience: cloneTexts(x.Audience), Resource: cloneTexts(x.Resource), Scopes: cloneTexts(x.Scopes)}
}

// ValidateSource returns everything that keeps a client of this configuration
// from getting such a token, as one *Error, or nil. Client.Source asks it.
func (c ClientConfig) ValidateSource(request TokenRequest, exchanges ...Exchange) error {
	list := append(request.problems(), skyportenProblems(c.Environment, request)...)
	for i, x := range exchanges {
		list = append(list, x.problems("exchanges["+itoa(i)+"]", c.Environment.AllowLoopbackHTTP)...)
	}
	return InvalidInput(CodeInvalidTokenRequest, append(list, exchangeProblemsFor(c, exchanges)...))
}

// exchangeProblemsFor finds the exchanges that would refuse every token of the
// client.
func exchangeProblemsFor(config ClientConfig, exchanges []Exchange) []Problem {
	var list []Problem
	for i, x := range exchanges {
		field := "exchanges[" + itoa(i) + "]"
		if config.ESeal && x.Kind == ExchangeAltinn {
			list = append(list, Problem{field + ".type", "Altinn exchanges only tokens of organizations in Norway, and not one that was got with an eSeal",
				"Use an API that takes Maskinporten's own token, or a client that is registered at Maskinporten."})
		}
		issuer := config.Environment.Issuer
		if trusted := TrustedIssuer(x.TokenEndpoint); trusted != "" && trusted != issuer && isDigdir(hostOf(issuer)) {
			list = append(list, Problem{field + "." + x.endpointField(), quoted(x.TokenEndpoint) + " does not trust tokens of " + quoted(issuer) + ", only of " + quoted(trusted),
				"Use the exchange and Maskinporten in the same environment, test or production."})
		}
	}
	return list
}

// TrustedIssuer returns the issuer whose tokens the server at this address
// takes, if that is known, as it is of Customs and of Altinn.
func TrustedIssuer(url string) string {
	host := hostOf(url)
	for _, env := range []Environment{Production, Test} {
		if host == hostOf(env.CustomsTokenEndpoint) {
			return env.Issuer
		}
	}
	for _, platform := range altinnPlatforms {
		if host == hostOf(platform.base) {
			return platform.issuer
		}
	}
	return ""
}

// endpointField is what the wire calls TokenEndpoint.
func (x Exchange) endpointField() string {
	if x.Kind == ExchangeAltinn {
		return "endpoint"
	}
	return "token_endpoint"
}

const maxTargets = 50

func (x Exchange) problems(field string, loopbackHTTP bool) []Problem {
	var list []Problem
	add := func(member, message, remedy string) {
		list = append(list, Problem{field + "." + member, message, remedy})
	}
	switch x.Kind {
	case ExchangeCustoms, ExchangeAltinn, ExchangeToken:
	default:
		return []Problem{{field + ".type", "there is no exchange of the type " + quoted(string(x.Kind)), "Use customs, altinn or token_exchange."}}
	}
	if len(x.Name) > 64 || !isPrintable(x.Name) {
		add("name", "it is longer than 64 characters or not printable", "Give a short name for errors and logs.")
	}
	if endpoint := x.endpointField(); x.TokenEndpoint == "" {
		add(endpoint, "the environment has no endpoint for this exchange", "Name the environment \"test\" or \"production\", or give the exchange's "+endpoint+".")
	} else {
		list = append(list, urlProblems(field+"."+endpoint, x.TokenEndpoint, true, loopbackHTTP)...)
	}
	if x.TestOrganization && x.Kind != ExchangeAltinn {
		add("test", "only Altinn has it", "Leave it out.")
	}
	if x.Kind != ExchangeToken {
		if x.SubjectTokenType != "" || x.RequestedTokenType != "" || len(x.Audience)+len(x.Resource)+len(x.Scopes) > 0 {
			add("type", "an exchange of the type "+string(x.Kind)+" has no token types, audience, resource or scopes", "Leave them out, or use token_exchange.")
		}
		return list
	}
	return append(list, x.targetProblems(field)...)
}

// targetProblems checks what only RFC 8693 has.
func (x Exchange) targetProblems(field string) []Problem {
	var list []Problem
	add := func(member, message, remedy string) {
		list = append(list, Problem{field + "." + member, message, remedy})
	}
	for _, kind := range [][2]string{{"subject_token_type", x.subjectTokenType()}, {"requested_token_type", cmp.Or(x.RequestedTokenType, tokenTypeAccessToken)}} {
		if why := resourceProblem(kind[1]); why != "" {
			add(kind[0], why, "Give a URI, such as "+tokenTypeAccessToken+".")
		}
	}
	if len(x.Audience)+len(x.Resource) > maxTargets {
		add("audience", "there are more than "+itoa(maxTargets)+" audiences and resources", "Name the API that the token is for.")
		return list
	}
	for i, audience := range x.Audience {
		if audience == "" || len(audience) > 2048 || !isPrintable(audience) {
			add("audience["+itoa(i)+"]", "it is empty, too long or not printable", "Give the name that the endpoint has for the API.")
		}
	}
	for i, uri := range x.Resource {
		if why := resourceProblem(uri); why != "" {
			add("resource["+itoa(i)+"]", why, "Give an absolute URI without a fragment, such as https://api.example.no.")
		}
	}
	for i, scope := range x.Scopes {
		if why, remedy := scopeProblem(scope); why != "" && len(list) < 20 {
			add("scopes["+itoa(i)+"]", why, remedy)
		}
	}
	if len(strings.Join(x.Scopes, " ")) > maxScopeClaim {
		add("scopes", "all scopes together are longer than "+itoa(maxScopeClaim)+" characters", "Ask for fewer scopes in one token.")
	}
	return list
}
