package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

// Step is one thing that was looked at or tried.
type Step struct {
	// Name says what.
	Name string
	// Detail is what is known now, in one line; of a step that was left out, why.
	Detail   string
	Findings []Finding
	// Skipped says that it was not tried.
	Skipped bool
	// Err is the error that ended it, with its code, MP code and trace id.
	Err *core.Error
	// Took is how long it took; zero for what needs no time.
	Took time.Duration
}

// OK reports whether the step was done and found no error.
func (s Step) OK() bool { return !s.Skipped && !hasErrors(s.Findings) }

// Examination is a Report whose findings are those of all steps, and the steps.
type Examination struct {
	Report
	Steps []Step
}

// Options say how far Examine goes.
type Options struct {
	// Offline leaves out everything that is sent or signed.
	Offline bool
	// Progress, if set, is told the name of each step before it begins.
	Progress func(step string)
}

// examination is one run.
type examination struct {
	Input
	Options
	report   Report
	steps    []Step
	now      core.Clock
	unsigned bool // a key did not sign as it should
}

// Examine diagnoses what is given, and then does with it, step by step, what a
// client does: sign, read the metadata, get a token, exchange it. It sends at
// most one request for the metadata, one grant (more if Maskinporten asks for
// another try), and one request for each exchange; without a request for a
// token, one that the token endpoint must refuse. ctx bounds all of it.
func Examine(ctx context.Context, in Input, o Options) Examination {
	e := &examination{Input: in, Options: o, now: in.Config.Clock}
	if e.now == nil {
		e.now = core.SystemClock
	}
	e.report = Diagnose(in, e.now().Time())
	e.Config.Environment = e.report.Environment
	e.given()
	if !o.Offline {
		e.signature(ctx)
		e.metadata(ctx)
		if in.Request == nil {
			e.tokenEndpoint(ctx)
		} else {
			e.tokens(ctx)
		}
	}
	e.report.Findings, e.report.OK = nil, true
	for _, step := range e.steps {
		e.report.Findings = append(e.report.Findings, step.Findings...)
	}
	e.report.OK = !hasErrors(e.report.Findings)
	return Examination{e.report, e.steps}
}

// step does one step and keeps it.
func (e *examination) step(name string, do func(*Step)) {
	if e.Progress != nil {
		e.Progress(name)
	}
	s := Step{Name: name}
	do(&s)
	e.steps = append(e.steps, s)
}

func (s *Step) find(severity Severity, field, message, remedy string) {
	s.Findings = append(s.Findings, Finding{severity, core.Problem{Field: field, Message: message, Remedy: remedy}})
}

func (s *Step) skip(why string) { s.Skipped, s.Detail = true, why }

// fail notes an error that ended the step.
func (s *Step) fail(severity Severity, field string, err error) {
	if !errors.As(err, &s.Err) {
		s.Err = core.NewError(core.CodeInternal, core.Printable(err.Error()), nil)
	}
	message := s.Err.Message
	if cause := errors.Unwrap(s.Err); cause != nil {
		message += ": " + core.Printable(cause.Error())
	}
	s.find(severity, field, message, s.Err.Remedy)
}

// given are the steps of what Diagnose has judged.
func (e *examination) given() {
	e.step("configuration", func(s *Step) {
		s.Findings = e.report.part(partConfiguration)
		if id := e.Config.ClientID; id != "" && e.report.Environment.Issuer != "" {
			s.Detail = "client " + core.Printable(id) + " at " + core.Printable(e.report.Environment.Issuer)
		}
	})
	e.step("key", func(s *Step) {
		s.Findings = e.report.part(partKey)
		if !e.KeyUnread {
			s.Detail = e.report.Key.String()
		}
	})
	e.step("request", func(s *Step) {
		if e.Request == nil {
			s.skip("no scope is given")
			return
		}
		s.Findings = e.report.part(partRequest)
		s.Detail = core.Printable(strings.Join(e.Request.Scopes, " "))
	})
}

// String names the key and what is known of it.
func (k KeyFacts) String() string {
	text := "kid " + core.Printable(k.KeyID)
	switch {
	case k.OrganizationNumber != "":
		text = "certificate of organization " + k.OrganizationNumber
	case k.Thumbprint != "":
		text = "certificate " + k.Thumbprint[:16]
	}
	text += ", " + core.Printable(k.Algorithm)
	if k.Bits != 0 {
		text += fmt.Sprintf(", %d bits", k.Bits)
	}
	if !k.NotAfter.IsZero() {
		text += ", until " + k.NotAfter.Format("2006-01-02")
	}
	return text
}

// signature lets every key sign a text that is no grant.
func (e *examination) signature(ctx context.Context) {
	e.step("signature", func(s *Step) {
		switch {
		case e.KeyUnread:
			s.skip("the key could not be read")
			return
		case e.Config.Key.Signer == nil:
			s.skip("the key has no private part here; whoever has it signs")
			return
		}
		began := time.Now()
		e.sign(ctx, s, "key", e.Config.Key)
		for i, key := range e.Config.NextKeys {
			if key.Signer != nil {
				e.sign(ctx, s, fmt.Sprintf("next_keys[%d]", i), key)
			}
		}
		s.Took = time.Since(began)
		if e.unsigned = !s.OK(); !e.unsigned {
			s.Detail = "the key signs"
		}
	})
}

func (e *examination) sign(ctx context.Context, s *Step, field string, key core.Key) {
	probe := []byte("maskinporten doctor")
	signature, err := key.Signer.Sign(ctx, probe)
	facts := factsOf(key)
	switch {
	case err != nil:
		var known *core.Error
		if !errors.As(err, &known) {
			err = core.NewError(core.CodeSigningFailed, "the signer failed", err)
		}
	case key.SignatureSize != 0 && len(signature) != key.SignatureSize:
		err = core.NewError(core.CodeInvalidSignature, fmt.Sprintf("the signature has %d bytes, the key makes %d", len(signature), key.SignatureSize), nil)
	case key.Verify != nil && key.Verify(probe, signature) != nil:
		err = core.NewError(core.CodeInvalidSignature, "the key's own check does not accept its signature", nil)
	case len(key.CertificateChain) > 0:
		err = keys.CheckSignature(key.CertificateChain[0], facts.Algorithm, probe, signature)
	}
	if err != nil {
		s.fail(Error, field, err)
	}
}
