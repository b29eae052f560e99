package sandbox

import (
	"crypto/sha256"
	"slices"
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

// Load is what came in since the start or the last reset of the journal, by
// path, such as "/token". Requests for paths that the sandbox does not have are
// under "other". With it a test sees whether a program was polite.
type Load struct {
	// Counts is how many requests there were.
	Counts map[string]int `json:"counts"`
	// MaxInFlight is how many were being answered at once at most. A request
	// counts from its arrival until its answer begins.
	MaxInFlight map[string]int `json:"max_in_flight"`
	// PeakPerSecond is how many arrived within one second at most, wherever
	// that second begins.
	PeakPerSecond map[string]int `json:"peak_per_second"`
	// DistinctJTI is how many different jti the grants had, as far as a
	// million. With one grant a request it equals the count of /token.
	DistinctJTI int `json:"distinct_jti"`
}

const (
	// otherPaths is what requests to paths that the sandbox does not have are
	// counted under, so that the counts stay bounded.
	otherPaths = "other"
	// maxEntries is how many requests the journal keeps; the oldest go first.
	// The counts go on.
	maxEntries = 10_000
	maxJTIs    = 1_000_000
)

type journal struct {
	mu      sync.Mutex
	entries []*Entry
	next    int // where the oldest is, once the journal is full
	paths   map[string]*pathLoad
	jtis    map[[16]byte]bool // hashed, so that each takes little
}

// pathLoad is the load of one path.
type pathLoad struct {
	count, inFlight, maxInFlight, peak int

	lastSecond []time.Duration // when the requests of the last second arrived
}

// visit is one request in the journal while it is being answered.
type visit struct {
	entry *Entry
	path  *pathLoad
	left  bool
}

// open writes a request down as it arrives, so that one that hangs is seen. at
// is the time since the start.
func (j *journal) open(entry Entry, counted string, at time.Duration) *visit {
	j.mu.Lock()
	defer j.mu.Unlock()
	path := j.paths[counted]
	if path == nil {
		path = &pathLoad{}
		if j.paths == nil {
			j.paths, j.jtis = map[string]*pathLoad{}, map[[16]byte]bool{}
		}
		j.paths[counted] = path
	}
	path.arrive(at)
	if entry.JTI != "" && len(j.jtis) < maxJTIs {
		sum := sha256.Sum256([]byte(entry.JTI))
		j.jtis[[16]byte(sum[:])] = true
	}
	if len(j.entries) < maxEntries {
		j.entries = append(j.entries, &entry)
	} else {
		j.entries[j.next] = &entry
		j.next = (j.next + 1) % maxEntries
	}
	return &visit{entry: &entry, path: path}
}

func (p *pathLoad) arrive(at time.Duration) {
	p.count++
	p.inFlight++
	p.maxInFlight = max(p.maxInFlight, p.inFlight)
	recent := slices.IndexFunc(p.lastSecond, func(earlier time.Duration) bool { return earlier > at-time.Second })
	if recent < 0 {
		recent = len(p.lastSecond)
	}
	p.lastSecond = append(p.lastSecond[recent:], at)
	p.peak = max(p.peak, len(p.lastSecond))
}

// close writes down how a request ended. It comes before the answer is sent, so
// that whoever has the answer finds it here.
func (j *journal) close(v *visit, a answer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	entry := v.entry
	entry.Status, entry.Error, entry.MPCode, entry.TraceID = a.status, a.oauthError, a.mpCode, a.traceID
	entry.Detail = shorten(a.detail)
	v.leave()
}

// leave notes that a request is over, with or without an answer.
func (j *journal) leave(v *visit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	v.leave()
}

func (v *visit) leave() {
	if !v.left {
		v.left = true
		v.path.inFlight--
	}
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

func (j *journal) load() Load {
	j.mu.Lock()
	defer j.mu.Unlock()
	load := Load{map[string]int{}, map[string]int{}, map[string]int{}, len(j.jtis)}
	for name, path := range j.paths {
		if path.maxInFlight > 0 {
			load.Counts[name], load.MaxInFlight[name], load.PeakPerSecond[name] = path.count, path.maxInFlight, path.peak
		}
	}
	return load
}

// reset forgets everything but what is being answered now.
func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries, j.next = nil, 0
	clear(j.jtis)
	for _, path := range j.paths {
		*path = pathLoad{inFlight: path.inFlight, maxInFlight: path.inFlight}
	}
}

// Journal returns the last requests in the order of their arrival, at most
// 10,000. Requests to the control paths are not among them.
func (s *Server) Journal() []Entry { return s.journal.list() }

// Load returns how much came in since the start or the last reset.
func (s *Server) Load() Load { return s.journal.load() }

// Count returns how many requests came for a path, such as "/token", since the
// start or the last reset. Those for paths that the sandbox does not have are
// counted under "other".
func (s *Server) Count(path string) int { return s.journal.load().Counts[path] }

// ResetJournal forgets all requests and counts.
func (s *Server) ResetJournal() { s.journal.reset() }
