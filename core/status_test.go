package core

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestLeases: what Peek says may be used for the lease, unless the epoch moves.
func TestLeases(t *testing.T) {
	epoch := &atomic.Uint64{}
	client, clock := hostClient(t)
	client.config.LeaseEpoch = epoch
	client.jitter = func() float64 { return 1 } // due at 48 %
	source := testSource(t, client, "a:b")
	want := func(lease time.Duration, moved uint64) {
		t.Helper()
		if _, _, got, _ := source.Peek(); got != lease || epoch.Load() != moved {
			t.Errorf("lease %v, epoch %d; want %v, %d", got, epoch.Load(), lease, moved)
		}
	}
	want(0, 0)
	fetch(t, source.NewFlow(), clock, 1, 100)
	want(48*time.Second, 0)
	clock.advance(47 * time.Second)
	want(time.Second, 0)
	clock.advance(time.Second)
	want(0, 0)
	fetch(t, source.NewFlow(), clock, 2, 100) // the renewal ends no lease: the old token still holds
	want(48*time.Second, 0)
	token, _, _, _ := source.Peek()
	source.Invalidate("another")
	want(48*time.Second, 0)
	source.Invalidate(token.AccessToken())
	want(0, 1)
	if err := client.Rotate(Key{KeyID: "kid-2"}); err != nil {
		t.Fatal(err)
	}
	want(0, 2)
	client.Close()
	want(0, 3)
}

func TestStatus(t *testing.T) {
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	config := testConfig(nil)
	config.Key = Key{CertificateChain: [][]byte{{1}}, NotAfter: end}
	config.NextKeys = []Key{{KeyID: "kid-2", Algorithm: RS512}}
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	testSource(t, client, "a:b")
	status := client.Status()
	want := []KeyStatus{
		{Thumbprint: "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a", Algorithm: RS256, NotAfter: end, Active: true},
		{KeyID: "kid-2", Algorithm: RS512},
	}
	if len(status.Keys) != 2 || status.Keys[0] != want[0] || status.Keys[1] != want[1] || status.Tokens != 1 || status.CacheLimit != defaultCacheLimit {
		t.Errorf("status is %+v", status)
	}
}
