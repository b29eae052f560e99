package sandbox

import (
	"crypto/x509"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	grantTypeJWT = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523 §2.1
	formType     = "application/x-www-form-urlencoded"
)

// tokenRequest is a request for a token while it is being judged. Each check
// may rely on what the checks before it have filled in.
type tokenRequest struct {
	*request
	server *Server

	form   url.Values
	grant  *jws
	client *client
	chain  []*x509.Certificate // from x5c, leaf first
	key    registeredKey       // what the grant must be signed with
	seal   bool                // it is of a European eSeal, and chain is that
	method string              // client_amr of the token
	scopes []*scope            // without duplicates, in the order asked for

	consumer string // organization numbers
	supplier string // "" unless delegated
	details  any    // authorization_details of the token
}

// tokenChecks are the rules for a grant in the order in which they are applied.
// The real order is not documented; this one goes from form to identity, to
// time, to permission, so that nothing is looked up for a stranger and a grant
// is not spent before its signature is known to be good.
var tokenChecks = []func(*tokenRequest) *refusal{
	checkForm,
	checkGrantType,
	checkAssertion,
	checkHeader,
	checkClaims,
	checkSeal,
	registered(checkClient),
	registered(checkKeyChoice),
	registered(checkChain),
	registered(checkOrganization),
	registered(checkKeyExpiry),
	checkSignature,
	checkAudience,
	checkIssueTime,
	checkExpiry,
	checkLifetime,
	checkReplay,
	checkScopes,
	checkIntegrationType,
	checkConsumer,
	registered(checkAccess),
	checkDelegation,
	checkDetails,
}

// token answers POST /token.
func (s *Server) token(r *request) answer {
	t := &tokenRequest{request: r, server: s}
	for _, check := range tokenChecks {
		if refused := check(t); refused != nil {
			return refused.answer(s.issuer())
		}
	}
	return t.issue()
}

func checkForm(t *tokenRequest) *refusal {
	form, problem := readForm(t.Request, t.body)
	if problem != "" {
		return malformedRequest.because("%s", problem)
	}
	t.form = form
	return nil
}

// readForm reads the parameters of a form body. Parameters that are repeated
// are a fault (RFC 6749 §3.2), and those of the URL do not count.
func readForm(r *http.Request, body []byte) (form url.Values, problem string) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != formType {
		return nil, "the content type is not " + formType
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, "the body is not a form"
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, "the parameter " + shorten(name) + " is there twice"
		}
	}
	return form, ""
}

func checkGrantType(t *tokenRequest) *refusal {
	switch t.form.Get("grant_type") {
	case grantTypeJWT:
		return nil
	case "":
		return malformedRequest.because("the parameter grant_type is missing")
	}
	return unsupportedGrantType.because("grant_type is not %s", grantTypeJWT)
}

// accessToken is the payload of a token, in the order of members that real
// tokens have.
type accessToken struct {
	Details     any         `json:"authorization_details,omitempty"`
	Scope       string      `json:"scope"`
	Issuer      string      `json:"iss"`
	Method      string      `json:"client_amr"`
	TokenType   string      `json:"token_type"`
	Expires     int64       `json:"exp"`
	IssuedAt    int64       `json:"iat"`
	ClientID    string      `json:"client_id"`
	ID          string      `json:"jti"`
	Consumer    participant `json:"consumer"`
	Audience    any         `json:"aud,omitempty"`
	PID         string      `json:"pid,omitempty"`
	Supplier    any         `json:"supplier,omitempty"`
	Delegations string      `json:"delegation_source,omitempty"`
}

// participant names an organization: by its number in ISO 6523 form, or as its
// eSeal names it, and then with more of the certificate's subject.
type participant struct {
	Authority  string `json:"authority"`
	ID         string `json:"ID"`
	CommonName string `json:"commonName,omitempty"`
	Name       string `json:"organizationName,omitempty"`
	Unit       string `json:"organizationalUnitName,omitempty"`
	Country    string `json:"countryName,omitempty"`
}

const (
	iso6523       = "iso6523-actorid-upis"
	iso6523Prefix = "0192:" // the Norwegian register of legal entities
)

func organizationParticipant(number string) participant {
	return participant{Authority: iso6523, ID: iso6523Prefix + number}
}

// issue makes the token that a request which passed all checks gets.
func (t *tokenRequest) issue() answer {
	lifetime := t.scopes[0].lifetime
	names := make([]string, 0, len(t.scopes))
	for _, s := range t.scopes {
		lifetime = min(lifetime, s.lifetime)
		names = append(names, s.name)
	}
	lifetime = t.lifetime(lifetime)
	if t.fault.GrantedScope != "" {
		names = strings.Fields(t.fault.GrantedScope)
	}
	token := accessToken{
		Details:   t.details,
		Scope:     strings.Join(names, " "),
		Issuer:    t.server.issuer(),
		Method:    t.method,
		TokenType: "Bearer",
		Expires:   t.now.Add(lifetime).Unix(),
		IssuedAt:  t.now.Unix(),
		ClientID:  t.client.id,
		ID:        randomID(),
		Consumer:  organizationParticipant(t.consumer),
		Audience:  audienceOf(t.grant.claims["resource"]),
		PID:       text(t.grant.claims, "pid"),
	}
	if t.seal {
		token.Consumer = sealParticipant(t.chain[0])
	}
	if t.supplier != "" {
		token.Supplier = organizationParticipant(t.supplier)
		token.Delegations = t.world.delegationSource
	}
	key := t.world.key()
	return jsonAnswer(http.StatusOK, map[string]any{
		"access_token": key.sign(key.header(), token),
		"token_type":   "Bearer",
		"expires_in":   int64(lifetime / time.Second),
		"scope":        token.Scope,
	})
}

// audienceOf is the aud of the token for the resource of the grant: a string
// for one, an array for several. The latter is undocumented, and as RFC 7519
// §4.1.3 has it.
func audienceOf(resource any) any {
	if list, ok := resource.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return resource
}
