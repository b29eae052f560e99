package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/doctor"
)

var doctorCommand = command{
	name:    "doctor",
	usage:   "[options]",
	summary: "find out why there is no token",
	about: `Looks at the settings that "maskinporten token" would use, and then tries what a client does, step by
step: sign, read the environment's metadata, compare the clocks, get a token, exchange it. Says what
is wrong at each step and what to do. No token, key or national identity number is printed, so that
the output can be given to support.

  maskinporten doctor --env test --client-id ID --key key.jwk --scope toll:movement/road/v2

Without a scope no token is asked for. What is under way is told on stderr.

Exit codes:
  0  all is well; there may be warnings and notes
  1  an error was found
  2  the command was called wrongly`,
	prepare: prepareDoctor,
}

func prepareDoctor(o *options) action {
	var who registration
	var what asked
	var offline, asJSON bool
	timeout := time.Minute
	what.declareScope(o)
	who.declare(o)
	what.declare(o)
	o.flag(&offline, "offline", "only look at the settings; send nothing and sign nothing")
	o.duration(&timeout, "timeout", "TIME", "longest time that it may take; 1m if left out")
	o.flag(&asJSON, "json", "print one JSON object: ok, findings, environment, key, claims and steps")
	return func(ctx context.Context, c *console) error {
		if err := what.open(&who); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		found := doctor.Examine(ctx, examined(c, &who, what), doctor.Options{Offline: offline, Progress: func(step string) {
			fmt.Fprintf(c.err, "… %s\n", step)
		}})
		if err := writeExamination(c.out, found, asJSON); err != nil {
			return err
		}
		if !found.OK {
			return errTold
		}
		return nil
	}
}

// examined is what the options say, and what is wrong with it already.
func examined(c *console, who *registration, what asked) doctor.Input {
	g := who.read(c)
	in := doctor.Input{Config: g.config, KeyUnread: g.keyErr != nil}
	for _, p := range g.missing {
		p.Field = members[p.Field]
		in.Problems = append(in.Problems, p)
		in.KeyUnread = in.KeyUnread || p.Field == "key"
	}
	in.Problems = append(in.Problems, problemsIn("environment", g.environmentErr)...)
	in.Problems = append(in.Problems, problemsIn("key", g.keyErr)...)
	if request := what.tokenRequest(c, who); len(request.Scopes) > 0 {
		in.Request, in.Exchanges = &request, what.exchanges.at(g.config.Environment)
	}
	return in
}

// members are the members of a configuration that options and variables give.
var members = map[string]string{"--env": "environment", variableMetadata: "environment", "--client-id": "client_id", "--key": "key"}

// problemsIn returns an error as problems with a member.
func problemsIn(member string, err error) []core.Problem {
	var e *core.Error
	switch {
	case !errors.As(err, &e):
		return nil
	case len(e.Problems) > 0:
		return e.Problems
	}
	message := e.Message
	if cause := errors.Unwrap(e); cause != nil {
		message += ": " + core.Printable(cause.Error())
	}
	return []core.Problem{{Field: member, Message: message, Remedy: e.Remedy}}
}

// marks stand before each step.
var marks = map[string]string{"ok": "✓", "warning": "!", "failed": "✗", "skipped": "–"}

func writeExamination(w io.Writer, x doctor.Examination, asJSON bool) error {
	if asJSON {
		text, err := x.MarshalJSON()
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", text)
		}
		return err
	}
	widest := 0
	for _, step := range x.Steps {
		widest = max(widest, len(step.Name))
	}
	for _, step := range x.Steps {
		detail := step.Detail
		if step.Skipped {
			detail = "left out: " + detail
		}
		line := fmt.Sprintf("%s %-*s  %s", marks[step.Result()], widest, step.Name, detail)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, f := range step.Findings {
			writeFinding(w, f, step.Err)
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict(x.Findings))
	return err
}

func writeFinding(w io.Writer, f doctor.Finding, err *core.Error) {
	fmt.Fprintf(w, "    %s: %s: %s\n", f.Severity, f.Field, f.Message)
	if err != nil && f.Severity == doctor.Error {
		if detail := detail(err); detail != "" {
			fmt.Fprintf(w, "      %s\n", detail)
		}
	}
	fmt.Fprintf(w, "      What to do: %s\n", asOptions(f.Remedy))
}

// verdict sums up what was found.
func verdict(findings []doctor.Finding) string {
	count := map[doctor.Severity]int{}
	for _, f := range findings {
		count[f.Severity]++
	}
	some := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	switch errors, warnings := count[doctor.Error], count[doctor.Warning]; {
	case errors > 0:
		return some(errors, "error") + ", " + some(warnings, "warning") + "."
	case warnings > 0:
		return "No error, " + some(warnings, "warning") + "."
	}
	return "All is well."
}
