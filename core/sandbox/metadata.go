package sandbox

import "net/http"

// metadata answers the document of RFC 8414, with the members that the real
// one has. response_types_supported is not among them, although the RFC
// requires it.
func (s *Server) metadata(*request) answer {
	return jsonAnswer(http.StatusOK, struct {
		Issuer        string   `json:"issuer"`
		TokenEndpoint string   `json:"token_endpoint"`
		JWKS          string   `json:"jwks_uri"`
		Methods       []string `json:"token_endpoint_auth_methods_supported"`
		GrantTypes    []string `json:"grant_types_supported"`
		Algorithms    []string `json:"token_endpoint_auth_signing_alg_values_supported"`
		DetailsTypes  []string `json:"authorization_details_types_supported"`
	}{
		s.issuer(), s.url + tokenPath, s.url + jwksPath,
		[]string{methodKey}, []string{grantTypeJWT}, acceptedAlgorithms, []string{typeSystemUser, typeConsent},
	})
}

// jwks answers the keys that access tokens are signed with.
func (s *Server) jwks(r *request) answer { return jsonAnswer(http.StatusOK, r.world.key().jwks()) }
