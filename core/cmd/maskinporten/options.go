package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// options reads the options of a command and keeps them in the order in which
// its help lists them.
type options struct {
	set      *flag.FlagSet
	operands *[]string // where arguments that are no options go; nil refuses them
	rows     [][2]string
	problem  error // what an option said about its value
}

// misuse is a call that the command does not have: exit code 2.
type misuse struct{ message string }

func (m misuse) Error() string { return m.message }

func misused(format string, arguments ...any) error {
	return misuse{fmt.Sprintf(format, arguments...)}
}

// errHelp asks for the help of the command.
var errHelp = errors.New("help")

func newOptions() *options {
	o := &options{set: flag.NewFlagSet("", flag.ContinueOnError)}
	o.set.SetOutput(io.Discard)
	return o
}

// parse reads the arguments. Its error is a misuse or errHelp.
func (o *options) parse(arguments []string) error {
	err := o.set.Parse(arguments)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return errHelp
	case o.problem != nil:
		return o.problem
	case err != nil:
		return misused("%s", inOurWords(err.Error()))
	case o.operands != nil:
		*o.operands = o.set.Args()
	case o.set.NArg() > 0:
		return misused("%q is not expected here; every value follows its option", core.Printable(o.set.Arg(0)))
	}
	return nil
}

// inOurWords rewrites what package flag says, which writes options with one dash.
func inOurWords(text string) string {
	for _, row := range [][2]string{
		{"flag provided but not defined: -", "there is no option --%s"},
		{"flag needs an argument: -", "the option --%s needs a value"},
		{"bad flag syntax: ", "%q is not an option"},
	} {
		if rest, ok := strings.CutPrefix(text, row[0]); ok {
			return fmt.Sprintf(row[1], core.Printable(rest))
		}
	}
	return core.Printable(text)
}

// add declares an option with a value. A second value is refused unless the
// option is a list.
func (o *options) add(name, value, help string, many bool, read func(string) error) {
	given := false
	o.set.Func(name, "", func(text string) error {
		err := error(nil)
		if given && !many {
			err = errors.New("it is given twice")
		} else {
			err = read(text)
		}
		given = true
		if err != nil {
			o.problem = misused("--%s: %v", name, err)
		}
		return err
	})
	o.rows = append(o.rows, [2]string{"--" + name + " " + value, help})
}

var errEmpty = errors.New("the value is empty")

func (o *options) text(target *string, name, value, help string) {
	o.add(name, value, help, false, func(text string) error {
		if text == "" {
			return errEmpty
		}
		*target = text
		return nil
	})
}

func (o *options) list(target *[]string, name, value, help string) {
	o.add(name, value, help, true, func(text string) error {
		*target = append(*target, text)
		return nil
	})
}

// choice is a text that must be one of a few words.
func (o *options) choice(target *string, name, help string, words ...string) {
	o.add(name, strings.Join(words, "|"), help, false, func(text string) error {
		for _, word := range words {
			if word == text {
				*target = text
				return nil
			}
		}
		return fmt.Errorf("%q is not one of %s", core.Printable(text), strings.Join(words, ", "))
	})
}

func (o *options) number(target *int, name, value, help string) {
	o.add(name, value, help, false, func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", core.Printable(text))
		}
		*target = n
		return nil
	})
}

func (o *options) duration(target *time.Duration, name, value, help string) {
	o.add(name, value, help, false, func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is not a time such as 30s or 2m", core.Printable(text))
		}
		*target = d
		return nil
	})
}

func (o *options) flag(target *bool, name, help string) {
	o.set.BoolVar(target, name, false, "")
	o.rows = append(o.rows, [2]string{"--" + name, help})
}

// flagDo is a flag whose place among the other options matters.
func (o *options) flagDo(name, help string, do func(on bool) error) {
	o.set.BoolFunc(name, "", func(text string) error {
		on, err := strconv.ParseBool(text)
		if err != nil {
			err = fmt.Errorf("%q is neither true nor false", core.Printable(text))
		} else {
			err = do(on)
		}
		if err != nil {
			o.problem = misused("--%s: %v", name, err)
		}
		return err
	})
	o.rows = append(o.rows, [2]string{"--" + name, help})
}
