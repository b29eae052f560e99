// Command secondgo is another Go library, with a Go runtime of its own, for the
// test that loads two into one process.
package main

import "C"

import (
	"runtime"
	"sync"
)

// second_sum adds up the numbers below n, in goroutines, and collects garbage.
//
//export second_sum
func second_sum(n C.long) C.long {
	var sum C.long
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			sum += i
		})
	}
	all.Wait()
	runtime.GC()
	return sum
}

func main() {}
