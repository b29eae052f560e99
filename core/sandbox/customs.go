package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// customsIssuer is the iss of Customs tokens. Their claims are undocumented,
// and a client has no business reading them.
func (s *Server) customsIssuer() string { return s.url + "/api/access/external/oauth" }

// Undocumented at Customs; the error is that of RFC 8693 §2.2.2.
var customsRefusal = refusal{status: 400, oauthError: "invalid_request", description: "The token cannot be exchanged."}

// customsToken answers the exchange of Norwegian Customs. Its grant and token
// types are bare words, not the URNs of RFC 8693.
func (s *Server) customsToken(r *request) answer {
	refuse := func(refused *refusal) answer { return refused.answer(s.issuer()) }
	form, problem := readForm(r.Request, r.body)
	if problem != "" {
		return refuse(malformedRequest.because("%s", problem))
	}
	switch {
	case form.Get("grant_type") == "":
		return refuse(malformedRequest.because("the parameter grant_type is missing"))
	case form.Get("grant_type") != "token-exchange":
		return refuse(unsupportedGrantType.because("grant_type is not the bare word token-exchange"))
	case form.Get("subject_token_type") != "access_token":
		return refuse(malformedRequest.because("subject_token_type is not the bare word access_token"))
	}
	subject, err := r.world.key().verify(form.Get("subject_token"), s.issuer(), r.now, 0)
	if err != nil {
		return refuse(customsRefusal.because("subject_token: %v", err))
	}
	scope := text(subject, "scope")
	if !slices.ContainsFunc(strings.Fields(scope), func(name string) bool { return strings.HasPrefix(name, "toll:") }) {
		return refuse(customsRefusal.because("subject_token has no scope of Customs, they begin with toll:"))
	}
	lifetime := r.lifetime(r.world.customsLifetime)
	key := exchangeKey()
	return jsonAnswer(http.StatusOK, map[string]any{
		"issued_token_type": "access_token",
		"access_token": key.sign(key.header(), map[string]any{
			"iss": s.customsIssuer(), "iat": r.now.Unix(), "exp": r.now.Add(lifetime).Unix(), "jti": randomID(),
			"client_id": subject["client_id"], "consumer": subject["consumer"], "scope": scope,
		}),
		"token_type": "Bearer",
		"expires_in": int64(lifetime / time.Second),
	})
}

// customsTestAuth answers 200 to a Customs token, and 401 to everything else,
// a Maskinporten token included.
func (s *Server) customsTestAuth(r *request) answer {
	token, ok := bearer(r.Request)
	if !ok {
		return unauthorized("there is no bearer token")
	}
	if _, err := exchangeKey().verify(token, s.customsIssuer(), r.now, 0); err != nil {
		return unauthorized(err.Error())
	}
	return plainAnswer(http.StatusOK, "OK\n")
}
