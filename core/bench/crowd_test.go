package bench

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// The servers of the crowds take this long: less than Maskinporten does, and
// about as long as it does.
const (
	quick   = 50 * time.Millisecond
	latency = 200 * time.Millisecond
)

// crowd lets callers ask at once and returns when the last has its answer:
// after how long, and how many got an error.
func crowd(get getter, callers int) (elapsed time.Duration, failed int) {
	var ready, done sync.WaitGroup
	var errors atomic.Int64
	start := make(chan struct{})
	ready.Add(callers)
	for range callers {
		done.Go(func() {
			ready.Done()
			<-start
			if _, err := get(context.Background()); err != nil {
				errors.Add(1)
			}
		})
	}
	ready.Wait()
	began := time.Now()
	close(start)
	done.Wait()
	return time.Since(began), int(errors.Load())
}

// storm is one crowd at an empty cache.
type storm struct {
	elapsed         time.Duration
	failed, fetches int
}

func stormOf(tb testing.TB, c cache, callers int, latency time.Duration, outcome error) storm {
	s := &server{life: day, before: after(latency, outcome)}
	elapsed, failed := crowd(c.open(tb, s), callers)
	return storm{elapsed, failed, int(s.asked.Load())}
}

// bareCrowd is how long a crowd takes at the least: it waits for one channel.
func bareCrowd(callers int, latency time.Duration) time.Duration {
	answered := make(chan struct{})
	fetch := sync.OnceFunc(func() { time.AfterFunc(latency, func() { close(answered) }) })
	elapsed, _ := crowd(func(context.Context) (string, error) {
		fetch()
		<-answered
		return "", nil
	}, callers)
	return elapsed
}

// TestCrowd counts what ten thousand callers of one missing key cost.
func TestCrowd(t *testing.T) {
	const callers = 10_000
	for _, c := range []struct {
		name            string
		outcome         error
		failed, fetches int
	}{
		{"success", nil, 0, 1},
		{"refusal", errRejected, callers, 1},
		{"no answer, one flight of three attempts", errUnreachable, callers, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := stormOf(t, caches[0], callers, quick, c.outcome); got.failed != c.failed || got.fetches != c.fetches {
				t.Errorf("%d callers failed after %d requests, want %d after %d", got.failed, got.fetches, c.failed, c.fetches)
			}
		})
	}
}

// offered is what a client keeps of many keys.
type offered struct {
	kept     int   // tokens that can still be had from the cache, at the most
	heapGrew int64 // bytes, at the end
	rssGrew  int64 // bytes, at the most
}

// offer asks for the tokens of so many keys, one after another. Between them
// it drops the sources whose tokens the client has dropped, as a program would.
func offer(tb testing.TB, keys, limit int) offered {
	tb.Helper()
	debug.FreeOSMemory()
	heapBefore, rssBefore := heap(), rss(tb)
	c := newClient(tb, &server{life: day}, movable, keeping(limit))
	var live []*core.Source
	var found offered
	look := func() { // what was evicted never comes back
		kept := live[:0]
		for _, source := range live {
			if _, _, _, ok := source.Peek(); ok {
				kept = append(kept, source)
			}
		}
		clear(live[len(kept):])
		live = kept
		found.kept = max(found.kept, len(live))
		found.rssGrew = max(found.rssGrew, rss(tb)-rssBefore)
	}
	for i := range keys {
		source := c.source(fmt.Sprintf("bench:offered/%d", i))
		fetch(tb, source)
		c.move(politely)
		if live = append(live, source); len(live) >= limit+limit/8 {
			look()
		}
	}
	look()
	live = nil
	found.heapGrew = heap() - heapBefore
	return found
}

// TestLimit holds a small version of the million keys against the limit.
func TestLimit(t *testing.T) {
	const limit = 500
	if got := offer(t, 20*limit, limit); got.kept != limit {
		t.Errorf("%d tokens are kept, the limit is %d", got.kept, limit)
	}
}

// rss is the memory of this process that is in RAM, or 0 where the system does
// not say.
func rss(tb testing.TB) int64 {
	tb.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kib int64
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			fmt.Sscan(size, &kib)
		}
	}
	return kib << 10
}
