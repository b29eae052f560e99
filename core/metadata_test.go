package core

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const testMetadata = `{"issuer":"https://test.maskinporten.no/","token_endpoint":"https://test.maskinporten.no/token","jwks_uri":"https://test.maskinporten.no/jwk",
"token_endpoint_auth_methods_supported":["private_key_jwt"],"grant_types_supported":["urn:ietf:params:oauth:grant-type:jwt-bearer"]`

func TestReadMetadata(t *testing.T) {
	algorithms := `,"token_endpoint_auth_signing_alg_values_supported":["RS256","RS384","RS512"]`
	sky := strings.ReplaceAll(strings.ReplaceAll(testMetadata, "test.maskinporten.no/\"", "test.sky.maskinporten.no\""), "test.maskinporten.no", "test.sky.maskinporten.no")
	local := Environment{Issuer: "http://127.0.0.1:8080/", TokenEndpoint: "http://127.0.0.1:8080/token", AllowLoopbackHTTP: true}
	bare := func(issuer, endpoint string) string {
		return fmt.Sprintf(`{"issuer":%q,"token_endpoint":%q}`, issuer, endpoint)
	}
	moved := Test
	moved.TokenEndpoint = "https://test.maskinporten.no/v2/token"
	for _, test := range []struct {
		name, issuer, body string
		want               Environment
		code               Code
		word               string
	}{
		{"of today", Test.Issuer, testMetadata + algorithms + `,"authorization_details_types_supported":["urn:altinn:systemuser","urn:altinn:consent"]}`, Test, "", ""},
		{"of 2022", Test.Issuer, testMetadata + "}", Test, "", ""},
		{"Skyporten", SkyportenTest.Issuer, sky + algorithms + "}", SkyportenTest, "", ""},
		{"unknown members", Test.Issuer, testMetadata + algorithms + `,"x":{"y":[null]},"response_types_supported":["none"]}`, Test, "", ""},
		{"more than we use", Test.Issuer, testMetadata + `,"token_endpoint_auth_signing_alg_values_supported":["ES256","RS256"]}`, Test, "", ""},
		{"the endpoint has moved", Test.Issuer, bare(Test.Issuer, "https://test.maskinporten.no/v2/token"), moved, "", ""},
		{"the sandbox", local.Issuer, bare(local.Issuer, local.TokenEndpoint), local, "", ""},
		{"no more than is needed", "https://idp.example.no", bare("https://idp.example.no", "https://login.example.no/t"), Environment{Issuer: "https://idp.example.no", TokenEndpoint: "https://login.example.no/t"}, "", ""},

		{"issuer without its slash", Test.Issuer, bare("https://test.maskinporten.no", Test.TokenEndpoint), Environment{}, CodeMetadataMismatch, "not \"https://test.maskinporten.no/\""},
		{"we lack the slash", "https://test.maskinporten.no", bare(Test.Issuer, Test.TokenEndpoint), Environment{}, CodeMetadataMismatch, ""},
		{"another environment", Production.Issuer, testMetadata + "}", Environment{}, CodeMetadataMismatch, "test.maskinporten.no"},
		{"another case", Test.Issuer, bare("https://Test.maskinporten.no/", Test.TokenEndpoint), Environment{}, CodeMetadataMismatch, ""},
		{"the endpoint of another environment", Test.Issuer, bare(Test.Issuer, Production.TokenEndpoint), Environment{}, CodeMetadataMismatch, "different environments"},
		{"a foreign endpoint", Test.Issuer, bare(Test.Issuer, "https://evil.example/token"), Environment{}, CodeMetadataMismatch, "different environments"},
		{"our issuer with a foreign name", "https://evil.example/", bare("https://evil.example/", Test.TokenEndpoint), Environment{}, CodeMetadataMismatch, "different environments"},
		{"no issuer", Test.Issuer, `{"token_endpoint":"https://test.maskinporten.no/token"}`, Environment{}, CodeInvalidResponse, "issuer is missing"},
		{"issuer is a list", Test.Issuer, `{"issuer":["https://test.maskinporten.no/"]}`, Environment{}, CodeInvalidResponse, "issuer is missing"},
		{"no endpoint", Test.Issuer, `{"issuer":"https://test.maskinporten.no/"}`, Environment{}, CodeInvalidResponse, "token_endpoint is missing"},
		{"endpoint null", Test.Issuer, `{"issuer":"https://test.maskinporten.no/","token_endpoint":null}`, Environment{}, CodeInvalidResponse, "token_endpoint is missing"},
		{"plain http", Test.Issuer, bare(Test.Issuer, "http://test.maskinporten.no/token"), Environment{}, CodeInvalidResponse, "not encrypted"},
		{"loopback for an issuer that is not", Test.Issuer, bare(Test.Issuer, "http://127.0.0.1/token"), Environment{}, CodeInvalidResponse, "not encrypted"},
		{"relative endpoint", Test.Issuer, bare(Test.Issuer, "/token"), Environment{}, CodeInvalidResponse, "not an https URL"},
		{"two issuers", Test.Issuer, `{"issuer":"https://test.maskinporten.no/","issuer":"https://evil.example/"}`, Environment{}, CodeInvalidResponse, "twice"},
		{"another grant", Test.Issuer, strings.Replace(testMetadata, "jwt-bearer", "device_code", 1) + "}", Environment{}, CodeInvalidResponse, "grant_types_supported"},
		{"another authentication", Test.Issuer, strings.Replace(testMetadata, "private_key_jwt", "tls_client_auth", 1) + "}", Environment{}, CodeInvalidResponse, "auth_methods"},
		{"other algorithms", Test.Issuer, testMetadata + `,"token_endpoint_auth_signing_alg_values_supported":["ES256"]}`, Environment{}, CodeInvalidResponse, "signing_alg"},
		{"grants are a string", Test.Issuer, `{"issuer":"https://test.maskinporten.no/","token_endpoint":"https://test.maskinporten.no/token","grant_types_supported":"x"}`, Environment{}, CodeInvalidResponse, "a string"},
		{"empty", Test.Issuer, ``, Environment{}, CodeInvalidResponse, "JSON"},
		{"array", Test.Issuer, `[]`, Environment{}, CodeInvalidResponse, "an array"},
		{"HTML", Test.Issuer, `<html>`, Environment{}, CodeInvalidResponse, "JSON"},
		{"huge", Test.Issuer, strings.Repeat(" ", 1<<20+1), Environment{}, CodeResponseTooLarge, "1 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, err := ReadMetadata(Response{Status: 200, Body: []byte(test.body)}, test.issuer)
			if test.code != "" {
				if e := wantError(t, err, test.code); !strings.Contains(e.Error(), test.word) || env != (Environment{}) {
					t.Errorf("%v with %q", env, e.Error())
				}
				return
			}
			if err != nil || env != test.want {
				t.Errorf("%+v, %v, want %+v", env, err, test.want)
			}
		})
	}
	for status, code := range map[int]Code{404: CodeUnexpectedStatus, 301: CodeRedirected, 429: CodeRateLimited, 503: CodeServerError} {
		_, err := ReadMetadata(Response{Status: status, Body: []byte(testMetadata + "}")}, Test.Issuer)
		wantError(t, err, code)
	}
}

func TestMetadataRequest(t *testing.T) {
	request := NewMetadataRequest(Production)
	if request.Method != "GET" || request.URL != Production.MetadataURL || len(request.Body) > 0 || request.MaxBody != maxBody || request.Timeout != attemptTimeout {
		t.Errorf("%+v", request)
	}
}

func TestNewDiscovery(t *testing.T) {
	for _, good := range []Environment{Test, {Issuer: Test.Issuer}, {MetadataURL: Production.MetadataURL}, {Issuer: Skyporten.Issuer},
		{Issuer: "https://idp.example.no", MetadataURL: "https://idp.example.no/.well-known/oauth-authorization-server"}} {
		if _, err := NewDiscovery(good); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []Environment{{}, {Issuer: "https://idp.example.no"}, {Issuer: "https://test.maskinporten.no", MetadataURL: Test.MetadataURL},
		{Issuer: "https://idp.example.no", MetadataURL: "http://idp.example.no/x"}} {
		_, err := NewDiscovery(bad)
		wantError(t, err, CodeInvalidConfig)
	}
	d, _ := NewDiscovery(Test)
	_, err := d.Environment(t.Context(), nil, Instant{})
	wantError(t, err, CodeNoTransport)
}

// library is a Transport that serves metadata. answer may block.
type library struct {
	mu     sync.Mutex
	count  int
	answer func(ctx context.Context, n int) (Response, error)
}

func (l *library) Send(ctx context.Context, _ Request) (Response, error) {
	l.mu.Lock()
	l.count++
	n := l.count
	l.mu.Unlock()
	return l.answer(ctx, n)
}

func (l *library) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func document(path string) Response {
	return Response{Status: 200, Body: []byte(`{"issuer":"https://test.maskinporten.no/","token_endpoint":"https://test.maskinporten.no/` + path + `"}`)}
}

// TestDiscovery walks one Discovery through its life: the first document, a day
// of quiet, renewals that fail in several ways, and a document that changed.
func TestDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := func() (Response, error) { return document("token"), nil }
		l := &library{answer: func(context.Context, int) (Response, error) { return answer() }}
		d, err := NewDiscovery(Test)
		if err != nil {
			t.Fatal(err)
		}
		ask := func(endpoint string, asked int) {
			t.Helper()
			env, err := d.Environment(t.Context(), l, SystemClock())
			if err != nil {
				t.Fatal(err)
			}
			if synctest.Wait(); env.TokenEndpoint != "https://test.maskinporten.no/"+endpoint || env.CustomsTokenEndpoint != Test.CustomsTokenEndpoint || l.asked() != asked {
				t.Fatalf("%s after %d requests, want %s after %d", env.TokenEndpoint, l.asked(), endpoint, asked)
			}
		}
		ask("token", 1)
		time.Sleep(metadataLife - time.Second)
		ask("token", 1)

		time.Sleep(2 * time.Second) // a day old: served, and renewed behind it
		answer = func() (Response, error) { return Response{}, errors.New("no network") }
		ask("token", 2)
		ask("token", 2) // the failure is remembered for a second
		time.Sleep(time.Second)
		answer = func() (Response, error) {
			return Response{Status: 200, Body: []byte(`{"issuer":"https://evil.example/","token_endpoint":"https://evil.example/token"}`)}, nil
		}
		ask("token", 3)
		time.Sleep(2 * time.Second)
		answer = func() (Response, error) { panic(canary) }
		ask("token", 4)
		for asked := 5; asked < 60; asked++ { // never longer than a minute
			time.Sleep(time.Minute)
			ask("token", asked)
		}
		time.Sleep(time.Minute)
		answer = func() (Response, error) { return document("v2/token"), nil }
		ask("token", 60)
		ask("v2/token", 60)
		time.Sleep(metadataLife - time.Second)
		ask("v2/token", 60)
	})
}

func TestDiscoveryFailsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{answer: func(ctx context.Context, n int) (Response, error) {
			switch n {
			case 1:
				return Response{Status: 503, Header: []Header{{"Retry-After", "3600"}}}, nil
			case 2:
				<-ctx.Done() // hangs
				return Response{}, NewError(CodeTimeout, "no answer in time", ctx.Err())
			}
			return document("token"), nil
		}}
		d, _ := NewDiscovery(Test)
		_, err := d.Environment(t.Context(), l, SystemClock())
		first := wantError(t, err, CodeServerError)
		if wait := first.NextAttempt.Sub(time.Now()); wait != time.Minute {
			t.Errorf("the next attempt is in %v, want the limit of a minute", wait)
		}
		_, err = d.Environment(t.Context(), l, SystemClock())
		if wantError(t, err, CodeServerError); l.asked() != 1 {
			t.Errorf("%d requests, want 1", l.asked())
		}
		time.Sleep(time.Minute)
		began := time.Now()
		_, err = d.Environment(t.Context(), l, SystemClock())
		if wantError(t, err, CodeTimeout); time.Since(began) != attemptTimeout {
			t.Errorf("a server that hangs was waited for %v", time.Since(began))
		}
		_, err = d.Environment(t.Context(), l, SystemClock())
		wantError(t, err, CodeTimeout)
		time.Sleep(2 * time.Second)
		if env, err := d.Environment(t.Context(), l, SystemClock()); err != nil || env != Test || l.asked() != 3 {
			t.Errorf("%v, %v after %d requests", env, err, l.asked())
		}
	})
}

// TestDiscoveryIsShared: one fetch for all who wait, whoever of them leaves.
func TestDiscoveryIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{answer: func(context.Context, int) (Response, error) {
			time.Sleep(5 * time.Second)
			return document("token"), nil
		}}
		d, _ := NewDiscovery(Test)
		first, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := d.Environment(first, l, SystemClock())
			wantError(t, err, CodeCancelled)
		})
		synctest.Wait()
		for range 100 {
			group.Go(func() {
				if env, err := d.Environment(t.Context(), l, SystemClock()); err != nil || env != Test {
					t.Errorf("%v, %v", env, err)
				}
			})
		}
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := d.Environment(ctx, l, SystemClock())
			wantError(t, err, CodeDeadline)
		})
		synctest.Wait()
		cancel() // the one who began it
		group.Wait()
		if l.asked() != 1 {
			t.Errorf("%d requests, want 1", l.asked())
		}
		if env, err := d.Environment(first, l, SystemClock()); err != nil || env != Test {
			t.Errorf("what is known is not served to a caller who has no time: %v", err)
		}
		empty, _ := NewDiscovery(Test)
		_, err := empty.Environment(first, l, SystemClock())
		if wantError(t, err, CodeCancelled); l.asked() != 1 {
			t.Error("a request was sent for a caller who has gone")
		}
	})
}
