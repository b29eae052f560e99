// Package doctor says what is wrong with a configuration for Maskinporten, what
// is unusual about it, and what to do.
//
//	report := doctor.Diagnose(doctor.Input{Config: config, Request: &request}, time.Now())
//
// [Diagnose] looks at what is given and sends nothing. [Examine] goes on: it
// signs, reads the environment's metadata, compares the clocks, gets a token
// and leads it through the exchanges, with the Transport and the Signer of the
// configuration.
//
// What a rule of package core or package keys refuses is found by asking that
// package; the rules here are of what is legal and yet seldom meant.
//
// Nothing secret is in what this package returns: no token, no key, no
// national identity number and no value of an extra claim.
package doctor

import (
	"slices"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// Severity says how bad a finding is.
type Severity string

const (
	// Error: no token will come of it, or one that the API refuses.
	Error Severity = "error"
	// Warning: it works, or may work, and is probably not what was meant or
	// will not work for long.
	Warning Severity = "warning"
	// Note: worth knowing.
	Note Severity = "note"
)

// Finding is one thing that was found, and what to do about it.
type Finding struct {
	Severity Severity
	core.Problem
}

// Input is what is looked at.
type Input struct {
	Config core.ClientConfig
	// Request is what a token would be asked for; nil if that is not known.
	Request   *core.TokenRequest
	Exchanges []core.Exchange
	// Problems and RequestProblems are what whoever read the input has found
	// wrong with the configuration and the request. They become errors, and
	// what they concern is not judged again.
	Problems, RequestProblems []core.Problem
	// KeyUnread says that Config.Key could not be read, for a reason that is
	// among Problems; it is not looked at.
	KeyUnread bool
}

// Report is what Diagnose found.
type Report struct {
	// OK says that no finding is an error.
	OK       bool
	Findings []Finding
	// Environment is the configuration's, completed.
	Environment core.Environment
	Key         KeyFacts
	// Claims are those that a grant would have, as a JSON object, without iat,
	// exp and jti. A national identity number and the values of extra claims
	// are redacted. It is nil if no grant can be built.
	Claims []byte

	parts [parts]int // how many findings there are up to the end of each part
}

// The parts of what is given, in the order in which they are judged.
const (
	partConfiguration = iota
	partKey
	partRequest
	parts
)

// diagnosis is one run of the rules.
type diagnosis struct {
	Input
	now      time.Time
	findings []Finding
}

// Diagnose judges what is given, at that time. It sends nothing.
func Diagnose(in Input, now time.Time) Report {
	in.Config.Environment = in.Config.Environment.Completed()
	d := &diagnosis{Input: in, now: now}
	keyProblems, others := d.validated()
	report := Report{Environment: in.Config.Environment}

	d.refuse(others)
	d.judgeConfiguration()
	report.parts[partConfiguration] = len(d.findings)

	d.refuse(keyProblems)
	if !in.KeyUnread {
		d.judgeKeys()
		report.Key = factsOf(in.Config.Key)
	}
	report.parts[partKey] = len(d.findings)

	if in.Request != nil {
		d.judgeRequest()
		report.Claims = d.claims()
	}
	report.parts[partRequest] = len(d.findings)

	report.Findings, report.OK = d.findings, !hasErrors(d.findings)
	return report
}

// part returns the findings of one part.
func (r Report) part(part int) []Finding {
	from := 0
	if part > 0 {
		from = r.parts[part-1]
	}
	return r.Findings[from:r.parts[part]]
}

func hasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

func (d *diagnosis) find(severity Severity, field, message, remedy string) {
	d.findings = append(d.findings, Finding{severity, core.Problem{Field: field, Message: message, Remedy: remedy}})
}

// refuse takes what core or keys refuse, unless it is known already.
func (d *diagnosis) refuse(problems []core.Problem) {
	for _, p := range problems {
		if !d.refused(p.Field) {
			d.find(Error, p.Field, p.Message, p.Remedy)
		}
	}
}

// refused reports whether an error about the same member was found before.
func (d *diagnosis) refused(field string) bool {
	return slices.ContainsFunc(d.findings, func(f Finding) bool { return f.Severity == Error && core.SameMember(f.Field, field) })
}
