package sandbox

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Config is the world that a sandbox serves: who exists, which keys and scopes
// they have, and who may do what. The zero Config is a world without clients,
// in which every grant is refused.
type Config struct {
	// Listen is the address to listen on, host and port. The host must be a
	// loopback address or "localhost". Empty means 127.0.0.1 and any free port.
	Listen string `json:"listen,omitempty"`

	Organizations []Organization `json:"organizations,omitempty"`
	Scopes        []Scope        `json:"scopes,omitempty"`
	Clients       []Client       `json:"clients,omitempty"`
	Delegations   []Delegation   `json:"delegations,omitempty"`
	SystemUsers   []SystemUser   `json:"system_users,omitempty"`
	Consents      []Consent      `json:"consents,omitempty"`

	// TrustedRoots is PEM with the root certificates of the issuers of
	// business certificates. Empty means that no certificate is accepted.
	TrustedRoots string `json:"trusted_roots,omitempty"`
	// KnownIntermediates is PEM with issuing certificates that x5c may leave
	// out. Empty asks for the full chain, which is what Digdir documents,
	// although the real service takes the leaf alone.
	KnownIntermediates string `json:"known_intermediates,omitempty"`
	// ESealRoots is PEM with the roots that European eSeals are trusted under,
	// in place of the trust lists of the EU. Empty means that no eSeal is
	// accepted.
	ESealRoots string `json:"eseal_roots,omitempty"`

	// AllowedClaims are claims of a grant that are let through although they
	// are not documented. Nil means nbf and sub, which the real service is
	// known to accept; an empty list means none.
	AllowedClaims []string `json:"allowed_claims,omitzero"`
	// StrictIssueTime refuses an iat more than 10 seconds in the past too.
	// Digdir's documentation can be read both ways.
	StrictIssueTime bool `json:"strict_issue_time,omitempty"`

	// DelegationSource is the register of delegations that delegated tokens
	// name. Empty means Altinn's test environment.
	DelegationSource string `json:"delegation_source,omitempty"`
	// CustomsLifetimeSeconds is the life of a token from Customs. 0 means 970.
	CustomsLifetimeSeconds int `json:"customs_lifetime_seconds,omitempty"`

	// FastTokens signs Maskinporten's tokens with RSA-2048, which takes a third
	// of the time of the 3072 bits of the real service, for tests that count
	// many tokens. Nothing else differs. A sandbox that is reconfigured from
	// one to the other has changed its key: older tokens no longer hold.
	FastTokens bool `json:"fast_tokens,omitempty"`
}

// clone returns a copy that shares nothing with the original. It fails only for
// what JSON cannot have, such as a time after the year 9999.
func (c Config) clone() (copied Config, err error) {
	text, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	return copied, err
}

// Organization gives an organization what only Altinn needs to know of it.
// Organizations that need no such thing need no entry.
type Organization struct {
	// Number has nine digits.
	Number string `json:"number"`
	Name   string `json:"name,omitempty"`
	// AltinnCode is the short code of a service owner, such as "digdir".
	AltinnCode string `json:"altinn_code,omitempty"`
}

// Scope is a scope as its owner has set it up.
type Scope struct {
	// Name is prefix:subscope, compared case by case.
	Name string `json:"name"`
	// LifetimeSeconds is the longest life of a token with this scope. 0 means 120.
	LifetimeSeconds int `json:"lifetime_seconds,omitempty"`
	// AccessFor are the numbers of the organizations that were granted it.
	AccessFor []string `json:"access_for,omitempty"`
	// AccessibleForAll makes AccessFor unnecessary.
	AccessibleForAll bool `json:"accessible_for_all,omitempty"`
	// Delegable says that the scope has a delegation source, so that a
	// customer can delegate it to a supplier.
	Delegable bool `json:"delegable,omitempty"`
	// SupportsEuropeanBusinesses opens the scope to every European eSeal,
	// without a registration and without access being granted.
	SupportsEuropeanBusinesses bool `json:"supports_european_businesses,omitempty"`
	// IntegrationTypes are the kinds of clients that may use it. Empty means
	// all; otherwise "maskinporten" must be among them.
	IntegrationTypes []string `json:"integration_types,omitempty"`
}

// Client is a registration in self-service.
type Client struct {
	ClientID string `json:"client_id"`
	// Organization is the number of the organization that owns the client.
	Organization string `json:"organization"`
	// Scopes are the names of the scopes registered on the client.
	Scopes []string `json:"scopes,omitempty"`
	// Keys are the public keys registered on the client. Without any, the
	// client authenticates with a business certificate of its organization.
	Keys []Key `json:"keys,omitempty"`
}

// Key is a registered public key: a JWK (RFC 7517 §4, RFC 7518 §6.3.1) with
// the members that Maskinporten asks for. A private member is an error.
type Key struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
	// Expires is when the registration ends, in seconds since 1970. 0 means never.
	Expires int64 `json:"exp,omitempty"`
}

// PublicKey returns the registration of a public key under a key id. Panics
// if key is nil.
func PublicKey(keyID string, key *rsa.PublicKey) Key {
	var registered Key
	encoded, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: keyID, Algorithm: "RS256", Use: "sig"})
	if err == nil {
		err = json.Unmarshal(encoded, &registered)
	}
	if err != nil {
		panic("sandbox: an RSA public key did not become a JWK: " + err.Error())
	}
	return registered
}

// public reads the key back.
func (k Key) public() (*rsa.PublicKey, error) {
	encoded, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	var read jose.JSONWebKey
	if err := read.UnmarshalJSON(encoded); err != nil {
		return nil, errors.New("not a public RSA JWK")
	}
	key, ok := read.Key.(*rsa.PublicKey)
	switch {
	case !ok:
		return nil, errors.New("not a public RSA JWK")
	case key.N.BitLen() < minKeyBits:
		return nil, fmt.Errorf("the RSA key has %d bits, at least %d are needed", key.N.BitLen(), minKeyBits)
	}
	return key, nil
}

// Delegation says that a customer has delegated a scope to a supplier in Altinn.
type Delegation struct {
	Scope string `json:"scope"`
	// From is the number of the customer, To that of the supplier.
	From string `json:"from"`
	To   string `json:"to"`
}

// SystemUser is a system user in Altinn: a customer's permission to a vendor's
// system.
type SystemUser struct {
	ID string `json:"id"`
	// Organization is the number of the customer who owns the system user.
	Organization string `json:"organization"`
	// ExternalRef tells several system users of one customer apart. Empty
	// means the organization number, as in Altinn.
	ExternalRef string `json:"external_ref,omitempty"`
	// SystemID is the vendor's organization number, "_" and a name.
	SystemID string `json:"system_id"`
	// Clients are the ids of the vendor's clients that are on the system.
	Clients []string `json:"clients,omitempty"`
}

// ParseConfig reads a configuration from strict JSON. Unknown and repeated
// members, and a configuration that does not validate, are errors.
func ParseConfig(data []byte) (Config, error) {
	var config Config
	if err := decodeStrict(data, &config); err != nil {
		return Config{}, fmt.Errorf("sandbox: the configuration is not the expected JSON: %w", err)
	}
	if err := config.Validate(); err != nil {
		return Config{}, err
	}
	return config, nil
}
