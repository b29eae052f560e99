package core

// Exchange is a second hop: it turns one token into another after the manner
// of RFC 8693. The result has a life of its own; while it holds, no new
// subject token is needed.
type Exchange struct {
	// Name says whose exchange it is, in errors and in the cache key.
	Name string
	// TokenEndpoint is where the exchange is asked for.
	TokenEndpoint string
	// GrantType and SubjectTokenType are the form parameters grant_type and
	// subject_token_type.
	GrantType, SubjectTokenType string
}

// CustomsExchange is the token exchange of Norwegian Customs (Tolletaten) that
// trusts env. It differs from RFC 8693 in using bare words for the types. The
// subject token must have a Customs scope, such as toll:movement/road/v2.
func CustomsExchange(env Environment) Exchange {
	return Exchange{Name: "customs", TokenEndpoint: env.CustomsTokenEndpoint,
		GrantType: "token-exchange", SubjectTokenType: "access_token"}
}

// NewExchangeRequest makes the HTTP request of the exchange. It holds the
// subject token.
func NewExchangeRequest(x Exchange, subjectToken string) Request {
	return formRequest(x.TokenEndpoint, [][2]string{{"grant_type", x.GrantType},
		{"subject_token_type", x.SubjectTokenType}, {"subject_token", subjectToken}})
}

func (x Exchange) problems(field string, loopbackHTTP bool) []Problem {
	var list []Problem
	if x.Name == "" || x.GrantType == "" || x.SubjectTokenType == "" {
		list = append(list, Problem{field, "name, grant_type or subject_token_type is missing", "Use a ready exchange, such as CustomsExchange."})
	}
	if x.TokenEndpoint == "" {
		return append(list, Problem{field + ".token_endpoint", "the environment has no endpoint for this exchange", "Name the environment \"test\" or \"production\", or give the exchange's token_endpoint."})
	}
	return append(list, urlProblems(field+".token_endpoint", x.TokenEndpoint, true, loopbackHTTP)...)
}
