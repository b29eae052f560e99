package main

import (
	"bytes"
	"cmp"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// The environment variables that NAIS gives an application.
const (
	variableClientID      = "MASKINPORTEN_CLIENT_ID"
	variableKey           = "MASKINPORTEN_CLIENT_JWK"
	variableIssuer        = "MASKINPORTEN_ISSUER"
	variableTokenEndpoint = "MASKINPORTEN_TOKEN_ENDPOINT"
	variableMetadata      = "MASKINPORTEN_WELL_KNOWN_URL"
	variableScopes        = "MASKINPORTEN_SCOPES"
)

// Two more that a sandbox gives, in its file env.
const (
	variableCustoms  = "MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT"
	variableLoopback = "MASKINPORTEN_ALLOW_LOOPBACK_HTTP"
)

// registration says who the client is: where it is registered, its id and its
// key. What is known comes from three places, the first of which that has it
// decides: the options, the settings file, the environment variables. With a
// settings file the variables are not read at all. Two things are never put
// together from several places: issuer and token endpoint, key and kid.
type registration struct {
	settingsFile                                        string
	environment, issuer, tokenEndpoint, customsEndpoint string
	loopbackHTTP                                        bool
	clientID                                            string
	key, keyID, algorithm, certificate                  string
	passwordVariable, passwordFile                      string
	eseal, acceptReducedScope                           bool
	grantLife                                           time.Duration

	settings settings // of settingsFile, once read
}

func (r *registration) declare(o *options) {
	o.text(&r.environment, "env", "NAME", "environment of Maskinporten, test or production, or of Skyporten, skyporten-test or skyporten")
	o.text(&r.issuer, "issuer", "URL", "issuer of another environment, slash at the end included; default $"+variableIssuer)
	o.text(&r.tokenEndpoint, "token-endpoint", "URL", "token endpoint of that environment; default $"+variableTokenEndpoint)
	o.text(&r.clientID, "client-id", "ID", "client id from self-service; default $"+variableClientID)
	o.text(&r.key, "key", "FILE|-", "private key: PEM, JWK or PKCS#12, - for stdin; default the JWK in $"+variableKey)
	o.text(&r.keyID, "kid", "ID", "kid under which the key is registered; not needed for a JWK that has it")
	o.text(&r.certificate, "certificate", "FILE", "certificate chain of a virksomhetssertifikat or eSeal that is not in the same file as its key")
	o.choice(&r.algorithm, "alg", "signature algorithm; the JWK's own or RS256 if left out", core.RS256, core.RS384, core.RS512)
	o.text(&r.passwordVariable, "password-env", "NAME", "environment variable that holds the password of the key")
	o.text(&r.passwordFile, "password-file", "FILE", "file that holds the password of the key")
	o.flag(&r.eseal, "eseal", "sign with the eSeal of a European business, which has no registration: the key has no kid but its whole certificate chain, and the client id is any name")
	o.duration(&r.grantLife, "grant-life", "TIME", "how long each grant holds: 10s to 120s, 60s if left out")
	o.flag(&r.acceptReducedScope, "accept-reduced-scope", "take a token that lacks some of the scopes that were asked for")
	o.text(&r.settingsFile, "settings", "FILE", "settings.json of a sandbox; used instead of all environment variables")
	o.text(&r.customsEndpoint, "customs-endpoint", "URL", "token endpoint of Customs, for an environment that is not built in; default $"+variableCustoms)
	o.flag(&r.loopbackHTTP, "allow-loopback-http", "allow http without TLS to this machine, for a sandbox; default $"+variableLoopback)
}

// open reads the settings file, if one is given.
func (r *registration) open() (err error) {
	switch {
	case r.environment != "" && r.issuer+r.tokenEndpoint != "":
		return misused("--env and --issuer with --token-endpoint exclude each other")
	case r.passwordVariable != "" && r.passwordFile != "":
		return misused("--password-env and --password-file exclude each other")
	case r.settingsFile != "":
		r.settings, err = readSettings(r.settingsFile)
	}
	if r.eseal {
		r.settings = r.settings.asESeal()
	}
	return err
}

// variable returns an environment variable without the white space that
// secrets pick up on their way.
func (r *registration) variable(c *console, name string) string {
	if r.settingsFile != "" {
		return ""
	}
	return strings.TrimSpace(c.variable(name))
}

// given is a registration as far as it could be read: what is wrong with its
// environment and its key, and everything that is not there.
type given struct {
	config                 core.ClientConfig
	environmentErr, keyErr error
	missing                []core.Problem
}

// config returns the client's configuration. Everything that is missing is
// listed at once, together with what the caller already misses.
func (r *registration) config(c *console, missing []core.Problem) (core.ClientConfig, error) {
	g := r.read(c)
	if g.environmentErr != nil {
		return g.config, g.environmentErr
	}
	if err := core.InvalidInput(core.CodeInvalidConfig, append(missing, g.missing...)); err != nil {
		return g.config, err
	}
	if g.keyErr != nil {
		return g.config, g.keyErr
	}
	return g.config, g.config.Validate()
}

func (r *registration) read(c *console) (g given) {
	g.config = core.ClientConfig{
		ClientID:  cmp.Or(r.clientID, r.settings.ClientID, r.variable(c, variableClientID)),
		Transport: nethttp.New(nethttp.Config{}),
		ESeal:     r.eseal, GrantLife: r.grantLife, AcceptReducedScope: r.acceptReducedScope,
	}
	var environment core.Environment
	environment, g.environmentErr = r.chooseEnvironment(c)
	g.config.Environment = environment
	switch {
	case g.environmentErr != nil:
	case environment.Issuer == "" && environment.TokenEndpoint == "" && environment.MetadataURL != "":
		g.miss(variableMetadata, "alone it does not say where grants go",
			"Set "+variableIssuer+" and "+variableTokenEndpoint+" too, to the issuer and token_endpoint in the document at that address.")
	case environment.Issuer == "" && environment.TokenEndpoint == "":
		g.miss("--env", "no environment is given", "Give --env test or --env production, or set "+variableIssuer+" and "+variableTokenEndpoint+".")
	}
	if g.config.ClientID == "" {
		g.miss("--client-id", "no client id is given", r.worded("Give the client id from Maskinporten's self-service with --client-id, or in "+variableClientID+".",
			"Give any name with --client-id, or in "+variableClientID+"; an eSeal is not registered."))
	}
	data, options, err := r.readKey(c)
	defer clear(data)
	switch {
	case err != nil:
		g.keyErr = err
	case data == nil:
		g.miss("--key", "no key is given", r.worded("Give a file with the private key with --key, or a private JWK in "+variableKey+"; maskinporten keygen makes one.",
			"Give the file of the eSeal, with its key and its whole certificate chain, with --key."))
	default:
		var private *keys.Private
		if private, g.keyErr = keys.Parse(data, options); g.keyErr == nil {
			g.config.Key = private.Key()
		}
	}
	return g
}

// worded is the text for a registered client, or for one with an eSeal.
func (r *registration) worded(registered, sealed string) string {
	if r.eseal {
		return sealed
	}
	return registered
}

func (g *given) miss(field, message, remedy string) {
	g.missing = append(g.missing, core.Problem{Field: field, Message: message, Remedy: remedy})
}

func (r *registration) chooseEnvironment(c *console) (core.Environment, error) {
	var e core.Environment
	var err error
	switch {
	case r.environment != "":
		e, err = core.EnvironmentByName(r.environment)
	case r.issuer+r.tokenEndpoint != "":
		e = core.Environment{Issuer: r.issuer, TokenEndpoint: r.tokenEndpoint}
	case r.settingsFile != "":
		e = r.settings.environment()
	default:
		e = core.Environment{Issuer: r.variable(c, variableIssuer), TokenEndpoint: r.variable(c, variableTokenEndpoint),
			MetadataURL: r.variable(c, variableMetadata)}
	}
	e = e.Completed()
	e.CustomsTokenEndpoint = cmp.Or(r.customsEndpoint, r.variable(c, variableCustoms), e.CustomsTokenEndpoint)
	e.AllowLoopbackHTTP = e.AllowLoopbackHTTP || r.loopbackHTTP || r.variable(c, variableLoopback) == "true"
	return e, err
}

// readKey returns the key as it stands in its file or variable, and how to
// read it; nil if none is given.
func (r *registration) readKey(c *console) ([]byte, keys.Options, error) {
	options := keys.Options{KeyID: r.keyID, Algorithm: r.algorithm}
	password, err := r.password(c)
	if err != nil {
		return nil, options, err
	}
	options.Password = password
	if r.certificate != "" {
		if options.CertificateChain, err = readFile(r.certificate, "--certificate"); err != nil {
			return nil, options, err
		}
	}
	file, option := r.key, "--key"
	if file == "" {
		file, option = cmp.Or(r.settings.KeyPEM, r.settings.KeyJWK), r.worded("key_pem in the settings", "eseal.pem in the settings")
		options.KeyID = cmp.Or(r.keyID, r.settings.KeyID)
	}
	if file == "" {
		if jwk := r.variable(c, variableKey); jwk != "" {
			return []byte(jwk), options, nil
		}
		return nil, options, nil
	}
	data, err := readFile(file, option)
	return data, options, err
}

// password never comes from an option: other users of the machine can see the
// arguments of a program.
func (r *registration) password(c *console) (string, error) {
	switch {
	case r.passwordVariable != "":
		if password := c.variable(r.passwordVariable); password != "" {
			return password, nil
		}
		return "", failed(core.CodeInvalidArgument, "the environment variable "+core.Printable(r.passwordVariable)+" is empty or not set",
			"Set it to the password of the key, and export it; --password-env takes its name.", nil)
	case r.passwordFile != "":
		data, err := readFile(r.passwordFile, "--password-file")
		defer clear(data)
		return string(bytes.TrimRight(data, "\r\n")), err
	}
	return "", nil
}
