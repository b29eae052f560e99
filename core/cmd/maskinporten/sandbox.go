package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/sandbox"
)

var sandboxCommand = command{
	name:    "sandbox",
	usage:   "[options]",
	summary: "run a Maskinporten of your own on this machine",
	about: `Runs a strict Maskinporten with Norwegian Customs, Altinn's token exchange and a protected API
beside it, on this machine only. It refuses what the real one refuses, with the real errors.
Prints one line on stdout when it can be asked, "ready URL", and runs until it is interrupted.

  maskinporten sandbox --out sandbox
  maskinporten token --settings sandbox/settings.json --scope sandbox:plain`,
	prepare: prepareSandbox,
}

func prepareSandbox(o *options) action {
	var listen, configFile, out string
	var untilStdinCloses bool
	o.text(&listen, "listen", "HOST:PORT", "loopback address to listen on; 127.0.0.1 and a free port if left out")
	o.text(&configFile, "config", "FILE", "JSON with clients, keys, scopes and delegations of your own, instead of the built-in ones")
	o.text(&out, "out", "DIR", "write settings.json with all addresses and ids, and the keys of the built-in clients, into this folder")
	o.flag(&untilStdinCloses, "until-stdin-closes", "end when stdin is closed, so that the sandbox never outlives the program that started it")
	return func(ctx context.Context, c *console) error {
		if configFile != "" && out != "" {
			return misused("--out and --config exclude each other: the sandbox has the private keys of its built-in clients only")
		}
		config, demo, err := sandboxConfig(configFile)
		if err != nil {
			return err
		}
		if listen != "" {
			config.Listen = listen
		}
		server, err := sandbox.Start(config)
		if err != nil {
			return failed(core.CodeInvalidConfig, unprefixed(err), "Give a free loopback address with --listen, such as 127.0.0.1:0.", nil)
		}
		defer server.Close()
		if out != "" {
			if err := writeSandboxFiles(out, server, demo); err != nil {
				return err
			}
		}
		introduce(c.err, server, out)
		if _, err := fmt.Fprintln(c.out, "ready "+server.URL()); err != nil {
			return err
		}

		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if untilStdinCloses {
			go func() {
				defer cancel()
				io.Copy(io.Discard, os.Stdin)
			}()
		}
		<-ctx.Done()
		return nil
	}
}

// sandboxConfig reads a world from a file. Without one it makes the built-in
// world, and says what there is in it.
func sandboxConfig(file string) (sandbox.Config, *sandbox.Demo, error) {
	if file == "" {
		config, demo, err := sandbox.DefaultConfig()
		if err != nil {
			err = failed(core.CodeRandomFailed, "the sandbox could not make its keys",
				"Check the random source of the operating system.", err)
		}
		return config, demo, err
	}
	data, err := readFile(file, "--config")
	if err != nil {
		return sandbox.Config{}, nil, err
	}
	config, err := sandbox.ParseConfig(data)
	if err != nil {
		err = failed(core.CodeInvalidConfig, file+":\n"+unprefixed(err),
			"Correct the file; the members are those of sandbox.Config in the Go package core/sandbox.", nil)
	}
	return config, nil, err
}

// unprefixed is what package sandbox says without the name of the package,
// which begins each of its lines.
func unprefixed(err error) string { return strings.ReplaceAll(err.Error(), "sandbox: ", "") }

func writeSandboxFiles(dir string, server *sandbox.Server, demo *sandbox.Demo) error {
	if err := sandbox.WriteFiles(dir, server, demo); err != nil {
		return failed(core.CodeInvalidArgument, "the files of the sandbox cannot be written to "+dir,
			"Give a folder that you may write to with --out.", err)
	}
	return nil
}

// introduce says what runs and how to use it.
func introduce(w io.Writer, server *sandbox.Server, out string) {
	environment := server.Environment()
	fmt.Fprint(w, "A Maskinporten for tests, on loopback only: no other machine can reach it.\n\n")
	for _, row := range [][2]string{
		{"issuer", environment.Issuer},
		{"token endpoint", environment.TokenEndpoint},
		{"metadata", environment.MetadataURL},
		{"Customs exchange", environment.CustomsTokenEndpoint},
		{"Customs test-auth", environment.CustomsTestAuth},
		{"Altinn exchange", server.AltinnExchange()},
		{"protected API", server.SampleAPI()},
		{"journal, faults", server.Control() + "/journal, /faults, /clock"},
	} {
		fmt.Fprintf(w, "  %-18s %s\n", row[0], row[1])
	}
	if out != "" {
		path := settingsPath(out)
		fmt.Fprintf(w, "\nAddresses, client ids and keys are in %s. Try:\n  maskinporten token --settings %s --scope sandbox:plain\n", path, path)
	}
	fmt.Fprintln(w)
}

// settingsPath is where WriteFiles puts what a client needs to know.
func settingsPath(dir string) string { return filepath.Join(dir, "settings.json") }

// readFile reads a file that an option names, or stdin for "-". The limit is
// far above what any key or configuration has.
func readFile(path, option string) ([]byte, error) {
	const limit = 4 << 20
	file := os.Stdin
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return nil, unreadable(path, option, err)
		}
		defer opened.Close()
		file = opened
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, unreadable(path, option, err)
	case len(data) > limit:
		return nil, failed(core.CodeInvalidArgument, path+" is larger than 4 MiB", "Give the right file with "+option+".", nil)
	}
	return data, nil
}

func unreadable(path, option string, err error) error {
	return failed(core.CodeInvalidArgument, path+" cannot be read", "Give the name of a file that you may read with "+option+".", err)
}
