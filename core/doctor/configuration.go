package doctor

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// validated returns everything that is wrong with the configuration: what was
// found when it was read, and what core finds in the rest.
func (d *diagnosis) validated() (keys, others []core.Problem) {
	config := d.Config
	if d.KeyUnread {
		config.Key, config.NextKeys, config.ESeal = core.Key{KeyID: "unread"}, nil, false
	}
	for _, p := range append(slices.Clone(d.Problems), problemsOf(config.Validate())...) {
		if isOfKey(p.Field) {
			keys = append(keys, p)
		} else {
			others = append(others, p)
		}
	}
	return keys, others
}

// problemsOf returns the problems that an error of core lists; an error
// without a list is one of them itself.
func problemsOf(err error) []core.Problem {
	var e *core.Error
	if !errors.As(err, &e) {
		return nil
	}
	return e.Problems
}

func isOfKey(field string) bool {
	return isMember(field, "key") || isMember(field, "next_keys") || isMember(field, "--key")
}

// isMember reports whether a field is the member of that name or inside it.
func isMember(field, name string) bool {
	return core.SameMember(field, name) && len(field) >= len(name)
}

const (
	// shortGrant is a life that leaves little room for a slow way and a wrong clock.
	shortGrant     = 30 * time.Second
	sizeOfStoreKey = 32
)

// judgeConfiguration knows what is legal and seldom meant, apart from the keys.
func (d *diagnosis) judgeConfiguration() {
	config, env := d.Config, d.Config.Environment
	host := hostOf(env.Issuer)
	builtIn := core.Environment{Issuer: env.Issuer}.Completed().TokenEndpoint != ""
	known := env.Issuer != "" && !d.refused("environment")
	if known && !builtIn && !isLoopback(env) {
		d.find(Note, "environment.issuer", quoted(env.Issuer)+" is none of Digdir's environments", "Check it if Maskinporten itself is meant; name the environment test or production.")
	}
	if known && env.MetadataURL != "" && hostOf(env.MetadataURL) != host {
		d.find(Warning, "environment.metadata_url", quoted(env.MetadataURL)+" is on another host than the issuer", "Take it from the same environment as the issuer, or leave it out.")
	}
	if trusted := core.TrustedIssuer(env.CustomsTokenEndpoint); known && builtIn && trusted != "" && trusted != env.Issuer {
		d.find(Warning, "environment.customs_token_endpoint", "Customs at "+quoted(env.CustomsTokenEndpoint)+" takes tokens of "+quoted(trusted)+" only",
			"Use Customs and Maskinporten in the same environment, test or production.")
	}
	if known && builtIn && env.AllowLoopbackHTTP {
		d.find(Note, "environment.allow_loopback_http", "it is set, and this environment has TLS", "Leave it out; it is for a sandbox on this machine.")
	}
	d.judgeClientID()
	if life := config.GrantLife; life != 0 && life < shortGrant && !d.refused("grant_life_seconds") {
		d.find(Warning, "grant_life_seconds", "a grant that holds "+life.String()+" may end on its way or by a wrong clock", "Leave it out for 60 seconds.")
	}
	if key := config.StoreKey; len(key) == sizeOfStoreKey && strings.Count(string(key), string(key[:1])) == len(key) {
		d.find(Error, "store_key", "it is one byte over and over, which anybody can guess", "Make 32 random bytes: openssl rand -base64 32.")
	}
}

func (d *diagnosis) judgeClientID() {
	id := d.Config.ClientID
	switch {
	case looksLikeToken(id):
		d.find(Error, "client_id", "what is given looks like a token, not a client id", "Give the client id from self-service; no token belongs in code or configuration.")
	case len(id) == 9 && strings.Trim(id, "0123456789") == "" && !d.Config.ESeal:
		d.find(Warning, "client_id", quoted(id)+" looks like an organization number", "Give the client id from self-service, which is a UUID in most cases.")
	}
}

// looksLikeToken reports whether text begins as every JWT does.
func looksLikeToken(text string) bool { return strings.HasPrefix(text, "eyJ") }

// hostOf returns the host of a URL, with its port.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// isLoopback reports whether an environment that was found legal is on this
// machine: no other may do without TLS.
func isLoopback(env core.Environment) bool { return strings.HasPrefix(env.Issuer, "http://") }

func quoted(text string) string { return `"` + core.Printable(text) + `"` }
