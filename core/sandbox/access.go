package sandbox

import "strings"

// The rules for what a client may ask for, and for whom.

func checkScopes(t *tokenRequest) *refusal {
	seen := map[string]bool{}
	for _, name := range strings.Fields(text(t.grant.claims, "scope")) {
		if !t.client.scopes[name] {
			return scopeNotRegistered.with(name)
		}
		if !seen[name] {
			t.scopes = append(t.scopes, t.world.scopes[name])
		}
		seen[name] = true
	}
	return nil
}

func checkIntegrationType(t *tokenRequest) *refusal {
	for _, s := range t.scopes {
		if !s.forIntegration {
			return scopeNotAllowed.because("the scope %s is not for integration type %s", s.name, integrationType)
		}
	}
	return nil
}

// checkConsumer finds out for whom the token is: the client's organization, or
// the customer that it names in consumer_org.
func checkConsumer(t *tokenRequest) *refusal {
	t.consumer = t.client.organization
	switch customer := text(t.grant.claims, "consumer_org"); {
	case customer == "":
	case t.seal:
		// Undocumented. Delegations are made to Norwegian organizations.
		return malformedGrant.because("an eSeal cannot have consumer_org")
	case customer == t.client.organization:
		return ownConsumerOrg.because("consumer_org is the client's own organization")
	default:
		t.consumer, t.supplier = customer, t.client.organization
	}
	return nil
}

// checkAccess wants the consumer to have been granted each scope. A supplier
// that forgets consumer_org fails here, with its own organization.
func checkAccess(t *tokenRequest) *refusal {
	for _, s := range t.scopes {
		if !s.forAll && !s.access[t.consumer] {
			return accessNotGranted.with(s.name)
		}
	}
	return nil
}

func checkDelegation(t *tokenRequest) *refusal {
	if t.supplier == "" {
		return nil
	}
	for _, s := range t.scopes {
		if !t.world.delegations[Delegation{s.name, t.consumer, t.supplier}] {
			return notDelegated.with(t.consumer + " has not delegated access to the scope " + s.name + " to supplier " + t.supplier)
		}
	}
	return nil
}
