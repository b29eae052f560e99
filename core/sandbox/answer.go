package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
)

// answer is an HTTP answer that is not sent yet, so that a fault can still
// spoil it, with what the journal says about it.
type answer struct {
	status      int
	contentType string
	header      map[string]string
	body        []byte

	oauthError, mpCode, traceID, detail string
}

const (
	typeJSON  = "application/json"
	typePlain = "text/plain; charset=utf-8"
)

func jsonAnswer(status int, value any) answer {
	return answer{status: status, contentType: typeJSON, body: must(json.Marshal(value))}
}

func plainAnswer(status int, text string) answer {
	return answer{status: status, contentType: typePlain, body: []byte(text)}
}

// refusal is why a request is refused: what the client is told, and in detail
// what only the journal says, because the real service does not.
type refusal struct {
	status      int
	oauthError  string
	mpCode      string // "" where the real service has none, or none is known
	description string
	detail      string
}

// because returns the refusal with its detail. It never holds a secret.
func (r refusal) because(format string, arguments ...any) *refusal {
	r.detail = fmt.Sprintf(format, arguments...)
	return &r
}

// with returns the refusal with something added to its description.
func (r refusal) with(addition string) *refusal {
	r.description += shorten(addition)
	return &r
}

// answer makes the body that the real service would send. base is the
// issuer, where the explanations of the codes are.
func (r *refusal) answer(base string) answer {
	var random [16]byte
	rand.Read(random[:])
	traceID := hex.EncodeToString(random[:])
	body := struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		URI         string `json:"error_uri,omitempty"`
	}{Error: r.oauthError, Description: r.description + " (trace_id: " + traceID + ")"}
	if r.mpCode != "" {
		body.URI = base + "errors/" + r.mpCode
	}
	a := jsonAnswer(r.status, body)
	a.oauthError, a.mpCode, a.traceID, a.detail = r.oauthError, r.mpCode, traceID, r.detail
	return a
}

// unauthorized is what a protected API says to a token it does not take
// (RFC 6750 §3).
func unauthorized(detail string) answer {
	a := plainAnswer(http.StatusUnauthorized, "")
	a.header = map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`}
	a.oauthError, a.detail = "invalid_token", detail
	return a
}
