package core

import "time"

const (
	defaultRefreshAt = 0.40
	latestRefreshAt  = 0.80
	refreshJitter    = 0.08 // spreads the renewals of programs that were started at once
	defaultMargin    = 10 * time.Second
	longestMargin    = 5 * time.Minute
	marginShare      = 10 // of the life a margin takes at most a tenth
)

// timing is when the tokens of a client become due and when they are over.
type timing struct {
	// systemClock says that nobody has replaced the clock.
	systemClock bool
	refreshAt   float64
	margin      time.Duration
}

func newTiming(c ClientConfig) timing {
	t := timing{c.Clock == nil, c.RefreshAt, c.Margin}
	if t.refreshAt == 0 {
		t.refreshAt = defaultRefreshAt
	}
	if t.margin == 0 {
		t.margin = defaultMargin
	}
	return t
}

func (c ClientConfig) timingProblems() []Problem {
	var list []Problem
	if c.RefreshAt != 0 && !(0.25 <= c.RefreshAt && c.RefreshAt <= latestRefreshAt) { // so that NaN is none either
		list = append(list, Problem{"refresh_at", "it is not a share of a token's life at which it can be renewed", "Give 0.25 to 0.8; leave it out for 0.4."})
	}
	if c.Margin != 0 && (c.Margin < defaultMargin || c.Margin > longestMargin) {
		list = append(list, Problem{"margin_seconds", c.Margin.String() + " is not a margin that a token can have", "Give 10 s to 5 minutes; leave it out for 10 s."})
	}
	return list
}

// handOutMargin scales with the life, without a cliff.
func (t *timing) handOutMargin(life time.Duration) time.Duration {
	return min(t.margin, life/marginShare)
}

// usableUntil is when a token is no longer handed out.
func (t *timing) usableUntil(sent Instant, life time.Duration) Instant {
	return sent.Add(life - t.handOutMargin(life))
}

// refreshDue is a random point of 40 to 48 per cent of the life, unless the
// configuration says otherwise. It lets a token that lives ten minutes outlast
// an outage of five.
func (t *timing) refreshDue(sent Instant, life time.Duration, random float64) Instant {
	return sent.Add(time.Duration((t.refreshAt + refreshJitter*random) * float64(life)))
}
