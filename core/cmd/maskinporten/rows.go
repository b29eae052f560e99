package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

const (
	// rowTimeout is the longest that a program of the table may take, and
	// rowGrace how long its output is waited for after its end.
	rowTimeout = time.Minute
	rowGrace   = 2 * time.Second
	// maxRowOutput is how much of a program's output is kept, the end of it.
	maxRowOutput = 64 << 10
	// shownLines is how much of the beginning and of the end of stderr is shown
	// when it failed: a stack trace has its message at either.
	shownLines = 6
)

// rowCommand is another program that does the job.
type rowCommand struct {
	name      string
	arguments []string // the program first
}

// readRowCommand reads NAME=COMMAND. The command is split at spaces and no
// shell sees it.
func readRowCommand(text string) (rowCommand, error) {
	name, command, ok := strings.Cut(text, "=")
	row := rowCommand{strings.TrimSpace(name), strings.Fields(command)}
	if !ok || row.name == "" || len(row.arguments) == 0 {
		return row, fmt.Errorf("%q is not of the form NAME=COMMAND", core.Printable(text))
	}
	return row, nil
}

// run lets the program do its job and compares what it says with what the
// sandbox has seen meanwhile.
func (r rowCommand) run(ctx context.Context, settingsFile string) row {
	result := row{name: r.name}
	witness, err := newWitness(ctx, settingsFile)
	if err != nil {
		result.err = err
		return result
	}
	said, wrote, err := r.execute(ctx, settingsFile, &result.took)
	if err == nil {
		err = readOutcome(said, &result.outcome)
	}
	if denied := witness.confirm(ctx, &result.outcome); err == nil {
		err = denied
	}
	if showsSecret(said) || showsSecret(wrote) {
		wrote = nil
		err = failed(core.CodeRejected, "its output holds what looks like a token or a key",
			"Print what became of the token, never the token.", nil)
	}
	if err != nil {
		result.err, result.output = err, excerpt(wrote)
	}
	return result
}

// execute starts the program and returns the ends of its stdout and stderr.
func (r rowCommand) execute(ctx context.Context, settingsFile string, took *time.Duration) (said, wrote []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, rowTimeout)
	defer cancel()
	arguments := make([]string, len(r.arguments))
	for i, argument := range r.arguments {
		arguments[i] = strings.ReplaceAll(argument, "{settings}", settingsFile)
	}
	var stdout, stderr tail
	command := exec.CommandContext(limited, arguments[0], arguments[1:]...)
	command.Stdout, command.Stderr, command.WaitDelay = &stdout, &stderr, rowGrace
	begun := time.Now()
	err = command.Run()
	*took = time.Since(begun)

	var exit *exec.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = failed(core.CodeCancelled, "it was interrupted", "Start the demo again.", nil)
	case limited.Err() != nil:
		err = failed(core.CodeTimeout, fmt.Sprintf("it took longer than %s", rowTimeout),
			"Run it by itself to see where it hangs: "+strings.Join(r.arguments, " "), nil)
	case errors.As(err, &exit):
		err = failed(core.CodeRejected, "it ended with "+exit.String(), "Run it by itself to see more: "+strings.Join(r.arguments, " "), nil)
	default:
		err = failed(core.CodeInvalidArgument, "it could not be started",
			"Build it, or correct the command of its --row: "+strings.Join(r.arguments, " "), err)
	}
	return stdout.bytes, stderr.bytes, err
}

// readOutcome reads the last line that the program printed. It is read also
// when the program failed, as far as it got.
func readOutcome(said []byte, into *outcome) error {
	said = bytes.TrimSpace(said)
	line := said[bytes.LastIndexByte(said, '\n')+1:]
	if len(line) == 0 || json.Unmarshal(line, into) != nil {
		return failed(core.CodeInvalidResponse, "the last line that it printed is not the JSON of a row",
			`Print {"grant":…,"token":…,"customs":…,"test_auth":…,"expires_in_s":…} as the last line.`, nil)
	}
	if !into.complete() {
		return failed(core.CodeRejected, "it did not do the whole job", "See what it wrote on stderr.", nil)
	}
	return nil
}

// showsSecret reports whether output has the beginning of a JWT or of a
// private key in it.
func showsSecret(output []byte) bool {
	return bytes.Contains(output, []byte("eyJ")) || bytes.Contains(output, []byte("-----BEGIN"))
}

// excerpt returns the beginning and the end of an output, fit to be shown.
func excerpt(output []byte) []string {
	var lines []string
	for line := range strings.Lines(string(output)) {
		if line = core.Printable(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) > 2*shownLines {
		lines = slices.Concat(lines[:shownLines], []string{"…"}, lines[len(lines)-shownLines:])
	}
	return lines
}

// tail is a writer that keeps the end of what it is given.
type tail struct{ bytes []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.bytes = append(t.bytes, p...)
	if extra := len(t.bytes) - maxRowOutput; extra > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[extra:]...)
	}
	return len(p), nil
}
