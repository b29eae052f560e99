package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

var tokenCommand = command{
	name:    "token",
	usage:   "--scope SCOPE [options]",
	summary: "get an access token",
	about: `Gets an access token and prints it, alone, on stdout. With --json it prints what is known of the
token and not the token itself; an error is then a JSON object on stderr.

  maskinporten token --env test --client-id ID --key key.jwk --scope toll:movement/road/v2

With --header it prints a line for a request, which curl reads without showing it to other programs:

  maskinporten token --scope SCOPE --exchange altinn:tt02 --header | curl -H @- https://api.example.no

Options go before the settings file, and that before the environment variables.`,
	prepare: prepareToken,
}

func prepareToken(o *options) action {
	var who registration
	var what asked
	var form tokenForm
	timeout := 30 * time.Second
	what.declareScope(o)
	who.declare(o)
	what.declare(o)
	o.duration(&timeout, "timeout", "TIME", "longest time that it may take; 30s if left out")
	form.declare(o)
	return func(ctx context.Context, c *console) error {
		if err := form.check(); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		source, token, err := fetchToken(ctx, c, &who, what)
		switch {
		case err != nil && form.json:
			return inJSON{err}
		case err != nil:
			return err
		}
		return form.write(c.out, source, token)
	}
}

// fetchToken returns the token, and the source that it came from.
func fetchToken(ctx context.Context, c *console, who *registration, what asked) (*core.Source, core.Token, error) {
	if err := what.open(who); err != nil {
		return nil, core.Token{}, err
	}
	request := what.tokenRequest(c, who)
	var missing []core.Problem
	if len(request.Scopes) == 0 {
		missing = append(missing, core.Problem{Field: "--scope", Message: "no scope is given",
			Remedy: "Give a scope that is registered on the client with --scope, or in " + variableScopes + "."})
	}
	config, err := who.config(c, missing)
	if err != nil {
		return nil, core.Token{}, err
	}
	client, err := core.NewClient(config)
	if err != nil {
		return nil, core.Token{}, err
	}
	defer client.Close()
	source, err := client.Source(request, what.exchanges.at(config.Environment)...)
	if err != nil {
		return nil, core.Token{}, err
	}
	token, err := source.Token(ctx)
	return source, token, err
}

// tokenForm is how the token is printed; the zero value is the token alone.
type tokenForm struct{ header, json, withToken bool }

func (f *tokenForm) declare(o *options) {
	o.flag(&f.header, "header", `print the token as a line "Authorization: Bearer TOKEN"`)
	o.flag(&f.json, "json", "print what is known of the token, as JSON and without secrets")
	o.flag(&f.withToken, "with-token", "let the JSON have the token too, as access_token")
}

func (f *tokenForm) check() error {
	switch {
	case f.header && f.json:
		return misused("--header and --json exclude each other")
	case f.withToken && !f.json:
		return misused("--with-token is for --json; without it the token is printed anyway")
	}
	return nil
}

func (f *tokenForm) write(w io.Writer, source *core.Source, token core.Token) (err error) {
	switch {
	case f.json:
		return f.writeJSON(w, source, token)
	case f.header:
		_, err = fmt.Fprintln(w, "Authorization: "+token.Header())
	default:
		_, err = fmt.Fprintln(w, token.AccessToken())
	}
	return err
}

// writeJSON writes one line, which can be logged unless it has the token.
func (f *tokenForm) writeJSON(w io.Writer, source *core.Source, token core.Token) error {
	instant := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	secret := ""
	if f.withToken {
		secret = token.AccessToken()
	}
	return json.NewEncoder(w).Encode(struct {
		AccessToken string `json:"access_token,omitempty"`
		TokenType   string `json:"token_type"`
		Scope       string `json:"scope"`
		RequestedAt string `json:"requested_at"`
		ExpiresAt   string `json:"expires_at"`
		UsableUntil string `json:"usable_until"`
		CacheKey    string `json:"cache_key"`
	}{secret, token.TokenType(), token.Scope(), instant(token.RequestedAt()), instant(token.ExpiresAt()), instant(token.UsableUntil()), source.Key()})
}
