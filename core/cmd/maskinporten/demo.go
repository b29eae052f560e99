package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

var demoCommand = command{
	name:    "demo",
	usage:   "[options]",
	summary: "see the whole job done, in words",
	about: `Does the whole job and tells what happens: a grant is signed, Maskinporten answers with a token,
Norwegian Customs exchanges it, and a protected API is called with the result. Everything runs
against a sandbox in this process. No secret is printed.

With --settings it happens elsewhere: at a sandbox that runs already, or, with a file that you write,
at Maskinporten's test environment. Of the file it takes issuer, token_endpoint,
customs_token_endpoint, customs_test_auth, client_id, kid, key_pem or key_jwk, and scopes.customs.

With --row the same job is done by other programs too. Each is started with the path of a
settings.json in place of {settings}, has a minute, and prints as its last line
  {"grant":true,"token":true,"customs":true,"test_auth":200,"expires_in_s":970}
What it says is compared with what the sandbox has seen. The exit code is 0 only if every program
got through to the API.`,
	prepare: prepareDemo,
}

func prepareDemo(o *options) action {
	var settingsFile string
	var rows []rowCommand
	var asJSON bool
	o.text(&settingsFile, "settings", "FILE", "do it with these settings instead of a sandbox of its own")
	o.add("row", "'NAME=COMMAND'",
		"another program that does the job; {settings} in it becomes the path of the settings; may be given several times", true,
		func(text string) error {
			row, err := readRowCommand(text)
			rows = append(rows, row)
			return err
		})
	o.flag(&asJSON, "json", "print only the line that a program of --row prints")
	return func(ctx context.Context, c *console) error {
		if asJSON && len(rows) > 0 {
			return misused("--json and --row exclude each other")
		}
		if settingsFile == "" {
			path, closeSandbox, err := startDemoSandbox()
			if err != nil {
				return err
			}
			defer closeSandbox()
			settingsFile = path
		}
		told := c.out
		if asJSON {
			told = io.Discard
		}
		own, err := tellStory(ctx, c, told, settingsFile)
		if err != nil {
			return err
		}
		if asJSON {
			if err := json.NewEncoder(c.out).Encode(own.outcome); err != nil {
				return err
			}
			return own.err
		}
		all := []row{own}
		for _, command := range rows {
			fmt.Fprintf(told, "\nNow %s …", command.name)
			row := command.run(ctx, settingsFile)
			fmt.Fprintf(told, " %s\n", row.summary())
			all = append(all, row)
			if ctx.Err() != nil {
				return row.err
			}
		}
		return conclude(told, all)
	}
}

// startDemoSandbox starts a sandbox and returns where its settings are.
func startDemoSandbox() (path string, end func(), err error) {
	config, demo, err := sandboxConfig("")
	if err != nil {
		return "", nil, err
	}
	server, err := sandbox.Start(config)
	if err != nil {
		return "", nil, failed(core.CodeInvalidConfig, unprefixed(err), "Check that programs may listen on 127.0.0.1 on this machine.", nil)
	}
	dir, err := os.MkdirTemp("", "maskinporten-demo-") // made with mode 0700
	if err != nil {
		server.Close()
		return "", nil, failed(core.CodeInvalidArgument, "there is no folder for the demo's files",
			"Set TMPDIR to a folder that you may write to.", err)
	}
	end = func() {
		server.Close()
		os.RemoveAll(dir)
	}
	if err := writeSandboxFiles(dir, server, demo); err != nil {
		end()
		return "", nil, err
	}
	return settingsPath(dir), end, nil
}

// outcome is what came of doing the job, in the form that programs in every
// language print.
type outcome struct {
	// Grant is that Maskinporten accepted the grant, Token that it gave a
	// token, Customs that Customs exchanged it.
	Grant   bool `json:"grant"`
	Token   bool `json:"token"`
	Customs bool `json:"customs"`
	// TestAuth is the status with which the protected API answered.
	TestAuth int `json:"test_auth"`
	// ExpiresInS is how many seconds the exchanged token still held.
	ExpiresInS int `json:"expires_in_s"`
}

func (o outcome) complete() bool { return o.Grant && o.Token && o.Customs && o.TestAuth == 200 }

// row is a line of the table.
type row struct {
	name string
	outcome
	took time.Duration
	// err is why it did not get through; output is from what the
	// program wrote on stderr then.
	err    error
	output []string
}

func (r row) summary() string {
	if r.err != nil {
		return "it did not get through; why is under the table"
	}
	return "done in " + short(r.took)
}

// conclude prints the table. Its error is that not every row got through.
func conclude(w io.Writer, rows []row) error {
	widest := len("Program")
	for _, row := range rows {
		widest = max(widest, len([]rune(row.name)))
	}
	line := func(name, grant, token, customs, api, took string) {
		fmt.Fprintf(w, "%-*s   %-14s   %-5s   %-13s   %-9s   %s\n", widest, name, grant, token, customs, api, took)
	}
	mark := func(done bool) string {
		if done {
			return "✓"
		}
		return "✗"
	}
	fmt.Fprintln(w)
	line("Program", "Grant accepted", "Token", "Customs token", "test-auth", "Time")
	var lost []string
	for _, row := range rows {
		api := mark(row.TestAuth == 200)
		if row.TestAuth != 0 {
			api += fmt.Sprintf(" %d", row.TestAuth)
		}
		line(row.name, mark(row.Grant), mark(row.Token), mark(row.Customs), api, short(row.took))
		if row.err != nil {
			lost = append(lost, row.name)
		}
	}
	fmt.Fprintln(w)
	if len(lost) == 0 {
		_, err := fmt.Fprintln(w, "The API answered everyone with 200.")
		return err
	}
	if len(rows) == 1 {
		return rows[0].err
	}
	for _, row := range rows {
		if row.err != nil {
			fmt.Fprintf(w, "%s: ", row.name)
			writeError(w, row.err)
			for _, line := range row.output {
				fmt.Fprintln(w, "  | "+line)
			}
		}
	}
	return failed(core.CodeRejected, fmt.Sprintf("%d of %d programs did not get through: %s", len(lost), len(rows), strings.Join(lost, ", ")),
		"See the reasons under the table.", nil)
}

// short writes a time with as many digits as a reader wants.
func short(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return d.String()
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
