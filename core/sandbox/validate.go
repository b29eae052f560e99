package sandbox

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Validate returns everything that is wrong with the configuration, one
// problem a line, or nil.
func (c Config) Validate() error {
	var problems []error
	report := func(where, format string, arguments ...any) {
		problems = append(problems, fmt.Errorf("sandbox: %s: %s", where, fmt.Sprintf(format, arguments...)))
	}
	organization := func(where, number string) {
		if !isDigits(number, 9) {
			report(where, "%q is not an organization number of nine digits", number)
		}
	}

	if _, err := listenAddress(c.Listen); err != nil {
		report("listen", "%v", err)
	}
	if n := len(c.Organizations) + len(c.Scopes) + len(c.Clients) + len(c.Delegations) + len(c.SystemUsers) + len(c.Consents); n > maxListed {
		report("all lists", "they have %d members, at most %d are kept", n, maxListed)
	}
	for i, o := range c.Organizations {
		organization(fmt.Sprintf("organizations[%d].number", i), o.Number)
	}

	scopes := map[string]Scope{}
	for i, s := range c.Scopes {
		where := fmt.Sprintf("scopes[%d]", i)
		if prefix, rest, ok := strings.Cut(s.Name, ":"); !ok || prefix == "" || rest == "" || strings.ContainsAny(s.Name, " \t\r\n\"\\") {
			report(where+".name", "%q is not of the form prefix:subscope", s.Name)
		}
		if _, taken := scopes[s.Name]; taken {
			report(where+".name", "there are two scopes %q", s.Name)
		}
		if s.LifetimeSeconds < 0 {
			report(where+".lifetime_seconds", "%d is negative", s.LifetimeSeconds)
		}
		for _, number := range s.AccessFor {
			organization(where+".access_for", number)
		}
		scopes[s.Name] = s
	}

	clients := map[string]Client{}
	for i, client := range c.Clients {
		where := fmt.Sprintf("clients[%d]", i)
		if client.ClientID == "" {
			report(where+".client_id", "it is empty")
		}
		if _, taken := clients[client.ClientID]; taken {
			report(where+".client_id", "there are two clients %q", client.ClientID)
		}
		organization(where+".organization", client.Organization)
		for _, name := range client.Scopes {
			if _, known := scopes[name]; !known {
				report(where+".scopes", "there is no scope %q", name)
			}
		}
		c.validateKeys(where, client.Keys, report)
		clients[client.ClientID] = client
	}

	for i, d := range c.Delegations {
		where := fmt.Sprintf("delegations[%d]", i)
		organization(where+".from", d.From)
		organization(where+".to", d.To)
		if !scopes[d.Scope].Delegable {
			report(where+".scope", "%q is not a scope that can be delegated", d.Scope)
		}
	}
	for i, u := range c.SystemUsers {
		where := fmt.Sprintf("system_users[%d]", i)
		if u.ID == "" {
			report(where+".id", "it is empty")
		}
		organization(where+".organization", u.Organization)
		vendor, name, _ := strings.Cut(u.SystemID, "_")
		if !isDigits(vendor, 9) || name == "" {
			report(where+".system_id", "%q is not a vendor's organization number, an underscore and a name", u.SystemID)
		}
		for _, id := range u.Clients {
			if client, known := clients[id]; !known || client.Organization != vendor {
				report(where+".clients", "%q is not a client of the vendor %s", id, vendor)
			}
		}
	}

	consents := map[string]bool{}
	for i, consent := range c.Consents {
		where := fmt.Sprintf("consents[%d]", i)
		for _, problem := range consent.validate() {
			report(where, "%s", problem)
		}
		if consents[consent.ID] {
			report(where+".id", "there are two consents %q", consent.ID)
		}
		consents[consent.ID] = true
		organization(where+".to", consent.To)
		if _, known := scopes[consent.Scope]; !known && consent.Scope != "" {
			report(where+".scope", "there is no scope %q", consent.Scope)
		}
	}

	for _, pem := range []struct{ where, text string }{
		{"trusted_roots", c.TrustedRoots}, {"known_intermediates", c.KnownIntermediates}, {"eseal_roots", c.ESealRoots},
	} {
		if _, err := readCertificates(pem.text); err != nil {
			report(pem.where, "%v", err)
		}
	}
	if c.CustomsLifetimeSeconds < 0 {
		report("customs_lifetime_seconds", "%d is negative", c.CustomsLifetimeSeconds)
	}
	return errors.Join(problems...)
}

func (c Config) validateKeys(where string, keys []Key, report func(where, format string, arguments ...any)) {
	var seen []string
	for i, key := range keys {
		where := fmt.Sprintf("%s.keys[%d]", where, i)
		if _, err := key.public(); err != nil {
			report(where, "%v", err)
		}
		if key.Use != "sig" {
			report(where+".use", `%q is not "sig"`, key.Use)
		}
		if !slices.Contains(acceptedAlgorithms, key.Algorithm) {
			report(where+".alg", "%q is not one of %s", key.Algorithm, strings.Join(acceptedAlgorithms, ", "))
		}
		if key.KeyID == "" || slices.Contains(seen, key.KeyID) {
			report(where+".kid", "%q is empty or used twice", key.KeyID)
		}
		seen = append(seen, key.KeyID)
	}
	if len(keys) > maxClientKeys {
		report(where+".keys", "%d keys, at most %d can be registered", len(keys), maxClientKeys)
	}
}

const (
	minKeyBits    = 2048
	maxClientKeys = 5
	// maxListed bounds what controls can add while the sandbox runs.
	maxListed = 100_000
)

// listenAddress returns the address to listen on, or why it is not one.
func listenAddress(listen string) (string, error) {
	if listen == "" {
		return "127.0.0.1:0", nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("%q is not an address of the form host:port", listen)
	}
	if !isLoopbackHost(host) {
		return "", fmt.Errorf("%q is not a loopback address; the sandbox is for this machine only, use 127.0.0.1", host)
	}
	return net.JoinHostPort(host, port), nil
}

func isLoopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isDigits(text string, length int) bool {
	return len(text) == length && strings.Trim(text, "0123456789") == ""
}
