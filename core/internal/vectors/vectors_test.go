package vectors

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const folder = "../../testdata/vectors"

// TestFilesAreGenerated fails when a table was changed and not written out, or
// a file was changed by hand.
func TestFilesAreGenerated(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the tables say; run go generate ./core", name)
		}
	}
	again, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if !bytes.Equal(files[name], again[name]) {
			t.Errorf("%s comes out differently each time", name)
		}
	}
}

func TestFilesFitTheSchema(t *testing.T) {
	schema := readSchema(t)
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		for _, why := range schema.check(parsed(t, data)) {
			t.Errorf("%s: %s", name, why)
		}
	}
	// And the schema refuses what no runner would understand.
	good := string(files["flows.json"])
	for _, damage := range [][2]string{{`"do":"next"`, `"do":"dance"`}, {`"operation":"flow"`, `"operation":"source"`}, {`"steps":`, `"stages":`},
		{`"runs_on":["go","abi"]`, `"runs_on":[]`}, {`"status":200`, `"status":"200"`}, {`"comment":"Scripts`, `"remark":"Scripts`}, {`"code":"key_expired"`, `"code":"Key expired"`}} {
		bad := strings.Replace(good, damage[0], damage[1], 1)
		if bad == good {
			t.Fatalf("%s is not in flows.json", damage[0])
		}
		if len(schema.check(parsed(t, []byte(bad)))) == 0 {
			t.Errorf("%s is accepted", damage[1])
		}
	}
}

func TestCasesAreNamedAndEnough(t *testing.T) {
	files, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, file := range files {
		seen := map[string]bool{}
		for _, c := range file.Cases {
			count["all"]++
			for _, place := range c.RunsOn {
				count[place]++
			}
			if seen[c.Name] {
				t.Errorf("%s has two cases %q", file.Subject, c.Name)
			}
			seen[c.Name] = true
			if len(c.Expect) == 0 && !slices.ContainsFunc(c.Steps, func(s Step) bool { return len(s.Expect) > 0 }) {
				t.Errorf("%s/%s expects nothing", file.Subject, c.Name)
			}
		}
	}
	if count["all"] < 300 || count[OnABI] < 300 {
		t.Errorf("too few cases: %v", count)
	}
	t.Log(count)
}

func TestReadmeNamesEveryFile(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range All() {
		if !strings.Contains(string(readme), "`"+file.Subject+".json`") {
			t.Errorf("README.md does not name %s.json", file.Subject)
		}
	}
}

func TestLoadRefusesStrangers(t *testing.T) {
	copied := func() string {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	write := func(dir, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(copied()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(dir string){
		"an unknown file":   func(dir string) { write(dir, "other.json", "{}") },
		"a missing file":    func(dir string) { os.Remove(filepath.Join(dir, "claims.json")) },
		"an unknown member": func(dir string) { write(dir, "claims.json", `{"cases":[{"name":"x","expects":{}}]}`) },
		"text behind":       func(dir string) { write(dir, "claims.json", `{"cases":[]}{}`) },
	} {
		dir := copied()
		spoil(dir)
		if _, err := Load(dir); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestMatch(t *testing.T) {
	got := object{"a": 1, "text": "the key is old", "problems": []string{"x", "y"}, "header": object{"alg": "RS256", "kid": "k"},
		"list": []object{{"b": 1, "c": 2}}, "wait_ms": 5, "requests": []object{{"body": canary}}}
	for _, good := range []object{{}, {"a": 1}, {"z": nil}, {"says": []string{"key", "old"}}, {"hides": []string{canary}}, {"problems": []string{"y", "x"}},
		{"header": object{"alg": "RS256", "kid": "k"}}, {"list": []object{{"b": 1}}}, {"wait_ms_at_most": 5}} {
		if why := Match(good, got); why != "" {
			t.Errorf("%v: %s", good, why)
		}
	}
	for _, bad := range []object{{"a": 2}, {"a": "1"}, {"a": nil}, {"z": 1}, {"says": []string{"new"}}, {"hides": []string{"old"}}, {"problems": []string{"x"}},
		{"header": object{"alg": "RS256"}}, {"list": []object{}}, {"list": []object{{"b": 2}}}, {"wait_ms_at_most": 4}, {"z_at_most": 4}, {"a": object{}}} {
		if Match(bad, got) == "" {
			t.Errorf("%v matches", bad)
		}
	}
}

func parsed(t *testing.T, data []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
