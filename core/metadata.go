package core

import (
	"slices"
	"strings"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// NewMetadataRequest makes the HTTP request for the environment's metadata
// (RFC 8414 §3.1).
func NewMetadataRequest(env Environment) Request {
	return Request{Method: "GET", URL: env.MetadataURL, Timeout: attemptTimeout, MaxBody: maxBody,
		Header: []Header{{"Accept", "application/json"}}}
}

// ReadMetadata reads the answer to a metadata request and returns the issuer's
// environment: Issuer and TokenEndpoint, and what is known of a built-in one.
//
// The document must name exactly this issuer (RFC 8414 §3.3), and a token
// endpoint that can belong to it; otherwise the error has the code
// metadata_mismatch and nothing of the document is used. What Maskinporten's
// older documents lack may be missing, except these two. Where a document says
// which grants, authentication and algorithms it takes, ours must be among them.
func ReadMetadata(response Response, issuer string) (Environment, error) {
	const endpoint = "metadata endpoint"
	refuse := func(code Code, why, remedy string) (Environment, error) {
		err := withStatus(NewError(code, "the answer of the "+endpoint+" cannot be used: "+why, nil), response)
		if remedy != "" {
			err.Remedy = remedy
		}
		return Environment{}, err
	}
	broken := func(why string) (Environment, error) {
		return refuse(CodeInvalidResponse, why, "Check metadata_url, and for a proxy or portal in between; what answered has no metadata of an authorization server.")
	}
	if len(response.Body) > maxBody {
		return Environment{}, tooLarge(endpoint, response)
	}
	if response.Status != 200 {
		err := statusError(response, endpoint)
		if err.Code == CodeUnexpectedStatus {
			err.Remedy = "Check metadata_url; there is no metadata at that address."
		}
		return Environment{}, err
	}
	document, err := strictjson.Parse(response.Body)
	if err != nil {
		return broken("it is " + err.Error())
	}
	if document.Kind != strictjson.Object {
		return broken("it is " + document.Kind.String())
	}
	named, _ := document.Get("issuer")
	tokenEndpoint, _ := document.Get("token_endpoint")
	switch {
	case named.Kind != strictjson.String || named.Text == "":
		return broken("issuer is missing or not a string")
	case named.Text != issuer:
		return refuse(CodeMetadataMismatch, "its issuer is "+quoted(named.Text)+", not "+quoted(issuer), "")
	case tokenEndpoint.Kind != strictjson.String || tokenEndpoint.Text == "":
		return broken("token_endpoint is missing or not a string")
	}
	if why := unsupported(document); why != "" {
		return broken(why)
	}
	env := Environment{Issuer: issuer, TokenEndpoint: tokenEndpoint.Text, AllowLoopbackHTTP: strings.HasPrefix(issuer, "http://")}
	if list := urlProblems("token_endpoint", env.TokenEndpoint, true, env.AllowLoopbackHTTP); len(list) > 0 {
		return broken("token_endpoint: " + list[0].Message)
	}
	if list := env.problems(); len(list) > 0 {
		return refuse(CodeMetadataMismatch, list[0].Message, "")
	}
	return env.Completed(), nil
}

// unsupported says which list of the document, if it is there, is none or has
// nothing that this package uses.
func unsupported(document strictjson.Value) string {
	for _, need := range []struct {
		member string
		any    []string
	}{
		{"grant_types_supported", []string{grantTypeJWTBearer}},
		{"token_endpoint_auth_methods_supported", []string{"private_key_jwt"}},
		{"token_endpoint_auth_signing_alg_values_supported", []string{RS256, RS384, RS512}},
	} {
		list, there := document.Get(need.member)
		if !there || list.Kind == strictjson.Null {
			continue
		}
		if list.Kind != strictjson.Array {
			return need.member + " is " + list.Kind.String()
		}
		if !slices.ContainsFunc(list.Items, func(v strictjson.Value) bool {
			return v.Kind == strictjson.String && slices.Contains(need.any, v.Text)
		}) {
			return need.member + " has nothing that a client of Maskinporten uses"
		}
	}
	return ""
}
