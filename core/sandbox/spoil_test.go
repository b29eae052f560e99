package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The right answer of the token endpoint, spoilt: what is told and what is in
// the token. Each row is sent as JSON, as a test in another language would.
func TestFaultMembers(t *testing.T) {
	f := start(t, nil)
	for _, row := range []struct {
		name, fault string
		has         []string // texts of the body
		lacks       []string
		granted     string // scope of the token
	}{
		{"expires_in in another notation", `{"members":{"expires_in":1e3}}`, []string{`"expires_in":1e3,`}, nil, "sandbox:plain"},
		{"expires_in of 40 digits", `{"members":{"expires_in":1234567890123456789012345678901234567890}}`, []string{`"expires_in":1234567890123456789012345678901234567890`}, nil, "sandbox:plain"},
		{"expires_in a string", `{"members":{"expires_in":"119"}}`, []string{`"expires_in":"119"`}, nil, "sandbox:plain"},
		{"expires_in null", `{"members":{"expires_in":null}}`, []string{`"expires_in":null`}, nil, "sandbox:plain"},
		{"expires_in absent", `{"omit":["expires_in"]}`, nil, []string{"expires_in"}, "sandbox:plain"},
		{"expires_in negative", `{"members":{"expires_in":-5}}`, []string{`"expires_in":-5`}, nil, "sandbox:plain"},
		{"token_type another", `{"members":{"token_type":"DPoP"}}`, []string{`"token_type":"DPoP"`}, []string{`"Bearer"`}, "sandbox:plain"},
		{"token_type absent", `{"omit":["token_type"]}`, nil, []string{"token_type"}, "sandbox:plain"},
		{"scope reduced", `{"granted_scope":"sandbox:other"}`, []string{`"scope":"sandbox:other"`}, []string{"sandbox:plain"}, "sandbox:other"},
		{"scope reduced in words only", `{"members":{"scope":"sandbox:other"}}`, []string{`"scope":"sandbox:other"`}, nil, "sandbox:plain"},
		{"scope extended", `{"granted_scope":"sandbox:plain sandbox:other"}`, []string{`"scope":"sandbox:plain sandbox:other"`}, nil, "sandbox:plain sandbox:other"},
		{"member twice", `{"append":{"access_token":"second"}}`, []string{`{"access_token":"ey`, `,"access_token":"second"}`}, nil, "sandbox:plain"},
		{"member in other case", `{"append":{"Access_Token":"second"}}`, []string{`{"access_token":"ey`, `,"Access_Token":"second"}`}, nil, "sandbox:plain"},
		{"member in other case only", `{"omit":["access_token"],"append":{"ACCESS_TOKEN":"x"}}`, []string{`"ACCESS_TOKEN":"x"`}, []string{`"access_token"`}, ""},
		{"error beside the token", `{"members":{"error":"invalid_grant"}}`, []string{`"error":"invalid_grant"`, `"access_token":"ey`}, nil, "sandbox:plain"},
	} {
		t.Run(row.name, func(t *testing.T) {
			inner := &fixture{t, f.Server, f.demo}
			inner.ResetJournal()
			inner.ask(204, "PUT", "/faults", "["+row.fault+"]")
			r := inner.post(inner.keyGrant().sign())
			if r.status != 200 || inner.Count("/token") != 1 || !inner.last().Fault {
				t.Errorf("status %d, %d requests", r.status, inner.Count("/token"))
			}
			for _, text := range row.has {
				if !strings.Contains(string(r.body), text) {
					t.Errorf("the body has no %s", text)
				}
			}
			for _, text := range row.lacks {
				if strings.Contains(string(r.body), text) {
					t.Errorf("the body has %s", text)
				}
			}
			if row.granted != "" {
				_, claims := decode(t, jsonText(r.body, `"access_token":"`))
				if claims["scope"] != row.granted {
					t.Errorf("the token has scope %v", claims["scope"])
				}
			}
		})
	}
	f.SetFaults([]Fault{{Path: altinnPath + "maskinporten", Members: map[string]json.RawMessage{"a": []byte("1")}}})
	token, _ := f.token(f.keyGrant())
	if r := f.get(f.AltinnExchange(), token); r.status != 200 || strings.Count(string(r.body), ".") != 2 {
		t.Errorf("an answer that is no object: status %d", r.status)
	}
}

// jsonText returns the JSON string after a text, which has no escapes.
func jsonText(body []byte, after string) string {
	_, rest, _ := strings.Cut(string(body), after)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// Bodies and header fields of one's own.
func TestFaultHeadersAndBodies(t *testing.T) {
	f := start(t, nil)
	for _, row := range []struct {
		name, fault string
		status      int
		header      map[string][]string // nil means absent
		body        string              // "" means the right answer
	}{
		{"body", `{"body":"not JSON"}`, 200, map[string][]string{"Content-Type": {"application/json"}}, "not JSON"},
		{"body with type and status", `{"body":"<p>x</p>","content_type":"text/html","status":502}`, 502, map[string][]string{"Content-Type": {"text/html"}}, "<p>x</p>"},
		{"body that is no text", `{"body_base64":"//57AH0A"}`, 200, nil, "\xff\xfe{\x00}\x00"},
		{"error of one's own", `{"body":"{\"error\":\"x\"}","status":400}`, 400, nil, `{"error":"x"}`},
		{"content type", `{"content_type":"application/json;charset=latin1"}`, 200, map[string][]string{"Content-Type": {"application/json;charset=latin1"}}, ""},
		{"Age", `{"header":{"Age":["30"]}}`, 200, map[string][]string{"Age": {"30"}}, ""},
		{"no Date", `{"header":{"Date":[]}}`, 200, map[string][]string{"Date": nil}, ""},
		{"two Dates", `{"header":{"date":["Sun, 06 Nov 1994 08:49:37 GMT","Mon, 07 Nov 1994 08:49:37 GMT"]}}`, 200,
			map[string][]string{"Date": {"Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT"}}, ""},
		{"Date that is none", `{"header":{"Date":["yesterday"]}}`, 200, map[string][]string{"Date": {"yesterday"}}, ""},
		{"cookie", `{"header":{"Set-Cookie":["a=b"]}}`, 200, map[string][]string{"Set-Cookie": {"a=b"}}, ""},
		{"Retry-After with success", `{"retry_after":86400}`, 200, map[string][]string{"Retry-After": {"86400"}}, ""},
		{"two Retry-After", `{"status":503,"header":{"Retry-After":["1","2"]}}`, 503, map[string][]string{"Retry-After": {"1", "2"}}, "503 Service Unavailable, a fault of the sandbox\n"},
		{"many fields", `{"kind":"many_headers"}`, 200, map[string][]string{"Sandbox-Fault-9999": {"A"}, "Sandbox-Fault-0": {"A"}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			inner := &fixture{t, f.Server, f.demo}
			inner.ResetJournal()
			inner.ask(204, "PUT", "/faults", "["+row.fault+"]")
			r := inner.post(inner.keyGrant().sign())
			if r.status != row.status || inner.Count("/token") != 1 {
				t.Errorf("status %d, %d requests", r.status, inner.Count("/token"))
			}
			if row.body == "" && r.json(t)["access_token"] == nil || row.body != "" && string(r.body) != row.body {
				t.Errorf("the body has %d bytes and is another one", len(r.body))
			}
			for name, want := range row.header {
				if got := r.header.Values(name); len(got) != len(want) || want != nil && !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// Only the Date is off: grants are judged by the right time.
func TestFaultDateOffset(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{DateOffsetSeconds: -365 * 24 * 3600}})
	earliest := time.Now().Truncate(time.Second)
	r := f.post(f.keyGrant().sign())
	date, err := http.ParseTime(r.header.Get("Date"))
	if right := date.Add(365 * 24 * time.Hour); err != nil || r.status != 200 || right.Before(earliest) || right.After(time.Now()) {
		t.Errorf("status %d, Date %s, %v", r.status, date, err)
	}
	if _, claims := decode(t, r.json(t)["access_token"].(string)); int64(claims["iat"].(float64)) < earliest.Unix() {
		t.Error("the token is of the past")
	}
	f.asked(map[string]int{"/token": 1})
}

func TestFaultGzip(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Kind: GzipBomb}})
	if r := f.post(f.keyGrant().sign()); len(r.body) != bombBody || !strings.HasPrefix(string(r.body), `{"token_type"`) || len(bomb()) > bombBody/500 {
		t.Errorf("%d bytes became %d", len(bomb()), len(r.body))
	}
	f.SetFaults([]Fault{{Header: map[string][]string{"Content-Encoding": {"gzip"}}}})
	if _, err := f.tryPost(f.keyGrant()); err == nil || !strings.Contains(err.Error(), "gzip") {
		t.Errorf("gzip that is none: %v", err)
	}
	if f.Count("/token") != 2 {
		t.Errorf("%d requests", f.Count("/token"))
	}
}

func TestFaultStatuses(t *testing.T) {
	f := start(t, nil)
	f.ask(204, "PUT", "/faults", `[{"path":"/token","statuses":[500,200,429],"retry_after":"2","latency_ms":1}]`)
	for i, want := range []int{500, 200, 429, 200, 200} {
		r := f.post(f.keyGrant().sign())
		if faulty := want != 200; r.status != want || f.last().Fault != faulty || (r.header.Get("Retry-After") == "2") != faulty {
			t.Errorf("request %d: status %d, want %d; fault %t", i, r.status, want, f.last().Fault)
		}
	}
	if left := f.ask(200, "GET", "/faults", nil); left != "[]" || f.Count("/token") != 5 {
		t.Errorf("left is %s after %d requests", left, f.Count("/token"))
	}
}

// The rate is over any second, not over those of the clock.
func TestFaultRate(t *testing.T) {
	var all faults
	all.set([]Fault{{Path: "/token", RequestsPerSecond: 3, Times: 3}, {Status: 500, Times: 1}})
	for i, row := range []struct {
		atMS   int
		status int
	}{
		{0, 500}, {100, 0}, {900, 0}, {950, 429}, {999, 429}, {1000, 0}, {1050, 429}, {1100, 0},
	} {
		fault, faulty := all.take("/token", nil, time.Duration(row.atMS)*time.Millisecond)
		if fault.Status != row.status || faulty != (row.status != 0) || row.status == 429 && fault.RetryAfter != "1" {
			t.Errorf("request %d: status %d, Retry-After %q", i, fault.Status, fault.RetryAfter)
		}
	}
	if len(all.left()) != 0 {
		t.Errorf("left is %+v", all.left())
	}

	f := start(t, nil)
	f.SetFaults([]Fault{{Path: "/jwk", RequestsPerSecond: 1, Status: 503, RetryAfter: "9"}})
	sent, refused := 0, 0
	for sent < 100 && refused == 0 { // until two are within a second
		sent++
		if r := f.do("GET", f.URL()+"/jwk", nil, ""); r.status == 503 {
			refused++
			if r.header.Get("Retry-After") != "9" {
				t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
			}
		}
	}
	if refused != 1 {
		t.Error("the rate was never exceeded")
	}
	f.asked(map[string]int{"/jwk": sent}) // those beyond the rate are counted too
	for i, entry := range f.Journal() {
		if beyond := i == sent-1; entry.Fault != beyond || (entry.Status == 503) != beyond {
			t.Errorf("request %d of %d: %+v", i+1, sent, entry)
		}
	}
}

func TestInvalidFaultMembers(t *testing.T) {
	for says, fault := range map[string]Fault{
		"status 600":               {Status: 600},
		"statuses: 0":              {Statuses: []int{0}},
		"by themselves":            {Statuses: []int{500}, Times: 1},
		"informational: 200":       {Informational: []int{200}},
		"date_offset_seconds":      {DateOffsetSeconds: tenYears + 1},
		"bytes_per_second -1":      {BytesPerSecond: -1},
		"head_bytes_per_second -1": {HeadBytesPerSecond: -1},
		"requests_per_second":      {RequestsPerSecond: maxRate + 1},
		`header: "X\nY"`:           {Header: map[string][]string{"X\nY": {"a"}}},
		`header: ""`:               {Header: map[string][]string{"": nil}},
		"line break":               {Header: map[string][]string{"Age": {"1\r\nB: c"}}},
		`member "a" is not JSON`:   {Members: map[string]json.RawMessage{"a": []byte("NaN")}},
		`member "b" is not JSON`:   {Append: map[string]json.RawMessage{"b": nil}},
		"exclude each other":       {Body: "a", Bytes: []byte("b")},
	} {
		if err := validateFaults([]Fault{{}, fault}); err == nil || !strings.Contains(err.Error(), "fault 1: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, not %q", err, says)
		}
	}
	if err := validateFaults(make([]Fault, maxFaults+1)); err == nil {
		t.Error("there is no limit to faults")
	}
	if err := errors.Join(validateFaults([]Fault{{Status: 503, RetryAfter: "1", Times: 2}}), validateFaults(nil)); err != nil {
		t.Error(err)
	}
}
