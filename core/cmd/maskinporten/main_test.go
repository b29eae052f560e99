package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the built binary, which every test runs as a user would.
var program string

func TestMain(m *testing.M) { os.Exit(withProgram(m)) }

func withProgram(m *testing.M) int {
	dir, err := os.MkdirTemp("", "maskinporten-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("GORACE", "atexit_sleep_ms=0") // or each run with -race takes a second
	program = filepath.Join(dir, "maskinporten")
	arguments := []string{"build", "-o", program}
	if built, ok := debug.ReadBuildInfo(); ok && slices.Contains(built.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		arguments = append(arguments, "-race")
	}
	if output, err := exec.Command("go", append(arguments, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the program does not build: %v\n%s", err, output)
		return 1
	}
	code := m.Run()
	if running != nil {
		running.stdin.Close()
		running.Wait()
	}
	return code
}

// result is what came of running the program.
type result struct {
	code        int
	out, errors string
}

// call is one run of the program: its arguments, and what else it is given.
type call struct {
	arguments []string
	variables []string // added to an environment without any of Maskinporten's
	stdin     string
	dir       string
}

// limit is the longest that a run may take. None comes near it.
const limit = time.Minute

func (c call) run(t *testing.T) result {
	t.Helper()
	command := c.command(t)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("maskinporten %s: %v", strings.Join(c.arguments, " "), err)
	}
	return result{command.ProcessState.ExitCode(), out.String(), errs.String()}
}

func (c call) command(t *testing.T) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, program, c.arguments...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "MASKINPORTEN_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, c.variables...)
	command.Stdin, command.Dir = strings.NewReader(c.stdin), c.dir
	return command
}

func maskinporten(t *testing.T, arguments ...string) result {
	t.Helper()
	return call{arguments: arguments}.run(t)
}

// want checks the exit code and words that must be on stderr.
func (r result) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d; stderr:\n%s", r.code, code, r.errors)
	}
	for _, word := range words {
		if !strings.Contains(r.errors, word) {
			t.Errorf("stderr does not say %q:\n%s", word, r.errors)
		}
	}
}

// world is a running sandbox with its files.
type world struct {
	*exec.Cmd
	stdin    io.WriteCloser
	url      string
	settings string // the path
	demo     struct {
		Issuer, Control, Kid, Organization string
		TokenEndpoint                      string `json:"token_endpoint"`
		MetadataURL                        string `json:"metadata_url"`
		CustomsTestAuth                    string `json:"customs_test_auth"`
		CustomsTokenEndpoint               string `json:"customs_token_endpoint"`
		SampleAPI                          string `json:"sample_api"`
		AltinnExchange                     string `json:"altinn_exchange"`
		ClientID                           string `json:"client_id"`
		KeyPEM                             string `json:"key_pem"`
		KeyJWK                             string `json:"key_jwk"`
		CertificateClientID                string `json:"certificate_client_id"`
		CertificateP12                     string `json:"certificate_p12"`
		CertificatePEM                     string `json:"certificate_pem"`
		CertificatePassword                string `json:"certificate_password"`
		CustomerOrganization               string `json:"customer_organization"`
		Scopes                             struct {
			Customs, Plain, Other, Delegated, Ungranted, Consent, ESeal string
			SystemUser                                                  string `json:"system_user"`
		}
		SystemUser struct {
			Org         string
			ExternalRef string `json:"external_ref"`
		} `json:"system_user"`
		Consent struct{ ID, From string }
		ESeal   struct {
			P12, PEM, Password     string
			OrganizationIdentifier string `json:"organization_identifier"`
			ClientID               string `json:"client_id"`
		}
	}
}

// startWorld runs the sandbox command until its stdin closes.
func startWorld(dir string) (*world, error) {
	w := &world{settings: filepath.Join(dir, "settings.json")}
	w.Cmd = exec.Command(program, "sandbox", "--out", dir, "--until-stdin-closes")
	var said bytes.Buffer
	w.Stderr = &said
	var err error
	if w.stdin, err = w.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := w.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		w.Wait()
		return nil, fmt.Errorf("the sandbox did not start: %s", said.Bytes())
	}
	w.url = strings.TrimSuffix(strings.TrimPrefix(line, "ready "), "\n")
	data, err := os.ReadFile(w.settings)
	if err != nil {
		return nil, err
	}
	return w, json.Unmarshal(data, &w.demo)
}

// running is the sandbox that most tests share; TestMain ends it.
var running *world

var startShared = sync.OnceValues(func() (*world, error) {
	var err error
	running, err = startWorld(filepath.Join(filepath.Dir(program), "world"))
	return running, err
})

func shared(t *testing.T) *world {
	t.Helper()
	w, err := startShared()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// asked is how many requests came to the token endpoint.
func (w *world) asked(t *testing.T) int {
	t.Helper()
	return w.journal(t).Counts["/token"]
}

type seen struct {
	Requests []struct {
		Path, Scope string
		Status      int
		ClientID    string `json:"client_id"`
		ConsumerOrg string `json:"consumer_org"`
	}
	Counts map[string]int
}

func (w *world) journal(t *testing.T) (j seen) {
	t.Helper()
	status, body := get(t, w.demo.Control+"/journal", "")
	if err := json.Unmarshal(body, &j); status != 200 || err != nil {
		t.Fatalf("journal: %d %v", status, err)
	}
	return j
}

// get asks with a token, if one is given.
func get(t *testing.T, url, token string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

// withoutSecrets fails if a text holds a token, a private key (as PEM and DER
// in base64 begin, or as a JWK has it) or one of the passwords.
func withoutSecrets(t *testing.T, text string, passwords ...string) {
	t.Helper()
	for _, secret := range append(passwords, "eyJ", "MII", `"d":`) {
		if strings.Contains(text, secret) {
			t.Error("a secret is shown")
		}
	}
}

// folder returns a folder of the test's own, and what writes a file into it and
// returns its path.
func folder(t *testing.T) (dir string, file func(name, content string) string) {
	t.Helper()
	dir = t.TempDir()
	return dir, func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
}
