package core

import (
	"bytes"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func buildTestGrant(t *testing.T, change func(*GrantParams)) (Grant, map[string]any, map[string]any) {
	t.Helper()
	p := GrantParams{Environment: Test, ClientID: "client", Key: Key{KeyID: "kid-1"}, JTI: "jti-1",
		Request: TokenRequest{Scopes: []string{"b:two", "a:one", "b:two"}}, Now: time.Unix(1_764_627_080, 999_000_000)}
	if change != nil {
		change(&p)
	}
	grant, err := BuildGrant(p)
	if err != nil {
		t.Fatal(err)
	}
	jwt := string(grant.SigningInput) + "."
	return grant, decodePart(t, jwt, 0), decodePart(t, jwt, 1)
}

// decodeText returns the text of one part of a JWT.
func decodeText(t *testing.T, jwt string, part int) []byte {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestGrantClaims(t *testing.T) {
	plain := map[string]any{"aud": "https://test.maskinporten.no/", "iss": "client", "scope": "a:one b:two",
		"iat": 1_764_627_078.0, "exp": 1_764_627_138.0, "jti": "jti-1"}
	tests := []struct {
		name   string
		change func(*GrantParams)
		more   map[string]any
	}{
		{"plain", nil, nil},
		{"one resource is a string", func(p *GrantParams) { p.Request.Resource = []string{"https://api.no"} }, map[string]any{"resource": "https://api.no"}},
		{"two resources are an array", func(p *GrantParams) { p.Request.Resource = []string{"https://a.no", "https://b.no"} },
			map[string]any{"resource": []any{"https://a.no", "https://b.no"}}},
		{"consumer_org", func(p *GrantParams) { p.Request.ConsumerOrg = "910753614" }, map[string]any{"consumer_org": "910753614"}},
		{"pid", func(p *GrantParams) { p.Request.PID = "01017012345" }, map[string]any{"pid": "01017012345"}},
		{"system user", func(p *GrantParams) { p.Request.SystemUser = &SystemUser{Org: "310702641", ExternalRef: "ref"} },
			map[string]any{"authorization_details": []any{map[string]any{"type": "urn:altinn:systemuser",
				"systemuser_org": map[string]any{"authority": "iso6523-actorid-upis", "ID": "0192:310702641"}, "externalRef": "ref"}}}},
		{"system user without ref", func(p *GrantParams) { p.Request.SystemUser = &SystemUser{Org: "310702641"} },
			map[string]any{"authorization_details": []any{map[string]any{"type": "urn:altinn:systemuser",
				"systemuser_org": map[string]any{"authority": "iso6523-actorid-upis", "ID": "0192:310702641"}}}}},
		{"life", func(p *GrantParams) { p.Life = 120 * time.Second }, map[string]any{"exp": 1_764_627_198.0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, claims := buildTestGrant(t, test.change)
			want := map[string]any{}
			for name, value := range plain {
				want[name] = value
			}
			for name, value := range test.more {
				want[name] = value
			}
			if !reflect.DeepEqual(claims, want) {
				t.Errorf("claims are\n%v, want\n%v", claims, want)
			}
		})
	}
}

func TestGrantHeader(t *testing.T) {
	_, header, _ := buildTestGrant(t, nil)
	if want := (map[string]any{"alg": "RS256", "kid": "kid-1"}); !reflect.DeepEqual(header, want) {
		t.Errorf("header is %v, want %v", header, want)
	}
	der := bytes.Repeat([]byte{0xfb, 0xff}, 20) // base64 and base64url of it differ
	grant, header, _ := buildTestGrant(t, func(p *GrantParams) { p.Key = Key{Algorithm: RS512, CertificateChain: [][]byte{der, {1}, {2}}} })
	want := map[string]any{"alg": "RS512", "x5c": []any{base64.StdEncoding.EncodeToString(der), "AQ==", "Ag=="}}
	if !reflect.DeepEqual(header, want) || grant.Algorithm != RS512 {
		t.Errorf("header is %v, want %v", header, want)
	}
}

func TestAssemble(t *testing.T) {
	grant, _, _ := buildTestGrant(t, func(p *GrantParams) { p.Key.SignatureSize = 256 })
	assertion, err := grant.Assemble(bytes.Repeat([]byte{7}, 256))
	if err != nil || strings.Count(assertion, ".") != 2 || !strings.HasPrefix(assertion, string(grant.SigningInput)+".") {
		t.Fatalf("%v", err)
	}
	for _, size := range []int{0, 1, 255, 257, 384} {
		_, err := grant.Assemble(make([]byte, size))
		wantError(t, err, CodeInvalidSignature)
	}
	unknown, _, _ := buildTestGrant(t, nil)
	for size, good := range map[int]bool{255: false, 256: true, 384: true, 1024: true, 1025: false} {
		if _, err := unknown.Assemble(make([]byte, size)); (err == nil) != good {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestTokenRequestForm(t *testing.T) {
	request := NewTokenRequest(Test, "a.b-_.c")
	if got, want := string(request.Body), "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b-_.c"; got != want {
		t.Errorf("body is %s, want %s", got, want)
	}
	if request.Method != "POST" || request.URL != Test.TokenEndpoint || request.Header[0] != (Header{"Content-Type", "application/x-www-form-urlencoded"}) {
		t.Errorf("request is %+v", request)
	}
	exchange := NewExchangeRequest(CustomsExchange(Test), "x+/=")
	if got, want := string(exchange.Body), "grant_type=token-exchange&subject_token_type=access_token&subject_token=x%2B%2F%3D"; got != want {
		t.Errorf("body is %s, want %s", got, want)
	}
}

func TestRandomFailureMakesNoGrant(t *testing.T) {
	endpoint := &fakeEndpoint{t: t, answer: grants(120)}
	config := testConfig(endpoint)
	config.Random = iotest.ErrReader(errors.New("entropy is out"))
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = testSource(t, client, "a:b").Token(t.Context())
	wantError(t, err, CodeRandomFailed)
	if endpoint.count() != 0 {
		t.Error("a request was sent without a jti")
	}
}

func TestBuildGrantChecksItsParameters(t *testing.T) {
	_, err := BuildGrant(GrantParams{Environment: Test, ClientID: "c", Key: Key{KeyID: "k"}, Request: TokenRequest{Scopes: []string{"a"}}})
	wantError(t, err, CodeInvalidArgument)
	_, err = BuildGrant(GrantParams{JTI: "j"})
	wantError(t, err, CodeInvalidConfig)
	_, err = BuildGrant(GrantParams{Environment: Test, ClientID: "c", Key: Key{KeyID: "k"}, JTI: "j"})
	wantError(t, err, CodeInvalidTokenRequest)
}

// TestBuildGrantAllocates little: what it returns, and the room it writes in.
func TestBuildGrantAllocates(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates by itself")
	}
	p := GrantParams{Environment: Test, ClientID: "client", Key: Key{KeyID: "kid-1"}, JTI: "jti", Now: time.Now(),
		Request: TokenRequest{Scopes: []string{"c:d", "a:b"}, Resource: []string{"https://api.example.no"}, ConsumerOrg: "910753614"}}
	for name, build := range map[string]func(){
		"with all checks": func() { BuildGrant(p) },
		"as a Flow does":  func() { buildGrant(p, time.Minute) },
	} {
		if got := testing.AllocsPerRun(100, build); got > 5 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
