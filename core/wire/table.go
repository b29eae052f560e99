package wire

import (
	"sync"
	"sync/atomic"
)

// Kinds of handles, in the top byte of each.
const (
	clientTag = 0xC1
	sourceTag = 0x50
	flowTag   = 0xF1
)

const (
	chunkSize      = 256
	maxLive        = 1 << 20
	maxGenerations = 1 << 24
)

// table maps handles to values. A handle is the tag, a generation and an index:
// an index is used again with the next generation, so no handle ever comes
// back. Looking one up takes no lock.
type table[T any] struct {
	tag    uint64
	chunks atomic.Pointer[[]*[chunkSize]atomic.Pointer[cell[T]]]

	ledger
	next uint32
	free []uint64 // handles to give out, already with their new generation
}

// ledger is what the host watches of every table.
type ledger struct {
	mu       sync.Mutex
	live     int
	changing bool // still set after a panic in the middle of a change
}

func (l *ledger) read() (live int, changing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live, l.changing
}

type cell[T any] struct {
	handle uint64
	value  *T
}

// add stores a value and returns its handle, or 0 when there are too many.
func (t *table[T]) add(value *T) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live >= maxLive {
		return 0
	}
	t.changing = true
	t.live++
	var handle uint64
	if last := len(t.free) - 1; last >= 0 {
		handle, t.free = t.free[last], t.free[:last]
	} else {
		handle = t.tag<<56 | 1<<32 | uint64(t.next)
		t.next++
		t.grow()
	}
	t.slot(handle).Store(&cell[T]{handle, value})
	t.changing = false
	return handle
}

func (t *table[T]) grow() {
	var chunks []*[chunkSize]atomic.Pointer[cell[T]]
	if old := t.chunks.Load(); old != nil {
		chunks = *old
	}
	if int(t.next) > len(chunks)*chunkSize {
		chunks = append(chunks[:len(chunks):len(chunks)], new([chunkSize]atomic.Pointer[cell[T]]))
		t.chunks.Store(&chunks)
	}
}

// slot returns where the handle's value would be, or nil.
func (t *table[T]) slot(handle uint64) *atomic.Pointer[cell[T]] {
	chunks := t.chunks.Load()
	index := handle & 0xffffffff
	if chunks == nil || index/chunkSize >= uint64(len(*chunks)) {
		return nil
	}
	return &(*chunks)[index/chunkSize][index%chunkSize]
}

// get returns the live value of a handle, or nil.
func (t *table[T]) get(handle uint64) *T {
	if slot := t.slot(handle); slot != nil {
		if c := slot.Load(); c != nil && c.handle == handle {
			return c.value
		}
	}
	return nil
}

// remove takes a handle out and returns its value, or nil. Of several callers
// with the same handle one gets the value.
func (t *table[T]) remove(handle uint64) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	value := t.get(handle)
	if value == nil {
		return nil
	}
	t.changing = true
	t.slot(handle).Store(nil)
	t.live--
	if generation := handle >> 32 & (maxGenerations - 1); generation < maxGenerations-1 {
		t.free = append(t.free, handle+1<<32)
	}
	t.changing = false
	return value
}
