package core

import "slices"

// Code names an error for programs. A code is never renamed and never reused.
type Code string

// The codes of errors on our side.
const (
	CodeInvalidArgument     Code = "invalid_argument"
	CodeInvalidConfig       Code = "invalid_configuration"
	CodeInvalidTokenRequest Code = "invalid_token_request"
	CodeInvalidKey          Code = "invalid_key"
	CodeInvalidHandle       Code = "invalid_handle"
	CodeOutOfOrder          Code = "out_of_order"
	CodeNoToken             Code = "no_token"
	CodeBufferTooSmall      Code = "buffer_too_small"
	CodeClosed              Code = "closed"
	CodeForked              Code = "forked"
	CodePoisoned            Code = "poisoned"
	CodeInternal            Code = "internal"
	CodeCancelled           Code = "cancelled"
	CodeDeadline            Code = "deadline_exceeded"
	CodeNoSigner            Code = "no_signer"
	CodeNoTransport         Code = "no_transport"
	CodeSigningFailed       Code = "signing_failed"
	CodeInvalidSignature    Code = "invalid_signature"
	CodeRandomFailed        Code = "random_failed"
	CodeNoMemory            Code = "no_memory"
	CodeReentrant           Code = "reentrant"
)

// The codes of requests that got no answer.
const (
	CodeConnectionFailed Code = "connection_failed"
	CodeTimeout          Code = "timeout"
	CodeTLSFailed        Code = "tls_failed"
)

// The codes of answers that say no.
const (
	CodeGrantMalformed       Code = "grant_malformed"
	CodeGrantReused          Code = "grant_reused"
	CodeClientUnknown        Code = "client_unknown"
	CodeAudienceWrong        Code = "audience_wrong"
	CodeCertificateInvalid   Code = "certificate_invalid"
	CodeKeyExpired           Code = "key_expired"
	CodeOrganizationMismatch Code = "organization_mismatch"
	CodeX5CMalformed         Code = "x5c_malformed"
	CodeSignatureRejected    Code = "signature_rejected"
	CodeKeyIDUnknown         Code = "kid_unknown"
	CodeKeyIDRequired        Code = "kid_required"
	CodeGrantExpired         Code = "grant_expired"
	CodeIssuedInFuture       Code = "issued_in_future"
	CodeLifetimeTooLong      Code = "lifetime_too_long"
	CodeConsumerOrgInvalid   Code = "consumer_org_invalid"
	CodeScopeNotRegistered   Code = "scope_not_registered"
	CodeScopeNotAllowed      Code = "scope_not_allowed"
	CodeAccessNotGranted     Code = "access_not_granted"
	CodeNotDelegated         Code = "not_delegated"
	CodeDetailsTypeUnknown   Code = "authorization_details_type_unknown"
	CodeDetailsFieldUnknown  Code = "authorization_details_field_unknown"
	CodeDetailsInvalid       Code = "authorization_details_invalid"
	CodeRejected             Code = "rejected"
	CodeSubjectTokenRejected Code = "subject_token_rejected"
	CodeRateLimited          Code = "rate_limited"
	CodeServerError          Code = "server_error"
	CodeRedirected           Code = "redirected"
	CodeUnexpectedStatus     Code = "unexpected_status"
	CodeInvalidResponse      Code = "invalid_response"
	CodeScopeReduced         Code = "scope_reduced"
	CodeResponseTooLarge     Code = "response_too_large"
	CodeMetadataMismatch     Code = "metadata_mismatch"
)

type codeRow struct {
	number    int32
	kind      Kind
	retryable bool
	remedy    string
}

// codeTable gives every code its number for languages without strings (the C
// ABI), its kind, whether the same call may succeed later, and what to do.
// Numbers are never reused. The next free ones: 1022, 1104, 1233.
var codeTable = map[Code]codeRow{
	CodeInvalidArgument:     {1001, Local, false, "Correct the argument."},
	CodeInvalidConfig:       {1002, Local, false, "Correct the configuration."},
	CodeInvalidTokenRequest: {1003, Local, false, "Correct the token request."},
	CodeInvalidKey:          {1004, Local, false, "Give an RSA private key of at least 2048 bits."},
	CodeInvalidHandle:       {1005, Local, false, "Use a handle that this library returned, of the right kind, that is not freed yet."},
	CodeOutOfOrder:          {1006, Local, false, "Ask the flow for its next step and do that one."},
	CodeNoToken:             {1007, Local, true, "Fetch a token; the cache holds none that can be used."},
	CodeBufferTooSmall:      {1008, Local, true, "Call again with a buffer of the size that was returned."},
	CodeClosed:              {1009, Local, false, "Create a new client; this one was closed."},
	CodeForked:              {1010, Local, false, "Load the library after the fork: Go cannot run in a forked child (gunicorn: no preload; multiprocessing: spawn)."},
	CodePoisoned:            {1011, Local, false, "Restart the process and report the first internal error; the state of the library is unknown."},
	CodeInternal:            {1012, Local, false, "Report this as a bug of maskinporten-core."},
	CodeCancelled:           {1013, Local, true, "Call again; the caller cancelled the wait."},
	CodeDeadline:            {1014, Local, true, "Call again or allow more time; the fetch goes on in the background."},
	CodeNoSigner:            {1015, Local, false, "Give the key a Signer, or perform the flow's sign step yourself."},
	CodeNoTransport:         {1016, Local, false, "Give the client a Transport, or perform the flow's send step yourself."},
	CodeSigningFailed:       {1017, Local, false, "See what the signer said; the key, the HSM or the KMS refused."},
	CodeInvalidSignature:    {1018, Local, false, "Return the raw RSASSA-PKCS1-v1_5 signature bytes, as long as the key's modulus."},
	CodeRandomFailed:        {1019, Local, true, "Check the operating system's random source; no grant is made without it."},
	CodeNoMemory:            {1020, Local, true, "Free memory and call again."},

	CodeReentrant: {1021, Local, false, "Do not ask for this token inside its own Signer, Transport or Store; use a source of another scope there."},

	CodeConnectionFailed: {1101, TransportFault, true, "Check the network, DNS, firewall and proxy between here and the endpoint."},
	CodeTimeout:          {1102, TransportFault, true, "Check the network; the endpoint did not answer in time."},
	CodeTLSFailed:        {1103, TransportFault, false, "Check the endpoint's certificate, the trusted roots and any TLS-inspecting proxy."},

	CodeGrantMalformed:       {1201, Remote, false, "Remove extra claims and check every value; Maskinporten could not read the grant or refuses a claim in it."},
	CodeGrantReused:          {1202, Remote, true, "Build a new grant with a new jti for every request; each is accepted once."},
	CodeClientUnknown:        {1203, Remote, false, "Check the client id and that it belongs to this environment; test and production have separate clients."},
	CodeAudienceWrong:        {1204, Remote, false, "Set the issuer of the environment you call, with its trailing slash; the token endpoint is not an audience."},
	CodeCertificateInvalid:   {1205, Remote, false, "Use a valid virksomhetssertifikat of this environment; test certificates work only in test, production certificates only in production."},
	CodeKeyExpired:           {1206, Remote, false, "Register the key again or a new one; a registered key lives at most one year."},
	CodeOrganizationMismatch: {1207, Remote, false, "Use the certificate of the organization that owns the client."},
	CodeX5CMalformed:         {1208, Remote, false, "Send x5c as an array of strings, each the standard base64 of a DER certificate, leaf first."},
	CodeSignatureRejected:    {1209, Remote, false, "Sign with the private key that belongs to this kid or certificate, and check that the certificate is valid in this environment."},
	CodeKeyIDUnknown:         {1210, Remote, false, "Register this kid on this client, check the client id, and allow up to 15 minutes after a change."},
	CodeKeyIDRequired:        {1211, Remote, false, "Set kid: the client has registered keys, and then x5c is not accepted."},
	CodeGrantExpired:         {1212, Remote, false, "Synchronize the clock of this machine (NTP); the grant had expired when it arrived."},
	CodeIssuedInFuture:       {1213, Remote, false, "Synchronize the clock of this machine (NTP); it is more than 10 seconds ahead of Maskinporten's."},
	CodeLifetimeTooLong:      {1214, Remote, false, "Let the grant live at most 120 seconds."},
	CodeConsumerOrgInvalid:   {1215, Remote, false, "Leave consumer_org out when you act for your own organization."},
	CodeScopeNotRegistered:   {1216, Remote, false, "Add the scope to the client in self-service and check its spelling and case."},
	CodeScopeNotAllowed:      {1217, Remote, false, "Use a client of integration type maskinporten, and a scope that allows it."},
	CodeAccessNotGranted:     {1218, Remote, false, "Ask the API's owner to grant your organization the scope; as a supplier, set consumer_org to your customer."},
	CodeNotDelegated:         {1219, Remote, false, "Let the customer delegate the API to your organization in Altinn, in the same environment."},
	CodeDetailsTypeUnknown:   {1220, Remote, false, "Use urn:altinn:systemuser or urn:altinn:consent as the type of authorization_details."},
	CodeDetailsFieldUnknown:  {1221, Remote, false, "Remove the member that authorization_details of this type does not have."},
	CodeDetailsInvalid:       {1222, Remote, false, "For a system user, check that it exists and is approved, that the client is on the system, and that externalRef matches; for a consent, check its id and from, that it still holds, and to whom it was given."},
	CodeRejected:             {1223, Remote, false, "See error and error_description, and give the trace id to Digdir's support."},
	CodeSubjectTokenRejected: {1224, Remote, false, "Check that the token's scope and environment fit this exchange."},
	CodeRateLimited:          {1225, Remote, true, "Ask less often; the endpoint limits the rate."},
	CodeServerError:          {1226, Remote, true, "Try again later; the server failed."},
	CodeRedirected:           {1227, Remote, false, "Set the endpoint's own address; redirects are never followed."},
	CodeUnexpectedStatus:     {1228, Remote, false, "Check the endpoint's address; what answered is not a token endpoint."},
	CodeInvalidResponse:      {1229, Remote, true, "Check for a proxy or portal in between; the answer was not a token response."},
	CodeScopeReduced:         {1230, Remote, false, "Ask only for scopes that the client has; fewer were granted than asked for."},
	CodeResponseTooLarge:     {1231, Remote, true, "Check the endpoint's address; the answer was larger than any token response."},
	CodeMetadataMismatch:     {1232, Remote, false, "Check issuer and metadata_url; the document is of another issuer, so nothing of it is used."},
}

// Number returns the code's number in the C ABI, or 0 for an unknown code.
func (c Code) Number() int32 { return codeTable[c].number }

// Codes lists every code, ordered by number.
func Codes() []Code {
	list := make([]Code, 0, len(codeTable))
	for code := range codeTable {
		list = append(list, code)
	}
	slices.SortFunc(list, func(a, b Code) int { return int(a.Number() - b.Number()) })
	return list
}
