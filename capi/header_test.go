package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/wire"
)

// The header and the shim are written by hand; these tests hold them to what
// package core says. They need no cgo.

func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// names returns all first groups of pattern in text, in order.
func names(pattern, text string) []string {
	var list []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		list = append(list, match[1])
	}
	return list
}

func TestErrorNumbers(t *testing.T) {
	header := map[core.Code]int32{}
	pattern := regexp.MustCompile(`\bMP_ERROR_(\w+) = (\d+)`)
	for _, match := range pattern.FindAllStringSubmatch(source(t, "include/maskinporten.h"), -1) {
		number, err := strconv.ParseInt(match[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		header[core.Code(strings.ToLower(match[1]))] = int32(number)
	}
	for _, code := range core.Codes() {
		if header[code] != code.Number() {
			t.Errorf("%s is %d in the header and %d in core", code, header[code], code.Number())
		}
		delete(header, code)
	}
	for code, number := range header {
		t.Errorf("the header has %s = %d, which core does not know", code, number)
	}
}

func TestVersions(t *testing.T) {
	header := source(t, "include/maskinporten.h")
	define := func(name string) string {
		found := names(`(?m)^#define `+name+` (\S+)$`, header)
		if len(found) != 1 {
			t.Fatalf("the header defines %s %d times", name, len(found))
		}
		return found[0]
	}
	if got, want := define("MP_ABI_VERSION"), strconv.Itoa(wire.ABIVersion); got != want {
		t.Errorf("MP_ABI_VERSION is %s in the header and %s in wire", got, want)
	}
	parts := define("MP_VERSION_MAJOR") + "." + define("MP_VERSION_MINOR") + "." + define("MP_VERSION_PATCH")
	if got := define("MP_VERSION"); got != strconv.Quote(parts) {
		t.Errorf("MP_VERSION is %s, and MP_VERSION_MAJOR, _MINOR and _PATCH make %s", got, parts)
	}
}

// The errors that the shim makes by itself are worded and classed as core's.
func TestShimErrors(t *testing.T) {
	rows := regexp.MustCompile(`\{MP_ERROR_\w+, "(\w+)", "(\w+)", "[^"]+",\s+"([^"]+)"\}`).
		FindAllStringSubmatch(source(t, "shim.c"), -1)
	if len(rows) != 5 {
		t.Fatalf("found %d errors in shim.c, want 5", len(rows))
	}
	for _, row := range rows {
		want := core.NewError(core.Code(row[1]), "", nil)
		if row[3] != want.Remedy {
			t.Errorf("%s: the remedy is %q in the shim and %q in core", row[1], row[3], want.Remedy)
		}
		if row[2] != strconv.FormatBool(want.Retryable) || want.Kind != core.Local {
			t.Errorf("%s: retryable is %s in the shim; core has %v and the kind %s", row[1], row[2], want.Retryable, want.Kind)
		}
	}
}

// Every public function is declared, defined, and refuses to enter Go where it
// must not; every prototype of a Go function has its Go function.
func TestFunctions(t *testing.T) {
	header, shim, exports := source(t, "include/maskinporten.h"), source(t, "shim.c"), source(t, "exports.h")
	code := source(t, "exports.go") + source(t, "sources.go") + source(t, "flows.go")

	declared := names(`(?m)^MP_API [\w ]+ ?\*?(mp_\w+)\(`, header)
	if len(declared) != 30 {
		t.Errorf("the header declares %d functions, want 30", len(declared))
	}
	for _, name := range declared {
		body := regexp.MustCompile(`(?s)\n[\w ]+[ *]` + name + `\([^;]*?\{.*?\n\}|\n[\w ]+[ *]` + name + `\([^;]*?\{[^\n]*\}`).FindString(shim)
		if body == "" {
			t.Errorf("shim.c does not define %s", name)
		}
		if strings.Contains(body, "mpgo_") && !strings.Contains(body, "enter(") {
			t.Errorf("%s enters Go unasked", name)
		}
	}
	for _, name := range names(`(?m)^int32_t (mpgo_\w+)\(`, exports) {
		if !strings.Contains(code, "//export "+name+"\n") {
			t.Errorf("no Go file exports %s", name)
		}
		if !strings.Contains(code, "func "+name+"(") {
			t.Errorf("no Go file has %s", name)
		}
	}
	for _, body := range strings.Split(code, "//export ")[1:] {
		if !strings.Contains(strings.SplitN(body, "\n", 4)[2], "defer rescue(&status") {
			name, _, _ := strings.Cut(body, "\n")
			t.Errorf("%s does not begin with rescue", name)
		}
	}
}
