package core

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// altinnLife is how long a token of Altinn holds if it does not say.
const altinnLife = 30 * time.Minute

const altinnExchangePath = "/authentication/api/v1/exchange/maskinporten"

// altinnPlatforms are Altinn's environments and the issuer each of them trusts.
var altinnPlatforms = []struct{ name, base, issuer string }{
	{"prod", "https://platform.altinn.no", Production.Issuer},
	{"tt02", "https://platform.tt02.altinn.no", Test.Issuer},
	{"at21", "https://platform.at21.altinn.cloud", Test.Issuer},
	{"at22", "https://platform.at22.altinn.cloud", Test.Issuer},
	{"at23", "https://platform.at23.altinn.cloud", Test.Issuer},
	{"at24", "https://platform.at24.altinn.cloud", Test.Issuer},
	{"yt01", "https://platform.yt01.altinn.cloud", Test.Issuer},
}

// AltinnExchange is the exchange of Altinn's environment of that name: prod
// (or production), tt02, at21, at22, at23, at24 or yt01. All but prod take
// tokens of Maskinporten's test environment. Apps and storage want its token;
// many newer APIs take Maskinporten's as it is.
func AltinnExchange(environment string) (Exchange, error) {
	name := strings.ToLower(strings.TrimSpace(environment))
	if name == "production" {
		name = "prod"
	}
	for _, platform := range altinnPlatforms {
		if platform.name == name {
			return Exchange{Kind: ExchangeAltinn, Name: "altinn", TokenEndpoint: platform.base + altinnExchangePath}, nil
		}
	}
	return Exchange{}, invalid(CodeInvalidTokenRequest, []Problem{{"environment", "Altinn has no environment " + quoted(environment),
		"Use prod, tt02, at21, at22, at23, at24 or yt01, or give the endpoint of the exchange."}})
}

// altinnRequest asks for plain text, which is the token and nothing else.
func altinnRequest(x Exchange, subjectToken string) Request {
	url := x.TokenEndpoint
	if x.TestOrganization {
		url += "?test=true"
	}
	return Request{Method: "GET", URL: url, Timeout: attemptTimeout, MaxBody: maxBody,
		Header: []Header{{"Authorization", "Bearer " + subjectToken}, {"Accept", "text/plain"}}}
}

// readAltinn reads the token, which stands raw or, as JSON, in quotes.
func readAltinn(response Response, endpoint string, sent Instant) (Token, error) {
	if len(response.Body) > maxBody {
		return Token{}, tooLarge(endpoint, response)
	}
	if response.Status != 200 {
		return Token{}, statusError(response, endpoint)
	}
	broken := func(why string) (Token, error) { return Token{}, brokenAnswer(endpoint, why, response) }
	text := strings.TrimSpace(string(response.Body))
	if strings.HasPrefix(text, `"`) {
		value, err := strictjson.Parse([]byte(text))
		if err != nil {
			return broken("it is " + err.Error())
		}
		text = strings.TrimSpace(value.Text)
	}
	switch {
	case len(text) > maxTokenSize:
		return broken("it is longer than 64 KiB")
	case !isCompactJWS(text):
		return broken("it is not a JWT")
	}
	life, why := lifeOfJWT(text, response, sent)
	if why != "" {
		return broken(why)
	}
	return newToken(text, "", life, sent), nil
}

// isCompactJWS checks the form of RFC 7515 §3.1: three parts in base64url.
func isCompactJWS(text string) bool {
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 3 {
		return false
	}
	for _, part := range parts {
		if part == "" || !isBearer(part) || strings.ContainsAny(part, "+/=~") {
			return false
		}
	}
	return true
}

// lifeOfJWT reads how long the token holds from its own exp, because Altinn
// says it nowhere else. It is the one place where a token is looked into, and
// nothing but times is taken from it. A token without an exp that can be read
// holds for altinnLife.
//
// The life is what the server's clock (its Date) leaves of it, and at most exp
// minus iat or nbf, so that a wrong clock of ours does not matter.
func lifeOfJWT(jwt string, response Response, sent Instant) (life time.Duration, why string) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
	if err != nil {
		return altinnLife, ""
	}
	claims, err := strictjson.Parse(payload)
	if err != nil {
		return altinnLife, ""
	}
	at := func(name string) (seconds int64, ok bool) {
		value, _ := claims.Get(name)
		seconds, ok = value.Int()
		return min(max(seconds, 0), 1<<40), ok
	}
	exp, ok := at("exp")
	if !ok {
		return altinnLife, ""
	}
	left := time.Unix(exp, 0).Sub(serverTime(response, sent))
	for _, name := range []string{"iat", "nbf"} {
		if begin, ok := at(name); ok {
			left = min(left, time.Duration(min(max(exp-begin, -1), 1<<32))*time.Second)
		}
	}
	if left <= 0 {
		return 0, "the token has ended already"
	}
	return min(left, maxLife), ""
}

// serverTime is the Date of an answer that was not kept by a cache on the way,
// or our own time of sending.
func serverTime(response Response, sent Instant) time.Time {
	if dates := response.get("Date"); len(dates) == 1 && len(response.get("Age")) == 0 {
		if date, err := time.Parse(httpDate, dates[0]); err == nil && date.Year() >= 2020 && date.Year() <= 2200 {
			return date
		}
	}
	return sent.Time()
}
