package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// demo runs the demo with a folder of its own for temporary files, which must
// be empty afterwards.
func demo(t *testing.T, arguments ...string) result {
	t.Helper()
	dir := t.TempDir()
	r := call{arguments: append([]string{"demo"}, arguments...), variables: []string{"TMPDIR=" + dir}}.run(t)
	wantEmpty(t, dir)
	withoutSecrets(t, r.out+r.errors)
	return r
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d temporary files are left: %v", len(left), err)
	}
}

// cells returns the marks in a row of the table.
func cells(t *testing.T, out, name string) []string {
	t.Helper()
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[0] == name {
			return fields[1:5]
		}
	}
	t.Errorf("the table has no row %s:\n%s", name, out)
	return nil
}

func wantCells(t *testing.T, out, name, marks string) {
	t.Helper()
	if got := strings.Join(cells(t, out, name), ""); got != marks {
		t.Errorf("%s has %s, want %s", name, got, marks)
	}
}

func TestDemo(t *testing.T) {
	r := demo(t)
	r.want(t, 0)
	last := -1
	for _, word := range []string{"A sandbox plays Maskinporten", "1. Your program signs a grant", "registered as kid", "RS256", "aud ", "iss ", "scope ", "toll:movement/road/v2", "iat ", "exp ", "jti ",
		"2. Maskinporten is asked", "POST http://127.0.0.1:", "/token", "Bearer token", "600 s", "3. Norwegian Customs is asked", "970 s", "4. The API is called", "test-auth", "200 OK",
		"5. The next call", "the same token, from the cache", "Grant accepted"} {
		at := strings.Index(r.out, word)
		if at < 0 {
			t.Errorf("the story does not say %q", word)
		} else if len(word) > 1 && word[1] == '.' {
			if at < last {
				t.Errorf("%q comes too early", word)
			}
			last = at
		}
	}
	wantCells(t, r.out, "Go", "✓✓✓✓")
}

func TestDemoJSON(t *testing.T) {
	r := demo(t, "--json")
	r.want(t, 0)
	var got map[string]any
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || strings.Count(r.out, "\n") != 1 {
		t.Fatalf("stdout: %q, %v", r.out, err)
	}
	if life, _ := got["expires_in_s"].(float64); got["grant"] != true || got["token"] != true || got["customs"] != true || got["test_auth"] != 200.0 || life <= 900 || len(got) != 5 {
		t.Errorf("row: %v", got)
	}
}

func TestDemoRows(t *testing.T) {
	const claim = `{"grant":true,"token":true,"customs":true,"test_auth":200,"expires_in_s":970}`
	r := demo(t,
		"--row", "Honest="+program+" demo --json --settings {settings}",
		"--row", "Liar="+script(t, "echo '"+claim+"'"),
		"--row", "Half="+script(t, program+` token --settings "$1" --scope toll:movement/road/v2 >/dev/null && echo '`+claim+"'"),
		"--row", "Crash="+script(t, "echo went wrong here >&2; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo line $i >&2; done; exit 3"),
		"--row", "Leak="+program+" token --settings {settings} --scope toll:movement/road/v2",
		"--row", "Silent="+script(t, ":"),
		"--row", "Absent=no/such/program {settings}",
	)
	r.want(t, 1, "6 of 8 programs did not get through: Liar, Half, Crash, Leak, Silent, Absent", "What to do: ")
	for _, row := range []struct{ name, marks string }{
		{"Go", "✓✓✓✓"}, {"Honest", "✓✓✓✓"}, {"Liar", "✗✗✗✗"}, {"Half", "✓✓✗✗"}, {"Crash", "✗✗✗✗"}, {"Leak", "✗✗✗✗"}, {"Silent", "✗✗✗✗"}, {"Absent", "✗✗✗✗"},
	} {
		name, marks := row.name, row.marks
		got := cells(t, r.out, name)
		if joined := strings.Join(got, ""); !strings.HasPrefix(joined, marks) {
			t.Errorf("%s has %s, want %s", name, joined, marks)
		}
	}
	for _, reason := range []string{
		"Liar: the sandbox has answered it with 200 at none of: http://",
		"Crash: it ended with exit status 3", "  | went wrong here\n", "  | line 5\n  | …\n  | line 8\n", "  | line 13\n",
		"Leak: its output holds what looks like a token",
		"Silent: the last line that it printed is not the JSON of a row",
		"Absent: it could not be started",
	} {
		if !strings.Contains(r.out, reason) {
			t.Errorf("the demo does not say %q:\n%s", reason, r.out)
		}
	}
}

func TestDemoAtRunningSandbox(t *testing.T) {
	w := ownWorld(t)
	demo(t, "--settings", w.settings).want(t, 0)

	w.setFaults(t, `[{"path":"/token","times":1,"status":503}]`)
	r := demo(t, "--settings", w.settings)
	r.want(t, 0)
	if !strings.Contains(r.out, "another attempt, with a new grant") {
		t.Error("the story leaves the second attempt out")
	}

	w.setFaults(t, `[{"path":"/api/access/external/oauth/token","times":0,"status":404}]`)
	r = demo(t, "--settings", w.settings)
	r.want(t, 1, "HTTP 404", "What to do: ")
	wantCells(t, r.out, "Go", "✓✓✗✗")
	r = demo(t, "--settings", w.settings, "--json")
	r.want(t, 1, "HTTP 404")
	if r.out != `{"grant":true,"token":true,"customs":false,"test_auth":0,"expires_in_s":0}`+"\n" {
		t.Errorf("stdout: %s", r.out)
	}

	w.setFaults(t, `[{"path":"/api/movement/road/v1/test-auth","times":0,"status":500}]`)
	r = demo(t, "--settings", w.settings)
	r.want(t, 1, "the API answered 500", "What to do: ")
	if got := strings.Join(cells(t, r.out, "Go"), ""); !strings.HasPrefix(got, "✓✓✓✗") {
		t.Errorf("Go has %s", got)
	}

	w.end(t)
	demo(t, "--settings", w.settings).want(t, 1, "the journal of the sandbox cannot be read", "Check that the sandbox still runs")
}

func TestDemoBadInput(t *testing.T) {
	dir := t.TempDir()
	demo(t, "--settings", filepath.Join(dir, "none")).want(t, 1, "cannot be read", "What to do: ")
	file := filepath.Join(dir, "half.json")
	if err := os.WriteFile(file, []byte(`{"issuer":"https://test.maskinporten.no/"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	demo(t, "--settings", file).want(t, 1, "--client-id:", "--key:", "What to do: ")
	r := call{arguments: []string{"demo"}, variables: []string{"TMPDIR=" + filepath.Join(dir, "gone")}}.run(t)
	r.want(t, 1, "no folder for the demo's files", "TMPDIR")
}

// TestDemoInterrupted checks that nothing is left behind.
func TestDemoInterrupted(t *testing.T) {
	dir := t.TempDir()
	command := call{arguments: []string{"demo", "--row", "Sleeper=" + script(t, "exec sleep 300")}, variables: []string{"TMPDIR=" + dir}}.command(t)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(stdout)
	if _, err := readUntil(reader, "Now Sleeper"); err != nil {
		t.Fatal(err)
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, reader); err != nil {
		t.Fatal(err)
	}
	command.Wait()
	if code := command.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	wantEmpty(t, dir)
}

func readUntil(r *bufio.Reader, word string) (string, error) {
	var read strings.Builder
	for !strings.HasSuffix(read.String(), word) {
		b, err := r.ReadByte()
		if err != nil {
			return read.String(), err
		}
		read.WriteByte(b)
	}
	return read.String(), nil
}

// script writes a program for a row of the demo.
func script(t *testing.T, lines string) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh to run a program of the test with")
	}
	path := filepath.Join(t.TempDir(), "row.sh")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return "sh " + path + " {settings}"
}

func TestJournalAnswered(t *testing.T) {
	read := func(text string) (j journal) {
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			t.Fatal(err)
		}
		return j
	}
	before := read(`{"requests":[{"path":"/token","status":200}],"counts":{"/token":1}}`)
	for name, test := range map[string]struct {
		after string
		want  bool
	}{
		"nothing new":            {`{"requests":[{"path":"/token","status":200}],"counts":{"/token":1}}`, false},
		"refused":                {`{"requests":[{"path":"/token","status":200},{"path":"/token","status":400}],"counts":{"/token":2}}`, false},
		"accepted":               {`{"requests":[{"path":"/token","status":200},{"path":"/token","status":200}],"counts":{"/token":2}}`, true},
		"accepted after refusal": {`{"requests":[{"path":"/token","status":200},{"path":"/token","status":400},{"path":"/token","status":200},{"path":"/jwk","status":200}],"counts":{"/token":3,"/jwk":1}}`, true},
		"elsewhere":              {`{"requests":[{"path":"/token","status":200},{"path":"/jwk","status":200}],"counts":{"/token":1,"/jwk":1}}`, false},
		"oldest let go":          {`{"requests":[{"path":"/token","status":200}],"counts":{"/token":2}}`, true},
	} {
		if got := before.answered(read(test.after), "http://127.0.0.1:1/token"); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
