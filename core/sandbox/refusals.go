package sandbox

// The ways to refuse a grant, with the words and codes of Maskinporten. Where
// its words are not known the comment says so, and they follow those that are.

const authenticationFailed = "Invalid assertion. Client authentication failed. "

var (
	// Undocumented; RFC 6749 §5.2.
	malformedRequest     = refusal{status: 400, oauthError: "invalid_request", description: "Invalid request."}
	unsupportedGrantType = refusal{status: 400, oauthError: "unsupported_grant_type", description: "Unsupported grant type."}

	malformedGrant = refusal{status: 400, oauthError: "invalid_request", mpCode: "MP-011", description: "Invalid assertion. Invalid parameter value"}
	// The code is undocumented; the text comes second-hand from the server.
	lifetimeTooLong = refusal{status: 400, oauthError: "invalid_request", mpCode: "MP-011", description: "Invalid assertion. JWT has too long lifetime."}
	grantReused     = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-012", description: "Grant is used before"}

	clientUnknown        = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-100", description: "Invalid assertion. Client authentication failed."}
	audienceWrong        = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-110", description: authenticationFailed + "Invalid JWT claim aud."}
	certificateInvalid   = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-120", description: authenticationFailed + "The JWT is signed with an invalid certificate."}
	keyExpired           = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-121", description: authenticationFailed + "Expired key."}
	organizationMismatch = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-122", description: "Invalid JWT. Invalid organization number for client. Does not match certificate orgno"}
	chainMalformed       = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-123", description: "Invalid JWT header x5c"}
	signatureInvalid     = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-124", description: authenticationFailed + "Invalid JWT signature."}
	// Seen without a code.
	keyUnknown  = refusal{status: 400, oauthError: "invalid_grant", description: authenticationFailed + "Unknown key identifier (kid) for client."}
	keyRequired = refusal{status: 400, oauthError: "invalid_grant", description: authenticationFailed + "Invalid JWT. The client requires pre-registered jwk and no key identifier (kid) provided"}

	grantExpired = refusal{status: 400, oauthError: "invalid_grant", mpCode: "MP-130", description: "JWT is expired"}
	// No code is listed.
	issuedInFuture = refusal{status: 400, oauthError: "invalid_grant", description: "Issue time is after now"}
	// Whether this is refused at all is an open question; see Config.StrictIssueTime.
	issuedLongAgo = refusal{status: 400, oauthError: "invalid_grant", description: "Issue time is too long before now"}

	scopeNotRegistered = refusal{status: 400, oauthError: "invalid_scope", mpCode: "MP-200", description: "Token request contains invalid scopes for client, "}
	scopeNotAllowed    = refusal{status: 400, oauthError: "invalid_scope", mpCode: "MP-201", description: "Token request contains scopes not allowed for maskinporten"}
	ownConsumerOrg     = refusal{status: 400, oauthError: "invalid_request", description: "Validation of JWT claim failed: The combination consumer_org in claim and delegation scope on client is invalid"}
	accessNotGranted   = refusal{status: 403, oauthError: "forbidden", mpCode: "MP-250", description: "Consumer has not been granted access to the scope "}
	notDelegated       = refusal{status: 403, oauthError: "forbidden", mpCode: "MP-251", description: "Consumer "}

	// The OAuth error of the first two is not known; this is that of RFC 9396 §5.
	detailsTypeUnknown   = refusal{status: 400, oauthError: "invalid_authorization_details", mpCode: "MP-301", description: "Unknown authorization details type"}
	detailsMemberUnknown = refusal{status: 400, oauthError: "invalid_authorization_details", mpCode: "MP-302", description: "Unknown fields in the authorization details"}
	detailsInvalid       = refusal{status: 400, oauthError: "invalid_altinn_customer_configuration", mpCode: "MP-303", description: "Invalid authorization details values"}
)
