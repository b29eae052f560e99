package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// raw sends a grant on a connection of its own and returns every byte that
// comes back.
func (f *fixture) raw(d *draft) string {
	f.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(f.URL(), "http://"))
	if err != nil {
		f.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(tooLong))
	form := grantForm(d.sign()).Encode()
	fmt.Fprintf(connection, "POST /token HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		connection.RemoteAddr(), formType, len(form), form)
	answer, err := io.ReadAll(connection)
	if err != nil {
		f.Fatal(err)
	}
	return string(answer)
}

// asked fails unless exactly these requests came, by path.
func (f *fixture) asked(want map[string]int) {
	f.Helper()
	if got := f.Load().Counts; !maps.Equal(got, want) {
		f.Errorf("the sandbox counts %v, want %v", got, want)
	}
}

// What is sent byte by byte, as no ordinary server would.
func TestFaultsOnTheWire(t *testing.T) {
	f := start(t, nil)
	for _, row := range []struct {
		name, fault string
		begins      string
		has, lacks  []string
		ends        string
	}{
		{"HTTP/1.0 until it closes", `{"kind":"close_delimited"}`, "HTTP/1.0 200 OK\r\n", []string{"Connection: close\r\n"}, []string{"Content-Length"}, `"token_type":"Bearer"}`},
		{"Content-Length too small", `{"header":{"Content-Length":["10"]}}`, "HTTP/1.1 200 OK\r\n", []string{"Content-Length: 10\r\n"}, nil, `"token_type":"Bearer"}`},
		{"Content-Length too large", `{"header":{"content-length":["999999"]}}`, "HTTP/1.1 200 OK\r\n", []string{"Content-Length: 999999\r\n"}, nil, `"token_type":"Bearer"}`},
		{"Content-Length negative", `{"header":{"Content-Length":["-1"]}}`, "HTTP/1.1 200 OK\r\n", []string{"Content-Length: -1\r\n"}, nil, `"}`},
		{"two of Content-Length", `{"header":{"Content-Length":["5","6"]}}`, "HTTP/1.1 200 OK\r\n", []string{"Content-Length: 5\r\nContent-Length: 6\r\n"}, nil, `"}`},
		{"chunked that is not", `{"header":{"Transfer-Encoding":["chunked"]}}`, "HTTP/1.1 200 OK\r\n", []string{"Transfer-Encoding: chunked\r\n", "\r\n\r\n{"}, []string{"Content-Length"}, `"}`},
		{"trailers", `{"kind":"trailers"}`, "HTTP/1.1 200 OK\r\n", []string{"Transfer-Encoding: chunked\r\n", "Trailer: Sandbox-Trailer\r\n"}, []string{"Content-Length"}, "\r\n0\r\nSandbox-Trailer: end\r\n\r\n"},
		{"interim answers", `{"informational":[100,103]}`, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n", []string{"Content-Length: "}, nil, `"token_type":"Bearer"}`},
		{"slow but whole", `{"head_bytes_per_second":100000,"bytes_per_second":100000}`, "HTTP/1.1 200 OK\r\n", nil, nil, `"token_type":"Bearer"}`},
		{"with a status and a body", `{"status":503,"body":"x","bytes_per_second":9}`, "HTTP/1.1 503 Service Unavailable\r\n", []string{"Content-Length: 1\r\n"}, nil, "\r\n\r\nx"},
	} {
		t.Run(row.name, func(t *testing.T) {
			inner := &fixture{t, f.Server, f.demo}
			inner.ResetJournal()
			inner.ask(204, "PUT", "/faults", "["+row.fault+"]")
			got := inner.raw(inner.keyGrant())
			if !strings.HasPrefix(got, row.begins) || !strings.HasSuffix(got, row.ends) || inner.Count("/token") != 1 {
				t.Errorf("%d requests; it begins with %.60q and ends with %q", inner.Count("/token"), got, got[max(0, len(got)-40):])
			}
			for _, text := range row.has {
				if !strings.Contains(got, text) {
					t.Errorf("there is no %q", text)
				}
			}
			for _, text := range row.lacks {
				if strings.Contains(got, text) {
					t.Errorf("there is %q", text)
				}
			}
			if entry := inner.last(); entry.Status == 0 || !entry.Fault {
				t.Errorf("the journal has %+v", entry)
			}
		})
	}
}

// What a usual client makes of them.
func TestFaultsOnTheWireForAClient(t *testing.T) {
	f := start(t, nil)
	for _, kind := range []FaultKind{CloseDelimited, Trailers} {
		f.SetFaults([]Fault{{Kind: kind}})
		f.token(f.keyGrant())
	}

	f.SetFaults([]Fault{{Informational: []int{103}}})
	hints := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		hints += code
		return nil
	}})
	request, _ := http.NewRequestWithContext(ctx, "GET", f.URL()+"/jwk", nil)
	response, err := httpClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if hints != 103 || response.StatusCode != 200 {
		t.Errorf("hints %d, status %d", hints, response.StatusCode)
	}

	f.SetFaults([]Fault{{Header: map[string][]string{"Content-Length": {"999999"}}}})
	if _, err := f.tryPost(f.keyGrant()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Content-Length too large: %v", err)
	}
	f.ResetJournal()
	f.SetFaults([]Fault{{Kind: HugeHeader}})
	limited := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}}
	if _, err := limited.Get(f.URL() + "/jwk"); err == nil || !strings.Contains(err.Error(), "header") {
		t.Errorf("a huge header: %v", err)
	}
	f.asked(map[string]int{"/jwk": 1})
}

// A request that asks for 100 Continue gets it, and its answer.
func TestExpectContinue(t *testing.T) {
	f := start(t, nil)
	continued := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { continued = true }})
	request, _ := http.NewRequestWithContext(ctx, "POST", f.URL()+"/token", strings.NewReader(grantForm(f.keyGrant().sign()).Encode()))
	request.Header.Set("Content-Type", formType)
	request.Header.Set("Expect", "100-continue")
	patient := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: tooLong}}
	response, err := patient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if !continued || response.StatusCode != 200 {
		t.Errorf("continued %t, status %d", continued, response.StatusCode)
	}
	f.asked(map[string]int{"/token": 1}) // what was announced and what was sent are one
	if seen := f.last(); seen.Status != 200 || f.Load().DistinctJTI != 1 {
		t.Errorf("the journal has %+v", seen)
	}
}

// An endless or slow body ends with the client, and with the sandbox.
func TestEndlessAndSlowBodies(t *testing.T) {
	for _, fault := range []Fault{{Kind: Endless}, {BytesPerSecond: 2}, {HeadBytesPerSecond: 2}, {Kind: Endless, BytesPerSecond: 2}} {
		for _, who := range []string{"client", "sandbox"} {
			name := fmt.Sprintf("%s %d %d, ended by the %s", fault.Kind, fault.HeadBytesPerSecond, fault.BytesPerSecond, who)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := start(t, nil)
				f.SetFaults([]Fault{fault})
				connection, err := net.Dial("tcp", strings.TrimPrefix(f.URL(), "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer connection.Close()
				connection.SetDeadline(time.Now().Add(tooLong))
				fmt.Fprintf(connection, "GET /jwk HTTP/1.1\r\nHost: x\r\n\r\n")
				enough := int64(1)
				if fault.Kind == Endless && fault.BytesPerSecond == 0 {
					enough = 20 << 20
				}
				if n, err := io.CopyN(io.Discard, connection, enough); err != nil {
					t.Fatalf("it ended after %d bytes: %v", n, err)
				}
				ended := f.idle()
				if who == "client" {
					connection.(*net.TCPConn).SetLinger(0) // so that it is told at once
					connection.Close()
				} else {
					go f.Close()
				}
				await(t, "the end", ended)
				f.asked(map[string]int{"/jwk": 1})
			})
		}
	}
}

// Drop is the fault that retries with the same grant suffer from: it is spent,
// and nobody said so.
func TestFaultDrop(t *testing.T) {
	f := start(t, nil)
	f.SetFaults([]Fault{{Kind: Drop, Times: 1}})
	d := f.keyGrant()
	if _, err := f.tryPost(d); !errors.Is(err, io.EOF) {
		t.Errorf("the error is %v", err)
	}
	f.refused(f.post(d.sign()), outcome{400, "invalid_grant", "MP-012", "Grant is used before"})
	if load := f.Load(); load.Counts["/token"] != 2 || load.DistinctJTI != 1 {
		t.Errorf("the load is %+v", load)
	}
}

func TestPaceIsSlow(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() {
		defer ours.Close()
		pace(context.Background(), ours, make([]byte, 30), 200) // portions of 20 bytes
	}()
	var sizes []int
	began := time.Now()
	for buffer := make([]byte, 100); ; {
		n, err := theirs.Read(buffer)
		if err != nil {
			break
		}
		sizes = append(sizes, n)
	}
	if took := time.Since(began); len(sizes) != 2 || sizes[0] != 20 || sizes[1] != 10 || took < 100*time.Millisecond {
		t.Errorf("portions of %v bytes in %s", sizes, took)
	}
}
