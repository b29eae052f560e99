package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
)

// failed makes an error of the command line itself: what is wrong, and what to
// do next.
func failed(code core.Code, message, remedy string, cause error) error {
	err := core.NewError(code, message, cause)
	err.Remedy = remedy
	return err
}

// errTold is a failure about which everything has been said on stdout.
var errTold = errors.New("told")

// inJSON is an error that is to be reported as a JSON object.
type inJSON struct{ error }

func (e inJSON) Unwrap() error { return e.error }

// report says on stderr what came of a command and returns the exit code.
func report(c *console, d command, o *options, err error) int {
	var wrong misuse
	var asJSON inJSON
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errTold):
	case errors.Is(err, errHelp):
		writeHelp(c.out, d, o)
		return exitDone
	case errors.As(err, &wrong):
		fmt.Fprintf(c.err, "maskinporten %s: %s\n%s\nMore: maskinporten help %s\n", d.name, wrong.message, d.usageLine(), d.name)
		return exitMisuse
	case errors.As(err, &asJSON):
		c.err.Write(append(errorJSON(err), '\n'))
	default:
		fmt.Fprintf(c.err, "maskinporten %s: ", d.name)
		writeError(c.err, err)
	}
	return exitFailed
}

// writeError tells an error over several lines, each thing that is wrong with
// its own remedy.
func writeError(w io.Writer, err error) {
	var e *core.Error
	if !errors.As(err, &e) {
		fmt.Fprintln(w, indented(err.Error()))
		return
	}
	if len(e.Problems) > 1 {
		fmt.Fprintf(w, "%d things are wrong\n", len(e.Problems))
		for _, p := range e.Problems {
			fmt.Fprintf(w, "  %s: %s\n    What to do: %s\n", p.Field, p.Message, asOptions(p.Remedy))
		}
		return
	}
	fmt.Fprintln(w, indented(e.Message))
	if detail := detail(e); detail != "" {
		fmt.Fprintf(w, "  %s\n", detail)
	}
	if e.Description != "" {
		fmt.Fprintf(w, "  It said: %s\n", e.Description)
	}
	if cause := errors.Unwrap(e); cause != nil {
		fmt.Fprintf(w, "  Because: %s\n", core.Printable(cause.Error()))
	}
	if e.Remedy != "" {
		fmt.Fprintf(w, "  What to do: %s\n", asOptions(e.Remedy))
	}
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }

// detail is what support and search engines ask for.
func detail(e *core.Error) string {
	var parts []string
	add := func(name, value string) {
		if value != "" && value != "0" {
			parts = append(parts, name+value)
		}
	}
	add("", e.MPCode)
	add("", e.OAuthError)
	add("HTTP ", strconv.Itoa(e.Status))
	add("trace_id ", e.TraceID)
	add("attempts ", strconv.Itoa(e.Attempts))
	return strings.Join(parts, ", ")
}

// asOptions writes the settings that a remedy of the library names as the
// options of this program.
var asOptions = strings.NewReplacer(
	"allow_loopback_http", "--allow-loopback-http",
	"issuer and token_endpoint", "--issuer and --token-endpoint",
	"the exchange's token_endpoint", "--customs-endpoint",
	`as in "\"text\""`, `as in --claim 'name="text"'`,
	"give the endpoint of the exchange", "give its address as altinn=URL",
	"the request's own member of that name", "the option of that name",
	"the request's consumer_org", "--consumer-org",
	"the request's system_user or consent", "--system-user or --consent",
	"consumer_org", "--consumer-org",
	"iss_onbehalfof", "--iss-onbehalfof",
	"set eseal", "set --eseal",
	"Set kid", "Set --kid",
	"Leave alg", "Leave --alg",
	"Set the password", "Set the password with --password-env or --password-file",
).Replace

// errorJSON has the members that every language's errors have.
func errorJSON(err error) []byte {
	var e *core.Error
	if !errors.As(err, &e) {
		e = core.NewError(core.CodeInternal, core.Printable(err.Error()), nil)
	}
	text, _ := e.MarshalJSON() // it has no error
	return text
}
