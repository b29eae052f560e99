// Command maskinporten gets access tokens from Maskinporten, says why it gets
// none, makes keys and reads certificates, and runs a sandbox to develop
// against.
//
//	maskinporten help
//
// It exits with 0 when it did what was asked, with 1 when that failed, and
// with 2 when it was called in a way that it does not have.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/maskinporten-core/maskinporten/core"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

// console is what a command writes to, and its environment.
type console struct {
	out, err io.Writer
	variable func(name string) string // of the environment; empty if unset
}

// action is a command whose options are read.
type action func(ctx context.Context, c *console) error

// command is one thing that the program does.
type command struct {
	name    string
	usage   string // what stands behind the name
	summary string // for the list of commands
	about   string // for its own help
	prepare func(*options) action
}

// commands are in the order of the help. They are filled in by init, as help
// is one of them and lists them.
var commands []command

func init() {
	commands = []command{demoCommand, tokenCommand, doctorCommand, keygenCommand, certificateCommand, sandboxCommand, versionCommand, helpCommand}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, &console{os.Stdout, os.Stderr, os.Getenv}, os.Args[1:]))
}

// run does one command and returns the exit code.
func run(ctx context.Context, c *console, arguments []string) int {
	if len(arguments) == 0 {
		writeOverview(c.err)
		return exitMisuse
	}
	name, rest := arguments[0], arguments[1:]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	for _, command := range commands {
		if command.name == name {
			return command.run(ctx, c, rest)
		}
	}
	fmt.Fprintf(c.err, "maskinporten: there is no command %q\n\n", name)
	writeOverview(c.err)
	return exitMisuse
}

func (d command) run(ctx context.Context, c *console, arguments []string) int {
	o := newOptions()
	do := d.prepare(o)
	err := o.parse(arguments)
	if err == nil {
		err = do(ctx, c)
	}
	return report(c, d, o, err)
}

var versionCommand = command{
	name:    "version",
	summary: "say which version this is",
	about:   "Prints the version, and what it was built with and for.",
	prepare: func(*options) action {
		return func(_ context.Context, c *console) error {
			_, err := fmt.Fprintf(c.out, "maskinporten %s (%s, %s/%s)\n", core.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		}
	},
}
