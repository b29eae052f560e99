package wire

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/maskinporten-core/maskinporten/core"
)

const canary = "CANARY"

// endpoint answers every request with a token.
type endpoint struct {
	mu    sync.Mutex
	count int
}

func (e *endpoint) Send(context.Context, core.Request) (core.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	return core.Response{Status: 200, Body: fmt.Appendf(nil, `{"access_token":"%s-%d","token_type":"Bearer","expires_in":120}`, canary, e.count)}, nil
}

var testKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
})

func keyConfig() string {
	text, _ := json.Marshal(testKey())
	return `{"environment":"test","client_id":"client","key":{"pem":` + string(text) + `,"kid":"kid-1"}}`
}

const hostConfig = `{"environment":"test","client_id":"client","key":{"kid":"kid-1","signature_size":256}}`

// wantFailure checks the error object and returns it.
func wantFailure(t *testing.T, failure *Failure, code core.Code, words ...string) map[string]any {
	t.Helper()
	if failure == nil {
		t.Fatalf("no failure, want %s", code)
	}
	var object map[string]any
	if err := json.Unmarshal(failure.JSON, &object); err != nil {
		t.Fatalf("%v in %s", err, failure.JSON)
	}
	if object["code"] != string(code) || failure.Number != code.Number() || object["number"] != float64(code.Number()) {
		t.Errorf("failure is %s, want %s", failure.JSON, code)
	}
	for _, word := range append(words, `"remedy":"`) {
		if !strings.Contains(string(failure.JSON), word) {
			t.Errorf("%s does not say %q", failure.JSON, word)
		}
	}
	if strings.Contains(string(failure.JSON), canary) {
		t.Errorf("a secret shows in %s", failure.JSON)
	}
	return object
}

func ok(t *testing.T, failure *Failure) {
	t.Helper()
	if failure != nil {
		t.Fatalf("%s", failure.JSON)
	}
}

func newSource(t *testing.T, h *Host, config, request string) (client, source uint64) {
	t.Helper()
	client, failure := h.ClientNew([]byte(config))
	ok(t, failure)
	source, failure = h.SourceNew(client, []byte(request))
	ok(t, failure)
	return client, source
}

func TestBlockingToken(t *testing.T) {
	h := NewHost(&endpoint{}, nil)
	client, source := newSource(t, h, keyConfig(), `{"scopes":"a:b"}`)
	_, failure := h.SourcePeek(source)
	wantFailure(t, failure, core.CodeNoToken)
	token, failure := h.SourceToken(source, -1)
	ok(t, failure)
	var object map[string]any
	if err := json.Unmarshal(token, &object); err != nil || object["access_token"] != canary+"-1" || object["token_type"] != "Bearer" ||
		object["expires_at_ms"].(float64)-object["requested_at_ms"].(float64) != 120_000 || object["usable_until_ms"].(float64)-object["requested_at_ms"].(float64) != 110_000 {
		t.Errorf("token is %s", token)
	}
	peeked, failure := h.SourcePeek(source)
	ok(t, failure)
	if peeked.AccessToken != canary+"-1" || peeked.UsableMS <= 0 || peeked.UsableMS > 110_000 || peeked.RefreshDue ||
		peeked.LeaseMS <= 0 || peeked.LeaseMS > 57_600 {
		t.Errorf("peek: %+v", peeked)
	}
	if allocations := testing.AllocsPerRun(100, func() { h.SourcePeek(source) }); allocations != 0 {
		t.Errorf("a peek allocates %v times", allocations)
	}
	ok(t, h.SourceInvalidate(source, []byte(peeked.AccessToken)))
	_, failure = h.SourcePeek(source)
	wantFailure(t, failure, core.CodeNoToken)
	ok(t, h.ClientFree(client))
	_, failure = h.SourceToken(source, 0)
	wantFailure(t, failure, core.CodeClosed)
	ok(t, h.SourceFree(source))
	if h.Live() != 0 {
		t.Errorf("%d handles are left", h.Live())
	}
}

func TestFlowOverJSON(t *testing.T) {
	h := NewHost(nil, nil)
	_, source := newSource(t, h, hostConfig, `{"scopes":["toll:x"],"exchanges":[{"type":"customs"}]}`)
	_, failure := h.SourceToken(source, 0)
	wantFailure(t, failure, core.CodeNoSigner)
	flow, failure := h.FlowNew(source)
	ok(t, failure)
	step := func(kind string) map[string]any {
		t.Helper()
		text, failure := h.FlowNext(flow)
		ok(t, failure)
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil || object["step"] != kind {
			t.Fatalf("step is %s, want %s", text, kind)
		}
		return object
	}
	if sign := step("sign"); sign["alg"] != "RS256" || strings.Count(sign["signing_input"].(string), ".") != 1 {
		t.Errorf("sign step is %v", sign)
	}
	wantFailure(t, h.FlowPerform(flow, 0), core.CodeNoSigner)
	wantFailure(t, h.FlowReceived(flow, []byte(`{"status":200}`), nil), core.CodeOutOfOrder)
	ok(t, h.FlowSigned(flow, make([]byte, 256)))
	send := step("send")
	if send["method"] != "POST" || send["url"] != core.Test.TokenEndpoint || send["timeout_ms"] != 8000.0 || send["max_body"] != 1048576.0 ||
		send["headers"].(map[string]any)["Content-Type"] != "application/x-www-form-urlencoded" || !strings.HasPrefix(send["body"].(string), "grant_type=") {
		t.Errorf("send step is %v", send)
	}
	wantFailure(t, h.FlowFailed(flow, []byte(`{"code":"key_expired"}`)), core.CodeInvalidArgument, "signing_failed")
	ok(t, h.FlowFailed(flow, []byte(`{"code":"timeout","message":"slow"}`)))
	if wait := step("wait"); wait["wait_ms"].(float64) > 2000 {
		t.Errorf("wait step is %v", wait)
	}
	for range 2 {
		ok(t, h.FlowPerform(flow, -1)) // the library waits
		if text, _ := h.FlowNext(flow); strings.Contains(string(text), `"sign"`) {
			break
		}
	}
	step("sign")
	ok(t, h.FlowSigned(flow, make([]byte, 256)))
	step("send")
	answer := `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":120}`
	ok(t, h.FlowReceived(flow, []byte(`{"status":200,"headers":{"date":"x","set-cookie":["a","b"]}}`), []byte(answer)))
	if send := step("send"); send["url"] != core.Test.CustomsTokenEndpoint {
		t.Errorf("second request goes to %v", send["url"])
	}
	ok(t, h.FlowReceived(flow, []byte(`{"status":403}`), []byte(`{"error":"forbidden"}`)))
	if failed := step("failed")["error"].(map[string]any); failed["code"] != "rejected" || failed["status"] != 403.0 || failed["error"] != "forbidden" {
		t.Errorf("failed step is %v", failed)
	}
	wantFailure(t, h.FlowPerform(flow, 0), core.CodeOutOfOrder)
	ok(t, h.FlowFree(flow))
	wantFailure(t, h.FlowFree(flow), core.CodeInvalidHandle)
	_, failure = h.FlowNext(flow)
	wantFailure(t, failure, core.CodeInvalidHandle)
}

func TestHandles(t *testing.T) {
	h := NewHost(nil, nil)
	client, source := newSource(t, h, hostConfig, `{"scopes":["a:b"]}`)
	flow, failure := h.FlowNew(source)
	ok(t, failure)
	for _, free := range []func(uint64) *Failure{h.ClientFree, h.SourceFree, h.FlowFree} {
		ok(t, free(0))
		for _, wrong := range []uint64{1, 1 << 63, ^uint64(0), client + 1, source + 1, flow + 1<<32} {
			wantFailure(t, free(wrong), core.CodeInvalidHandle)
		}
	}
	wantFailure(t, h.ClientFree(source), core.CodeInvalidHandle)
	wantFailure(t, h.SourceFree(flow), core.CodeInvalidHandle)
	wantFailure(t, h.FlowFree(client), core.CodeInvalidHandle)
	seen := map[uint64]bool{source: true}
	for range 1000 { // an index is used again, a handle never
		ok(t, h.SourceFree(source))
		_, failure := h.SourceKey(source)
		wantFailure(t, failure, core.CodeInvalidHandle)
		source, failure = h.SourceNew(client, []byte(`{"scopes":["a:b"]}`))
		ok(t, failure)
		if source == 0 || seen[source] {
			t.Fatal("a handle came back")
		}
		seen[source] = true
	}
	if h.Live() != 3 {
		t.Errorf("%d live handles, want 3", h.Live())
	}
}

func TestInputProblems(t *testing.T) {
	tests := []struct {
		config string
		code   core.Code
		words  []string
	}{
		{``, core.CodeInvalidArgument, []string{"not valid JSON"}},
		{`[]`, core.CodeInvalidArgument, []string{"an array, not an object"}},
		{`{"a":1}{}`, core.CodeInvalidArgument, []string{"not valid JSON"}},
		{strings.Repeat(`{"a":`, 20_000), core.CodeInvalidArgument, []string{"too deep"}},
		{"\ufeff" + hostConfig, core.CodeInvalidArgument, []string{"not valid JSON"}},
		{"{\"client_id\":\"\xff\"}", core.CodeInvalidArgument, []string{"UTF-8"}},
		{strings.Repeat(" ", maxInput+1), core.CodeInvalidArgument, []string{"4 MiB"}},
		{`{"client_id":"a","client_id":"b"}`, core.CodeInvalidArgument, []string{"twice"}},
		{`{"client_id":"a","Client_Id":"b"}`, core.CodeInvalidArgument, []string{"twice"}},
		{strings.Replace(hostConfig, `"key"`, `"scopes":[],"key"`, 1), core.CodeInvalidConfig, []string{`"scopes"`, "no such member"}},
		{strings.Replace(hostConfig, `"kid"`, `"kld"`, 1), core.CodeInvalidConfig, []string{`"key.kld"`, "no such member"}},
		{strings.Replace(hostConfig, `"client"`, `7`, 1), core.CodeInvalidConfig, []string{`"client_id"`, "a number", "Give a string"}},
		{strings.Replace(hostConfig, `"test"`, `"ver2"`, 1), core.CodeInvalidConfig, []string{"2024-06-10"}},
		{`{}`, core.CodeInvalidConfig, []string{`"environment"`, `"client_id"`, `"key"`}},
		{`{"environment":"ver2","client_id":"a b","key":{"pem":"x"}}`, core.CodeInvalidConfig, []string{`"environment"`, `"client_id"`, `"key"`}},
		{strings.Replace(hostConfig, `"test"`, `{"issuer":"https://test.maskinporten.no","token_endpoint":"https://test.maskinporten.no/token"}`, 1), core.CodeInvalidConfig, []string{"slash"}},
		{strings.Replace(hostConfig, `"kid-1"`, `"k","x5c":["-_"]`, 1), core.CodeInvalidConfig, []string{"standard base64"}},
		{strings.Replace(hostConfig, `{"kid"`, `{"pem":"x","jwk":{},"kid"`, 1), core.CodeInvalidConfig, nil},
		{strings.Replace(hostConfig, `"key"`, `"grant_life_seconds":-1,"key"`, 1), core.CodeInvalidConfig, []string{`"grant_life_seconds"`}},
		{strings.Replace(hostConfig, `"key"`, `"grant_life_seconds":121,"key"`, 1), core.CodeInvalidConfig, []string{"2m1s"}},
		{strings.Replace(hostConfig, `"key"`, `"cache_limit":9223372036854775808,"key"`, 1), core.CodeInvalidConfig, []string{`"cache_limit"`}},
	}
	h := NewHost(nil, nil)
	for _, test := range tests {
		handle, failure := h.ClientNew([]byte(test.config))
		wantFailure(t, failure, test.code, test.words...)
		if handle != 0 {
			t.Error("a handle came with a failure")
		}
	}
	client, failure := h.ClientNew([]byte(hostConfig))
	ok(t, failure)
	for request, words := range map[string][]string{
		`{}`: {`"scopes"`}, `{"scopes":[1]}`: {`"scopes[0]"`, "a number"}, `{"scopes":["a b"],"consumer_org":"1","x":1}`: {`"scopes[0]"`, `"consumer_org"`, `"x"`},
		`{"scopes":["a:b"],"consumer_org":"","pid":""}`:                            {`"consumer_org"`, `"pid"`, "it is empty"},
		`{"scopes":["a:b"],"exchanges":[1]}`:                                       {`"exchanges[0]"`},
		`{"scopes":["a:b"],"system_user":{"org":"310702641","external_reff":"x"}}`: {`"system_user.external_reff"`},
	} {
		_, failure := h.SourceNew(client, []byte(request))
		wantFailure(t, failure, core.CodeInvalidTokenRequest, words...)
	}
}

func TestKeyVerbs(t *testing.T) {
	h := NewHost(nil, nil)
	made, failure := h.KeyGenerate([]byte(`{}`))
	ok(t, failure)
	var key struct {
		KID        string          `json:"kid"`
		PEM        string          `json:"pem"`
		PublicJWK  json.RawMessage `json:"public_jwk"`
		PrivateJWK json.RawMessage `json:"private_jwk"`
	}
	if err := json.Unmarshal(made, &key); err != nil {
		t.Fatal(err)
	}
	var public map[string]any
	json.Unmarshal(key.PublicJWK, &public)
	if len(public) != 6 || public["kty"] != "RSA" || public["use"] != "sig" || public["alg"] != "RS256" || public["kid"] != key.KID {
		t.Errorf("public JWK is %s", key.PublicJWK)
	}
	text, _ := json.Marshal(key.PEM)
	fromPEM, failure := h.KeyRead(fmt.Appendf(nil, `{"pem":%s,"kid":%q}`, text, key.KID))
	ok(t, failure)
	fromJWK, failure := h.KeyRead(fmt.Appendf(nil, `{"jwk":%s}`, key.PrivateJWK))
	ok(t, failure)
	if string(fromPEM) != string(fromJWK) {
		t.Error("PEM and JWK of one key are read differently")
	}
	_, failure = h.KeyRead([]byte(`{"pem":"x","jwk":"y"}`))
	wantFailure(t, failure, core.CodeInvalidKey, "2 forms")
	_, failure = h.KeyGenerate([]byte(`{"bits":1024}`))
	wantFailure(t, failure, core.CodeInvalidKey, "1024")
}

type panicTransport struct{}

func (panicTransport) Send(context.Context, core.Request) (core.Response, error) { panic("no") }

func TestPanicEndsOneCallOnly(t *testing.T) {
	h := NewHost(panicTransport{}, nil)
	_, source := newSource(t, h, keyConfig(), `{"scopes":["a:b"]}`)
	_, failure := h.SourceToken(source, -1)
	wantFailure(t, failure, core.CodeInternal)
	flow, failure := h.FlowNew(source)
	ok(t, failure)
	ok(t, h.FlowFree(flow))
	// A table left in the middle of a change cannot be trusted any more.
	h.flows.changing = true
	func() {
		var failure *Failure
		defer func() { wantFailure(t, failure, core.CodeInternal) }()
		defer h.guard(&failure)
		panic("in the table")
	}()
	_, failure = h.SourceKey(source)
	wantFailure(t, failure, core.CodePoisoned)
	_, failure = h.ClientNew([]byte(hostConfig))
	wantFailure(t, failure, core.CodePoisoned)
}

func FuzzVerbs(f *testing.F) {
	f.Add(hostConfig, `{"scopes":["a:b"]}`, `{"status":200}`)
	f.Add(`{"environment":{}}`, `{"scopes":"a","exchanges":[{"type":"customs"}]}`, `{"code":"timeout"}`)
	f.Fuzz(func(t *testing.T, config, request, fed string) {
		h := NewHost(nil, nil)
		client, refused := h.ClientNew([]byte(config))
		if report, failure := h.Diagnose([]byte(config), []byte(request)); failure != nil {
			wantFailure(t, failure, core.CodeInvalidArgument)
		} else if object := members(t, report); refused != nil && object["ok"] == true {
			t.Errorf("a client is refused with %s and diagnosed with %s", refused.JSON, report)
		}
		if client == 0 {
			client, _ = h.ClientNew([]byte(hostConfig))
		}
		source, failure := h.SourceNew(client, []byte(request))
		if report, unread := h.Diagnose([]byte(hostConfig), []byte(request)); unread == nil && request != "" && (members(t, report)["ok"] == true) != (failure == nil) && refused != nil {
			t.Errorf("a source is %v and diagnosed with %s", failure, report)
		}
		if failure == nil {
			flow, _ := h.FlowNew(source)
			h.FlowNext(flow)
			h.FlowSigned(flow, make([]byte, 256))
			h.FlowFailed(flow, []byte(fed))
			h.FlowReceived(flow, []byte(fed), []byte(fed))
			h.FlowNext(flow)
			ok(t, h.FlowFree(flow))
			ok(t, h.SourceFree(source))
		}
		ok(t, h.ClientFree(client))
		if h.Live() != 0 {
			t.Errorf("%d handles are left", h.Live())
		}
	})
}
