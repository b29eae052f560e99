package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Fault makes the sandbox misbehave. The zero Fault matches every request and
// changes nothing. Of several faults that match, the first is taken.
type Fault struct {
	// Path is the path it is for, such as "/token". Empty means all paths
	// except the control ones.
	Path string `json:"path,omitempty"`
	// Scope limits it to grants that ask for this scope, and to exchanges and
	// calls with a token that has it. Empty means all.
	Scope string `json:"scope,omitempty"`
	// Times is how often it happens. 0 means for ever.
	Times int `json:"times,omitempty"`

	// LatencyMS is how many milliseconds pass before the request is looked at.
	LatencyMS int `json:"latency_ms,omitempty"`
	// Status answers with this status instead of judging the request. With a
	// kind that has a status of its own it replaces that.
	Status int `json:"status,omitempty"`
	// RetryAfter is sent as the header field of that name, as it stands.
	RetryAfter HeaderValue `json:"retry_after,omitempty"`
	// Kind is one of the constants below, or empty.
	Kind FaultKind `json:"kind,omitempty"`
	// Location is where Redirect points. Empty means /redirected here, where
	// nothing is, but where requests are counted.
	Location string `json:"location,omitempty"`
	// ExpiresIn is the life of the token in seconds instead of the scope's,
	// both as told and as written into it. 0 means no change.
	ExpiresIn int `json:"expires_in,omitempty"`
}

// FaultKind is a way to answer badly.
type FaultKind string

const (
	// Hang gives no answer until the client leaves or the sandbox closes.
	Hang FaultKind = "hang"
	// Close closes the connection and does not look at the request.
	Close FaultKind = "close"
	// Reset processes the request, so that a grant is spent, and then resets
	// the connection instead of answering.
	Reset FaultKind = "reset"
	// Truncated processes the request and sends the first half of the answer's body.
	Truncated FaultKind = "truncated"
	// Huge sends four megabytes that begin like a token response.
	Huge FaultKind = "huge"
	// HTML sends a page such as that of a captive portal, with status 200.
	HTML FaultKind = "html"
	// Empty sends status 200 and no body.
	Empty FaultKind = "empty"
	// Redirect sends status 307 and a Location.
	Redirect FaultKind = "redirect"
)

var faultKinds = []FaultKind{"", Hang, Close, Reset, Truncated, Huge, HTML, Empty, Redirect}

const (
	redirectedPath = "/redirected"
	hugeBody       = 4 << 20
	maxFaults      = 1000
	maxLatencyMS   = 10 * 60 * 1000
)

// HeaderValue is the text of a header field. In JSON it may be a number too.
type HeaderValue string

// UnmarshalJSON reads a string or a number.
func (v *HeaderValue) UnmarshalJSON(data []byte) error {
	var number json.Number
	if len(data) > 0 && data[0] != '"' && json.Unmarshal(data, &number) == nil {
		*v = HeaderValue(number)
		return nil
	}
	return json.Unmarshal(data, (*string)(v))
}

func (f Fault) validate() error {
	switch {
	case !slices.Contains(faultKinds, f.Kind):
		return fmt.Errorf("kind %q is not one of %q", f.Kind, faultKinds[1:])
	case f.Times < 0:
		return fmt.Errorf("times %d is negative", f.Times)
	case f.LatencyMS < 0 || f.LatencyMS > maxLatencyMS:
		return fmt.Errorf("latency_ms %d is not from 0 to %d", f.LatencyMS, maxLatencyMS)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is not from 200 to 599", f.Status)
	}
	return nil
}

// parseFaults reads the body of PUT /sandbox/faults.
func parseFaults(data []byte) ([]Fault, error) {
	var list []Fault
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("the faults are not a JSON array of faults: %w", err)
	}
	if err := validateFaults(list); err != nil {
		return nil, err
	}
	return list, nil
}

func validateFaults(list []Fault) error {
	if len(list) > maxFaults {
		return fmt.Errorf("there are %d faults, at most %d are kept", len(list), maxFaults)
	}
	var problems []error
	for i, fault := range list {
		if err := fault.validate(); err != nil {
			problems = append(problems, fmt.Errorf("fault %d: %w", i, err))
		}
	}
	return errors.Join(problems...)
}

// SetFaults replaces all faults; nil ends them. Requests that a fault has hold
// of already stay in it. Panics if a fault is not valid, since that is a
// mistake in a test.
func (s *Server) SetFaults(list []Fault) {
	if err := validateFaults(list); err != nil {
		panic("sandbox: " + err.Error())
	}
	s.faults.set(list)
}

type faults struct {
	mu   sync.Mutex
	list []Fault
}

func (f *faults) set(list []Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = slices.Clone(list)
}

// take returns the fault for a request, and uses it up by one.
func (f *faults) take(path string, scopes []string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		if fault.Path != "" && fault.Path != path || fault.Scope != "" && !slices.Contains(scopes, fault.Scope) {
			continue
		}
		switch fault.Times {
		case 0:
		case 1:
			f.list = slices.Delete(f.list, i, i+1)
		default:
			f.list[i].Times--
		}
		return fault, true
	}
	return Fault{}, false
}

// instead returns the answer that takes the place of the right one, if the
// fault has such an answer.
func (f Fault) instead(base string) (answer, bool) {
	var a answer
	switch f.Kind {
	case HTML:
		a = answer{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: []byte("<!doctype html><title>Welcome</title><p>Sign in to use this network.</p>\n")}
	case Empty:
		a = answer{status: http.StatusOK}
	case Huge:
		const start = `{"token_type":"Bearer","access_token":"`
		a = answer{status: http.StatusOK, contentType: typeJSON, body: append([]byte(start), bytes.Repeat([]byte("A"), hugeBody-len(start))...)}
	case Redirect:
		a = answer{status: http.StatusTemporaryRedirect, header: map[string]string{"Location": f.Location}}
		if f.Location == "" {
			a.header["Location"] = base + redirectedPath
		}
	default:
		if f.Status == 0 {
			return answer{}, false
		}
		a = plainAnswer(f.Status, strconv.Itoa(f.Status)+" "+http.StatusText(f.Status)+", a fault of the sandbox\n")
	}
	if f.Status != 0 {
		a.status = f.Status
	}
	return a, true
}

// delay waits for the fault's latency, and with Hang for ever. It reports
// false when the wait was cut short and nobody needs an answer.
func (f Fault) delay(done <-chan struct{}) bool {
	if f.LatencyMS > 0 {
		timer := time.NewTimer(time.Duration(f.LatencyMS) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-done:
			return false
		}
	}
	if f.Kind == Hang {
		<-done
		return false
	}
	return true
}

// hangUp ends the connection without an answer, in order or with a reset.
func hangUp(w http.ResponseWriter, reset bool) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0) // close then sends RST
	}
	connection.Close()
}
