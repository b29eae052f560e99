package core

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The rows F19 to F42 of the fault table, but for those that need sockets.

func body(status int, text string, headers ...Header) func(int, seen) (Response, error) {
	return func(int, seen) (Response, error) {
		return Response{Status: status, Header: headers, Body: []byte(text)}, nil
	}
}

func TestFaultsOfHTTP(t *testing.T) {
	t.Parallel()
	row(t, "F19 500 once, then 200", 120, nil, func(f *faultRun) {
		f.firstly(1, body(500, ""))
		f.works()
		f.requests(2)
	})
	row(t, "F20 503 for ever", 120, nil, func(f *faultRun) {
		f.breakDown(body(503, ""))
		f.fails(CodeServerError)
		f.requests(3)
		for flight := 1; flight <= 4; flight++ {
			e := f.fails(CodeServerError)
			f.requests(3 * flight)
			time.Sleep(time.Until(e.NextAttempt))
			f.fails(CodeServerError)
			f.requests(3 * (flight + 1))
		}
	})
	for _, c := range []struct {
		value string
		wait  time.Duration // from one request to the next
	}{
		{"1", time.Second}, {"30", 30 * time.Second}, {"86400", time.Minute}, {"-1", 5 * time.Second}, {"soon", 5 * time.Second},
		{"past", 5 * time.Second}, {"future", 40 * time.Second},
	} {
		row(t, "F21 429 with Retry-After "+c.value, 120, nil, func(f *faultRun) {
			f.latency = 0
			f.firstly(1, func(int, seen) (Response, error) {
				value := c.value
				switch value {
				case "past":
					value = time.Now().Add(-time.Hour).UTC().Format(httpDate)
				case "future":
					value = time.Now().Add(40 * time.Second).UTC().Format(httpDate)
				}
				return retryLater(429, value), nil
			})
			for begin := time.Now(); time.Since(begin) < 2*time.Minute && f.count() < 2; time.Sleep(100 * time.Millisecond) {
				f.get()
			}
			if wait := f.at[1].Sub(f.at[0]); wait < c.wait || wait > c.wait+100*time.Millisecond {
				f.Errorf("the next request came after %v, want %v", wait, c.wait)
			}
		})
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		row(t, fmt.Sprintf("F22 %d to another origin", status), 120, nil, func(f *faultRun) {
			f.breakDown(body(status, "", Header{"Location", "https://other.example/?assertion=" + canary}))
			if e := f.fails(CodeRedirected); e.Retryable || e.Status != status {
				f.Errorf("%+v", e)
			}
			f.requests(1)
			if f.seen[0].url != Test.TokenEndpoint {
				f.Errorf("the grant went to %s", f.seen[0].url)
			}
		})
	}
	for _, status := range []int{201, 204, 206, 304} {
		row(t, fmt.Sprintf("F24 %d", status), 120, nil, func(f *faultRun) {
			f.breakDown(body(status, `{"access_token":"`+canary+`","token_type":"Bearer","expires_in":120}`))
			if _, err := f.get(); err == nil {
				f.Error("it is taken for a token response")
			}
			if _, _, _, ok := f.source.Peek(); ok {
				f.Error("something is cached")
			}
			f.requests(1)
		})
	}
	row(t, "F28 captive portal", 120, nil, func(f *faultRun) {
		f.breakDown(body(200, "<html><title>Welcome "+canary+"</title>", Header{"Content-Type", "text/html"}))
		if e := f.fails(CodeInvalidResponse); !e.Retryable || !strings.Contains(e.Message, "JSON") {
			f.Errorf("%+v", e)
		}
		f.requests(2)
		if _, _, _, ok := f.source.Peek(); ok {
			f.Error("something is cached")
		}
	})
	for name, headers := range map[string]func(date string) []Header{
		"two Date headers": func(date string) []Header { return []Header{{"Date", date}, {"Date", "Thu, 01 Jan 2026 00:00:00 GMT"}} },
		"no Date":          func(string) []Header { return nil },
		"Age present":      func(date string) []Header { return []Header{{"Date", date}, {"Age", "60"}} },
	} {
		row(t, "F29 "+name, 120, nil, func(f *faultRun) {
			f.breakDown(func(int, seen) (Response, error) {
				response := refuses(400, "invalid_grant", "JWT is expired", "MP-130")
				response.Header = headers("Sun, 01 Mar 2026 12:00:00 GMT")
				return response, nil
			})
			f.fails(CodeGrantExpired)
			f.requests(1)
			if offset := f.client.ClockOffset(); offset != 0 {
				f.Errorf("an offset of %v was learnt", offset)
			}
		})
	}
}

func TestFaultsOfTheBody(t *testing.T) {
	t.Parallel()
	good := `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":119,"scope":"a:b"}`
	// refusedBody holds that nothing of a body is taken, kept or told.
	refusedBody := func(name, text string, code Code, requests int) {
		row(t, name, 120, nil, func(f *faultRun) {
			f.breakDown(body(200, text))
			e := f.fails(code)
			f.requests(requests)
			if _, _, _, ok := f.source.Peek(); ok {
				f.Error("something is cached")
			}
			if len(text) > 12 && strings.Contains(e.Error(), text[:12]) {
				f.Errorf("the error quotes the body: %v", e)
			}
		})
	}
	for _, text := range []string{"", "null", "[]", `""`, `"` + canary + `"`} {
		refusedBody(fmt.Sprintf("F35 %q", text), text, CodeInvalidResponse, 2)
	}
	row(t, "F35 cut at each byte", 120, nil, func(f *faultRun) {
		cut := 0
		f.breakDown(func(int, seen) (Response, error) { return Response{Status: 200, Body: []byte(good[:cut])}, nil })
		for cut = range good {
			source := testSource(f.T, f.client, fmt.Sprintf("cut:%d", cut))
			_, err := f.ask(source)
			wantError(f.T, err, CodeInvalidResponse)
			if _, _, _, ok := source.Peek(); ok {
				f.Errorf("something of %d bytes is cached", cut)
			}
			time.Sleep(time.Second)
		}
		f.requests(2 * len(good))
	})
	refusedBody("F36 more than 1 MiB", strings.Repeat(" ", maxBody)+good, CodeResponseTooLarge, 2)
	for _, extra := range []string{`"access_token":"y"`, `"Access_Token":"y"`, `"EXPIRES_IN":1`, `"\u0061ccess_token":"y"`} {
		refusedBody("F37 "+extra, "{"+extra+","+good[1:], CodeInvalidResponse, 2)
	}
	for _, c := range []struct {
		value string
		life  time.Duration // 0: refused
	}{
		{"0", 0}, {"-5", 0}, {"1", time.Second}, {"86401", 24 * time.Hour}, {"1e3", 0}, {`"119"`, 0}, {"1.5", 0}, {"null", time.Minute},
		{"", time.Minute}, {"9223372036854775808", 24 * time.Hour}, {strings.Repeat("9", 40), 24 * time.Hour},
	} {
		text := `{"access_token":"` + canary + `","token_type":"Bearer"}`
		if c.value != "" {
			text = `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":` + c.value + `}`
		}
		if c.life == 0 {
			refusedBody("F38 expires_in "+c.value, text, CodeInvalidResponse, 2)
			continue
		}
		row(t, "F38 expires_in "+c.value, 120, nil, func(f *faultRun) {
			f.breakDown(body(200, text))
			if token := f.works(); token.Life() != c.life {
				f.Errorf("it holds for %v, want %v", token.Life(), c.life)
			}
			f.requests(1)
		})
	}
	for name, token := range map[string]string{"CR LF": canary + `\r\nX: y`, "NUL": canary + `\u0000`, "space": canary + ` x`, "empty": "", "1 MiB": strings.Repeat("a", 1<<20-100)} {
		refusedBody("F39 "+name, `{"access_token":"`+token+`","token_type":"Bearer"}`, CodeInvalidResponse, 2)
	}
	for kind, ok := range map[string]bool{"": false, "bearer": true, "BEARER": true, "DPoP": false, "mac": false} {
		text := `{"access_token":"` + canary + `","expires_in":119,"token_type":"` + kind + `"}`
		if kind == "" {
			text = `{"access_token":"` + canary + `","expires_in":119}`
		}
		if !ok {
			refusedBody("F40 token_type "+kind, text, CodeInvalidResponse, 2)
			continue
		}
		row(t, "F40 token_type "+kind, 120, nil, func(f *faultRun) {
			f.breakDown(body(200, text))
			f.works()
			f.requests(1)
		})
	}
	for scope, ok := range map[string]bool{"a:b": false, "c:d": false, "c:d a:b": true, "a:b x:y c:d": true} {
		row(t, "F41 granted "+scope, 120, nil, func(f *faultRun) {
			source, err := f.client.Source(TokenRequest{Scopes: []string{"a:b", "c:d"}})
			if err != nil {
				f.Fatal(err)
			}
			key := source.Key()
			f.breakDown(body(200, strings.Replace(good, "a:b", scope, 1)))
			if _, err := f.ask(source); ok && err != nil {
				f.Error(err)
			} else if !ok {
				wantError(f.T, err, CodeScopeReduced)
			}
			if f.requests(1); source.Key() != key {
				f.Error("the key changed")
			}
		})
	}
	for name, exchanges := range map[string][]Exchange{"": nil, " by an exchange": {{Kind: ExchangeToken, TokenEndpoint: "https://idp.example/token", Scopes: []string{"a:b", "c:d"}}}} {
		row(t, "F41 a reduced scope is accepted"+name, 120, func(c *ClientConfig) { c.AcceptReducedScope = true }, func(f *faultRun) {
			source, err := f.client.Source(TokenRequest{Scopes: []string{"a:b", "c:d"}}, exchanges...)
			if err != nil {
				f.Fatal(err)
			}
			f.breakDown(body(200, good))
			if token, err := f.ask(source); err != nil || token.Scope() != "a:b" {
				f.Errorf("granted %q, %v", token.Scope(), err)
			}
			f.requests(1 + len(exchanges))
		})
	}
	row(t, "F42 a hostile description that echoes the grant", 120, nil, func(f *faultRun) {
		f.breakDown(func(_ int, r seen) (Response, error) {
			text := r.form.Get("assertion") + `\u001b[31m ` + r.form.Get("assertion") + " " + strings.Repeat("A", 1<<19) + strings.Repeat(" word", 1<<15)
			return Response{Status: 400, Body: []byte(`{"error":"invalid_grant","error_description":"` + text + `"}`)}, nil
		})
		e := f.fails(CodeRejected)
		if f.requests(1); len(e.Description) > 260 || len(e.Error()) > 1_000 || strings.ContainsRune(e.Error(), 0x1b) {
			f.Errorf("%d characters of the server's: %q", len(e.Description), e.Error())
		}
	})
}
