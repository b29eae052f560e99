package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What a fault does to an answer, before any of it is sent.

const (
	tokenStart = `{"token_type":"Bearer","access_token":"`
	hugeBody   = 4 << 20
	bombBody   = 16 << 20
)

// bomb is JSON of bombBody bytes, packed.
var bomb = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	must(writer.Write([]byte(tokenStart)))
	must(writer.Write(bytes.Repeat([]byte("A"), bombBody-len(tokenStart))))
	must(0, writer.Close())
	return packed.Bytes()
})

// instead returns the answer that takes the place of the right one, if the
// fault has such an answer.
func (f Fault) instead(base string) (answer, bool) {
	a := answer{status: http.StatusOK, contentType: typeJSON}
	switch {
	case f.Body != "" || f.Bytes != nil:
		a.body = append([]byte(f.Body), f.Bytes...)
	case f.Kind == HTML:
		a.contentType, a.body = "text/html; charset=utf-8", []byte("<!doctype html><title>Welcome</title><p>Sign in to use this network.</p>\n")
	case f.Kind == Empty:
		a.contentType = ""
	case f.Kind == Huge:
		a.body = append([]byte(tokenStart), bytes.Repeat([]byte("A"), hugeBody-len(tokenStart))...)
	case f.Kind == Endless:
		a.body = []byte(tokenStart)
	case f.Kind == GzipBomb:
		a.header, a.body = map[string]string{"Content-Encoding": "gzip"}, bomb()
	case f.Kind == Redirect:
		a = answer{status: http.StatusTemporaryRedirect, header: map[string]string{"Location": f.Location}}
		if f.Location == "" {
			a.header["Location"] = base + redirectedPath
		}
	case f.Status != 0:
		a = plainAnswer(f.Status, strconv.Itoa(f.Status)+" "+http.StatusText(f.Status)+", a fault of the sandbox\n")
	default:
		return answer{}, false
	}
	if f.Status != 0 {
		a.status = f.Status
	}
	return a, true
}

// spoil changes an answer, the right one or the one in its place.
func (f Fault) spoil(a *answer) {
	if f.ContentType != "" {
		a.contentType = f.ContentType
	}
	if f.Members == nil && f.Omit == nil && f.Append == nil {
		return
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(a.body, &object) != nil || object == nil {
		return // there are no members to change
	}
	maps.Copy(object, f.Members)
	for _, name := range f.Omit {
		delete(object, name)
	}
	var members []string
	for _, from := range []map[string]json.RawMessage{object, f.Append} {
		for _, name := range slices.Sorted(maps.Keys(from)) {
			members = append(members, string(must(json.Marshal(name)))+":"+string(from[name]))
		}
	}
	a.body = []byte("{" + strings.Join(members, ",") + "}")
}

// header returns the header of an answer. A field without values is one that
// net/http must not add by itself.
func (s *Server) header(a answer, f Fault) http.Header {
	header := http.Header{
		"Date":          {s.now().Add(time.Duration(f.DateOffsetSeconds) * time.Second).UTC().Format(http.TimeFormat)},
		"Cache-Control": {"no-store"},
		"Pragma":        {"no-cache"},
		"Content-Type":  nil, // nothing is guessed
	}
	if a.contentType != "" {
		header.Set("Content-Type", a.contentType)
	}
	for name, value := range a.header {
		header.Set(name, value)
	}
	if f.RetryAfter != "" {
		header.Set("Retry-After", string(f.RetryAfter))
	}
	switch f.Kind {
	case HugeHeader:
		header.Set("Sandbox-Fault", strings.Repeat("A", 1<<20))
	case ManyHeaders:
		for i := range 10_000 {
			header.Set("Sandbox-Fault-"+strconv.Itoa(i), "A")
		}
	}
	for name, values := range f.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	return header
}
