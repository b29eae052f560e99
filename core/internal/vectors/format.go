// Package vectors is the shared test vectors of core/testdata/vectors: their
// format, and the tables that the files are generated from.
//
// It imports nothing of the product. What a case expects is written down from
// the documents (Digdir's protocol, the RFCs, the rules of the cache), and what
// has to be computed, such as a signature, is computed by the standard library.
package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// The places a case can run on; see README.md beside the files.
const (
	OnGo      = "go"      // the functions of package core, with clock and randomness given
	OnABI     = "abi"     // the language-neutral verbs, where the host signs and sends
	OnLibrary = "library" // the same with keys and steps that the library handles by itself
)

// File is one subject.
type File struct {
	Schema    string          `json:"$schema"`
	Subject   string          `json:"subject"`
	Comment   string          `json:"comment"`
	Operation string          `json:"operation"`
	Config    json.RawMessage `json:"config,omitempty"`  // of cases without their own
	Request   json.RawMessage `json:"request,omitempty"` // likewise
	Cases     []Case          `json:"cases"`
}

// Case is one case of any operation; the schema says which members go together.
type Case struct {
	Name    string   `json:"name"`
	Comment string   `json:"comment,omitempty"`
	RunsOn  []string `json:"runs_on"`

	Config      json.RawMessage `json:"config,omitempty"`
	ConfigText  *Blob           `json:"config_text,omitempty"`
	Request     json.RawMessage `json:"request,omitempty"`
	RequestText *Blob           `json:"request_text,omitempty"`
	Other       *Registration   `json:"other,omitempty"`

	NowMS      int64       `json:"now_ms,omitempty"`
	JTI        string      `json:"jti,omitempty"`
	Random     *float64    `json:"random,omitempty"`
	Signatures []Signature `json:"signatures,omitempty"`
	Answers    []Answer    `json:"answers,omitempty"`
	Steps      []Step      `json:"steps,omitempty"`
	Text       *Blob       `json:"text,omitempty"`

	Expect map[string]any `json:"expect,omitempty"`
}

// Registration is the second side of a comparison.
type Registration struct {
	Config  json.RawMessage `json:"config,omitempty"`
	Request json.RawMessage `json:"request,omitempty"`
}

// Signature is what a sign step gets: so many bytes, or a failure.
type Signature struct {
	Bytes int      `json:"bytes,omitempty"`
	Fail  *Failure `json:"fail,omitempty"`
}

// Answer is what a send step gets: a response, or a failure.
type Answer struct {
	Status  int            `json:"status,omitempty"`
	Headers map[string]any `json:"headers,omitempty"` // a string, or an array of strings
	Body    *Blob          `json:"body,omitempty"`
	Fail    *Failure       `json:"fail,omitempty"`
}

// Failure is the reason that a host reports.
type Failure struct {
	Code      string `json:"code"`
	Message   string `json:"message,omitempty"`
	Retryable bool   `json:"retryable,omitempty"`
}

// Step is one line of a script.
type Step struct {
	Comment     string         `json:"comment,omitempty"`
	AtMS        *int64         `json:"at_ms,omitempty"`
	WallMS      *int64         `json:"wall_ms,omitempty"`
	Do          string         `json:"do"`
	Flow        string         `json:"flow,omitempty"`
	Bytes       int            `json:"bytes,omitempty"`
	Answer      *Answer        `json:"answer,omitempty"`
	Answers     []Answer       `json:"answers,omitempty"`
	Fail        *Failure       `json:"fail,omitempty"`
	AccessToken string         `json:"access_token,omitempty"`
	KeyID       string         `json:"kid,omitempty"`
	Expect      map[string]any `json:"expect,omitempty"`
}

// RunsHere reports whether the case runs on one of the places.
func (c Case) RunsHere(places ...string) bool {
	for _, on := range c.RunsOn {
		for _, place := range places {
			if on == place {
				return true
			}
		}
	}
	return false
}

// The files of the folder that hold no cases.
const (
	KeysFile   = "keys.json"
	SchemaFile = "schema.json"
)

// Load reads every file of cases in a folder and gives each case the defaults
// of its file. A member or a file that it does not know is an error.
func Load(dir string) ([]File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{KeysFile: true, SchemaFile: true}
	for _, file := range All() {
		known[file.Subject+".json"] = true
	}
	if len(paths) != len(known) {
		return nil, fmt.Errorf("%d JSON files are in %s, want %d", len(paths), dir, len(known))
	}
	var files []File
	for _, path := range paths {
		name := filepath.Base(path)
		if !known[name] {
			return nil, fmt.Errorf("nobody knows the file %s", name)
		}
		if name == KeysFile || name == SchemaFile {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var file File
		if err := strict(data, &file); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for i := range file.Cases {
			c := &file.Cases[i]
			if c.Config == nil {
				c.Config = file.Config
			}
			if c.Request == nil {
				c.Request = file.Request
			}
		}
		files = append(files, file)
	}
	return files, nil
}

// LoadKeys reads the test keys by their names.
func LoadKeys(dir string) (map[string]Key, error) {
	data, err := os.ReadFile(filepath.Join(dir, KeysFile))
	if err != nil {
		return nil, err
	}
	var file keysFile
	if err := strict(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", KeysFile, err)
	}
	keys := map[string]Key{}
	for _, key := range file.Keys {
		keys[key.Name] = key
	}
	return keys, nil
}

func strict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is text behind the JSON")
	}
	return nil
}

// encode is json.Marshal without the escapes that are for HTML.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// Encode writes a file with one case to a line, so that a diff shows cases.
func (f File) Encode() ([]byte, error) {
	cases := f.Cases
	f.Cases = []Case{}
	head, err := encode(f)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Write(bytes.TrimSuffix(head, []byte("]}")))
	for i, c := range cases {
		line, err := encode(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		out.Write(line)
	}
	out.WriteString("\n]}\n")
	return out.Bytes(), nil
}

// Generate returns every file by its name.
func Generate() (map[string][]byte, error) {
	out := map[string][]byte{}
	keys, err := json.MarshalIndent(keysFile{"schema.json", "keys", keysComment, testKeys()}, "", "  ")
	if err != nil {
		return nil, err
	}
	out[KeysFile] = append(keys, '\n')
	for _, file := range All() {
		if out[file.Subject+".json"], err = file.Encode(); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Subject, err)
		}
	}
	return out, nil
}

// All returns the files in the order of their subjects.
func All() []File {
	files := []File{claims(), signingInputs(), grants(), tokenRequests(), responses(), errorAnswers(), exchanges(),
		cacheKeys(), cacheStates(), flows(), retries(), clocks(), redaction(), badRequests(), badConfigs()}
	for i := range files {
		files[i].Schema = SchemaFile
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Subject < files[j].Subject })
	return files
}
