package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/maskinporten-core/maskinporten/core"
)

// registrationOptions say who asks, and for what.
var registrationOptions = []string{"--scope", "--env", "--issuer", "--token-endpoint", "--client-id", "--key", "--kid", "--alg", "--password-env", "--password-file",
	"--certificate", "--eseal", "--grant-life", "--accept-reduced-scope", "--resource", "--consumer-org", "--pid", "--system-user", "--consent", "--consent-from", "--iss-onbehalfof", "--claim",
	"--exchange", "--exchange-audience", "--exchange-resource", "--exchange-scope", "--subject-token-type", "--requested-token-type", "--exchange-test",
	"--customs-endpoint", "--allow-loopback-http", "--settings"}

// options of each command, as the help must list them.
var optionsOf = map[string][]string{
	"demo":        {"--settings", "--row", "--json"},
	"sandbox":     {"--listen", "--config", "--out", "--until-stdin-closes"},
	"keygen":      {"--bits", "--alg", "--kid", "--out", "--format", "--force"},
	"certificate": {"--env", "--json"},
	"token":       slices.Concat(registrationOptions, []string{"--timeout", "--header", "--json", "--with-token"}),
	"doctor":      slices.Concat(registrationOptions, []string{"--offline", "--timeout", "--json"}),
	"version":     nil,
	"help":        nil,
}

func TestHelp(t *testing.T) {
	overview := maskinporten(t, "--help")
	overview.want(t, 0)
	for name, options := range optionsOf {
		if !strings.Contains(overview.out, "\n  "+name+" ") {
			t.Errorf("the overview has no %s", name)
		}
		asked, own := maskinporten(t, "help", name), maskinporten(t, name, "--help")
		asked.want(t, 0)
		if asked != own {
			t.Errorf("help %s and %s --help differ", name, name)
		}
		if !strings.HasPrefix(asked.out, "Usage: maskinporten "+name) || asked.errors != "" {
			t.Errorf("help %s says %q and %q", name, asked.out, asked.errors)
		}
		var listed []string
		for line := range strings.Lines(asked.out) {
			if rest, ok := strings.CutPrefix(line, "  --"); ok {
				listed = append(listed, "--"+strings.Fields(rest)[0])
			}
			if width := len([]rune(strings.TrimSuffix(line, "\n"))); width > 102 {
				t.Errorf("help %s has a line of %d characters", name, width)
			}
		}
		slices.Sort(listed)
		if want := slices.Sorted(slices.Values(options)); !slices.Equal(listed, want) {
			t.Errorf("help %s lists %v, want %v", name, listed, want)
		}
	}
	if again := maskinporten(t, "help"); again != overview {
		t.Error("help and --help differ")
	}
}

// TestReadmeOptions checks that the options which README.md tells of are there.
func TestReadmeOptions(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n### On the command line\n")
	section, _, _ = strings.Cut(section, "\n### ")
	told := regexp.MustCompile(`--[a-z][a-z0-9-]*`).FindAllString(section, -1)
	if !found || len(told) < 10 {
		t.Fatalf("README.md tells of %v", told)
	}
	for _, option := range told {
		if !slices.Contains(optionsOf["token"], option) {
			t.Errorf("README.md tells of %s, which is no option of token", option)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, spelling := range []string{"version", "--version"} {
		r := maskinporten(t, spelling)
		r.want(t, 0)
		if !strings.HasPrefix(r.out, "maskinporten "+core.Version+" (go") {
			t.Errorf("%s says %q", spelling, r.out)
		}
	}
}

func TestMisuse(t *testing.T) {
	for _, test := range []struct{ arguments, says string }{
		{"", "Usage: maskinporten COMMAND"},
		{"tokens", `no command "tokens"`},
		{"help tokens", `no command "tokens"`},
		{"help token demo", `no command "token demo"`},
		{"version --json", "no option --json"},
		{"version now", `"now" is not expected`},
		{"token --skope a:b", "no option --skope"},
		{"token --password hunter2", "no option --password"},
		{"token a:b", `"a:b" is not expected`},
		{"token --scope", "--scope needs a value"},
		{"token --client-id a --client-id b", "--client-id: it is given twice"},
		{"token --timeout soon", `--timeout: "soon" is not a time`},
		{"token --timeout -1s", `"-1s" is not a time`},
		{"token --alg ES256", `"ES256" is not one of RS256, RS384, RS512`},
		{"token --exchange altin", `"altin" is not one of customs, altinn:ENV`},
		{"token --exchange=", `"" is not one of customs`},
		{"token --exchange altinn:tt03", `--exchange: Altinn has no environment "tt03". Use prod, tt02`},
		{"token --exchange altinn:", "or give its address as altinn=URL"},
		{"token --exchange altinn=", "no URL behind altinn="},
		{"token --exchange customs=", "no URL behind customs="},
		{"token --env test --exchange-audience a", "--exchange-audience: it goes behind the --exchange"},
		{"token --exchange-test --exchange altinn:tt02", "--exchange-test: it goes behind the --exchange"},
		{"token --exchange altinn:tt02 --exchange-test=perhaps", `"perhaps" is neither true nor false`},
		{"token --exchange https://a.example/token --exchange-scope=", "--exchange-scope: the value is empty"},
		{"token --exchange altinn", "altinn alone is that of a sandbox"},
		{"doctor --exchange altinn", "name Altinn's environment, as in altinn:tt02"},
		{"token --claim hunter2", "--claim: the value is not of the form NAME=JSON"},
		{"token --claim a=1 --claim a=2", "--claim: a is given twice"},
		{"token --consent-from=", "--consent-from: the value is empty"},
		{"token --grant-life 60", `--grant-life: "60" is not a time such as 30s`},
		{"token --header --json", "--header and --json exclude each other"},
		{"token --with-token", "--with-token is for --json"},
		{"token --env test --issuer https://a.example/", "--env and --issuer"},
		{"token --password-env A --password-file b", "--password-env and --password-file"},
		{"doctor --timeout 0s", `"0s" is not a time`},
		{"doctor --env test --token-endpoint https://a.example/", "--env and --issuer"},
		{"doctor now", `"now" is not expected`},
		{"certificate", "one file is needed"},
		{"certificate a.pem --json", "options go before it"},
		{"keygen --bits many", `--bits: "many" is not a whole number`},
		{"keygen --format der", `"der" is not one of pem, jwk`},
		{"sandbox --config a --out b", "--out and --config"},
		{"sandbox --until-stdin-closes=perhaps", "until-stdin-closes"},
		{"demo --row nameless", `"nameless" is not of the form NAME=COMMAND`},
		{"demo --row =true", "is not of the form"},
		{"demo --row A=", "is not of the form"},
		{"demo --json --row A=true", "--json and --row"},
	} {
		r := maskinporten(t, strings.Fields(test.arguments)...)
		r.want(t, 2, test.says, "Usage: maskinporten")
		if r.out != "" || strings.Contains(r.errors, "hunter2") {
			t.Errorf("%s: stdout %q, stderr %q", test.arguments, r.out, r.errors)
		}
	}
}
