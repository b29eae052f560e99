package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
)

// exchanges are what the token is led through, in the order of the options.
// Where Customs is depends on the environment, and where a sandbox's Altinn is
// on its settings: open and at fill that in.
type exchanges []core.Exchange

func (x *exchanges) declare(o *options) {
	o.add("exchange", "EXCHANGE", "exchange the token: customs, altinn:ENV (prod, tt02, at21 to at24 or yt01), or the URL of a token endpoint of RFC 8693; "+
		"customs=URL and altinn=URL for another address; altinn alone with --settings; may be given several times, in order", true, x.read)
	o.add("exchange-audience", "NAME", "audience to ask for at the --exchange before it, which must be one of RFC 8693; may be given several times", true,
		x.member(func(last *core.Exchange, text string) { last.Audience = append(last.Audience, text) }))
	o.add("exchange-resource", "URI", "resource to ask for, likewise", true,
		x.member(func(last *core.Exchange, text string) { last.Resource = append(last.Resource, text) }))
	o.add("exchange-scope", "SCOPE", "scope to ask for, likewise", true,
		x.member(func(last *core.Exchange, text string) { last.Scopes = append(last.Scopes, text) }))
	o.add("subject-token-type", "URI", "type of the token that is exchanged, likewise; that of an access token if left out", true,
		x.member(func(last *core.Exchange, text string) { last.SubjectTokenType = text }))
	o.add("requested-token-type", "URI", "type of token to ask for, likewise", true,
		x.member(func(last *core.Exchange, text string) { last.RequestedTokenType = text }))
	o.flagDo("exchange-test", "have the altinn --exchange before it make the token one of the test organization ttd, if it is one of Digdir",
		func(on bool) error {
			last, err := x.last()
			if err == nil {
				last.TestOrganization = on
			}
			return err
		})
}

// member reads an option about the exchange before it.
func (x *exchanges) member(set func(last *core.Exchange, text string)) func(string) error {
	return func(text string) error {
		last, err := x.last()
		switch {
		case err != nil:
			return err
		case text == "":
			return errEmpty
		}
		set(last, text)
		return nil
	}
}

func (x *exchanges) last() (*core.Exchange, error) {
	if len(*x) == 0 {
		return nil, errors.New("it goes behind the --exchange that it is about")
	}
	return &(*x)[len(*x)-1], nil
}

func (x *exchanges) read(text string) error {
	exchange, err := readExchange(text)
	if err == nil {
		*x = append(*x, exchange)
	}
	return err
}

func readExchange(text string) (core.Exchange, error) {
	kind, url, located := strings.Cut(text, "=")
	environment, named := strings.CutPrefix(text, "altinn:")
	switch {
	case kind == "customs", kind == "altinn":
		if located && url == "" {
			return core.Exchange{}, errors.New("there is no URL behind " + text)
		}
		return core.Exchange{Kind: core.ExchangeKind(kind), Name: kind, TokenEndpoint: url}, nil
	case named:
		exchange, err := core.AltinnExchange(environment)
		var wrong *core.Error
		if errors.As(err, &wrong) {
			return exchange, fmt.Errorf("%s. %s", wrong.Problems[0].Message, asOptions(wrong.Remedy))
		}
		return exchange, err
	case strings.Contains(text, "://"):
		return core.TokenExchange(text), nil
	}
	return core.Exchange{}, fmt.Errorf("%q is not one of customs, altinn:ENV, customs=URL, altinn=URL and the URL of a token endpoint", core.Printable(text))
}

// open fills in the addresses that the settings have.
func (x exchanges) open(s settings) error {
	for i := range x {
		if exchange := &x[i]; exchange.Kind == core.ExchangeAltinn && exchange.TokenEndpoint == "" {
			if exchange.TokenEndpoint = s.AltinnExchange; exchange.TokenEndpoint == "" {
				return misused("--exchange: altinn alone is that of a sandbox, by its --settings; name Altinn's environment, as in altinn:tt02")
			}
		}
	}
	return nil
}

// at fills in the addresses that the environment has.
func (x exchanges) at(environment core.Environment) []core.Exchange {
	list := slices.Clone(x)
	for i := range list {
		if exchange := &list[i]; exchange.Kind == core.ExchangeCustoms && exchange.TokenEndpoint == "" {
			exchange.TokenEndpoint = environment.CustomsTokenEndpoint
		}
	}
	return list
}
