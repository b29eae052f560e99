package core

import (
	"testing"
	"time"
)

// TestTimingIsASetting fetches a token with each of them, and looks when it is
// due and when it is over.
func TestTimingIsASetting(t *testing.T) {
	for name, c := range map[string]struct {
		refreshAt float64
		margin    time.Duration
		life      int
		due, over time.Duration
		fraction  float64 // of the jitter
	}{
		"what is usual":              {0, 0, 600, 240 * time.Second, 590 * time.Second, 0},
		"what is usual, spelled out": {0.4, 10 * time.Second, 600, 240 * time.Second, 590 * time.Second, 0},
		"the earliest":               {0.25, 0, 600, 150 * time.Second, 590 * time.Second, 0},
		"the latest, at its latest":  {0.8, 0, 600, 528 * time.Second, 590 * time.Second, 1},
		"a minute's margin":          {0, time.Minute, 970, 388 * time.Second, 910 * time.Second, 0},
		"no more than a tenth":       {0.8, 5 * time.Minute, 120, 96 * time.Second, 108 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newManualClock()
			config := testConfig(nil)
			config.Key.Signer, config.Clock, config.RefreshAt, config.Margin = nil, clock.read, c.refreshAt, c.margin
			client, err := NewClient(config)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			client.jitter = func() float64 { return c.fraction }
			source := testSource(t, client, "a:b")
			token := fetch(t, source.NewFlow(), clock, 1, c.life)
			held, usable, lease, _ := source.Peek()
			if usable != c.over || lease != c.due {
				t.Errorf("due after %v, over after %v; want %v, %v", lease, usable, c.due, c.over)
			}
			for _, got := range []Token{token, held} {
				if got.UsableUntil().Sub(got.RequestedAt()) != c.over || got.Life() != time.Duration(c.life)*time.Second {
					t.Errorf("the token says %v", got.UsableUntil().Sub(got.RequestedAt()))
				}
			}
		})
	}
}

// TestRenewalLeavesAMinute holds what Customs ask: whatever the jitter, a token
// that lives long enough is renewed at least 60 s before it ends, those of
// Customs (970 s) with every setting.
func TestRenewalLeavesAMinute(t *testing.T) {
	sent := newManualClock().read()
	for refreshAt, shortest := range map[float64]int{0: 116, latestRefreshAt: 500} {
		timing := newTiming(ClientConfig{RefreshAt: refreshAt})
		for seconds := shortest; seconds <= 24*3600; seconds += 7 {
			life := time.Duration(seconds) * time.Second
			for _, random := range []float64{0, 0.25, 0.5, 0.75, 1} {
				if left := timing.refreshDue(sent, life, random).Until(sent.Add(life)); left < time.Minute {
					t.Fatalf("a token of %v is renewed %v before its end", life, left)
				}
			}
		}
	}
}
