package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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
	var request core.TokenRequest
	var systemUser, exchange string
	var asJSON bool
	timeout := 30 * time.Second
	o.list(&request.Scopes, "scope", "SCOPE", "what the token shall give access to; may be given several times; default $"+variableScopes)
	who.declare(o)
	o.list(&request.Resource, "resource", "URI", "API that the token is for, its aud; may be given several times")
	o.text(&request.ConsumerOrg, "consumer-org", "NUMBER", "organization number of the customer who delegated the scope")
	o.text(&request.PID, "pid", "NUMBER", "restrict the token to the person with this national identity number")
	o.text(&systemUser, "system-user", "ORG[:REF]", "owner of an Altinn system user, and its externalRef if it has one")
	o.choice(&exchange, "exchange", "exchange the token at Norwegian Customs and print theirs", "customs")
	o.duration(&timeout, "timeout", "TIME", "longest time that it may take; 30s if left out")
	o.flag(&asJSON, "json", "print what is known of the token, as JSON and without secrets")
	return func(ctx context.Context, c *console) error {
		if systemUser != "" {
			org, reference, _ := strings.Cut(systemUser, ":")
			request.SystemUser = &core.SystemUser{Org: org, ExternalRef: reference}
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		source, token, err := fetchToken(ctx, c, &who, request, exchange)
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
func fetchToken(ctx context.Context, c *console, who *registration, request core.TokenRequest, exchange string) (
	*core.Source, core.Token, error) {
	if err := who.open(); err != nil {
		return nil, core.Token{}, err
	}
	if len(request.Scopes) == 0 {
		request.Scopes = strings.Fields(who.variable(c, variableScopes))
	}
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
	var exchanges []core.Exchange
	if exchange != "" {
		exchanges = append(exchanges, core.CustomsExchange(config.Environment))
	}
	source, err := client.Source(request, exchanges...)
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
