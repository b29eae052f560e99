package sandbox

import (
	"fmt"
	"net/http"
	"strings"
)

// The paths that a sandbox has, besides the control paths.
const (
	tokenPath       = "/token"
	jwksPath        = "/jwk"
	metadataPath    = "/.well-known/oauth-authorization-server"
	customsPath     = "/api/access/external/oauth/token"
	customsAuthPath = "/api/movement/road/v1/test-auth"
	altinnPath      = "/authentication/api/v1/exchange/"
	samplePath      = "/api/sample"
)

// route is a method and path with what answers it.
type route struct {
	method string
	answer func(*Server, *request) answer
}

var routes = map[string]route{
	tokenPath:       {http.MethodPost, (*Server).token},
	jwksPath:        {http.MethodGet, (*Server).jwks},
	metadataPath:    {http.MethodGet, (*Server).metadata},
	customsPath:     {http.MethodPost, (*Server).customsToken},
	customsAuthPath: {http.MethodGet, (*Server).customsTestAuth},
	samplePath:      {http.MethodGet, (*Server).sample},
}

// routeOf returns the route of a path and what it is counted under. Altinn's
// has the provider as its last segment, in any case.
func routeOf(path string) (r route, counted string, found bool) {
	if provider, ok := strings.CutPrefix(path, altinnPath); ok && provider != "" && !strings.Contains(provider, "/") {
		return route{http.MethodGet, (*Server).altinnToken}, altinnPath + "maskinporten", true
	}
	if r, found = routes[path]; found || path == redirectedPath {
		return r, path, found
	}
	return r, otherPaths, false
}

// judge lets the route answer. A mistake of the sandbox's own becomes a 500 and
// is in the journal, rather than a connection that ends for no visible reason.
func (s *Server) judge(route route, r *request) (a answer) {
	defer func() {
		if mistake := recover(); mistake != nil {
			a = plainAnswer(http.StatusInternalServerError, "The sandbox made a mistake; see its journal.\n")
			a.detail = fmt.Sprintf("a mistake of the sandbox: %v", mistake)
		}
	}()
	return route.answer(s, r)
}
