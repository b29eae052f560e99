package sandbox

import (
	"cmp"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	altinnLifetime = 30 * time.Minute // whatever the Maskinporten token has left
	altinnLeeway   = 10 * time.Second
	altinnOrgClaim = "urn:altinn:org"

	enterpriseUserHeader = "X-Altinn-EnterpriseUser-Authentication"
)

// altinnDropped are the claims that an Altinn token does not take over.
var altinnDropped = []string{"aud", "iss", "client_amr", "sid"}

// altinnToken answers the exchange of Altinn, which is not RFC 8693.
func (s *Server) altinnToken(r *request) answer {
	if provider := strings.TrimPrefix(r.URL.Path, altinnPath); !strings.EqualFold(provider, "maskinporten") {
		return plainAnswer(http.StatusBadRequest, "The token provider is not known.\n")
	}
	if r.Header.Get(enterpriseUserHeader) != "" {
		return problemAnswer(http.StatusGone, "Virksomhetsbruker is no longer available")
	}
	token, ok := bearer(r.Request)
	if !ok {
		return problemAnswer(http.StatusUnauthorized, "Unauthorized", "there is no bearer token")
	}
	subject, err := r.world.key().verify(token, s.issuer(), r.now, altinnLeeway)
	if err != nil {
		return problemAnswer(http.StatusUnauthorized, "Unauthorized", err.Error())
	}
	consumer, _ := subject["consumer"].(map[string]any)
	_, organization, _ := strings.Cut(text(consumer, "ID"), ":")
	if text(consumer, "authority") != iso6523 || organization == "" {
		return problemAnswer(http.StatusUnauthorized, "Unauthorized", "consumer is not an organization by ISO 6523; a European eSeal cannot be exchanged")
	}

	claims := maps.Clone(subject)
	for _, name := range altinnDropped {
		delete(claims, name)
	}
	// Altinn's framework makes an array of one into the element.
	if details, ok := claims["authorization_details"].([]any); ok && len(details) == 1 {
		claims["authorization_details"] = details[0]
	}
	claims["iss"] = s.url + "/authentication/api/v1/openid/"
	claims["iat"], claims["nbf"], claims["exp"] = r.now.Unix(), r.now.Unix(), r.now.Add(altinnLifetime).Unix()
	claims["sid"] = randomID()
	claims["urn:altinn:orgNumber"] = organization
	claims["urn:altinn:authenticatemethod"] = "maskinporten"
	claims["urn:altinn:authlevel"] = 3
	if code := r.world.altinnCodes[organization]; code != "" && strings.Contains(text(subject, "scope"), "altinn:serviceowner") {
		if code == "digdir" && r.URL.Query().Get("test") == "true" {
			code = "ttd"
		}
		claims[altinnOrgClaim] = code
	}
	key := exchangeKey()
	issued := key.sign(key.altinnHeader(), claims)
	if wantsJSON(r.Header.Values("Accept")) {
		a := jsonAnswer(http.StatusOK, issued)
		a.contentType = "application/json; charset=utf-8"
		return a
	}
	return plainAnswer(http.StatusOK, issued)
}

// problemAnswer is an error in the form of RFC 9457, which Altinn uses.
func problemAnswer(status int, title string, detail ...string) answer {
	a := jsonAnswer(status, map[string]any{"status": status, "title": title})
	a.contentType, a.detail = "application/problem+json; charset=utf-8", strings.Join(detail, "")
	if status == http.StatusUnauthorized {
		a.oauthError = "invalid_token"
	}
	return a
}

// wantsJSON negotiates as ASP.NET does for a string: any */* means plain text,
// otherwise the best-liked type decides, and plain text if none fits.
func wantsJSON(accept []string) bool {
	type choice struct {
		json    bool
		quality float64
	}
	var choices []choice
	for _, member := range strings.Split(strings.Join(accept, ","), ",") {
		mediaType, parameters, err := mime.ParseMediaType(strings.TrimSpace(member))
		if err != nil {
			continue
		}
		quality, err := strconv.ParseFloat(cmp.Or(parameters["q"], "1"), 64)
		if err != nil || quality <= 0 {
			continue
		}
		switch mediaType {
		case "*/*":
			return false
		case "application/json", "text/json", "application/*":
			choices = append(choices, choice{true, quality})
		case "text/plain", "text/*":
			choices = append(choices, choice{false, quality})
		}
	}
	slices.SortStableFunc(choices, func(a, b choice) int { return cmp.Compare(b.quality, a.quality) })
	return len(choices) > 0 && choices[0].json
}
