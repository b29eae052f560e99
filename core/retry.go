package core

import "time"

// The retry table. Inside a flow a foreground fetch makes at most three
// attempts, each with a grant of its own; a background fetch makes one. What
// stays an error is then remembered for a while, so that callers who ask again
// are answered without a request.
const (
	maxAttempts      = 3
	foregroundBudget = 20 * time.Second
	backgroundBudget = 10 * time.Second
	signTimeout      = 5 * time.Second

	jitterBase = 250 * time.Millisecond
	jitterCap  = 2 * time.Second

	minRetryAfter     = 500 * time.Millisecond // "0" is no invitation to a busy loop
	maxRetryAfter     = 60 * time.Second
	defaultRetryAfter = 5 * time.Second
)

// againRule says how often an error may be tried again within one flow, and
// whether a random pause comes before it.
type againRule struct {
	times int
	pause bool
}

var againRules = map[Code]againRule{
	CodeConnectionFailed:     {maxAttempts, true},
	CodeTimeout:              {maxAttempts, true},
	CodeServerError:          {maxAttempts, true},
	CodeRateLimited:          {1, false}, // only for a short Retry-After
	CodeGrantReused:          {1, false},
	CodeInvalidResponse:      {1, true},
	CodeResponseTooLarge:     {1, true},
	CodeSigningFailed:        {1, true}, // only if the signer says so
	CodeSubjectTokenRejected: {1, false},
	CodeGrantExpired:         {1, false}, // only if our clock was found wrong
	CodeIssuedInFuture:       {1, false},
}

// tryAgain decides whether an error is tried again and after which pause.
// attempt counts those made so far; earlier counts how often this code came
// before in this flow; random is in [0,1).
func tryAgain(err *Error, attempt, earlier int, random float64) (pause time.Duration, again bool) {
	rule := againRules[err.Code]
	if attempt >= maxAttempts || earlier >= rule.times {
		return 0, false
	}
	switch err.Code {
	case CodeServerError:
		switch err.Status {
		case 408, 500, 502, 503, 504:
		default:
			return 0, false
		}
		if err.retryAfter >= 0 {
			return max(err.retryAfter, minRetryAfter), err.retryAfter <= maxRetryAfter
		}
	case CodeRateLimited:
		return max(err.retryAfter, minRetryAfter), err.retryAfter >= 0 && err.retryAfter <= 2*time.Second
	case CodeSigningFailed:
		if !err.Retryable {
			return 0, false
		}
	case CodeGrantExpired, CodeIssuedInFuture:
		return 0, err.skewLearnt
	}
	if !rule.pause {
		return 0, true
	}
	ceiling := min(jitterBase<<(max(attempt, 1)-1), jitterCap)
	return time.Duration(random * float64(ceiling)), true
}

// remember says how long an error is kept after failures consecutive ones.
// Failures that pass by themselves are kept for seconds; those that a person
// must mend for up to a minute.
func remember(err *Error, failures int, random float64) time.Duration {
	step := min(failures-1, 6)
	if err.Code == CodeRateLimited || (err.Code == CodeServerError && err.retryAfter > 0) {
		if err.retryAfter < 0 {
			return defaultRetryAfter
		}
		return min(max(err.retryAfter, minRetryAfter), maxRetryAfter)
	}
	if err.Retryable {
		pause := min(time.Second<<step, 8*time.Second)
		return pause/2 + time.Duration(random*float64(pause/2))
	}
	pause := min(5*time.Second<<step, 60*time.Second)
	return min(time.Duration((0.8+0.4*random)*float64(pause)), 60*time.Second)
}
