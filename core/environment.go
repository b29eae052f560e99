package core

import (
	"cmp"
	"strings"
)

// Environment is one installation of Maskinporten. The issuer and the token
// endpoint belong together: the issuer goes into the grant as aud, and the
// grant goes to the token endpoint.
type Environment struct {
	// Issuer is the issuer identifier, exactly as the metadata has it. The
	// built-in ones end in a slash, and so must aud (RFC 7523 §3, protocol of
	// Digdir); Skyporten's do not.
	Issuer string
	// TokenEndpoint is where grants are sent.
	TokenEndpoint string
	// MetadataURL is the RFC 8414 document. May be empty.
	MetadataURL string
	// CustomsTokenEndpoint and CustomsTestAuth are the Norwegian Customs
	// installation that trusts this environment. May be empty.
	CustomsTokenEndpoint string
	CustomsTestAuth      string
	// AllowLoopbackHTTP permits plain http to 127.0.0.0/8, [::1] and
	// localhost, for the sandbox. Nothing else is ever permitted without TLS.
	AllowLoopbackHTTP bool
}

// Production is Maskinporten's production environment.
var Production = Environment{
	Issuer:               "https://maskinporten.no/",
	TokenEndpoint:        "https://maskinporten.no/token",
	MetadataURL:          "https://maskinporten.no/.well-known/oauth-authorization-server",
	CustomsTokenEndpoint: "https://api.toll.no/api/access/external/oauth/token",
	CustomsTestAuth:      "https://api.toll.no/api/movement/road/v1/test-auth",
}

// Test is Maskinporten's test environment.
var Test = Environment{
	Issuer:               "https://test.maskinporten.no/",
	TokenEndpoint:        "https://test.maskinporten.no/token",
	MetadataURL:          "https://test.maskinporten.no/.well-known/oauth-authorization-server",
	CustomsTokenEndpoint: "https://api-test.toll.no/api/access/external/oauth/token",
	CustomsTestAuth:      "https://api-test.toll.no/api/movement/road/v1/test-auth",
}

// Skyporten is Skyporten's production environment: the same protocol under an
// issuer of its own, which ends without a slash and wants a resource.
var Skyporten = Environment{
	Issuer:        "https://sky.maskinporten.no",
	TokenEndpoint: "https://sky.maskinporten.no/token",
	MetadataURL:   "https://sky.maskinporten.no/.well-known/openid-configuration",
}

// SkyportenTest is Skyporten's test environment.
var SkyportenTest = Environment{
	Issuer:        "https://test.sky.maskinporten.no",
	TokenEndpoint: "https://test.sky.maskinporten.no/token",
	MetadataURL:   "https://test.sky.maskinporten.no/.well-known/openid-configuration",
}

// Completed fills in what is not given from the built-in environment that the
// issuer names, or the metadata address if there is no issuer: platforms such
// as NAIS give a part of it only. NewClient does this by itself.
func (e Environment) Completed() Environment {
	for _, own := range []Environment{Production, Test, Skyporten, SkyportenTest} {
		if e.Issuer == own.Issuer || e.Issuer == "" && e.MetadataURL == own.MetadataURL {
			e.Issuer = own.Issuer
			e.TokenEndpoint = cmp.Or(e.TokenEndpoint, own.TokenEndpoint)
			e.MetadataURL = cmp.Or(e.MetadataURL, own.MetadataURL)
			e.CustomsTokenEndpoint = cmp.Or(e.CustomsTokenEndpoint, own.CustomsTokenEndpoint)
			e.CustomsTestAuth = cmp.Or(e.CustomsTestAuth, own.CustomsTestAuth)
		}
	}
	return e
}

// retired are hosts that no longer answer, or never did, with what to use.
var retired = map[string]string{
	"ver1.maskinporten.no": "ver1 was switched off; use the test environment, https://test.maskinporten.no/.",
	"ver2.maskinporten.no": "ver2 was switched off on 2024-06-10; use the test environment, https://test.maskinporten.no/.",
	"yt2.maskinporten.no":  "yt2 was switched off; use the test environment, https://test.maskinporten.no/.",
	"www.maskinporten.no":  "The issuer has no www: use https://maskinporten.no/.",
}

// EnvironmentByName returns the built-in environment called "production",
// "test", "skyporten" or "skyporten-test". Any other name is an error that says
// what to use instead.
func EnvironmentByName(name string) (Environment, error) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "production", "prod":
		return Production, nil
	case "test":
		return Test, nil
	case "skyporten":
		return Skyporten, nil
	case "skyporten-test":
		return SkyportenTest, nil
	case "ver1", "ver2", "yt2":
		host := strings.ToLower(strings.TrimSpace(name)) + ".maskinporten.no"
		return Environment{}, invalid(CodeInvalidConfig, []Problem{{"environment", quoted(name) + " is no longer in service", retired[host]}})
	}
	return Environment{}, invalid(CodeInvalidConfig, []Problem{{"environment", "there is no environment " + quoted(name),
		`Use "production" or "test", for Skyporten "skyporten" or "skyporten-test", or give issuer and token_endpoint.`}})
}

// Validate returns everything that is wrong with the environment as one
// *Error, or nil.
func (e Environment) Validate() error {
	if err := invalid(CodeInvalidConfig, e.problems()); err != nil {
		return err
	}
	return nil
}

func (e Environment) problems() []Problem {
	list := e.issuerProblems()
	list = append(list, urlProblems("environment.token_endpoint", e.TokenEndpoint, true, e.AllowLoopbackHTTP)...)
	list = append(list, urlProblems("environment.metadata_url", e.MetadataURL, false, e.AllowLoopbackHTTP)...)
	list = append(list, urlProblems("environment.customs_token_endpoint", e.CustomsTokenEndpoint, false, e.AllowLoopbackHTTP)...)
	if len(list) > 0 {
		return list
	}
	if issuer, endpoint := hostOf(e.Issuer), hostOf(e.TokenEndpoint); issuer != endpoint && (isDigdir(issuer) || isDigdir(endpoint)) {
		return []Problem{{"environment.token_endpoint", "issuer " + quoted(e.Issuer) + " and token endpoint " + quoted(e.TokenEndpoint) + " are of different environments",
			"Take both from the same environment, or name it: \"production\" or \"test\"."}}
	}
	return nil
}

// isDigdir reports whether an environment of Digdir has that host.
func isDigdir(host string) bool {
	return host == "maskinporten.no" || strings.HasSuffix(host, ".maskinporten.no")
}

func isSkyporten(issuer string) bool {
	host := hostOf(issuer)
	return host == "sky.maskinporten.no" || host == "test.sky.maskinporten.no"
}

// skyportenProblems checks what only Skyporten asks for: its tokens are for one
// API, which must be named.
func skyportenProblems(env Environment, request TokenRequest) []Problem {
	if !isSkyporten(env.Issuer) || len(request.Resource) > 0 {
		return nil
	}
	return []Problem{{"resource", "it is missing, and Skyporten gives no token without", "Give the URI of the API that the token is for."}}
}

func (e Environment) issuerProblems() []Problem {
	const field = "environment.issuer"
	list := urlProblems(field, e.Issuer, true, e.AllowLoopbackHTTP)
	if len(list) > 0 {
		return list
	}
	host := hostOf(e.Issuer)
	want := "https://" + host
	switch host {
	case "maskinporten.no", "test.maskinporten.no":
		want += "/"
	case "sky.maskinporten.no", "test.sky.maskinporten.no":
	default:
		return nil
	}
	switch e.Issuer {
	case want:
		return nil
	case want + "/":
		return []Problem{{field, "Skyporten's issuer has no trailing slash", "Use " + want + "; the grant's aud must be exactly this."}}
	}
	if e.Issuer+"/" == want {
		return []Problem{{field, "the issuer " + quoted(e.Issuer) + " lacks its trailing slash", "Use " + want + ", slash included; the grant's aud must be exactly this."}}
	}
	return []Problem{{field, quoted(e.Issuer) + " is not an issuer", "Use " + want + "; the token endpoint is not an audience."}}
}

// urlProblems checks an absolute https URL without user-info, query or fragment.
func urlProblems(field, url string, required, loopbackHTTP bool) []Problem {
	one := func(message, remedy string) []Problem { return []Problem{{field, message, remedy}} }
	if url == "" {
		if required {
			return one("it is missing", "Name an environment, \"production\" or \"test\", or give issuer and token_endpoint.")
		}
		return nil
	}
	if len(url) > 2048 {
		return one("the URL is longer than 2048 characters", "Give the plain address of the endpoint.")
	}
	for i := range len(url) {
		if c := url[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' || c == '{' || c == '}' || c == '|' || c == '^' || c == '`' {
			return one(quoted(url)+" has a character that a URL cannot have", "Give the address in plain ASCII, without spaces.")
		}
	}
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || rest == "" || (scheme != "https" && scheme != "http") {
		return one(quoted(url)+" is not an https URL", "Give an absolute URL that begins with https://.")
	}
	authority, _, _ := strings.Cut(rest, "/")
	switch {
	case strings.Contains(url, "@"):
		return one("the URL holds a user or password", "Remove everything up to the @.")
	case strings.ContainsAny(url, "?#"):
		return one(quoted(url)+" has a query or a fragment", "Give the address without ? and #.")
	case strings.Contains(strings.TrimPrefix(rest, authority), "//"):
		return one(quoted(url)+" has a double slash in its path", "Write each slash once.")
	case authority != strings.ToLower(authority):
		return one(quoted(url)+" has an upper-case host", "Write the host in lower case.")
	}
	host := hostOf(url)
	if host == "" || strings.Contains(host, "%") || strings.HasPrefix(host, "xn--") || strings.Contains(host, ".xn--") {
		return one(quoted(url)+" has no plain host name", "Give the host's own ASCII name.")
	}
	if remedy, gone := retired[host]; gone {
		return one(quoted(url)+" is not in service", remedy)
	}
	if scheme == "http" && !(loopbackHTTP && isLoopback(host)) {
		if isLoopback(host) {
			return one(quoted(url)+" is not encrypted", "Set allow_loopback_http to use a sandbox on this machine.")
		}
		return one(quoted(url)+" is not encrypted", "Use https; a grant is never sent in the clear.")
	}
	if host == "0.0.0.0" || host == "::" || strings.HasPrefix(host, "169.254.") || strings.HasPrefix(host, "fe80:") {
		return one(quoted(url)+" is not the address of a server", "Give the host name of the endpoint.")
	}
	return nil
}

// hostOf returns the host of a URL that has a scheme, without its port.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	authority, _, _ := strings.Cut(rest, "/")
	if strings.HasPrefix(authority, "[") {
		host, _, _ := strings.Cut(authority[1:], "]")
		return host
	}
	host, _, _ := strings.Cut(authority, ":")
	return host
}

func isLoopback(host string) bool {
	if host == "localhost" || host == "::1" {
		return true
	}
	parts := strings.Split(host, ".")
	for _, part := range parts {
		if len(part) > 3 || !isDigits(part, len(part)) || part == "" {
			return false
		}
	}
	return len(parts) == 4 && parts[0] == "127"
}
