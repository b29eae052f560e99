package sandbox

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// defaultWorld is made once: keys take time.
var defaultWorld = sync.OnceValues(func() (Config, *Demo) {
	config, demo, err := DefaultConfig()
	if err != nil {
		panic(err)
	}
	return config, demo
})

// otherKey is a key that nobody has registered.
var otherKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

// fixture is a sandbox with the default world, perhaps changed.
type fixture struct {
	*testing.T
	*Server
	demo *Demo
}

func start(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	config, demo := defaultWorld()
	config.Clients = slices.Clone(config.Clients)
	config.Scopes = slices.Clone(config.Scopes)
	config.Organizations = slices.Clone(config.Organizations)
	if change != nil {
		change(&config)
	}
	server, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return &fixture{t, server, demo}
}

// draft is a grant that is not signed yet. The tests sign by themselves, with
// the standard library only.
type draft struct {
	header, claims map[string]any
	key            *rsa.PrivateKey
	mangle         func(string) string // of the signed grant
}

func newJTI() string { return rand.Text() }

// keyGrant is a grant that the sandbox accepts, of the client with a key.
func (f *fixture) keyGrant() *draft {
	now := f.now().Unix()
	return &draft{
		header: map[string]any{"alg": "RS256", "kid": f.demo.KeyID},
		claims: map[string]any{
			"aud": f.URL() + "/", "iss": f.demo.ClientID, "scope": f.demo.Scopes.Plain,
			"iat": now, "exp": now + 100, "jti": newJTI(),
		},
		key: f.demo.PrivateKey,
	}
}

// certificateGrant is one of the client with a business certificate.
func (f *fixture) certificateGrant() *draft {
	d := f.keyGrant()
	d.header = map[string]any{"alg": "RS256", "x5c": x5c(f.demo.CertificateChain...)}
	d.claims["iss"] = f.demo.CertificateClientID
	d.key = f.demo.CertificateKey
	return d
}

func x5c(chain ...[]byte) []string {
	var list []string
	for _, der := range chain {
		list = append(list, base64.StdEncoding.EncodeToString(der))
	}
	return list
}

func (d *draft) sign() string {
	part := func(v map[string]any) string { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }
	return d.signParts(part(d.header), part(d.claims))
}

// signParts signs an encoded header and payload that need not be JSON.
func (d *draft) signParts(header, payload string) string {
	hash := map[any]crypto.Hash{"RS384": crypto.SHA384, "RS512": crypto.SHA512}[d.header["alg"]]
	if hash == 0 {
		hash = crypto.SHA256
	}
	digest := hash.New()
	digest.Write([]byte(header + "." + payload))
	signature := must(rsa.SignPKCS1v15(nil, d.key, hash, digest.Sum(nil)))
	signed := header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(signature)
	if d.mangle != nil {
		signed = d.mangle(signed)
	}
	return signed
}

// reply is an HTTP answer, read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(r.body, &object); err != nil {
		t.Fatalf("status %d, the body is not a JSON object: %v", r.status, err)
	}
	return object
}

var httpClient = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableKeepAlives: true},
}

func do(method, address string, header map[string]string, body []byte) (reply, error) {
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, read}, err
}

func (f *fixture) do(method, address string, header map[string]string, body string) reply {
	f.Helper()
	r, err := do(method, address, header, []byte(body))
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func (f *fixture) get(address, token string) reply {
	f.Helper()
	return f.do("GET", address, map[string]string{"Authorization": "Bearer " + token}, "")
}

func postForm(address string, form url.Values) (reply, error) {
	return do("POST", address, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte(form.Encode()))
}

func grantForm(assertion string) url.Values {
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
}

func (f *fixture) post(assertion string) reply {
	f.Helper()
	r, err := postForm(f.URL()+"/token", grantForm(assertion))
	if err != nil {
		f.Fatal(err)
	}
	return r
}

// token sends a grant that must be accepted.
func (f *fixture) token(d *draft) (token string, answer map[string]any) {
	f.Helper()
	r := f.post(d.sign())
	if r.status != 200 {
		entries := f.Journal()
		f.Fatalf("status %d, %s; %s", r.status, r.body, entries[len(entries)-1].Detail)
	}
	answer = r.json(f.T)
	token, _ = answer["access_token"].(string)
	return token, answer
}

// customsForm is a right exchange at Customs.
func customsForm(token string) url.Values {
	return url.Values{"grant_type": {"token-exchange"}, "subject_token_type": {"access_token"}, "subject_token": {token}}
}

// decode reads a JWT without any of the sandbox's code.
func decode(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %d parts", len(parts))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[i])), into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func members(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }

func (f *fixture) last() Entry {
	f.Helper()
	entries := f.Journal()
	if len(entries) == 0 {
		f.Fatal("the journal is empty")
	}
	return entries[len(entries)-1]
}
