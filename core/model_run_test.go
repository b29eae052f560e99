package core

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// newSchedules makes two clients that differ in everything, on one clock.
func newSchedules(seed uint64, seen map[string]int) []*schedule {
	dice := rand.New(rand.NewPCG(seed, 7))
	var bytes [32]byte
	bytes[0], bytes[1], bytes[2], bytes[3] = byte(seed), byte(seed>>8), byte(seed>>16), byte(seed>>24)
	random := rand.NewChaCha8(bytes)
	clock, draw, weather, count := newManualClock().read(), 0.0, len(modelAnswers), 0
	jti, trace := map[string]bool{}, &[]string{}
	var list []*schedule
	for i, env := range []Environment{Test, Production} {
		id := fmt.Sprintf("client-%d", i)
		client, err := NewClient(ClientConfig{Environment: env, ClientID: id, Key: Key{KeyID: "kid-0", SignatureSize: 256},
			Clock: func() Instant { return clock }, Random: random})
		if err != nil {
			panic(err)
		}
		client.jitter = func() float64 { return draw }
		s := &schedule{dice: dice, clock: &clock, draw: &draw, weather: &weather, count: &count, client: client,
			model: &model{entries: map[int]*modelEntry{}, seen: seen}, runner: map[int]*pair{}, granted: map[int]identity{},
			ends: map[int]Instant{}, last: map[int]int{}, jti: jti, seen: seen, trace: trace}
		for key, request := range []TokenRequest{{Scopes: []string{"a:b"}}, {Scopes: []string{"c:d"}}, {Scopes: []string{"a:b"}, ConsumerOrg: "910753614"}} {
			source, err := client.Source(request)
			if err != nil {
				panic(err)
			}
			s.sources = append(s.sources, source)
			s.wants = append(s.wants, identity{env.Issuer, id, "", request.Scopes[0], request.ConsumerOrg})
			s.model.entry(key)
		}
		if seed%4 == 0 { // an endpoint that is about to be left alone
			g := client.guardOf(env.TokenEndpoint)
			g.failures, s.model.broken, weather = breakAfter-2, breakAfter-2, 1+dice.IntN(7)
		}
		list = append(list, s)
	}
	return list
}

// run does one schedule and returns what differed, with the last steps.
func runSchedule(seed uint64, steps int, seen map[string]int) (difference string) {
	list := newSchedules(seed, seen)
	current := list[0]
	defer func() {
		if fault := recover(); fault != nil {
			failed, ok := fault.(failedSchedule)
			if !ok {
				panic(fault)
			}
			trace := (*current.trace)[max(0, len(*current.trace)-40):]
			difference = fmt.Sprintf("seed %d: %s\nafter:\n  %s", seed, failed.text, strings.Join(trace, "\n  "))
		}
	}()
	for range steps {
		current = list[current.dice.IntN(len(list))]
		current.step()
	}
	for _, s := range list {
		current = s
		s.client.Close()
		for _, source := range s.sources {
			if step := source.NewFlow().Next(*s.clock); step.Kind != StepFailed || step.Err.Code != CodeClosed {
				s.failf("after Close: %s", step.Kind)
			}
		}
	}
	return ""
}

// TestModel runs random schedules of calls, time, faults, rotations, abandoned
// flows, rejected tokens and evictions against the reference model, step by
// step. MASKINPORTEN_MODEL=full runs 100,000 of them.
func TestModel(t *testing.T) {
	schedules, steps := 2_000, 200
	if os.Getenv("MASKINPORTEN_MODEL") == "full" {
		schedules = 100_000
	} else if raceDetector {
		schedules = 500
	}
	var next atomic.Uint64
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := map[string]int{}
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			seen := map[string]int{}
			for seed := next.Add(1); seed <= uint64(schedules) && !t.Failed(); seed = next.Add(1) {
				if difference := runSchedule(seed, steps, seen); difference != "" {
					t.Error(difference)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for what, n := range seen {
				total[what] += n
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	// The schedules are worth something only if they reach everything.
	for _, a := range modelAnswers {
		if total["answer: "+a.name] == 0 {
			t.Errorf("no schedule had the answer %q", a.name)
		}
	}
	for _, what := range []string{"done", "wait: join", "wait: pause", "background flight", "promotion", "lease taken over", "late token",
		"pause dropped with the token", "breaker open", "probe", "token dropped", "rotation", "eviction",
		"failed: signing_failed", "failed: cancelled", "failed: client_unknown"} {
		if total[what] == 0 {
			t.Errorf("no schedule reached %q", what)
		}
	}
	t.Logf("%d schedules of %d steps: %v", schedules, steps, total)
}
