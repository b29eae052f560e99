package sandbox

import (
	"maps"
	"sync"
	"time"
)

// Entry is one request as the sandbox saw it. It holds no token, no grant and
// no signature. What comes from the request is as the client wrote it, before
// anything was checked.
type Entry struct {
	// Time is when the request arrived, by the sandbox's clock.
	Time time.Time `json:"time"`
	// AtMS is the same in milliseconds since the sandbox started, and does not
	// move when the clock is set.
	AtMS   int64  `json:"at_ms"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Status is 0 while the request is being answered, and stays 0 when a
	// fault left it without an answer.
	Status int `json:"status"`
	// Error is the OAuth error of a refusal, MPCode its MP code, and TraceID
	// the trace id in its description.
	Error   string `json:"error,omitempty"`
	MPCode  string `json:"mp_code,omitempty"`
	TraceID string `json:"trace_id,omitempty"`
	// Detail says what exactly was wrong. The answer did not say it.
	Detail string `json:"detail,omitempty"`
	// ClientID and Scope are those of the grant, or of the token that was
	// exchanged or shown to an API.
	ClientID string `json:"client_id,omitempty"`
	Scope    string `json:"scope,omitempty"`
	// The rest is of the grant, so it is empty except at /token.
	KeyID       string `json:"kid,omitempty"`
	JTI         string `json:"jti,omitempty"`
	ConsumerOrg string `json:"consumer_org,omitempty"`
	// Certificates is how many certificates x5c had.
	Certificates int `json:"certificates,omitempty"`
	// Fault says that a fault was injected.
	Fault bool `json:"fault,omitempty"`
}

// otherPaths is what requests to paths that the sandbox does not have are
// counted under, so that the counts stay bounded.
const otherPaths = "other"

// maxEntries is how many requests the journal keeps; the oldest go first. The
// counts go on.
const maxEntries = 10_000

type journal struct {
	mu      sync.Mutex
	entries []*Entry
	next    int // where the oldest is, once the journal is full
	counts  map[string]int
}

// open writes a request down as it arrives, so that one that hangs is seen.
func (j *journal) open(entry Entry, counted string) *Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.counts == nil {
		j.counts = map[string]int{}
	}
	j.counts[counted]++
	if len(j.entries) < maxEntries {
		j.entries = append(j.entries, &entry)
	} else {
		j.entries[j.next] = &entry
		j.next = (j.next + 1) % maxEntries
	}
	return &entry
}

// close writes down how it ended. It comes before the answer is sent, so that
// whoever has the answer finds it here.
func (j *journal) close(entry *Entry, a answer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	entry.Status, entry.Error, entry.MPCode, entry.TraceID = a.status, a.oauthError, a.mpCode, a.traceID
	entry.Detail = shorten(a.detail)
}

func (j *journal) list() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]Entry, 0, len(j.entries))
	for i := range j.entries {
		list = append(list, *j.entries[(j.next+i)%len(j.entries)])
	}
	return list
}

func (j *journal) count() map[string]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	counts := maps.Clone(j.counts)
	if counts == nil {
		counts = map[string]int{}
	}
	return counts
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries, j.next, j.counts = nil, 0, nil
}

// Journal returns the last requests in the order of their arrival, at most
// 10,000. Requests to the control paths are not among them.
func (s *Server) Journal() []Entry { return s.journal.list() }

// Count returns how many requests came for a path, such as "/token", since the
// start or the last reset. Those for paths that the sandbox does not have are
// counted under "other".
func (s *Server) Count(path string) int { return s.journal.count()[path] }

// ResetJournal forgets all requests and counts.
func (s *Server) ResetJournal() { s.journal.reset() }
