package core

import (
	"io"
	"sync"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// AuditLog returns an observer that writes each event as one line of JSON
// (see [Event.MarshalJSON]). It may be used by several clients at once; each
// line is written with one Write. Errors of w are dropped: a full disk must
// not keep a program from its tokens.
func AuditLog(w io.Writer) func(Event) {
	var mu sync.Mutex
	return func(e Event) {
		line, _ := e.MarshalJSON() // it has no error
		mu.Lock()
		defer mu.Unlock()
		w.Write(append(line, '\n'))
	}
}

// MarshalJSON writes the members event, time (RFC 3339, UTC), request_id,
// source, scopes, consumer_org, exchange, kid, jti, background, attempt, status,
// duration_ms, wait_ms, offset_ms, until and error (the error object), those
// that apply. It holds no secret.
func (e Event) MarshalJSON() ([]byte, error) {
	var w strictjson.Writer
	w.String("event", string(e.Kind))
	w.String("time", e.Time.UTC().Format(time.RFC3339Nano))
	w.Optional("request_id", e.RequestID)
	w.Optional("source", e.Source)
	if len(e.Scopes) > 0 {
		w.Strings("scopes", e.Scopes)
	}
	w.Optional("consumer_org", e.ConsumerOrg)
	w.Optional("exchange", e.Exchange)
	w.Optional("kid", e.KeyID)
	w.Optional("jti", e.JTI)
	if e.Background {
		w.Bool("background", true)
	}
	for _, n := range []struct {
		name  string
		value int64
	}{{"attempt", int64(e.Attempt)}, {"status", int64(e.Status)}, {"duration_ms", e.Duration.Milliseconds()},
		{"wait_ms", e.Wait.Milliseconds()}, {"offset_ms", e.Offset.Milliseconds()}} {
		if n.value != 0 {
			w.Int(n.name, n.value)
		}
	}
	if !e.Until.IsZero() {
		w.String("until", e.Until.UTC().Format(time.RFC3339))
	}
	if e.Err != nil {
		detail, _ := e.Err.MarshalJSON() // it has no error
		w.Raw("error", detail)
	}
	return w.Bytes(), nil
}
