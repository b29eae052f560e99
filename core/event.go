package core

import "time"

// EventKind says what happened.
type EventKind string

const (
	// EventStarted and EventEnded frame an acquisition: the fetch of one
	// token, whoever waits for it. EventEnded has Err if it failed.
	EventStarted EventKind = "acquisition_started"
	EventEnded   EventKind = "acquisition_ended"
	// EventAttempt is one request that was answered, or failed.
	EventAttempt EventKind = "attempt"
	// EventRetry is the decision to try again after Wait.
	EventRetry EventKind = "retry"
	// EventServedWhileFailing: a refresh failed while the old token still
	// holds, so callers do not notice. Until says how long that lasts.
	EventServedWhileFailing EventKind = "served_while_failing"
	// EventClockSkew: our clock differs from the server's by Offset, and
	// grants are corrected for it from now on.
	EventClockSkew EventKind = "clock_skew"
	// EventKeysRotated: the client has new keys; their tokens are fetched anew.
	EventKeysRotated EventKind = "keys_rotated"
	// EventKeyFallback: a key was refused as expired or unknown, and the next
	// one is used.
	EventKeyFallback EventKind = "key_fallback"
	// EventKeyExpiring: the key or its certificate ends at Until: 60, 30 or 7
	// days from now, or in the past.
	EventKeyExpiring EventKind = "key_expiring"
	// EventStoreFailed: the shared store failed or held something useless.
	EventStoreFailed EventKind = "store_failed"
)

// Event is something worth logging, counting or auditing. It holds no secret:
// no token, grant, signature or key. Only the fields that apply are set.
type Event struct {
	Kind EventKind
	// Time is the wall clock (UTC).
	Time time.Time
	// RequestID is the same for all events of one acquisition.
	RequestID string
	// Source is the cache key; Scopes, ConsumerOrg and Exchange say what for.
	Source      string
	Scopes      []string
	ConsumerOrg string
	Exchange    string
	// KeyID is the kid, or the thumbprint of the certificate, that signs.
	KeyID string
	// JTI is that of the grant that was sent.
	JTI string
	// Background tells a renewal ahead of time from a fetch that callers wait for.
	Background bool
	// Attempt counts the requests of this acquisition from 1.
	Attempt int
	// Status is the HTTP status of an attempt; 0 if there was no answer.
	Status int
	// Err is what went wrong, with its code, MP code and trace id.
	Err *Error
	// Duration is how long the attempt or the acquisition took.
	Duration time.Duration
	// Wait is the pause before a retry.
	Wait time.Duration
	// Offset is how far our clock is behind the server's.
	Offset time.Duration
	// Until is when the token or the key that the event is about ends (UTC).
	Until time.Time
}

// emit tells the observer. It is never called with a lock held, and a panic
// in the observer stays there.
func (c *Client) emit(e Event) {
	if c.config.OnEvent == nil {
		return
	}
	defer func() { recover() }()
	c.config.OnEvent(e)
}

// emit adds what is known of the flow.
func (f *Flow) emit(now Instant, e Event) {
	c := f.source.client
	if c.config.OnEvent == nil {
		return
	}
	e.Time, e.RequestID, e.Source = now.Time(), f.requestID, f.entry.key
	e.Scopes, e.ConsumerOrg = f.source.request.Scopes, f.source.request.ConsumerOrg
	e.Background = f.background
	if f.source.exchange != nil {
		e.Exchange = f.source.exchange.Name
	} else {
		e.KeyID, e.JTI = f.ring.keys[f.keyIndex].identity(), f.grant.JTI
	}
	c.emit(e)
}
