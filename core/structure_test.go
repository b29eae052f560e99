package core_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/maskinporten-core/maskinporten/core"
)

const module = "github.com/maskinporten-core/maskinporten/"

func deps(t *testing.T, environment []string, arguments ...string) []string {
	t.Helper()
	command := exec.Command("go", append([]string{"list"}, arguments...)...)
	command.Env = append(os.Environ(), environment...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Fields(string(out))
	if len(list) < 5 {
		t.Fatalf("go list says only %v", list)
	}
	return list
}

// TestPurity keeps the network out of what runs in an edge worker, and keeps
// the rooms apart.
func TestPurity(t *testing.T) {
	for _, target := range []string{"js", "wasip1"} {
		for _, flavour := range []string{"", "host_signs"} {
			list := deps(t, []string{"GOOS=" + target, "GOARCH=wasm"}, "-deps", "-tags="+flavour, module+"core", module+"core/wire", module+"wasm")
			for _, banned := range []string{"net/http", "net", "os/exec", "log"} {
				// crypto/x509 of the full flavour knows net, for the addresses in certificates.
				if slices.Contains(list, banned) && !(banned == "net" && flavour == "") {
					t.Errorf("%s %q: %s is linked", target, flavour, banned)
				}
			}
			if flavour == "host_signs" {
				for _, path := range list {
					if strings.HasPrefix(path, "crypto") || strings.Contains(path, "go-jose") || path == "fmt" || path == "os" {
						t.Errorf("%s: the host signs, and yet %s is linked, which weighs too much", target, path)
					}
				}
			}
		}
	}
	if list := deps(t, nil, "-deps", module+"core", module+"core/wire", module+"core/doctor"); slices.Contains(list, "net/http") {
		t.Error("net/http is linked into core")
	}
}

// TestWhoKnowsWhom holds the imports of each room against the plan.
func TestWhoKnowsWhom(t *testing.T) {
	allowed := map[string][]string{
		"core":                     {"core/internal/strictjson"},
		"core/internal/strictjson": {},
		"core/keys":                {"core", "core/internal/strictjson"},
		"core/doctor":              {"core", "core/keys", "core/internal/strictjson"},
		"core/nethttp":             {"core"},
		"core/sandbox":             {"core"},
		"core/wire":                {"core", "core/doctor", "core/keys", "core/internal/strictjson"},
		"capi":                     {"core/wire", "core/nethttp", "core"},
	}
	for room, may := range allowed {
		for _, path := range deps(t, []string{"CGO_ENABLED=1"}, "-f", "{{join .Imports \"\\n\"}}\nx x x x x", module+room) {
			if inside, ok := strings.CutPrefix(path, module); ok && !slices.Contains(may, inside) {
				t.Errorf("%s imports %s", room, inside)
			}
			if slices.Contains([]string{"core", "core/wire", "core/doctor"}, room) && slices.Contains([]string{"net/http", "os", "log", "syscall", "net"}, path) {
				t.Errorf("%s imports %s", room, path)
			}
		}
	}
}

// TestOneVersion holds every place that states the version of the product
// against core.Version.
func TestOneVersion(t *testing.T) {
	for file, line := range map[string]string{
		"Makefile":                       "VERSION := " + core.Version + "\n",
		"capi/include/maskinporten.h":    `#define MP_VERSION "` + core.Version + `"`,
		"bindings/python/pyproject.toml": `version = "` + core.Version + `"`,
		"bindings/node/package.json":     `"version": "` + core.Version + `"`,
	} {
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("%s does not say %q", file, line)
		}
	}
}
