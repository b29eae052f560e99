package core

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

const (
	assumedLife  = 60 * time.Second // when expires_in is absent
	maxLife      = 24 * time.Hour
	maxTokenSize = 64 << 10
)

// ReadTokenResponse reads the answer to a token request that was sent at sent
// for these scopes. It accepts exactly what RFC 6749 §5.1 and Maskinporten's
// documentation allow and returns an *Error for everything else. Times in the
// token count from sent.
func ReadTokenResponse(response Response, scopes []string, sent Instant) (Token, error) {
	token, err := readToken(response, answerRules{endpoint: "token endpoint", scopes: scopes, reject: rejection}, sent)
	var refused *Error
	if errors.As(err, &refused) && refused.Code == CodeScopeNotRegistered {
		refused.Remedy = scopeRemedy(scopes, refused.Remedy)
	}
	return token, err
}

// ReadExchangeResponse reads the answer to an exchange request that was sent
// at sent. Times in the token count from there.
func ReadExchangeResponse(response Response, x Exchange, sent Instant) (Token, error) {
	endpoint := x.name() + " exchange"
	if x.Kind == ExchangeAltinn {
		token, err := readAltinn(response, endpoint, sent)
		return token, subjectRejected(err, response, 401) // 400 is for an address that it does not have
	}
	token, err := readToken(response, answerRules{endpoint, x.Scopes, x.RequestedTokenType, exchangeRejection}, sent)
	return token, subjectRejected(err, response, 400, 401)
}

// subjectRejected turns one of these statuses, without a reason in the answer,
// into what it means to an exchange.
func subjectRejected(err error, response Response, statuses ...int) error {
	var e *Error
	if errors.As(err, &e) && e.Code == CodeUnexpectedStatus && slices.Contains(statuses, e.Status) {
		return withStatus(NewError(CodeSubjectTokenRejected, e.Message, nil), response)
	}
	return err
}

type oauthError struct{ code, description, uri string }

// answerRules is where the answers of token endpoints differ.
type answerRules struct {
	endpoint   string // for messages
	scopes     []string
	issuedType string // that issued_token_type must be, if both are there
	// reject turns an OAuth error of this endpoint into an *Error.
	reject func(oauthError, int) *Error
}

func readToken(response Response, rules answerRules, sent Instant) (Token, error) {
	if len(response.Body) > maxBody {
		return Token{}, tooLarge(rules.endpoint, response)
	}
	body, parseErr := strictjson.Parse(response.Body)
	if parseErr == nil && body.Kind == strictjson.Object {
		if text, ok := body.Get("error"); ok && text.Kind == strictjson.String && text.Text != "" {
			description, _ := body.Get("error_description")
			uri, _ := body.Get("error_uri")
			found := oauthError{text.Text, description.Text, uri.Text}
			if response.Status < 500 && response.Status != 429 {
				return Token{}, withStatus(rules.reject(found, response.Status), response)
			}
			err := statusError(response, rules.endpoint)
			text, trace := splitTrace(found.description)
			err.OAuthError, err.Description, err.TraceID = vetted(found.code), vetted(text), trace
			return Token{}, err
		}
	}
	if response.Status != 200 {
		return Token{}, statusError(response, rules.endpoint)
	}
	broken := func(why string) (Token, error) { return Token{}, brokenAnswer(rules.endpoint, why, response) }
	if parseErr != nil {
		return broken("it is " + parseErr.Error())
	}
	if body.Kind != strictjson.Object {
		return broken("it is " + body.Kind.String())
	}
	access, _ := body.Get("access_token")
	kind, _ := body.Get("token_type")
	scope, _ := body.Get("scope")
	issued, _ := body.Get("issued_token_type")
	switch {
	case access.Kind != strictjson.String:
		return broken("access_token is missing or not a string")
	case len(access.Text) > maxTokenSize:
		return broken("access_token is longer than 64 KiB")
	case !isBearer(access.Text):
		return broken("access_token has characters that a bearer token cannot have (RFC 6750 §2.1)")
	case kind.Kind != strictjson.String || !strings.EqualFold(kind.Text, "Bearer"):
		return broken("token_type is not Bearer")
	case scope.Kind != strictjson.String && scope.Kind != strictjson.Null || !isPrintable(scope.Text):
		return broken("scope is not a string of printable characters")
	case rules.issuedType != "" && issued.Kind != strictjson.Null && issued.Text != rules.issuedType:
		return broken("issued_token_type is not the type that was asked for")
	}
	life, why := readLife(body)
	if why != "" {
		return broken(why)
	}
	if missing := missingScopes(rules.scopes, scope); missing != "" {
		return Token{}, withStatus(NewError(CodeScopeReduced, "the token does not have the scope "+quoted(missing), nil), response)
	}
	return newToken(access.Text, scope.Text, life, sent), nil
}

func tooLarge(endpoint string, response Response) *Error {
	return withStatus(NewError(CodeResponseTooLarge, "the answer of the "+endpoint+" is larger than 1 MiB", nil), response)
}

func brokenAnswer(endpoint, why string, response Response) *Error {
	return withStatus(NewError(CodeInvalidResponse, "the answer of the "+endpoint+" is no token response: "+why, nil), response)
}

// readLife reads expires_in: an integer of at least 1. More than a day counts
// as a day; absent counts as a minute, since tokens of two minutes are common.
func readLife(body strictjson.Value) (life time.Duration, why string) {
	value, ok := body.Get("expires_in")
	if !ok || value.Kind == strictjson.Null {
		return assumedLife, ""
	}
	seconds, ok := value.Int()
	switch {
	case !ok:
		return 0, "expires_in is not an integer"
	case seconds <= 0:
		return 0, "expires_in is not positive"
	}
	return min(time.Duration(min(seconds, 1<<32))*time.Second, maxLife), ""
}

// missingScopes names a scope that was asked for and not granted. An absent
// scope member means that all were (RFC 6749 §5.1).
func missingScopes(asked []string, granted strictjson.Value) string {
	if granted.Kind != strictjson.String {
		return ""
	}
	have := map[string]bool{}
	for _, scope := range strings.Fields(granted.Text) {
		have[scope] = true
	}
	for _, scope := range asked {
		if !have[scope] {
			return scope
		}
	}
	return ""
}

// isBearer checks the b64token syntax of RFC 6750 §2.1.
func isBearer(token string) bool {
	body := strings.TrimRight(token, "=")
	for i := range len(body) {
		switch c := body[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return body != ""
}

// statusError is for an answer that holds no OAuth error, or that comes from a
// server in trouble.
func statusError(response Response, endpoint string) *Error {
	status := response.Status
	says := "the " + endpoint + " answered HTTP " + itoa(status)
	var err *Error
	switch {
	case status == 408 || status >= 500:
		err = NewError(CodeServerError, says, nil)
	case status == 429:
		err = NewError(CodeRateLimited, says, nil)
	case status >= 300 && status < 400:
		err = NewError(CodeRedirected, says+", a redirect", nil)
	default:
		err = NewError(CodeUnexpectedStatus, says, nil)
	}
	return withStatus(err, response)
}

func withStatus(err *Error, response Response) *Error {
	err.Status = response.Status
	err.retryAfter = retryAfter(response)
	return err
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3) in either form and returns
// -1 when there is none that can be understood.
func retryAfter(response Response) time.Duration {
	values := response.get("Retry-After")
	if len(values) != 1 {
		return -1
	}
	value := strings.TrimSpace(values[0])
	if value != "" && len(value) <= 19 && strings.Trim(value, "0123456789") == "" {
		seconds := int64(0)
		for i := range len(value) {
			seconds = min(seconds*10+int64(value[i]-'0'), 1<<31)
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := time.Parse(httpDate, value)
	dates := response.get("Date")
	if err != nil || len(dates) != 1 {
		return -1
	}
	// The server's own Date is the base, so that our clock does not matter.
	now, err := time.Parse(httpDate, dates[0])
	if err != nil || at.Before(now) {
		return -1
	}
	return at.Sub(now)
}

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"
