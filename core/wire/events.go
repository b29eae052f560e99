package wire

import (
	"sync"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

// maxEvents is how many events a client keeps at most until they are polled.
const maxEvents = 10_000

// eventQueue keeps the newest events of a client until somebody takes them. No
// call goes across a language boundary uncalled for: the host polls.
type eventQueue struct {
	mu      sync.Mutex
	limit   int
	list    []core.Event
	dropped int64 // the oldest, since the last take
	closed  bool
	news    chan struct{} // closed when there is something to take
	back    []byte        // what was taken, but found no room at the host
}

func newEventQueue(limit int) *eventQueue {
	return &eventQueue{limit: limit, news: make(chan struct{})}
}

func (q *eventQueue) put(e core.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if len(q.list) == q.limit {
		q.list = append(q.list[:0], q.list[1:]...)
		q.dropped++
	}
	if q.list = append(q.list, e); len(q.list) == 1 {
		close(q.news)
	}
}

// take empties the queue, once there is something in it or the time is over.
func (q *eventQueue) take(wait time.Duration) (list []core.Event, dropped int64, closed bool) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for last := wait <= 0; ; {
		q.mu.Lock()
		news := q.news
		if len(q.list) > 0 || q.closed || last {
			list, dropped, closed = q.list, q.dropped, q.closed
			if len(list) > 0 {
				q.list, q.dropped, q.news = nil, 0, make(chan struct{})
			}
			q.mu.Unlock()
			return list, dropped, closed
		}
		q.mu.Unlock()
		select { // of several takers one gets what there is
		case <-news:
		case <-over.C:
			last = true
		}
	}
}

// giveBack keeps the JSON of taken events for the next poll.
func (q *eventQueue) giveBack(events []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.back = events
}

// again returns what was given back, once.
func (q *eventQueue) again() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.back
	q.back = nil
	return events
}

// close makes those who wait, and all who come later, learn that it is over.
func (q *eventQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed && len(q.list) == 0 {
		close(q.news)
	}
	q.closed, q.list = true, nil
}
