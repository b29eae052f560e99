package sandbox

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// world is a configuration arranged for looking things up. It is made once and
// never changed, so that requests read it without a lock.
type world struct {
	config        Config
	clients       map[string]*client
	scopes        map[string]*scope
	delegations   map[Delegation]bool
	systemUsers   map[systemUserKey]SystemUser
	consents      map[string]Consent
	altinnCodes   map[string]string // by organization number
	roots         *x509.CertPool
	intermediates []*x509.Certificate
	sealRoots     *x509.CertPool

	allowedClaims    map[string]bool
	strictIssueTime  bool
	delegationSource string
	customsLifetime  time.Duration

	key func() *issuerKey // that Maskinporten signs with
}

type client struct {
	id           string
	organization string
	scopes       map[string]bool
	keys         map[string]registeredKey
}

type registeredKey struct {
	public  *rsa.PublicKey
	expires int64
}

type scope struct {
	name           string
	lifetime       time.Duration
	access         map[string]bool
	forAll         bool
	forSeals       bool // European businesses may use it
	forIntegration bool // integration type maskinporten may use it
}

// systemUserKey is what Altinn looks a system user up by.
type systemUserKey struct{ clientID, vendor, owner, externalRef string }

const (
	defaultLifetime         = 120 * time.Second
	defaultCustomsLifetime  = 970 * time.Second
	defaultDelegationSource = "https://tt02.altinn.no/"
	integrationType         = "maskinporten"
)

func newWorld(c Config) (*world, error) {
	c, err := c.clone() // the caller may go on changing its own
	if err != nil {
		return nil, fmt.Errorf("sandbox: the configuration cannot be written as JSON: %w", err)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	roots, err := readCertificates(c.TrustedRoots)
	if err != nil {
		return nil, err
	}
	intermediates, err := readCertificates(c.KnownIntermediates)
	if err != nil {
		return nil, err
	}
	sealRoots, err := readCertificates(c.ESealRoots)
	if err != nil {
		return nil, err
	}
	allowed := c.AllowedClaims
	if allowed == nil {
		allowed = []string{"nbf", "sub"}
	}
	w := &world{
		config:           c,
		clients:          map[string]*client{},
		scopes:           map[string]*scope{},
		delegations:      set(c.Delegations),
		systemUsers:      map[systemUserKey]SystemUser{},
		consents:         map[string]Consent{},
		altinnCodes:      map[string]string{},
		roots:            poolOf(roots),
		intermediates:    intermediates,
		sealRoots:        poolOf(sealRoots),
		allowedClaims:    set(allowed),
		strictIssueTime:  c.StrictIssueTime,
		delegationSource: c.DelegationSource,
		customsLifetime:  seconds(c.CustomsLifetimeSeconds, defaultCustomsLifetime),
		key:              maskinportenKey,
	}
	if c.FastTokens {
		w.key = fastKey
	}
	if w.delegationSource == "" {
		w.delegationSource = defaultDelegationSource
	}
	for _, o := range c.Organizations {
		w.altinnCodes[o.Number] = o.AltinnCode
	}
	for _, s := range c.Scopes {
		types := set(s.IntegrationTypes)
		w.scopes[s.Name] = &scope{
			name:           s.Name,
			lifetime:       seconds(s.LifetimeSeconds, defaultLifetime),
			access:         set(s.AccessFor),
			forAll:         s.AccessibleForAll,
			forSeals:       s.SupportsEuropeanBusinesses,
			forIntegration: len(types) == 0 || types[integrationType],
		}
	}
	for _, registered := range c.Clients {
		keys := map[string]registeredKey{}
		for _, key := range registered.Keys {
			public, err := key.public()
			if err != nil {
				return nil, err
			}
			keys[key.KeyID] = registeredKey{public, key.Expires}
		}
		w.clients[registered.ClientID] = &client{registered.ClientID, registered.Organization, set(registered.Scopes), keys}
	}
	for _, user := range c.SystemUsers {
		if user.ExternalRef == "" {
			user.ExternalRef = user.Organization
		}
		for _, id := range user.Clients {
			w.systemUsers[systemUserKey{id, w.clients[id].organization, user.Organization, user.ExternalRef}] = user
		}
	}
	for _, consent := range c.Consents {
		w.consents[consent.ID] = consent
	}
	return w, nil
}

func set[T comparable](list []T) map[T]bool {
	members := make(map[T]bool, len(list))
	for _, member := range list {
		members[member] = true
	}
	return members
}

func seconds(n int, otherwise time.Duration) time.Duration {
	if n == 0 {
		return otherwise
	}
	return time.Duration(n) * time.Second
}
