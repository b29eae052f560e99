package core

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"math"
	"strings"
	"testing"
	"time"
)

// Bad input, as far as other tests do not have it. Those are, for
// configuration: TestEnvironmentProblems, TestClientConfigProblems, and
// TestInputProblems of package wire (JSON: unknown and repeated members, BOM,
// depth); for scopes and claims: TestRequestProblems and claims_test.go; for
// keys: package keys; for answers: TestReadTokenResponse, TestHostileErrorBody,
// TestRejections; for headers: TestRetryAfter, TestClockSkew, and the faults of
// package nethttp (Content-Length, Content-Encoding, cookies, Location).
//
// Not there to be given a bad value: time limits, the point of renewal and a
// proxy, which are no part of the configuration; and whether consumer_org is
// the client's own organization, which a client does not know.

func TestBadConfiguration(t *testing.T) {
	pair := func(issuer, endpoint string) func(*ClientConfig) {
		return func(c *ClientConfig) { c.Environment = Environment{Issuer: issuer, TokenEndpoint: endpoint} }
	}
	for name, change := range map[string]func(*ClientConfig){
		"client id blank":             func(c *ClientConfig) { c.ClientID = "   " },
		"client id with NUL":          func(c *ClientConfig) { c.ClientID = "a\x00b" },
		"client id not ASCII":         func(c *ClientConfig) { c.ClientID = "klient-ø" },
		"kid with a newline":          func(c *ClientConfig) { c.Key.KeyID = "kid\n" },
		"issuer with a port":          pair("https://test.maskinporten.no:443/", Test.TokenEndpoint),
		"issuer with a path":          pair("https://test.maskinporten.no/x/", Test.TokenEndpoint),
		"issuer with a control":       pair("https://test.maskinporten.no/\x7f", Test.TokenEndpoint),
		"data URL":                    pair("https://x.example/", "data:text/plain,token"),
		"ftp URL":                     pair("https://x.example/", "ftp://x.example/token"),
		"scheme-relative":             pair("https://x.example/", "//x.example/token"),
		"upper-case scheme":           pair("https://x.example/", "HTTPS://x.example/token"),
		"user-info":                   pair("https://x.example/", "https://test.maskinporten.no@x.example/token"),
		"backslash":                   pair("https://x.example/", `https://x.example\@test.maskinporten.no/token`),
		"look-alike suffix":           pair(Test.Issuer, "https://test.maskinporten.no.example/token"),
		"look-alike prefix":           pair(Test.Issuer, "https://test-maskinporten.no/token"),
		"look-alike letters":          pair(Test.Issuer, "https://test.maskinp0rten.no/token"),
		"punycode":                    pair("https://x.example/", "https://xn--maskinprten-7cb.no/token"),
		"localhost without TLS":       pair("https://x.example/", "http://localhost/token"),
		"any address, IPv6":           pair("https://x.example/", "https://[::]/token"),
		"link-local, IPv6":            pair("https://x.example/", "https://[fe80::1]/token"),
		"cloud metadata":              pair("https://x.example/", "https://169.254.169.254/latest/token"),
		"production with test":        pair(Production.Issuer, Test.TokenEndpoint),
		"64 KiB URL":                  pair("https://x.example/", "https://x.example/"+strings.Repeat("a", 64<<10)),
		"grant life of 2^31 s":        func(c *ClientConfig) { c.GrantLife = 1 << 31 * time.Second },
		"grant life of a nanosecond":  func(c *ClientConfig) { c.GrantLife = 1 },
		"grant life of the longest":   func(c *ClientConfig) { c.GrantLife = 1<<63 - 1 },
		"grant life of the shortest":  func(c *ClientConfig) { c.GrantLife = -1 << 63 },
		"cache limit of the largest":  func(c *ClientConfig) { c.CacheLimit = 1<<63 - 1 },
		"cache limit of the smallest": func(c *ClientConfig) { c.CacheLimit = -1 << 63 },
		"refresh at 1":                func(c *ClientConfig) { c.RefreshAt = 1 },
		"refresh at -1":               func(c *ClientConfig) { c.RefreshAt = -1 },
		"refresh at 2":                func(c *ClientConfig) { c.RefreshAt = 2 },
		"refresh at NaN":              func(c *ClientConfig) { c.RefreshAt = math.NaN() },
		"refresh at infinity":         func(c *ClientConfig) { c.RefreshAt = math.Inf(1) },
		"refresh a little too early":  func(c *ClientConfig) { c.RefreshAt = 0.2499 },
		"refresh a little too late":   func(c *ClientConfig) { c.RefreshAt = 0.8001 },
		"margin of -1":                func(c *ClientConfig) { c.Margin = -1 },
		"margin under the least":      func(c *ClientConfig) { c.Margin = 10*time.Second - 1 },
		"margin of 292 years":         func(c *ClientConfig) { c.Margin = 1<<63 - 1 },
		"signature of 2^31 bytes":     func(c *ClientConfig) { c.Key.SignatureSize = 1 << 31 },
		"algorithm in lower case":     func(c *ClientConfig) { c.Key.Algorithm = "rs256" },
		"algorithm with a space":      func(c *ClientConfig) { c.Key.Algorithm = "RS256 " },
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig(nil)
			change(&config)
			_, err := NewClient(config)
			e := wantError(t, err, CodeInvalidConfig)
			if len(e.Problems) == 0 || strings.ContainsAny(e.Error(), "\n\x00\x7f") || len(e.Error()) > 2_000 {
				t.Errorf("%d problems, %q", len(e.Problems), e.Error())
			}
		})
	}
	config := testConfig(nil)
	config.GrantLife, config.CacheLimit, config.RefreshAt, config.Margin = 0, 0, 0, 0 // which stand for what is usual
	if _, err := NewClient(config); err != nil {
		t.Error(err)
	}
}

func TestBadScopesAndClaims(t *testing.T) {
	for name, request := range map[string]TokenRequest{
		"leading space":          {Scopes: []string{" a:b"}},
		"trailing space":         {Scopes: []string{"a:b "}},
		"double space":           {Scopes: []string{"a:b  c:d"}},
		"tab":                    {Scopes: []string{"a:b\tc:d"}},
		"NBSP":                   {Scopes: []string{"a:b\u00a0c:d"}},
		"NUL":                    {Scopes: []string{"a:b\x00"}},
		"backslash":              {Scopes: []string{`a:b\`}},
		"quote":                  {Scopes: []string{`a:"b`}},
		"not UTF-8":              {Scopes: []string{"a:\xff"}},
		"10,000 scopes":          {Scopes: strings.Fields(manyScopes(10_000))},
		"org of letters":         {Scopes: []string{"a:b"}, ConsumerOrg: "NO1234567"},
		"org of ten digits":      {Scopes: []string{"a:b"}, ConsumerOrg: "9107536141"},
		"org in other digits":    {Scopes: []string{"a:b"}, ConsumerOrg: "٩١٠٧٥٣٦١٤"},
		"pid of twelve digits":   {Scopes: []string{"a:b"}, PID: "010170123456"},
		"pid with a space":       {Scopes: []string{"a:b"}, PID: "010170 2345"},
		"resource without colon": {Scopes: []string{"a:b"}, Resource: []string{"api.example.no"}},
		"resource with a space":  {Scopes: []string{"a:b"}, Resource: []string{"https://api.example.no/a b"}},
		"resource with newline":  {Scopes: []string{"a:b"}, Resource: []string{"https://api.example.no\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := NewClient(testConfig(nil))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Source(request)
			if e := wantError(t, err, CodeInvalidTokenRequest); len(e.Problems) == 0 || len(e.Error()) > 20_000 {
				t.Errorf("%d problems, %d characters", len(e.Problems), len(e.Error()))
			}
		})
	}
	twins := TokenRequest{Scopes: []string{"a:B", "a:b", "a:B"}}
	if err := twins.Validate(); err != nil || twins.scopeClaim() != "a:B a:b" {
		t.Errorf("twins in upper and lower case become %q, %v", twins.scopeClaim(), err)
	}
}

func manyScopes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a:" + itoa(i))
	}
	return b.String()
}

// TestBadSignatures gives a verified key every wrong thing that a hook has been
// seen to return.
func TestBadSignatures(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key *rsa.PrivateKey, input []byte) []byte {
		sum := sha256.Sum256(input)
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	must := func(bytes []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	for name, h := range map[string]func(input []byte) []byte{
		"nil":             func([]byte) []byte { return nil },
		"all zero":        func([]byte) []byte { return make([]byte, 256) },
		"base64 text":     func(input []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(sign(key, input))) },
		"wrapped in DER":  func(input []byte) []byte { return append([]byte{0x04, 0x82, 1, 0}, sign(key, input)...) },
		"first byte lost": func(input []byte) []byte { return sign(key, input)[1:] },
		"a zero too many": func(input []byte) []byte { return append([]byte{0}, sign(key, input)...) },
		"reversed":        func(input []byte) []byte { s := sign(key, input); reverse(s); return s },
		"another message": func([]byte) []byte { return sign(key, []byte("header.payload")) },
		"the message twice hashed": func(input []byte) []byte {
			sum := sha256.Sum256(input)
			return sign(key, sum[:])
		},
		"another key": func(input []byte) []byte { return sign(other, input) },
		"ECDSA": func(input []byte) []byte {
			sum := sha256.Sum256(input)
			return must(ecdsa.SignASN1(rand.Reader, ec, sum[:]))
		},
		"PSS": func(input []byte) []byte {
			sum := sha256.Sum256(input)
			return must(rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], nil))
		},
		"SHA-512": func(input []byte) []byte {
			hash := crypto.SHA512.New()
			hash.Write(input)
			return must(rsa.SignPKCS1v15(nil, key, crypto.SHA512, hash.Sum(nil)))
		},
		"the key itself": func([]byte) []byte { return x509.MarshalPKCS1PrivateKey(key)[:256] },
	} {
		row(t, name, 120, func(c *ClientConfig) {
			c.Key.Signer = hook(func(_ context.Context, input []byte) ([]byte, error) { return h(input), nil })
			c.Key.Verify = func(input, signature []byte) error {
				sum := sha256.Sum256(input)
				return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature)
			}
		}, func(f *faultRun) {
			f.fails(CodeInvalidSignature)
			f.requests(0)
		})
	}
}

func reverse(b []byte) {
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
}

// TestSignatureThatChangesLater: the bytes that a host gives are its own again
// when the call returns.
func TestSignatureThatChangesLater(t *testing.T) {
	client, clock := hostClient(t)
	flow := testSource(t, client, "a:b").NewFlow()
	input := wantStep(t, flow.Next(clock.read()), StepSign).SigningInput
	signature := bytes.Repeat([]byte{'s'}, 256)
	if err := flow.Signed(clock.read(), signature); err != nil {
		t.Fatal(err)
	}
	clear(signature)
	want := NewTokenRequest(Test, string(input)+"."+base64.RawURLEncoding.EncodeToString(goodSignature))
	if send := wantStep(t, flow.Next(clock.read()), StepSend); !bytes.Equal(send.Request.Body, want.Body) {
		t.Error("the request changed with the caller's bytes")
	}
}

func TestBadAnswers(t *testing.T) {
	const good = `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":119}`
	for _, kind := range []string{"", "text/html", "application/json;charset=latin1", "application/x-www-form-urlencoded", "\x00"} {
		response := Response{Status: 200, Header: []Header{{"Content-Type", kind}}, Body: []byte(good)}
		if _, err := ReadTokenResponse(response, nil, Instant{}); err != nil {
			t.Errorf("Content-Type %q with a sound body: %v", kind, err)
		}
	}
	for name, text := range map[string]string{
		"form-encoded":        "access_token=" + canary + "&token_type=Bearer&expires_in=119",
		"behind )]}'":         ")]}'\n" + good,
		"JSON lines":          good + "\n" + good,
		"UTF-16":              "\xff\xfe" + strings.Join(strings.Split(good, ""), "\x00") + "\x00",
		"a number as token":   `{"access_token":12345678901234567890,"token_type":"Bearer"}`,
		"an array as token":   `{"access_token":["` + canary + `"],"token_type":"Bearer"}`,
		"token_type array":    `{"access_token":"` + canary + `","token_type":["Bearer"]}`,
		"token_type a prefix": `{"access_token":"` + canary + `","token_type":"Bearer2"}`,
		"expires_in -0":       `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":-0}`,
		"expires_in true":     `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":true}`,
		"expires_in 0119":     `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":0119}`,
		"expires_in Infinity": `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":Infinity}`,
		"scope object":        `{"access_token":"` + canary + `","token_type":"Bearer","scope":{}}`,
		"scope with controls": `{"access_token":"` + canary + `","token_type":"Bearer","scope":"a:b\u0007"}`,
	} {
		_, err := ReadTokenResponse(Response{Status: 200, Body: []byte(text)}, nil, Instant{})
		if e := wantError(t, err, CodeInvalidResponse); leaked(e.Error()) != "" {
			t.Errorf("%s: %v", name, e)
		}
	}
	for text, mp := range map[string]string{
		`{"error":"invalid_grant","error_uri":"https://test.maskinporten.no/errors/mp-121"}`:                                   "MP-121",
		`{"error":"invalid_grant","error_description":"(Mp-124)"}`:                                                             "MP-124",
		`{"error":"invalid_grant","error_description":"MP-100, MP-121","error_uri":"x/MP-110"}`:                                "MP-110",
		`{"error":"invalid_grant","error_description":"MP-100, MP-121"}`:                                                       "MP-100",
		`{"error":"invalid_grant","error_description":"MP-1000 MP-12 MP- MP-abc"}`:                                             "",
		`{"error":"invalid_grant","error_description":null,"error_uri":7}`:                                                     "",
		`{"error":"invalid_grant","error_description":["MP-121"]}`:                                                             "",
		`{"error":"` + strings.Repeat("e", 10<<10) + `","error_description":"` + strings.Repeat("ø\u0001", 5<<10) + `MP-121"}`: "MP-121",
	} {
		text = strings.ReplaceAll(text, "\u0001", `\u0001`)
		_, err := ReadTokenResponse(Response{Status: 400, Body: []byte(text)}, nil, Instant{})
		e := asError(err, CodeInternal)
		if e.MPCode != mp || e.Remedy == "" || len(e.Error()) > 1_500 || strings.Contains(e.Error(), "\x01") {
			t.Errorf("%.100s: code %q, %d characters", text, e.MPCode, len(e.Error()))
		}
	}
}

func TestBadHeaders(t *testing.T) {
	const date = "Sun, 01 Mar 2026 12:00:00 GMT"
	for _, value := range []string{"Sunday, 01-Mar-26 12:00:30 GMT", "Sun Mar  1 12:00:30 2026", "Sun, 01 Mar 2026 13:00:30 CET",
		"Sun, 01 Mar 2026 12:00:30", "2026-03-01T12:00:30Z", "5, 6", "5;q=1", "+5", "５", "1_000", "\x005", strings.Repeat("9", 1<<20)} {
		if got := retryAfter(Response{Header: []Header{{"Retry-After", value}, {"Date", date}}}); got != -1 {
			t.Errorf("Retry-After %.40q: %v", value, got)
		}
	}
	at := Instant{Wall: time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC).UnixNano()}
	for _, value := range []string{"", "Sunday, 01-Mar-26 12:00:00 GMT", "Sun Mar  1 12:00:00 2026", "Sun, 01 Mar 2026 13:00:00 CET",
		"Sat, 01 Jan 0000 00:00:00 GMT", "Sat, 01 Jan 10000 00:00:00 GMT", "Sun, 01 Mar 2026 11:59:61 GMT", "Sun, 32 Mar 2026 12:00:00 GMT",
		date + " ", strings.Repeat(date, 1<<12)} {
		if offset, ok := ServerClockOffset(Response{Header: []Header{{"Date", value}}}, at, at); ok {
			t.Errorf("Date %.40q: %v", value, offset)
		}
	}
	if offset, ok := ServerClockOffset(Response{Header: []Header{{"dAtE", date}}}, at, at); !ok || offset.Round(time.Second) > -59*time.Minute {
		t.Errorf("a sound Date: %v, %v", offset, ok)
	}
}
