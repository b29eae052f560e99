package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// helpWidth is where a line of an option's explanation ends.
const helpWidth = 100

var helpCommand = command{
	name:    "help",
	usage:   "[COMMAND]",
	summary: "explain a command",
	about:   "Explains a command, or lists them all.",
	prepare: prepareHelp,
}

func prepareHelp(o *options) action {
	var names []string
	o.operands = &names
	return func(_ context.Context, c *console) error {
		if len(names) == 0 {
			writeOverview(c.out)
			return nil
		}
		for _, command := range commands {
			if len(names) == 1 && command.name == names[0] {
				o := newOptions()
				command.prepare(o)
				writeHelp(c.out, command, o)
				return nil
			}
		}
		return misused("there is no command %q to explain", strings.Join(names, " "))
	}
}

// writeOverview lists the commands.
func writeOverview(w io.Writer) {
	fmt.Fprint(w, "maskinporten gets access tokens from Maskinporten, Norway's machine-to-machine OAuth 2.0\n"+
		"service, says why it gets none, makes keys for it, and runs a sandbox to develop against.\n\n"+
		"Usage: maskinporten COMMAND [options]\n\nCommands:\n")
	for _, command := range commands {
		fmt.Fprintf(w, "  %-13s%s\n", command.name, command.summary)
	}
	fmt.Fprint(w, "\nWhat a command takes: maskinporten help COMMAND, or maskinporten COMMAND --help.\n"+
		"Exit codes: 0 done, 1 it failed, 2 called wrongly.\n")
}

// writeHelp explains one command.
func writeHelp(w io.Writer, d command, o *options) {
	fmt.Fprintf(w, "%s\n\n%s\n", d.usageLine(), strings.TrimSpace(d.about))
	if len(o.rows) == 0 {
		return
	}
	widest := 0
	for _, row := range o.rows {
		widest = max(widest, len(row[0]))
	}
	fmt.Fprint(w, "\nOptions:\n")
	for _, row := range o.rows {
		name := row[0]
		for _, line := range wrap(row[1], helpWidth-widest-4) {
			fmt.Fprintf(w, "  %-*s  %s\n", widest, name, line)
			name = ""
		}
	}
}

func (d command) usageLine() string {
	return strings.TrimSpace("Usage: maskinporten " + d.name + " " + d.usage)
}

// wrap breaks text at spaces into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
