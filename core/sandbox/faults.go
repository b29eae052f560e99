package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"time"
)

// faults are those that are set, with what each remembers.
type faults struct {
	mu   sync.Mutex
	list []*activeFault
}

type activeFault struct {
	Fault
	admitted []time.Duration // when requests were let through in the last second
}

func (f *faults) set(list []Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
	for _, fault := range list {
		f.list = append(f.list, &activeFault{Fault: fault})
	}
}

// left returns the faults that are not used up.
func (f *faults) left() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []Fault{}
	for _, active := range f.list {
		list = append(list, active.Fault)
	}
	return list
}

// take returns the fault for a request, and uses it up by one. at is the time
// since the start.
func (f *faults) take(path string, scopes []string, at time.Duration) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, active := range f.list {
		if active.Path != "" && active.Path != path || active.Scope != "" && !slices.Contains(scopes, active.Scope) || active.admits(at) {
			continue
		}
		fault, over := active.next()
		if over {
			f.list = slices.Delete(f.list, i, i+1)
		}
		if len(fault.Statuses) > 0 && fault.Status == http.StatusOK {
			return Fault{}, false
		}
		return fault, true
	}
	return Fault{}, false
}

// admits reports whether a request is within the rate of a fault that has one.
func (a *activeFault) admits(at time.Duration) bool {
	if a.RequestsPerSecond == 0 {
		return false
	}
	a.admitted = slices.DeleteFunc(a.admitted, func(earlier time.Duration) bool { return earlier <= at-time.Second })
	if len(a.admitted) >= a.RequestsPerSecond {
		return false
	}
	a.admitted = append(a.admitted, at)
	return true
}

// next returns the fault as it is for one request, and whether that is the last.
func (a *activeFault) next() (fault Fault, over bool) {
	fault = a.Fault
	if len(a.Statuses) > 0 {
		fault.Status, a.Statuses = a.Statuses[0], a.Statuses[1:]
		return fault, len(a.Statuses) == 0
	}
	if a.RequestsPerSecond > 0 {
		fault.Status = cmp.Or(a.Status, http.StatusTooManyRequests)
		fault.RetryAfter = cmp.Or(a.RetryAfter, "1")
	}
	if a.Times > 0 {
		a.Times--
		return fault, a.Times == 0
	}
	return fault, false
}
