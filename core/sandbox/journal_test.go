package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestJournal(t *testing.T) {
	f := start(t, nil)
	d := f.keyGrant()
	d.claims["scope"], d.claims["consumer_org"] = f.demo.Scopes.Delegated, f.demo.CustomerOrganization
	token, _ := f.token(d)
	f.get(f.SampleAPI(), token)
	wrong := f.keyGrant()
	wrong.claims["azp"] = "x"
	f.post(wrong.sign())
	f.do("GET", f.URL()+"/nothing/here?secret=1", nil, "")

	r := f.do("GET", f.Control()+"/journal", nil, "")
	var got struct {
		Requests []map[string]any
		Counts   map[string]int
	}
	if err := json.Unmarshal(r.body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Requests) != 4 || fmt.Sprint(got.Counts) != "map[/api/sample:1 /token:2 other:1]" {
		t.Fatalf("%d requests, counts %v", len(got.Requests), got.Counts)
	}
	for i, want := range []map[string]any{
		{"method": "POST", "path": "/token", "status": 200.0, "client_id": f.demo.ClientID, "kid": f.demo.KeyID, "jti": d.claims["jti"],
			"scope": f.demo.Scopes.Delegated, "consumer_org": f.demo.CustomerOrganization},
		{"method": "GET", "path": "/api/sample", "status": 200.0, "client_id": f.demo.ClientID, "scope": f.demo.Scopes.Delegated},
		{"method": "POST", "path": "/token", "status": 400.0, "error": "invalid_request", "mp_code": "MP-011", "detail": `the claim "azp" is not known`},
		{"method": "GET", "path": "/nothing/here", "status": 404.0},
	} {
		for name, value := range want {
			if got.Requests[i][name] != value {
				t.Errorf("request %d: %s is %v, want %v", i, name, got.Requests[i][name], value)
			}
		}
		if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got.Requests[i]["time"])); err != nil {
			t.Error(err)
		}
		if i > 0 && got.Requests[i]["at_ms"].(float64) < got.Requests[i-1]["at_ms"].(float64) {
			t.Error("at_ms goes backwards")
		}
	}
	if _, present := got.Requests[1]["jti"]; present {
		t.Error("the jti of a token is in the journal as if it were that of a grant")
	}
	for name, secret := range map[string]string{"grant": d.sign(), "token": token} {
		if signature := secret[strings.LastIndex(secret, ".")+1:]; strings.Contains(string(r.body), signature) {
			t.Errorf("the journal has a %s", name)
		}
	}

	if r := f.do("DELETE", f.Control()+"/journal", nil, ""); r.status != 204 || len(f.Journal()) != 0 || f.Count("/token") != 0 {
		t.Errorf("DELETE: status %d, %d entries left", r.status, len(f.Journal()))
	}
	if body := string(f.do("GET", f.Control()+"/journal", nil, "").body); body != `{"requests":[],"counts":{},"max_in_flight":{},"peak_per_second":{},"distinct_jti":0}` {
		t.Errorf("an empty journal is %s", body)
	}
}

func TestJournalIsBounded(t *testing.T) {
	var j journal
	for i := range maxEntries + 3 {
		j.open(Entry{AtMS: int64(i)}, "/token", time.Duration(i)*time.Millisecond)
	}
	list := j.list()
	if len(list) != maxEntries || list[0].AtMS != 3 || list[maxEntries-1].AtMS != maxEntries+2 || j.load().Counts["/token"] != maxEntries+3 {
		t.Errorf("%d entries from %d to %d, counted %d", len(list), list[0].AtMS, list[len(list)-1].AtMS, j.load().Counts["/token"])
	}
}

// Garbage in a request is journaled as far as it can be read, and no further.
func TestJournalOfGarbage(t *testing.T) {
	f := start(t, nil)
	d := f.keyGrant()
	d.header["kid"] = strings.Repeat("æ", 1000)
	d.claims["scope"] = strings.Repeat("a:b ", 10_000)
	d.claims["jti"] = 5
	f.refused(f.post(d.sign()), wantMalformed)
	if entry := f.last(); len(entry.KeyID) > 300 || len(entry.Scope) > 8<<10 || entry.JTI != "" || entry.ClientID != f.demo.ClientID {
		t.Errorf("kid of %d bytes, scope of %d, jti %q", len(entry.KeyID), len(entry.Scope), entry.JTI)
	}
	f.ResetJournal()
	if len(f.Journal()) != 0 || f.Count("/token") != 0 {
		t.Error("something is left after a reset")
	}
	for _, assertion := range []string{"", ".", "..", "a.b.c", "e30.e30.", "bnVsbA.bnVsbA.AA", strings.Repeat(".", 100_000)} {
		f.refused(f.post(assertion), wantMalformed)
	}
}

// A mistake in the sandbox itself is an answer and a note, not a dead server.
func TestOwnMistake(t *testing.T) {
	f := start(t, nil)
	a := f.judge(route{"GET", func(*Server, *request) answer { panic("broken") }}, nil)
	if a.status != 500 || !strings.Contains(a.detail, "broken") {
		t.Errorf("status %d, detail %q", a.status, a.detail)
	}
}

func TestClock(t *testing.T) {
	f := start(t, nil)
	for _, row := range []struct {
		offset time.Duration
		want   outcome
	}{
		{time.Hour, outcome{400, "invalid_grant", "MP-130", "JWT is expired"}},
		{-time.Hour, outcome{400, "invalid_grant", "", "Issue time is after now"}},
		{365 * 24 * time.Hour, outcome{400, "invalid_grant", "MP-130", "JWT is expired"}},
	} {
		f.SetClockOffset(0)
		byKey, byCertificate := f.keyGrant(), f.certificateGrant()
		body := fmt.Sprintf(`{"offset_seconds":%d}`, int(row.offset.Seconds()))
		if r := f.do("PUT", f.Control()+"/clock", nil, body); r.status != 204 {
			t.Fatalf("PUT clock: %d %s", r.status, r.body)
		}
		f.refused(f.post(byKey.sign()), row.want)
		f.refused(f.post(byCertificate.sign()), row.want)

		earliest := time.Now().Add(row.offset).Truncate(time.Second)
		r := f.post(f.keyGrant().sign()) // made by the sandbox's clock
		latest := time.Now().Add(row.offset)
		date, err := http.ParseTime(r.header.Get("Date"))
		if r.status != 200 || err != nil || date.Before(earliest) || date.After(latest) {
			t.Errorf("offset %s: status %d, Date %s, %v", row.offset, r.status, date, err)
		}
	}
	for _, body := range []string{"", "{}", `{"offset_seconds":"1"}`, `{"offset_seconds":1e300}`} {
		if r := f.do("PUT", f.Control()+"/clock", nil, body); r.status != 400 {
			t.Errorf("PUT clock %s: %d", body, r.status)
		}
	}
}

func TestControl(t *testing.T) {
	f := start(t, nil)
	if r := f.do("PUT", f.Control()+"/faults", nil, `[{"path":"/token","status":429,"retry_after":3,"times":1}]`); r.status != 204 {
		t.Fatalf("PUT faults: %d %s", r.status, r.body)
	}
	if r := f.post(f.keyGrant().sign()); r.status != 429 || r.header.Get("Retry-After") != "3" {
		t.Errorf("status %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	f.SetFaults([]Fault{{Status: 500}})
	if r := f.do("GET", f.Control()+"/journal", nil, ""); r.status != 200 {
		t.Errorf("a fault for all paths hits the controls: %d", r.status)
	}
	if r := f.do("PUT", f.Control()+"/faults", nil, `[]`); r.status != 204 {
		t.Errorf("PUT no faults: %d", r.status)
	}
	f.token(f.keyGrant())
	if r := f.do("POST", f.Control()+"/journal", nil, ""); r.status != 404 {
		t.Errorf("POST journal: %d", r.status)
	}
	request, _ := http.NewRequest("GET", f.Control()+"/journal", nil)
	request.Host = "sandbox.example.no"
	response, err := httpClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 403 {
		t.Errorf("with a foreign Host: %d", response.StatusCode)
	}
}

// Many at once: every grant is judged once, and one jti wins once.
func TestConcurrently(t *testing.T) {
	f := start(t, nil)
	const callers = 32
	same := f.keyGrant().sign()
	var accepted, replayed sync.Map
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			if r, err := f.tryPost(f.keyGrant()); err != nil || r.status != 200 {
				t.Errorf("caller %d: status %d, %v", i, r.status, err)
			}
			switch r, err := postForm(f.URL()+"/token", grantForm(same)); {
			case err != nil:
				t.Error(err)
			case r.status == 200:
				accepted.Store(i, true)
			default:
				replayed.Store(i, r.json(t)["error_uri"])
			}
			f.SetClockOffset(0)
			f.Journal()
		})
	}
	all.Wait()
	won, lost := 0, 0
	accepted.Range(func(any, any) bool { won++; return true })
	replayed.Range(func(_, uri any) bool {
		if uri == f.URL()+"/errors/MP-012" {
			lost++
		}
		return true
	})
	if won != 1 || lost != callers-1 || f.Count("/token") != 2*callers {
		t.Errorf("one grant was accepted %d times and refused %d times; %d requests", won, lost, f.Count("/token"))
	}
}
