package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault makes the sandbox misbehave. The zero Fault matches every request and
// changes nothing. Of several faults that match, the first is taken. Its maps
// and lists must not be changed once it is set.
type Fault struct {
	// Path is the path it is for, such as "/token". Empty means all paths
	// except the control ones.
	Path string `json:"path,omitempty"`
	// Scope limits it to grants that ask for this scope, and to exchanges and
	// calls with a token that has it. Empty means all.
	Scope string `json:"scope,omitempty"`
	// Times is how often it happens. 0 means for ever.
	Times int `json:"times,omitempty"`
	// RequestsPerSecond makes it happen to requests beyond so many within a
	// second; the others go on to the next fault. The answer is 429, with a
	// Retry-After of 1, unless Status and RetryAfter say otherwise.
	RequestsPerSecond int `json:"requests_per_second,omitempty"`

	// LatencyMS is how many milliseconds pass before the request is looked at.
	LatencyMS int `json:"latency_ms,omitempty"`
	// Status answers with this status instead of judging the request. With a
	// kind that has a status of its own it replaces that.
	Status int `json:"status,omitempty"`
	// Statuses does that for one request after another, and then the fault is
	// over. 200 lets a request through, as if there were no fault.
	Statuses []int `json:"statuses,omitempty"`
	// RetryAfter is sent as the header field of that name, as it stands.
	RetryAfter HeaderValue `json:"retry_after,omitempty"`
	// Kind is one of the constants below, or empty.
	Kind FaultKind `json:"kind,omitempty"`
	// Location is where Redirect points. Empty means /redirected here, where
	// nothing is, but where requests are counted.
	Location string `json:"location,omitempty"`
	// Body, or Bytes if it is not text, is sent instead of judging the request,
	// with status 200 unless Status says otherwise.
	Body  string `json:"body,omitempty"`
	Bytes []byte `json:"body_base64,omitempty"`
	// ContentType is that of Body, or replaces that of the right answer.
	ContentType string `json:"content_type,omitempty"`

	// ExpiresIn is the life of the token in seconds instead of the scope's,
	// both as told and as written into it. 0 means no change.
	ExpiresIn int `json:"expires_in,omitempty"`
	// GrantedScope are the scopes, with spaces between, that the token and the
	// answer have instead of those asked for.
	GrantedScope string `json:"granted_scope,omitempty"`
	// Members replaces members of the answer's JSON object, or adds them. The
	// values are JSON and are sent as they stand: 1e3 stays 1e3.
	Members map[string]json.RawMessage `json:"members,omitempty"`
	// Omit leaves members out.
	Omit []string `json:"omit,omitempty"`
	// Append adds members at the end of the object, even if it has them already.
	Append map[string]json.RawMessage `json:"append,omitempty"`

	// DateOffsetSeconds puts the Date field off, and nothing else.
	DateOffsetSeconds int `json:"date_offset_seconds,omitempty"`
	// Header replaces fields of the header. Two values make two fields, none
	// leaves the field out. Content-Length and Transfer-Encoding are sent as
	// they stand, although the body is not like that.
	Header map[string][]string `json:"header,omitempty"`
	// Informational are statuses from 100 to 199 that are sent first (RFC 9110
	// §15.2).
	Informational []int `json:"informational,omitempty"`
	// HeadBytesPerSecond and BytesPerSecond slow down the status line with the
	// header, and the body. 0 means as fast as it goes.
	HeadBytesPerSecond int `json:"head_bytes_per_second,omitempty"`
	BytesPerSecond     int `json:"bytes_per_second,omitempty"`
}

// FaultKind is a way to answer badly.
type FaultKind string

const (
	// Hang gives no answer until the client leaves or the sandbox closes.
	Hang FaultKind = "hang"
	// Close closes the connection and does not look at the request.
	Close FaultKind = "close"
	// Drop processes the request, so that a grant is spent, and then closes the
	// connection in good order instead of answering.
	Drop FaultKind = "drop"
	// Reset is Drop with a reset of the connection.
	Reset FaultKind = "reset"
	// Truncated processes the request and sends the first half of the answer's body.
	Truncated FaultKind = "truncated"
	// CloseDelimited answers in HTTP/1.0, where the end of the connection is
	// the end of the body.
	CloseDelimited FaultKind = "close_delimited"
	// Trailers sends the answer's body in chunks, and a field after it.
	Trailers FaultKind = "trailers"
	// HugeHeader adds a header field of one megabyte, ManyHeaders ten thousand fields.
	HugeHeader  FaultKind = "huge_header"
	ManyHeaders FaultKind = "many_headers"
	// Huge sends four megabytes that begin like a token response.
	Huge FaultKind = "huge"
	// Endless sends the same without an end, until the client leaves.
	Endless FaultKind = "endless"
	// GzipBomb sends 16 kilobytes that become 16 megabytes when unpacked.
	GzipBomb FaultKind = "gzip_bomb"
	// HTML sends a page such as that of a captive portal, with status 200.
	HTML FaultKind = "html"
	// Empty sends status 200 and no body.
	Empty FaultKind = "empty"
	// Redirect sends status 307 and a Location.
	Redirect FaultKind = "redirect"
)

var faultKinds = []FaultKind{"", Hang, Close, Drop, Reset, Truncated, CloseDelimited, Trailers,
	HugeHeader, ManyHeaders, Huge, Endless, GzipBomb, HTML, Empty, Redirect}

const (
	redirectedPath = "/redirected"
	maxFaults      = 1000
	maxLatencyMS   = 10 * 60 * 1000
	maxRate        = 10_000
	tenYears       = 10 * 365 * 24 * 3600 // in seconds
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
	within := func(name string, value, from, to int) error {
		if value < from || value > to {
			return fmt.Errorf("%s %d is not from %d to %d", name, value, from, to)
		}
		return nil
	}
	problems := []error{
		within("latency_ms", f.LatencyMS, 0, maxLatencyMS),
		within("requests_per_second", f.RequestsPerSecond, 0, maxRate),
		within("date_offset_seconds", f.DateOffsetSeconds, -tenYears, tenYears),
		within("bytes_per_second", f.BytesPerSecond, 0, 1<<30),
		within("head_bytes_per_second", f.HeadBytesPerSecond, 0, 1<<30),
	}
	if f.Status != 0 {
		problems = append(problems, within("status", f.Status, 200, 599))
	}
	for _, status := range f.Statuses {
		problems = append(problems, within("statuses:", status, 200, 599))
	}
	for _, status := range f.Informational {
		problems = append(problems, within("informational:", status, 100, 199))
	}
	for name, values := range f.Header {
		if !isFieldName(name) || slices.ContainsFunc(values, func(value string) bool { return strings.ContainsAny(value, "\r\n\x00") }) {
			problems = append(problems, fmt.Errorf("header: %q is not the name of a field, or a value has a line break", name))
		}
	}
	for _, members := range []map[string]json.RawMessage{f.Members, f.Append} {
		for name, value := range members {
			if !json.Valid(value) {
				problems = append(problems, fmt.Errorf("the member %q is not JSON", name))
			}
		}
	}
	if !slices.Contains(faultKinds, f.Kind) {
		problems = append(problems, fmt.Errorf("kind %q is not one of %q", f.Kind, faultKinds[1:]))
	}
	if f.Times < 0 {
		problems = append(problems, fmt.Errorf("times %d is negative", f.Times))
	}
	if len(f.Statuses) > 0 && (f.Status != 0 || f.Times != 0 || f.RequestsPerSecond != 0) {
		problems = append(problems, errors.New("statuses say by themselves which and how often; leave out status, times and requests_per_second"))
	}
	if f.Body != "" && f.Bytes != nil {
		problems = append(problems, errors.New("body and body_base64 exclude each other"))
	}
	return errors.Join(problems...)
}

// isFieldName reports whether a name is of letters, digits and hyphens, as the
// names of all registered header fields are.
func isFieldName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
	return name != "" && strings.Trim(strings.ToLower(name), letters) == ""
}

// parseFaults reads the body of PUT /sandbox/faults.
func parseFaults(data []byte) ([]Fault, error) {
	var list []Fault
	if err := decodeStrict(data, &list); err != nil {
		return nil, fmt.Errorf("the faults are not a JSON array of faults: %w", err)
	}
	return list, validateFaults(list)
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
