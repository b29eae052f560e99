package core

import "time"

// Instant is one reading of both clocks. The wall clock steps when somebody
// sets it; the monotonic clock stands still while the machine sleeps. A token
// ends when either of them has passed its end.
type Instant struct {
	// Wall is nanoseconds since 1970-01-01 UTC.
	Wall int64
	// Monotonic is nanoseconds since an arbitrary start, the same for all
	// Instants that are compared with each other.
	Monotonic int64
}

// Clock reads both clocks. Tests replace it; everything else uses [SystemClock].
type Clock func() Instant

// started is what the monotonic part of SystemClock counts from.
var started = time.Now()

// SystemClock reads the clocks of the operating system, with one call.
func SystemClock() Instant {
	now := time.Now()
	return Instant{Wall: now.UnixNano(), Monotonic: int64(now.Sub(started))}
}

// Add returns the instant d later on both clocks.
func (i Instant) Add(d time.Duration) Instant {
	return Instant{Wall: i.Wall + int64(d), Monotonic: i.Monotonic + int64(d)}
}

// Before reports whether i comes before end on both clocks. When one clock
// has passed end and the other has not, the answer is false.
func (i Instant) Before(end Instant) bool {
	return i.Wall < end.Wall && i.Monotonic < end.Monotonic
}

// Until returns the time left to end by whichever clock leaves less of it.
// It is negative once end has passed.
func (i Instant) Until(end Instant) time.Duration {
	return time.Duration(min(end.Wall-i.Wall, end.Monotonic-i.Monotonic))
}

// Time returns the wall clock part in UTC.
func (i Instant) Time() time.Time { return time.Unix(0, i.Wall).UTC() }
