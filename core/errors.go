package core

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Kind says whose fault an error is.
type Kind string

const (
	// Local is misuse, configuration, a key or a signer on our side.
	Local Kind = "local"
	// Remote is an answer that says no, or that cannot be understood.
	Remote Kind = "remote"
	// TransportFault is a request that got no answer.
	TransportFault Kind = "transport"
)

// Error is the one error type of this module. The zero fields are those that
// do not apply. No field ever holds a token, a grant, a key or an unvetted body.
type Error struct {
	Kind Kind
	// Code is stable and meant for programs; the list is in [Codes].
	Code Code
	// Message says what was wrong and where.
	Message string
	// Remedy says what to do next, in one sentence.
	Remedy string
	// Problems lists everything that is wrong with a configuration or a
	// request, each with its own remedy.
	Problems []Problem

	// OAuthError is the "error" member of the answer (RFC 6749 §5.2).
	OAuthError string
	// Description is "error_description" of the answer: printable, at most
	// 256 characters.
	Description string
	// MPCode is Maskinporten's own code, such as "MP-110".
	MPCode string
	// Status is the HTTP status of the answer.
	Status int
	// TraceID is what Digdir's support asks for.
	TraceID string

	// Attempts is how many requests were sent.
	Attempts int
	// Retryable says that the same call may succeed later without a change.
	Retryable bool
	// NextAttempt is when the cache will ask again (UTC); zero if it does not
	// hold the error.
	NextAttempt time.Time

	cause      error
	retryAfter time.Duration // what the server asked for; negative if it did not
	pauseUntil Instant       // when the breaker lets the next request go
	skewLearnt bool          // the answer has shown that our clock is wrong
}

// Problem is one thing that is wrong with what the caller gave.
type Problem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// SameMember reports whether one of two fields of problems leads to or into the
// other, so that telling both problems would say one thing twice.
func SameMember(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest, ok := strings.CutPrefix(b, a)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Error tells what happened and what to do, in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("maskinporten: ")
	b.WriteString(e.Message)
	if len(e.Problems) > 1 {
		for _, p := range e.Problems[1:] {
			b.WriteString("; " + p.Field + ": " + p.Message)
		}
	}
	var detail []string
	if e.MPCode != "" {
		detail = append(detail, e.MPCode)
	}
	if e.OAuthError != "" {
		detail = append(detail, e.OAuthError)
	}
	if e.Status != 0 {
		detail = append(detail, "HTTP "+itoa(e.Status))
	}
	if e.TraceID != "" {
		detail = append(detail, "trace_id "+e.TraceID)
	}
	if e.Attempts > 1 {
		detail = append(detail, itoa(e.Attempts)+" attempts")
	}
	if len(detail) > 0 {
		b.WriteString(" (" + strings.Join(detail, ", ") + ")")
	}
	if e.cause != nil {
		b.WriteString(": " + vetted(e.cause.Error()))
	}
	if e.Remedy != "" {
		b.WriteString(". " + e.Remedy)
	}
	return b.String()
}

// Unwrap returns the cause: what a Signer or a Transport returned, or the
// error of a context.
func (e *Error) Unwrap() error { return e.cause }

// Is matches another *Error by its Code, so that
// errors.Is(err, &core.Error{Code: core.CodeKeyExpired}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// NewError makes an error with the kind and the remedy that belong to code.
// Signers and Transports use it to say more than a plain error can.
func NewError(code Code, message string, cause error) *Error {
	row := codeTable[code]
	return &Error{Kind: row.kind, Code: code, Message: message, Remedy: row.remedy,
		Retryable: row.retryable, cause: cause, retryAfter: -1}
}

// InvalidInput makes one *Error out of everything that is wrong with an input,
// or nil when the list is empty.
func InvalidInput(code Code, problems []Problem) error {
	if err := invalid(code, problems); err != nil {
		return err
	}
	return nil
}

// Printable makes text of unknown origin fit for a message: at most 256
// printable characters, and nothing that looks like a token.
func Printable(text string) string { return vetted(text) }

// asError returns err as an *Error, made with code if it is none yet.
func asError(err error, code Code) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	what := map[Code]string{CodeSigningFailed: "the signer failed", CodeConnectionFailed: "the request got no answer"}[code]
	if what == "" {
		what = "something unexpected happened"
	}
	return NewError(code, what, err)
}

// invalid makes one error out of everything that is wrong, or nil.
func invalid(code Code, problems []Problem) *Error {
	if len(problems) == 0 {
		return nil
	}
	err := NewError(code, problems[0].Field+": "+problems[0].Message, nil)
	err.Problems = problems
	err.Remedy = problems[0].Remedy
	return err
}

// vetted makes text of unknown origin fit for a message: printable ASCII and
// Latin letters, at most 256 characters, and nothing that looks like a JWT.
func vetted(text string) string {
	const limit = 256
	var b strings.Builder
	count := 0
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r < ' ' || r == 0x7f }) {
		if looksSecret(field) {
			field = redacted
		}
		if count > 0 {
			b.WriteByte(' ')
			count++
		}
		for _, r := range field {
			if r > 0x17f || (r >= 0x80 && r < 0xa1) {
				r = '?'
			}
			if count == limit {
				return b.String() + "…"
			}
			b.WriteRune(r)
			count++
		}
	}
	return b.String()
}

// looksSecret reports whether a word may be a compact JWS or a long token:
// base64url of a JSON object, or forty characters without anything that makes
// it a word, a URL or a trace id.
func looksSecret(word string) bool {
	if strings.Contains(word, "eyJ") {
		return true
	}
	run := 0
	for i := range len(word) {
		c := word[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '+' || c == '=' {
			if run++; run > 64 {
				return true
			}
			continue
		}
		run = 0
	}
	return false
}

// quoted shows a value that the caller gave, cut to a readable length.
func quoted(text string) string {
	if text = vetted(text); len(text) > 80 {
		text = text[:77] + "…"
	}
	return `"` + text + `"`
}

func itoa(n int) string { return strconv.Itoa(n) }
