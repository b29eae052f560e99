package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ownWorld starts a sandbox for one test.
func ownWorld(t *testing.T) *world {
	t.Helper()
	w, err := startWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.end(t) })
	return w
}

// end closes the sandbox's stdin and waits for its end, which must be a good one.
func (w *world) end(t *testing.T) {
	t.Helper()
	w.stdin.Close()
	if w.ProcessState != nil {
		return
	}
	if err := w.Wait(); err != nil {
		t.Errorf("the sandbox ended with %v", err)
	}
}

func (w *world) setFaults(t *testing.T, faults string) {
	t.Helper()
	w.put(t, "/faults", faults)
}

// put changes one thing of the sandbox while it runs.
func (w *world) put(t *testing.T, control, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "PUT", w.demo.Control+control, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", control, response.Status)
	}
}

func TestSandbox(t *testing.T) {
	w := ownWorld(t)
	if !strings.HasPrefix(w.url, "http://127.0.0.1:") || w.url+"/" != w.demo.Issuer {
		t.Errorf("ready %q, issuer %q", w.url, w.demo.Issuer)
	}
	if status, body := get(t, w.demo.MetadataURL, ""); status != 200 || !strings.Contains(string(body), w.demo.Issuer) {
		t.Errorf("metadata: %d %s", status, body)
	}
	for _, name := range []string{"settings.json", "key.pem", "key.jwk", "certificate.p12", "certificate.pem"} {
		readPrivate(t, filepath.Join(filepath.Dir(w.settings), name))
	}
	w.end(t)
	if _, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://")); err == nil {
		t.Error("something still listens after stdin closed")
	}
}

func TestSandboxEndsOnSignal(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			command := call{arguments: []string{"sandbox"}}.command(t)
			var errs strings.Builder
			command.Stderr = &errs
			stdout, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			reader := bufio.NewReader(stdout)
			line, err := reader.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "ready http://127.0.0.1:") {
				t.Errorf("stdout: %q, %v", line, err)
			}
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
				t.Errorf("stdout goes on with %q, %v", rest, err)
			}
			if err := command.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			for _, word := range []string{"loopback only", "/token", "test-auth", "/journal"} {
				if !strings.Contains(errs.String(), word) {
					t.Errorf("stderr does not say %q", word)
				}
			}
		})
	}
}

func TestSandboxConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(`{"scopes":[{"name":"mine:scope"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := maskinporten(t, "sandbox", "--config", file, "--until-stdin-closes") // whose stdin is empty
	r.want(t, 0, "loopback only")
	if !strings.HasPrefix(r.out, "ready http://127.0.0.1:") || strings.Count(r.out, "\n") != 1 {
		t.Errorf("stdout: %q", r.out)
	}
}

func TestSandboxBadInput(t *testing.T) {
	dir, file := folder(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, test := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, "not a loopback address"},
		{[]string{"--listen", "example.no:80"}, "not a loopback address"},
		{[]string{"--listen", "8080"}, "not an address of the form host:port"},
		{[]string{"--listen", listener.Addr().String()}, "in use"},
		{[]string{"--config", filepath.Join(dir, "none")}, "cannot be read"},
		{[]string{"--config", file("broken.json", "{")}, "not the expected JSON"},
		{[]string{"--config", file("unknown.json", `{"skopes":[]}`)}, "skopes"},
		{[]string{"--config", file("wrong.json", `{"scopes":[{"name":"a"},{"name":"b"}]}`)}, "scopes[1]"},
		{[]string{"--out", filepath.Join(file("plain", ""), "dir")}, "cannot be written"},
	} {
		r := maskinporten(t, append([]string{"sandbox", "--until-stdin-closes"}, test.arguments...)...)
		r.want(t, 1, test.says, "What to do: ")
		if r.out != "" {
			t.Errorf("%v: stdout %q", test.arguments, r.out)
		}
	}
}
