package bench

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// day is the longest life that the core believes; nothing becomes due by itself.
const day = 24 * time.Hour

var lastNow time.Time

// readNow is what a reading is measured against: it cannot do with less than
// one look at the clock.
func readNow(n int) {
	for range n {
		lastNow = time.Now()
	}
}

// reader makes a state of the cache and reads it. The server is the one that
// the readings must not ask.
type reader struct {
	name string
	open func(testing.TB) (work, *server)
}

var readers = []reader{
	{"fresh", fresh},
	{"refreshing", refreshing},
	{"backing off", backingOff},
	{"beside a hang", besideAHang},
	{"by request", byRequest},
	{"by request, with a consumer", byConsumer},
}

// fresh is a token that holds, read through its Source.
func fresh(tb testing.TB) (work, *server) {
	s := &server{life: day}
	source := newClient(tb, s).source("bench:read")
	fetch(tb, source)
	return readingOne(source), s
}

// refreshing is a token that is due, while its renewal hangs.
func refreshing(tb testing.TB) (work, *server) { return due(tb, nil) }

// backingOff is a token that is due, after its renewal failed; for some
// seconds it is not tried again.
func backingOff(tb testing.TB) (work, *server) { return due(tb, errRejected) }

// due waits for a token to become due by the real clock, because a client with
// a clock of its own reads its cache another way. From 3 s of its life of 6 s
// the token is due, up to 5.4 s it may be read.
func due(tb testing.TB, outcome error) (work, *server) {
	s, arrived := onlyOnce(tb, 6*time.Second, outcome)
	source := newClient(tb, s).source("bench:read")
	fetch(tb, source)
	time.Sleep(s.life / 2)
	fetch(tb, source) // returns the old token at once
	<-arrived
	return readingOne(source), s
}

// besideAHang is a fresh token, while the fetch of another key hangs.
func besideAHang(tb testing.TB) (work, *server) {
	s, arrived := onlyOnce(tb, day, nil)
	c := newClient(tb, s)
	source := c.source("bench:read")
	fetch(tb, source)
	other, leave := context.WithCancel(context.Background())
	tb.Cleanup(leave)
	go c.source("bench:other").Token(other)
	<-arrived
	return readingOne(source), s
}

// onlyOnce is a server that answers its first request. To later ones it says
// outcome, or hangs to the end of the test, or of the core's patience of 8 s.
func onlyOnce(tb testing.TB, life time.Duration, outcome error) (s *server, arrived <-chan struct{}) {
	stop, request := make(chan struct{}), make(chan struct{}, 1)
	tb.Cleanup(func() { close(stop) })
	s = &server{life: life}
	s.before = func(ctx context.Context) error {
		if s.asked.Load() == 1 {
			return nil
		}
		request <- struct{}{}
		if outcome != nil {
			return outcome
		}
		select {
		case <-stop:
		case <-ctx.Done():
		}
		return errUnreachable
	}
	return s, request
}

// among reads the tokens of many keys in turn, so that with many of them each
// reading finds the processor's caches cold.
func among(tb testing.TB, keys int) work {
	sources := make([]*core.Source, 0, keys)
	var c *client
	for i := range keys {
		if i%atOnce == 0 {
			c = newClient(tb, &server{life: day})
		}
		source := c.source(fmt.Sprintf("bench:read/%d", i))
		fetch(tb, source)
		sources = append(sources, source)
	}
	return reading(sources...)
}

// heapOf is the bytes that each of many keys of one client takes.
func heapOf(tb testing.TB, keys int) float64 {
	before := heap()
	c := newClient(tb, &server{life: day}, movable, keeping(keys))
	sources := make([]*core.Source, keys)
	for i := range sources {
		sources[i] = c.source(fmt.Sprintf("bench:read/%d", i))
		fetch(tb, sources[i])
		c.move(politely)
	}
	bytes := heap() - before
	runtime.KeepAlive(sources)
	return float64(bytes) / float64(keys)
}

// customsScope is as long as such names are.
const customsScope = "toll:movement/road/v2"

// byRequest asks with the request alone, without a Source that was kept.
func byRequest(tb testing.TB) (work, *server) {
	s := &server{life: day}
	c, ctx := newClient(tb, s), context.Background()
	request := core.TokenRequest{Scopes: []string{customsScope}}
	return warm(func(n int) {
		for range n {
			if token, err := c.Token(ctx, request); err != nil || token.AccessToken() == "" {
				panic("a cached token could not be read")
			}
		}
	}), s
}

// warm fetches, so that no fetch is taken for the length of a reading.
func warm(w work) work {
	w(1)
	return w
}

// byConsumer asks as a supplier does, with a request made for the call.
func byConsumer(tb testing.TB) (work, *server) {
	s := &server{life: day}
	return warm(askingFor(newClient(tb, s), consumers(1))), s
}

// amongConsumers asks one client for the tokens of many customers in turn. The
// clock is movable, because Maskinporten would be asked no more than 20 times a
// second; compare it with one of itself.
func amongConsumers(tb testing.TB, count int) work {
	c, ctx := newClient(tb, &server{life: day}, movable, keeping(count)), context.Background()
	numbers := consumers(count)
	for _, number := range numbers {
		if _, err := c.Token(ctx, core.TokenRequest{Scopes: []string{customsScope}, ConsumerOrg: number}); err != nil {
			tb.Fatal(err)
		}
		c.move(politely)
	}
	return askingFor(c, numbers)
}

//go:noinline
func askingFor(c *client, numbers []string) work {
	ctx, at := context.Background(), 0
	return func(n int) {
		for range n {
			if at++; at >= len(numbers) {
				at = 0
			}
			token, err := c.Token(ctx, core.TokenRequest{Scopes: []string{customsScope}, ConsumerOrg: numbers[at]})
			if err != nil || token.AccessToken() == "" {
				panic("a cached token could not be read")
			}
		}
	}
}

// consumers are organization numbers, with their check digits.
func consumers(count int) []string {
	numbers := make([]string, 0, count)
	for n := 90_000_000; len(numbers) < count; n++ {
		digits, sum := fmt.Sprint(n), 0
		for i, weight := range [8]int{3, 2, 7, 6, 5, 4, 3, 2} {
			sum += int(digits[i]-'0') * weight
		}
		if check := (11 - sum%11) % 11; check < 10 {
			numbers = append(numbers, digits+fmt.Sprint(check))
		}
	}
	return numbers
}

// held is what a cache holds, read through its getter.
func held(tb testing.TB, c cache) work {
	get, ctx := c.open(tb, &server{life: day}), context.Background()
	mustGet(tb, get)
	return func(n int) {
		for range n {
			if token, err := get(ctx); err != nil || token == "" {
				panic("a cached token could not be read")
			}
		}
	}
}

// TestReadersNeverAsk shows that what is measured is a reading and nothing else.
func TestReadersNeverAsk(t *testing.T) {
	for _, r := range readers {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w, s := r.open(t)
			before := s.asked.Load()
			if w(1000); s.asked.Load() != before {
				t.Errorf("%d requests for 1000 readings", s.asked.Load()-before)
			}
		})
	}
}

func BenchmarkNow(b *testing.B) { run(b, readNow) }

func BenchmarkCached(b *testing.B) {
	for _, r := range readers {
		b.Run(r.name, func(b *testing.B) { run(b, only(r.open(b))) })
	}
	for _, keys := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("%d keys", keys), func(b *testing.B) {
			run(b, among(b, keys))
			b.StopTimer()
			b.ReportMetric(heapOf(b, keys), "B/key")
		})
		b.Run(fmt.Sprintf("%d consumers, by request", keys), func(b *testing.B) { run(b, amongConsumers(b, keys)) })
	}
}

func BenchmarkRival(b *testing.B) {
	for _, c := range caches {
		b.Run(c.name, func(b *testing.B) { run(b, held(b, c)) })
		b.Run(c.name+", two goroutines", func(b *testing.B) { run(b, onTwo(held(b, c))) })
	}
}

func only(w work, _ *server) work { return w }

func run(b *testing.B, w work) {
	w(1)
	b.ReportAllocs()
	b.ResetTimer()
	w(b.N)
}
