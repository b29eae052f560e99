package core

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ClientConfig describes one client registration at Maskinporten. The zero
// value of every field but the first three is a sound default.
type ClientConfig struct {
	// Environment is [Production], [Test] or an installation of your own.
	Environment Environment
	// ClientID is the registration's id; it becomes iss of the grant.
	ClientID string
	// Key signs the grants, or only says how they will be signed.
	Key Key
	// NextKeys are used in their order when Maskinporten says that a key is
	// expired or unknown (MP-121): register a new key ahead of time, and the
	// change happens by itself.
	NextKeys []Key
	// ESeal says that the client is a European business without a registration
	// at Maskinporten, which signs with the eSeal of its certificate chain.
	// ClientID is then any name for it; Maskinporten ignores it.
	ESeal bool
	// Transport sends the requests. It may be nil when the host sends by
	// itself, step by step.
	Transport Transport
	// GrantLife is exp minus iat of a grant: 10 s to 120 s, zero means 60 s.
	GrantLife time.Duration
	// AcceptReducedScope takes a token that lacks some of the scopes that were
	// asked for, which is an error (scope_reduced) otherwise. Its Scope says what
	// it is good for.
	AcceptReducedScope bool
	// CacheLimit is how many tokens are kept at most. Zero means 10,000.
	CacheLimit int
	// RefreshAt is the share of a token's life after which it is renewed in the
	// background, at a random moment within the next eight per cent: 0.25 to
	// 0.8, zero means 0.4. Earlier lets a token outlast a longer outage, later
	// asks Maskinporten less often. At the latest a token of Norwegian Customs is
	// still renewed more than the minute early that they ask for.
	RefreshAt float64
	// Margin is how long before its end a token is no longer handed out, so that
	// it still holds when the API sees it: 10 s to 5 minutes, zero means 10 s. It
	// takes no more than a tenth of the life, 12 s of two minutes.
	Margin time.Duration
	// Clock is SystemClock unless a test says otherwise.
	Clock Clock
	// Random is where jti come from; nil means the operating system.
	Random io.Reader
	// OnEvent is told what happens, for logs, metrics and the audit trail. It
	// is called by the goroutine it happens on, must be quick, and may be
	// called by several at once.
	OnEvent func(Event)
	// Store shares tokens with other processes; it needs StoreKey.
	Store Store
	// StoreKey encrypts what is in the store: 32 bytes, the same for all
	// processes that share it, and known to nobody else.
	StoreKey []byte
	// WaitWhileFailing makes callers whose context has a deadline wait for the
	// next attempt after a failure that may pass, instead of getting it at once.
	WaitWhileFailing bool
	// LeaseEpoch, if set, is incremented whenever a token of this client ends
	// before its time: it was rejected, the keys were rotated, the client was
	// closed. It is for those who keep what [Source.Peek] gave them for the time
	// of its lease: they read the epoch before they peek, and use what they keep
	// only while it has not moved.
	LeaseEpoch *atomic.Uint64
}

// String names the client without its key.
func (c ClientConfig) String() string {
	return "core.ClientConfig{" + c.ClientID + " at " + c.Environment.Issuer + ", " + c.Key.String() + "}"
}

// GoString is String.
func (c ClientConfig) GoString() string { return c.String() }

const defaultCacheLimit = 10_000

// Validate returns everything that is wrong with the configuration as one
// *Error, or nil.
func (c ClientConfig) Validate() error {
	list := c.Environment.problems()
	switch {
	case c.ClientID == "":
		list = append(list, Problem{"client_id", "it is missing", "Give the client id from Maskinporten's self-service."})
	case len(c.ClientID) > 255 || !isPrintable(c.ClientID) || containsSpace(c.ClientID):
		list = append(list, Problem{"client_id", quoted(c.ClientID) + " has a character that a client id cannot have", "Copy the client id from self-service, without spaces or line breaks."})
	}
	for i, key := range c.allKeys() {
		for _, p := range key.problems() {
			if i > 0 {
				p.Field = strings.Replace(p.Field, "key", "next_keys["+itoa(i-1)+"]", 1)
			}
			list = append(list, p)
		}
	}
	list = append(list, esealProblems(c)...)
	list = append(list, c.storeProblems()...)
	list = append(list, c.timingProblems()...)
	if _, err := grantLife(c.GrantLife); err != nil {
		list = append(list, asError(err, CodeInvalidConfig).Problems...)
	}
	if c.CacheLimit < 0 || c.CacheLimit > 10_000_000 {
		list = append(list, Problem{"cache_limit", itoa(c.CacheLimit) + " is not a number of tokens to keep", "Give 1 to 10,000,000; leave it out for 10,000."})
	}
	if err := invalid(CodeInvalidConfig, list); err != nil {
		return err
	}
	return nil
}

func containsSpace(text string) bool {
	for i := range len(text) {
		if text[i] == ' ' {
			return true
		}
	}
	return false
}

// Client is one registration with its cache. It is safe for concurrent use.
type Client struct {
	config    ClientConfig
	grantLife time.Duration
	limit     int
	jitter    func() float64
	sealer    *sealer // nil without a store
	timing    timing

	name         string // random, for request ids
	acquisitions atomic.Int64

	ring        atomic.Pointer[keyring]
	clockOffset atomic.Int64 // nanoseconds

	// running is cancelled by Close.
	running context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	entries map[string]*entry
	guards  map[string]*guard // by the endpoint's URL

	asked askedTable
}

// NewClient checks the configuration and returns a Client. It sends nothing.
func NewClient(config ClientConfig) (*Client, error) {
	config.Environment = config.Environment.Completed()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	timing := newTiming(config)
	if timing.systemClock {
		config.Clock = SystemClock
	}
	life, err := grantLife(config.GrantLife)
	if err != nil {
		return nil, err
	}
	c := &Client{config: config, grantLife: life, limit: config.CacheLimit, jitter: rand.Float64, timing: timing, name: itoa(int(rand.Uint32())),
		entries: map[string]*entry{}, guards: map[string]*guard{}}
	if c.sealer, err = newSealer(config.StoreKey); err != nil {
		return nil, err
	}
	c.asked.seed = [2]uint64{rand.Uint64(), rand.Uint64()}
	c.ring.Store(newKeyring(config.allKeys()))
	if c.limit == 0 {
		c.limit = defaultCacheLimit
	}
	c.running, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Now reads the client's clock.
func (c *Client) Now() Instant { return c.config.Clock() }

// Environment returns the client's environment.
func (c *Client) Environment() Environment { return c.config.Environment }

// String names the client without its key.
func (c *Client) String() string { return "core.Client{" + c.config.String() + "}" }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// Source returns a source of tokens for the request, each of them led through
// the exchanges in their order. Sources of equal requests share one token. It
// sends nothing.
func (c *Client) Source(request TokenRequest, exchanges ...Exchange) (*Source, error) {
	if c.running.Err() != nil {
		return nil, NewError(CodeClosed, "the client is closed", nil)
	}
	kept := request.clone()
	hops := make([]Exchange, len(exchanges))
	for i, x := range exchanges {
		hops[i] = x.clone()
	}
	if err := c.config.ValidateSource(kept, hops...); err != nil {
		return nil, err
	}
	source := &Source{client: c, request: kept, plain: plain(&kept, hops)}
	for i := range hops {
		source = &Source{client: c, request: kept, exchange: &hops[i], exchanges: hops[: i+1 : i+1], subject: source}
	}
	for s := source; s != nil; s = s.subject {
		s.bind()
	}
	return source, nil
}

// Close ends every running fetch and releases those who wait with code closed.
// Later calls of the client's sources fail with it too. Closing twice is fine.
func (c *Client) Close() {
	c.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		e.retire()
	}
	clear(c.entries)
	c.endLeases()
}

// endLeases is called after a token has left the cache before its time.
func (c *Client) endLeases() {
	if c.config.LeaseEpoch != nil {
		c.config.LeaseEpoch.Add(1)
	}
}

// guardOf returns the guard of an endpoint.
func (c *Client) guardOf(endpoint string) *guard {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.guards[endpoint]
	if g == nil {
		g = newGuard(c.config.Clock())
		c.guards[endpoint] = g
	}
	return g
}

// newRequestID names one acquisition in the events.
func (c *Client) newRequestID() string {
	return c.name + "-" + itoa(int(c.acquisitions.Add(1)))
}

// use makes the key that worked the one to begin with.
func (c *Client) use(ring *keyring, index int) {
	if before := ring.active.Swap(int32(index)); int(before) != index {
		c.emit(Event{Kind: EventKeyFallback, Time: c.Now().Time(), KeyID: ring.keys[index].identity()})
	}
}

// entryFor returns the entry of a key, making room for it if it is new.
func (c *Client) entryFor(key string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		return e
	}
	e := &entry{key: key, timing: &c.timing}
	if c.running.Err() != nil {
		e.retire()
		return e
	}
	for len(c.entries) >= c.limit && c.evict() {
	}
	c.entries[key] = e
	return e
}

// evict drops, of a few entries picked at random, the one whose token ends
// first. An entry with a fetch under way is never dropped.
func (c *Client) evict() bool {
	const sample = 16
	var worst string
	var end Instant
	seen := 0
	for key, e := range c.entries {
		hard := Instant{}
		if s := e.snap.Load(); s != nil {
			hard = s.hard
		}
		if worst == "" || hard.Before(end) {
			worst, end = key, hard
		}
		if seen++; seen == sample {
			break
		}
	}
	if !c.entries[worst].evict() {
		for key, e := range c.entries {
			if e.evict() {
				delete(c.entries, key)
				return true
			}
		}
		return false
	}
	delete(c.entries, worst)
	return true
}
