package core

import (
	"fmt"
	"testing"
	"time"
)

// The rows F43 to F50 of the fault table: clocks. A faultRun's time is that of
// the bubble, so these set a clock of their own beside it.

// clockRow is a row whose client reads a clock that the test moves.
func clockRow(t *testing.T, name string, life int, run func(*faultRun, *manualClock)) {
	clock := newManualClock()
	row(t, name, life, func(c *ClientConfig) { c.Clock = clock.read }, func(f *faultRun) {
		f.latency = 0
		run(f, clock)
	})
}

func (c *manualClock) step(wall, monotonic time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall += int64(wall)
	c.now.Monotonic += int64(monotonic)
}

func (c *manualClock) set(wall time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall = wall.UnixNano()
}

func TestFaultsOfTheClock(t *testing.T) {
	honest := func(now time.Time) []Header { return []Header{{"Date", now.UTC().Format(httpDate)}} }
	const year = 365 * 24 * time.Hour
	for _, behind := range []time.Duration{8 * time.Second, -8 * time.Second} {
		clockRow(t, fmt.Sprintf("F43 %v", behind), 120, func(f *faultRun, clock *manualClock) {
			f.breakDown(skewedServer(clock, behind, honest))
			f.works()
			f.requests(1)
		})
	}
	for _, behind := range []time.Duration{30 * time.Second, -30 * time.Second, time.Hour, -time.Hour, year, -year} {
		clockRow(t, fmt.Sprintf("F44 %v", behind), 120, func(f *faultRun, clock *manualClock) {
			f.breakDown(skewedServer(clock, behind, honest))
			f.works()
			if f.count() > 2 {
				f.Errorf("%d requests for the first token", f.count())
			}
			for range 5 {
				before := f.count()
				clock.advance(2 * time.Minute)
				if f.works(); f.count() != before+1 {
					f.Errorf("%d requests for a later token", f.count()-before)
				}
			}
		})
	}
	clockRow(t, "F45 wall back 1 h with a cached token", 120, func(f *faultRun, clock *manualClock) {
		first := f.works()
		clock.step(-time.Hour, 0)
		if f.held(); f.count() > 2 {
			f.Errorf("%d requests", f.count())
		}
		clock.step(120*time.Second, 120*time.Second) // the true end, by the monotonic clock
		if f.works().AccessToken() == first.AccessToken() {
			f.Error("the token is used past its true end")
		}
	})
	clockRow(t, "F46 wall forward 1 h", 120, func(f *faultRun, clock *manualClock) {
		f.works()
		clock.step(time.Hour, 0)
		for range 10 {
			f.works()
		}
		f.requests(2)
	})
	clockRow(t, "F47 suspend of 10 min", 120, func(f *faultRun, clock *manualClock) {
		first := f.works()
		clock.step(10*time.Minute, 0)
		if f.works().AccessToken() == first.AccessToken() {
			f.Error("an expired token was given out")
		}
		f.requests(2)
	})
	for name, at := range map[string]time.Time{
		"leap second":       time.Date(2016, 12, 31, 23, 59, 59, 500e6, time.UTC),
		"summer time":       time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC),
		"winter time":       time.Date(2026, 10, 25, 0, 59, 59, 0, time.UTC),
		"end of 32 bits":    time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC),
		"a leap day":        time.Date(2028, 2, 28, 23, 59, 59, 0, time.UTC),
		"after 32 bits (u)": time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC),
	} {
		clockRow(t, "F48 "+name, 120, func(f *faultRun, clock *manualClock) {
			clock.set(at)
			first := f.works()
			if iat := int64(f.seen[0].claims["iat"].(float64)); at.Unix()-iat < 1 || at.Unix()-iat > 3 {
				f.Errorf("iat is %d at %d", iat, at.Unix())
			}
			clock.advance(47 * time.Second)
			f.held()
			f.requests(1)
			clock.advance(62 * time.Second)
			if token := f.held(); token.AccessToken() != first.AccessToken() {
				f.Error("another token before the end")
			}
			clock.advance(11 * time.Second)
			if f.works().AccessToken() == first.AccessToken() {
				f.Error("the token is given out past its end")
			}
		})
	}
	clockRow(t, "F49 wrong Date, grant accepted", 120, func(f *faultRun, clock *manualClock) {
		f.breakDown(func(n int, _ seen) (Response, error) {
			response := tokenResponse(n, 120)
			response.Header = honest(clock.read().Time().Add(year))
			return response, nil
		})
		f.works()
		if offset := f.client.ClockOffset(); offset != 0 {
			f.Errorf("an offset of %v was learnt", offset)
		}
		f.requests(1)
	})
	row(t, "F50 an answer after 7 s with expires_in 10", 10, nil, func(f *faultRun) {
		f.latency = 7 * time.Second
		f.works()
		if _, left, _, ok := f.source.Peek(); !ok || left != 2*time.Second {
			f.Errorf("usable for %v, want 2 s", left)
		}
		f.requests(1)
	})
	row(t, "F50 an answer after 7 s with expires_in 5", 5, nil, func(f *faultRun) {
		f.latency = 7 * time.Second
		if e := f.fails(CodeInvalidResponse); !e.Retryable {
			f.Errorf("%+v", e)
		}
		f.requests(2)
	})
}
