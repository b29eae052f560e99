package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// story does the job with the Go client and tells it to a newcomer.
type story struct {
	w       io.Writer
	config  core.ClientConfig
	outcome outcome
	chapter int
}

// tellStory returns the Go row of the table. Its error is that there is no
// story to tell; what went wrong in the story is in the row.
func tellStory(ctx context.Context, c *console, w io.Writer, settingsFile string) (row, error) {
	who := registration{settingsFile: settingsFile}
	if err := who.open(); err != nil {
		return row{}, err
	}
	config, err := who.config(c, nil)
	if err != nil {
		return row{}, err
	}
	client, err := core.NewClient(config)
	if err != nil {
		return row{}, err
	}
	defer client.Close()
	witness, err := newWitness(ctx, settingsFile)
	if err != nil {
		return row{}, err
	}

	s := &story{w: w, config: config}
	s.introduce(who.settings)
	begun := time.Now()
	err = s.tell(ctx, client, who.settings)
	result := row{name: "Go", took: time.Since(begun)}
	if denied := witness.confirm(ctx, &s.outcome); err == nil {
		err = denied
	}
	result.outcome, result.err = s.outcome, err
	return result, nil
}

func (s *story) introduce(given settings) {
	s.say("One job, start to end: a program proves who it is, gets an access token from Maskinporten,\n" +
		"has it exchanged at Norwegian Customs, and calls an API with the result.")
	if given.Control != "" {
		s.say("\nA sandbox plays Maskinporten, Customs and the API, at %s\n"+
			"on this machine. It checks as the real ones do. No network is used, no secret is shown.", strings.TrimSuffix(given.Issuer, "/"))
	}
}

// tell does the job.
func (s *story) tell(ctx context.Context, client *core.Client, given settings) error {
	request := core.TokenRequest{Scopes: []string{given.Scopes.Customs}}
	plain, err := client.Source(request)
	if err != nil {
		return err
	}
	exchanged, err := client.Source(request, core.CustomsExchange(s.config.Environment))
	if err != nil {
		return err
	}

	token, err := s.walk(ctx, plain)
	if err != nil {
		return err
	}
	s.outcome.Grant, s.outcome.Token = true, token.AccessToken() != ""
	s.received(token, "Maskinporten says yes")
	s.fact("Kept", "in the cache, for everyone who asks for the same while it holds;")
	s.fact("", "a new one is fetched in the background once %s to %s have passed", share(token, 40), share(token, 48))

	token, err = s.walk(ctx, exchanged)
	if err != nil {
		return err
	}
	s.outcome.Customs = true
	s.outcome.ExpiresInS = int(time.Until(token.ExpiresAt()).Round(time.Second).Seconds())
	s.received(token, "Customs says yes")
	s.fact("Kept", "while it holds, neither Customs nor Maskinporten is asked again")

	if err := s.call(ctx, exchanged, s.config.Environment.CustomsTestAuth); err != nil {
		return err
	}
	return s.askAgain(ctx, exchanged, token)
}

// askAgain shows that a token that holds is not fetched again.
func (s *story) askAgain(ctx context.Context, source *core.Source, held core.Token) error {
	s.title("The next call asks for a token again")
	begun := time.Now()
	token, err := source.Token(ctx)
	took := time.Since(begun)
	if err != nil {
		return err
	}
	if token.AccessToken() == held.AccessToken() {
		s.fact("Came back", "the same token, from the cache, after %s; nobody was asked", short(took))
	} else {
		s.fact("Came back", "a new token")
	}
	return nil
}

// walk performs an acquisition step by step and tells each step.
func (s *story) walk(ctx context.Context, source *core.Source) (core.Token, error) {
	flow := source.NewFlow()
	defer func() { flow.Abandon(source.Now()) }()
	for {
		step := flow.Next(source.Now())
		switch step.Kind {
		case core.StepDone:
			return step.Token, nil
		case core.StepFailed:
			return core.Token{}, step.Err
		case core.StepSign:
			s.signs(step)
		case core.StepSend:
			s.sends(step)
		case core.StepWait:
			s.fact("Came back", "nothing of use; another attempt, with a new grant, in %s", short(step.Wait))
		}
		if err := ctx.Err(); err != nil {
			return core.Token{}, core.NewError(core.CodeCancelled, "the demo was interrupted", err)
		}
		if err := flow.Perform(ctx, step); err != nil {
			return core.Token{}, err
		}
	}
}

// claims explains the members of a grant, in the order in which they are told.
var claims = []struct{ name, meaning string }{
	{"aud", "for whom: the issuer of this environment"},
	{"iss", "from whom: your client id"},
	{"scope", "what the token shall give access to"},
	{"iat", "made then; 2 s early, in case your clock is ahead"},
	{"exp", "worthless after that; 120 s later at most"},
	{"jti", "a random id: the grant is accepted once"},
}

// signs tells what is signed, and by whom.
func (s *story) signs(step core.Step) {
	s.title("Your program signs a grant")
	key := fmt.Sprintf("the private key registered as kid %s", s.config.Key.KeyID)
	if s.config.Key.KeyID == "" {
		key = fmt.Sprintf("the private key of a virksomhetssertifikat (%d certificates go along)", len(s.config.Key.CertificateChain))
	}
	s.fact("Signed with", "%s, %s", key, step.Algorithm)
	s.fact("Where", "in this process; the key goes nowhere, and could be in an HSM")
	_, payload, _ := strings.Cut(string(step.SigningInput), ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var said map[string]any
	if err == nil {
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber()
		err = decoder.Decode(&said)
	}
	if err != nil { // what this program has just built is JSON
		return
	}
	heading := "The grant says"
	for _, claim := range claims {
		if value, ok := said[claim.name]; ok {
			s.fact(heading, "%-5s  %-36s  %s", claim.name, readable(value), claim.meaning)
			heading = ""
		}
	}
}

// readable writes a claim; numbers are times.
func readable(value any) string {
	if number, ok := value.(json.Number); ok {
		if seconds, err := number.Int64(); err == nil {
			return time.Unix(seconds, 0).UTC().Format("15:04:05 MST")
		}
	}
	return fmt.Sprint(value)
}

// sends tells who is asked.
func (s *story) sends(step core.Step) {
	if step.Request.URL == s.config.Environment.TokenEndpoint {
		s.title("Maskinporten is asked for a token")
		s.fact("Asked", "%s %s", step.Request.Method, step.Request.URL)
		s.fact("Sent", "the signed grant, in a form; there is no other password")
		return
	}
	s.title("Norwegian Customs is asked to exchange it")
	s.fact("Asked", "%s %s", step.Request.Method, step.Request.URL)
	s.fact("Sent", "the token from Maskinporten; Customs' own APIs want a token of Customs")
}

// received tells what came back and how long it holds.
func (s *story) received(token core.Token, who string) {
	s.fact("Came back", "a %s token. %s.", token.TokenType(), who)
	if token.Scope() != "" {
		s.fact("Good for", "%s", token.Scope())
	}
	life := token.Life()
	s.fact("Holds", "%s, until %s; handed out until %s before that, so that it",
		seconds(life), token.ExpiresAt().UTC().Format("15:04:05 MST"), seconds(token.ExpiresAt().Sub(token.UsableUntil())))
	s.fact("", "does not end on its way to the API")
}

// call uses the token.
func (s *story) call(ctx context.Context, source *core.Source, address string) error {
	s.title("The API is called with it")
	s.fact("Asked", "GET %s", address)
	s.fact("Sent", "Authorization: Bearer and the token of Customs, added by the client to every call")
	client := &http.Client{
		Transport:     &nethttp.Bearer{Source: source},
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return failed(core.CodeInvalidConfig, "the settings have no usable customs_test_auth",
			"Set customs_test_auth to the address of the API to call.", nil)
	}
	response, err := client.Do(request)
	if err != nil {
		var own *core.Error
		if errors.As(err, &own) {
			return own
		}
		return failed(core.CodeConnectionFailed, "the API did not answer", "Check customs_test_auth in the settings, and the network.", err)
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	s.outcome.TestAuth = response.StatusCode
	s.fact("Came back", "%s", response.Status)
	if response.StatusCode != http.StatusOK {
		return failed(core.CodeUnexpectedStatus, "the API answered "+response.Status, "Check that the token's scope fits this API.", nil)
	}
	return nil
}

func (s *story) say(format string, arguments ...any) { fmt.Fprintf(s.w, format+"\n", arguments...) }

func (s *story) title(text string) {
	s.chapter++
	s.say("\n%d. %s", s.chapter, text)
}

func (s *story) fact(name, format string, arguments ...any) {
	s.say("   %-15s "+format, append([]any{name}, arguments...)...)
}

// share is that many per cent of a token's life.
func share(token core.Token, percent int) string {
	return seconds(token.Life() * time.Duration(percent) / 100)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds())) }
