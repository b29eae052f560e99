package core

import "time"

// minSkew is the least difference of the clocks that is acted on: Date has
// steps of a second, and Maskinporten tolerates ten.
const minSkew = 2 * time.Second

// ClockTolerance is how far this machine's clock may be wrong either way
// before Maskinporten refuses its grants: ten seconds, less those by which iat
// is dated back.
const ClockTolerance = 10*time.Second - issuedBefore

// ClockOffset is what is added to this machine's clock when a grant is made:
// zero until Maskinporten has refused a grant for its time, and the Date of
// the refusal showed that the clocks differ.
func (c *Client) ClockOffset() time.Duration { return time.Duration(c.clockOffset.Load()) }

// learnSkew reads the server's clock from the answer to a refused grant. It
// reports false when the answer does not show that the clocks differ from
// what is known already.
func (c *Client) learnSkew(response Response, sent, received Instant) bool {
	offset, ok := ServerClockOffset(response, sent, received)
	if !ok || (offset-c.ClockOffset()).Abs() < minSkew {
		return false
	}
	c.clockOffset.Store(int64(offset))
	return true
}

// ServerClockOffset estimates how far our wall clock is behind the server's: its Date,
// which was cut to a second, against the middle of the exchange. An answer
// from a cache (Age), without one clear Date, or with an absurd one says nothing.
func ServerClockOffset(response Response, sent, received Instant) (offset time.Duration, ok bool) {
	dates := response.get("Date")
	if len(dates) != 1 || len(response.get("Age")) > 0 {
		return 0, false
	}
	date, err := time.Parse(httpDate, dates[0])
	if err != nil || date.Year() < 2020 || date.Year() > 2200 {
		return 0, false
	}
	trip := time.Duration(received.Monotonic - sent.Monotonic)
	if trip < 0 || trip > time.Minute {
		return 0, false
	}
	middle := sent.Time().Add(trip / 2)
	return date.Add(time.Second / 2).Sub(middle), true
}
