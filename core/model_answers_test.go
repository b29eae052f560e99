package core

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// modelAnswers is the retry table once more, in the order of behaviour: what
// is repeated how often, after which pause, and how long it is remembered.
var modelAnswers = []modelAnswer{
	{name: "token", give: func(n int) (Response, error) { return Response{}, nil }},
	{name: "reset", code: CodeConnectionFailed, again: 3, pause: modelJitter, breaks: true, give: fails(errors.New("reset"))},
	{name: "timeout", code: CodeTimeout, again: 3, pause: modelJitter, breaks: true, give: fails(NewError(CodeTimeout, "late", nil))},
	{name: "TLS", code: CodeTLSFailed, permanent: true, breaks: true, give: fails(NewError(CodeTLSFailed, "no trust", nil))},
	{name: "503", code: CodeServerError, again: 3, pause: modelJitter, breaks: true, give: says(503, "")},
	{name: "503 in 3 s", code: CodeServerError, again: 3, pause: after(3 * time.Second), fixed: 3 * time.Second, breaks: true, give: says(503, "3")},
	{name: "503 tomorrow", code: CodeServerError, fixed: time.Minute, breaks: true, give: says(503, "86400")},
	{name: "501", code: CodeServerError, breaks: true, give: says(501, "")},
	{name: "429", code: CodeRateLimited, fixed: 5 * time.Second, give: says(429, "")},
	{name: "429 in 1 s", code: CodeRateLimited, again: 1, pause: after(time.Second), fixed: time.Second, give: says(429, "1")},
	{name: "429 in 30 s", code: CodeRateLimited, fixed: 30 * time.Second, give: says(429, "30")},
	{name: "broken", code: CodeInvalidResponse, again: 1, pause: modelJitter, give: says(200, "")},
	{name: "redirect", code: CodeRedirected, permanent: true, give: says(307, "")},
	{name: "404", code: CodeUnexpectedStatus, permanent: true, give: says(404, "")},
	{name: "used before", code: CodeGrantReused, again: 1, give: refusal("invalid_grant", "Grant is used before", "MP-012")},
	{name: "client", code: CodeClientUnknown, permanent: true, give: refusal("invalid_grant", "Client not found", "MP-100")},
	{name: "scope", code: CodeScopeNotRegistered, permanent: true, give: refusal("invalid_scope", "contains invalid scopes for client", "MP-200")},
}

// modelAnswerTooLate is a token that had ended when it came.
var modelAnswerTooLate = modelAnswer{name: "ended", code: CodeInvalidResponse, again: 1, pause: modelJitter}

var modelSignFailures = []modelAnswer{
	{name: "HSM busy", code: CodeSigningFailed, again: 1, pause: modelJitter, local: true, give: fails(busySigner())},
	{name: "HSM refuses", code: CodeSigningFailed, permanent: true, local: true, give: fails(errors.New("PIN"))},
}

func fails(err error) func(int) (Response, error) {
	return func(int) (Response, error) { return Response{}, err }
}

func says(status int, retryAfter string) func(int) (Response, error) {
	response := Response{Status: status}
	if retryAfter != "" {
		response.Header = []Header{{"Retry-After", retryAfter}}
	}
	return func(int) (Response, error) { return response, nil }
}

func refusal(code, description, mp string) func(int) (Response, error) {
	response := refuses(400, code, description, mp)
	return func(int) (Response, error) { return response, nil }
}

func busySigner() *Error {
	err := NewError(CodeSigningFailed, "the HSM is busy", nil)
	err.Retryable = true
	return err
}

func modelJitter(attempt int, draw float64) time.Duration {
	return time.Duration(draw * float64(min(250*time.Millisecond<<(max(attempt, 1)-1), 2*time.Second)))
}

func after(d time.Duration) func(int, float64) time.Duration {
	return func(int, float64) time.Duration { return d }
}

// grantIdentity reads what a grant is for from its claims.
func grantIdentity(signingInput string) identity {
	_, payload, _ := strings.Cut(signingInput, ".")
	text, _ := base64.RawURLEncoding.DecodeString(payload)
	claims := string(text)
	return identity{issuer: claimOf(claims, "aud"), client: claimOf(claims, "iss"), scope: claimOf(claims, "scope"), consumer: claimOf(claims, "consumer_org")}
}

func grantPayload(body string) string {
	_, assertion, _ := strings.Cut(body, "assertion=")
	parts := strings.Split(assertion, ".")
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return string(text)
}

func claimOf(claims, name string) string {
	_, rest, _ := strings.Cut(claims, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
