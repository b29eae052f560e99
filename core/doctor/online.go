package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// reachable says why nothing can be sent to the environment, or nothing.
func (e *examination) reachable() string {
	switch {
	case e.Config.Transport == nil:
		return "there is no transport"
	case e.report.Environment.Validate() != nil:
		return "the environment is not right yet"
	}
	return ""
}

// send sends one request outside of any client.
func (e *examination) send(ctx context.Context, request core.Request) (response core.Response, sent, received core.Instant, err error) {
	ctx, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	sent = e.now()
	response, err = e.Config.Transport.Send(ctx, request)
	received = e.now()
	var known *core.Error
	if err != nil && !errors.As(err, &known) {
		err = core.NewError(core.CodeConnectionFailed, "the request got no answer", err)
	}
	return response, sent, received, err
}

// metadata reads the document of the environment and compares what it says,
// and the time that it was sent at.
func (e *examination) metadata(ctx context.Context) {
	var response core.Response
	var sent, received core.Instant
	answered := false
	e.step("metadata", func(s *Step) {
		if why := e.reachable(); why != "" {
			s.skip(why)
			return
		}
		env := e.report.Environment
		if env.MetadataURL == "" {
			s.skip("the environment has no metadata_url")
			return
		}
		var err error
		response, sent, received, err = e.send(ctx, core.NewMetadataRequest(env))
		s.Took = received.Time().Sub(sent.Time())
		if err != nil {
			s.fail(Error, "environment.metadata_url", err)
			return
		}
		answered = true
		read, err := core.ReadMetadata(response, env.Issuer)
		switch {
		case errors.Is(err, &core.Error{Code: core.CodeMetadataMismatch}):
			s.fail(Error, "environment.issuer", err)
		case err != nil: // no token depends on it
			s.fail(Warning, "environment.metadata_url", err)
		case read.TokenEndpoint != env.TokenEndpoint:
			s.find(Error, "environment.token_endpoint", "the metadata names another one: "+quoted(read.TokenEndpoint), "Use that one, or name the environment test or production.")
		default:
			s.Detail = "issuer and token endpoint are as configured"
		}
	})
	e.step("clock", func(s *Step) {
		if !answered {
			s.skip("the metadata was not answered")
			return
		}
		judgeClock(s, response, sent, received)
	})
}

// judgeClock compares this machine's clock with that of an answer.
func judgeClock(s *Step, response core.Response, sent, received core.Instant) {
	offset, ok := core.ServerClockOffset(response, sent, received)
	if !ok {
		s.skip("the answer does not say the time")
		return
	}
	wrong := "this machine is " + offset.Abs().Round(time.Second).String() + " behind"
	if offset < 0 {
		wrong = "this machine is " + offset.Abs().Round(time.Second).String() + " ahead"
	}
	const remedy = "Let the machine set its clock by NTP."
	switch {
	case offset.Abs() >= core.ClockTolerance:
		s.find(Error, "clock", wrong+": grants made by this clock are refused, and this library corrects it only after a refusal", remedy)
	case offset.Abs() >= core.ClockTolerance/2:
		s.find(Warning, "clock", wrong, remedy)
	default:
		s.Detail = fmt.Sprintf("within %s of the server's", core.ClockTolerance/2)
	}
}

// tokenEndpoint asks for a token without a grant, which must be refused.
func (e *examination) tokenEndpoint(ctx context.Context) {
	e.step("token endpoint", func(s *Step) {
		if why := e.reachable(); why != "" {
			s.skip(why)
			return
		}
		response, sent, received, err := e.send(ctx, core.NewTokenRequest(e.report.Environment, ""))
		s.Took = received.Time().Sub(sent.Time())
		if err == nil {
			_, err = core.ReadTokenResponse(response, nil, sent)
		}
		var refused *core.Error
		if errors.As(err, &refused) && refused.OAuthError != "" && refused.Status >= 400 && refused.Status < 500 {
			s.Detail = "it answers, and refuses a request without a grant"
			return
		}
		if err == nil {
			err = core.NewError(core.CodeInvalidResponse, "the token endpoint gives a token for nothing", nil)
		}
		s.fail(Error, "environment.token_endpoint", err)
	})
}

// tokens gets a token, and leads it through the exchanges one by one.
func (e *examination) tokens(ctx context.Context) {
	names := []string{"token"}
	for i, x := range e.Exchanges {
		name := x.Name
		if name == "" {
			name = string(x.Kind)
		}
		names = append(names, fmt.Sprintf("exchange %d: %s", i+1, core.Printable(name)))
	}
	why := ""
	switch {
	case !e.report.OK || e.unsigned:
		why = "there is something to correct first"
	case e.Config.Transport == nil:
		why = "there is no transport"
	case e.Config.Key.Signer == nil:
		why = "the key has no private part here"
	}
	var client *core.Client
	if why == "" {
		config, err := e.Config, error(nil)
		config.Store, config.StoreKey = nil, nil // a token of another process proves nothing
		if client, err = core.NewClient(config); err != nil {
			why = "there is something to correct first"
		} else {
			defer client.Close()
		}
	}
	for i, name := range names {
		e.step(name, func(s *Step) {
			if why != "" {
				s.skip(why)
				return
			}
			if e.token(ctx, s, client, i); !s.OK() {
				why = "the step before it failed"
			}
		})
	}
}

// token gets the token behind that many exchanges.
func (e *examination) token(ctx context.Context, s *Step, client *core.Client, hops int) {
	field := "token"
	if hops > 0 {
		field = fmt.Sprintf("exchanges[%d]", hops-1)
	}
	began := time.Now()
	source, err := client.Source(*e.Request, e.Exchanges[:hops]...)
	if err != nil {
		s.fail(Error, field, err)
		return
	}
	token, err := source.Token(ctx)
	s.Took = time.Since(began)
	if err != nil {
		s.fail(Error, field, err)
		return
	}
	life := token.ExpiresAt().Sub(token.RequestedAt()).Round(time.Second)
	s.Detail = "holds " + life.String()
	if token.Scope() != "" {
		s.Detail += ", scope " + core.Printable(token.Scope())
	}
	if life < time.Minute {
		s.find(Note, field, "it holds "+life.String()+" only", "Ask the API's owner whether the scope may have a longer life.")
	}
}
