package main

import (
	"context"
	"encoding/json"
	"fmt"
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

Options go before the settings file, and that before the environment variables.`,
	prepare: prepareToken,
}

func prepareToken(o *options) action {
	var who registration
	var what asked
	var asJSON bool
	timeout := 30 * time.Second
	what.declareScope(o)
	who.declare(o)
	what.declare(o)
	o.duration(&timeout, "timeout", "TIME", "longest time that it may take; 30s if left out")
	o.flag(&asJSON, "json", "print what is known of the token, as JSON and without secrets")
	return func(ctx context.Context, c *console) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		source, token, err := fetchToken(ctx, c, &who, what)
		switch {
		case err != nil && asJSON:
			return inJSON{err}
		case err != nil:
			return err
		case asJSON:
			return writeTokenJSON(c, source, token)
		}
		_, err = fmt.Fprintln(c.out, token.AccessToken())
		return err
	}
}

// fetchToken returns the token, and the source that it came from.
func fetchToken(ctx context.Context, c *console, who *registration, what asked) (*core.Source, core.Token, error) {
	if err := who.open(); err != nil {
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
	source, err := client.Source(request, what.exchanges(config.Environment)...)
	if err != nil {
		return nil, core.Token{}, err
	}
	token, err := source.Token(ctx)
	return source, token, err
}

// writeTokenJSON writes one line that can be logged.
func writeTokenJSON(c *console, source *core.Source, token core.Token) error {
	instant := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return json.NewEncoder(c.out).Encode(struct {
		TokenType   string `json:"token_type"`
		Scope       string `json:"scope"`
		RequestedAt string `json:"requested_at"`
		ExpiresAt   string `json:"expires_at"`
		UsableUntil string `json:"usable_until"`
		CacheKey    string `json:"cache_key"`
	}{token.TokenType(), token.Scope(), instant(token.RequestedAt()), instant(token.ExpiresAt()), instant(token.UsableUntil()), source.Key()})
}
