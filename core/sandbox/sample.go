package sandbox

import (
	"net/http"
	"strings"
)

// sample answers an API that takes Maskinporten tokens as they are. It says
// what it read in the token, so that a test sees whom it was taken for.
func (s *Server) sample(r *request) answer {
	token, ok := bearer(r.Request)
	if !ok {
		return unauthorized("there is no bearer token")
	}
	claims, err := r.world.key().verify(token, s.issuer(), r.now, 0)
	if err != nil {
		return unauthorized(err.Error())
	}
	organization := func(name string) string {
		named, _ := claims[name].(map[string]any)
		return strings.TrimPrefix(text(named, "ID"), iso6523Prefix)
	}
	return jsonAnswer(http.StatusOK, struct {
		Consumer string `json:"consumer"`
		Supplier string `json:"supplier,omitempty"`
		Scope    string `json:"scope"`
		ClientID string `json:"client_id"`
		Audience any    `json:"aud,omitempty"`
		PID      string `json:"pid,omitempty"`
		Details  any    `json:"authorization_details,omitempty"`
		Method   string `json:"client_amr"`
		Expires  any    `json:"exp"`
	}{
		organization("consumer"), organization("supplier"), text(claims, "scope"), text(claims, "client_id"), claims["aud"], text(claims, "pid"),
		claims["authorization_details"], text(claims, "client_amr"), claims["exp"],
	})
}
