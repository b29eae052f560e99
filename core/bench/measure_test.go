package bench

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// work does one thing n times.
type work func(n int)

// onTwo is the same work shared by two goroutines.
func onTwo(w work) work {
	return func(n int) {
		var both sync.WaitGroup
		both.Go(func() { w(n / 2) })
		w(n - n/2)
		both.Wait()
	}
}

// comparison is what versus found: medians, in nanoseconds for one operation.
type comparison struct {
	a, b float64
	// ratio is the median of the ratios of neighbouring turns, which is
	// steadier than the ratio of the medians when the machine's speed drifts.
	ratio float64
}

// timing is how a comparison is made: how many turns each side has, and how
// long one lasts at least. An operation longer than that is a turn.
type timing struct {
	turns int
	lasts time.Duration
}

var (
	// oneCore has many short turns, so that few of them are disturbed.
	oneCore = timing{401, 300 * time.Microsecond}
	// twoCores has turns beside which waking the second core is short.
	twoCores = timing{61, 5 * time.Millisecond}
)

// versus times a and b in turns, so that whatever else the machine does hits both.
func versus(a, b work) comparison { return oneCore.versus(a, b) }

func (t timing) versus(a, b work) comparison {
	countA, countB := t.count(a), t.count(b)
	return alternate(t.turns, func() float64 { return timed(a, countA) }, func() float64 { return timed(b, countB) })
}

// alternate takes two measurements in turns.
func alternate(turns int, a, b func() float64) comparison {
	var as, bs, ratios []float64
	runtime.GC()
	for i := range turns {
		var oneA, oneB float64
		if i%2 == 0 {
			oneA = a()
			oneB = b()
		} else {
			oneB = b()
			oneA = a()
		}
		as, bs, ratios = append(as, oneA), append(bs, oneB), append(ratios, oneA/oneB)
	}
	return comparison{median(as), median(bs), median(ratios)}
}

// timed is the nanoseconds of one operation in a turn of n.
func timed(w work, n int) float64 {
	start := time.Now()
	w(n)
	return float64(time.Since(start)) / float64(n)
}

// count is how many operations fill a turn. To find out warms them up. The
// shortest of three counts: one that was disturbed would make turns too short
// for the clock.
func (t timing) count(w work) int {
	for n := 1; ; n *= 2 {
		if spent := min(timed(w, n), timed(w, n), timed(w, n)) * float64(n); spent >= float64(t.lasts) {
			return max(1, int(float64(n)*float64(t.lasts)/spent))
		}
	}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// heap is the bytes that are live.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one queued for clean-up
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocations is how many one operation makes.
func allocations(w work) float64 { return testing.AllocsPerRun(100, func() { w(1) }) }
