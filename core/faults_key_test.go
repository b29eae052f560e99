package core

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The rows F51 to F56 of the fault table: rotation and the signing hook.

// hook is a Signer made of a function.
type hook func(ctx context.Context, input []byte) ([]byte, error)

func (h hook) Sign(ctx context.Context, input []byte) ([]byte, error) { return h(ctx, input) }

// signedBy is a client with that hook.
func signedBy(h hook) func(*ClientConfig) { return func(c *ClientConfig) { c.Key.Signer = h } }

func TestFaultsOfRotation(t *testing.T) {
	row(t, "F51 kid replaced during a flight", 120, nil, func(f *faultRun) {
		f.latency = time.Second
		got := make(chan Token)
		go func() { got <- f.works() }()
		synctest.Wait()
		if err := f.client.Rotate(Key{KeyID: "kid-2", SignatureSize: 256, Signer: canarySigner{}}); err != nil {
			f.Fatal(err)
		}
		if token := <-got; token.AccessToken() != canary+"-2" || f.held().AccessToken() != canary+"-2" {
			f.Error("the old key's token was handed out")
		}
		f.requests(2)
		if before, after := kidOf(f.T, f.seen[0]), kidOf(f.T, f.seen[1]); before != "kid-1" || after != "kid-2" {
			f.Errorf("signed with %s and %s", before, after)
		}
	})
	t.Run("F51 kid replaced during a flight that a host runs", func(t *testing.T) {
		client, clock := hostClient(t)
		source := testSource(t, client, "a:b")
		f := source.NewFlow()
		wantStep(t, f.Next(clock.read()), StepSign)
		f.Signed(clock.read(), goodSignature)
		wantStep(t, f.Next(clock.read()), StepSend)
		if err := client.Rotate(Key{KeyID: "kid-2", SignatureSize: 256}); err != nil {
			t.Fatal(err)
		}
		f.Received(clock.read(), tokenResponse(1, 120))
		if _, _, _, ok := source.Peek(); ok {
			t.Error("the old key's token is cached")
		}
		if sign := wantStep(t, f.Next(clock.read()), StepSign); sign.KeyID != "kid-2" {
			t.Errorf("the flow goes on with %s", sign.KeyID)
		}
		if token := fetch(t, f, clock, 2, 120); token.AccessToken() != canary+"-2" {
			t.Errorf("the flow ends with %s", token.AccessToken())
		}
	})
	for mp, text := range map[string]string{"MP-121": "Expired key", "MP-124": "Invalid JWT signature"} {
		row(t, "F52 the server drops the key, "+mp, 120, nil, func(f *faultRun) {
			f.works()
			f.breakDown(answers(400, "invalid_grant", text, mp))
			f.latency = 0
			time.Sleep(48 * time.Second)
			for left := time.Minute; left > time.Second; time.Sleep(time.Second) {
				f.held()
				_, left, _, _ = f.source.Peek()
			}
			// 60 s of failing renewals: one for each negative life of 5, 10, 20, 40 s.
			if n := f.count() - 1; n < 3 || n > 5 {
				f.Errorf("%d requests while the token held", n)
			}
			time.Sleep(2 * time.Second)
			if _, err := f.get(); err == nil {
				f.Error("a token past its end")
			}
		})
	}
}

func TestFaultsOfTheHook(t *testing.T) {
	signed := func(n int) hook {
		return func(context.Context, []byte) ([]byte, error) { return bytes.Repeat([]byte{'s'}, n), nil }
	}
	row(t, "F53 hook takes 3 s", 120, signedBy(func(context.Context, []byte) ([]byte, error) {
		time.Sleep(3 * time.Second)
		return canarySignature, nil
	}), func(f *faultRun) {
		f.works()
		f.requests(1)
	})
	calls := 0
	row(t, "F53 hook hangs", 120, signedBy(func(ctx context.Context, _ []byte) ([]byte, error) {
		calls++
		<-ctx.Done()
		return nil, ctx.Err()
	}), func(f *faultRun) {
		begin := time.Now()
		if e := f.fails(CodeSigningFailed); time.Since(begin) > 2*signTimeout+jitterBase || !e.Retryable || calls != 2 {
			f.Errorf("%d calls in %v: %+v", calls, time.Since(begin), e)
		}
		f.requests(0)
	})
	for _, which := range []struct {
		name   string
		put    func(*ClientConfig, stuck)
		code   Code // "" if the token comes in spite of it
		most   time.Duration
		called int
	}{
		{"Signer", func(c *ClientConfig, s stuck) { c.Key.Signer = s }, CodeSigningFailed, 2*(signTimeout+hookGrace) + jitterBase, 2},
		{"Transport", func(c *ClientConfig, s stuck) { c.Transport = s }, CodeTimeout, foregroundBudget + hookGrace, 3},
		{"Store", func(c *ClientConfig, s stuck) { c.Store, c.StoreKey = s, testStoreKey }, "", storeTimeout + 2*hookGrace, 2},
	} {
		var s stuck
		row(t, "F53 "+which.name+" that never returns", 120, func(c *ClientConfig) {
			s = stuck{new(atomic.Int32), make(chan struct{})}
			which.put(c, s)
		}, func(f *faultRun) {
			begin := time.Now()
			if which.code == "" {
				f.works()
			} else {
				f.fails(which.code)
			}
			if took := time.Since(begin); took > which.most {
				f.Errorf("callers waited %v, want at most %v", took, which.most)
			}
			time.Sleep(time.Minute)
			if calls := int(s.calls.Load()); calls != which.called {
				f.Errorf("the hook was called %d times, want %d", calls, which.called)
			}
			close(s.end) // what comes now is dropped
			synctest.Wait()
			if _, _, _, held := f.source.Peek(); held != (which.code == "") {
				f.Error("a late answer was taken")
			}
		})
	}
	row(t, "F53 hook ends its goroutine", 120, signedBy(func(context.Context, []byte) ([]byte, error) {
		runtime.Goexit()
		return nil, nil
	}), func(f *faultRun) { f.fails(CodeInternal) })
	row(t, "F53 hook returns an error", 120, signedBy(func(context.Context, []byte) ([]byte, error) {
		return nil, errors.New("PKCS#11: CKR_PIN_INCORRECT")
	}), func(f *faultRun) {
		if e := f.fails(CodeSigningFailed); !strings.Contains(e.Error(), "CKR_PIN_INCORRECT") {
			f.Error(e)
		}
		f.requests(0)
	})
	row(t, "F53 hook panics", 120, signedBy(func(context.Context, []byte) ([]byte, error) { panic("hook") }), func(f *faultRun) {
		f.fails(CodeInternal)
		f.requests(0)
	})
	for _, n := range []int{0, 255, 257} {
		row(t, fmt.Sprintf("F53 hook returns %d bytes", n), 120, signedBy(signed(n)), func(f *faultRun) {
			if e := f.fails(CodeInvalidSignature); e.Retryable {
				f.Errorf("%+v", e)
			}
			f.requests(0)
		})
	}
	var source *Source
	row(t, "F54 hook asks for its own token", 120, signedBy(func(ctx context.Context, _ []byte) ([]byte, error) {
		_, err := source.Token(ctx)
		return nil, err
	}), func(f *faultRun) {
		source = f.source
		begin := time.Now()
		if f.fails(CodeReentrant); time.Since(begin) != 0 {
			f.Errorf("it took %v", time.Since(begin))
		}
		f.requests(0)
	})
	t.Run("F55 HSM answers from other threads, out of order", func(t *testing.T) {
		client, clock := hostClient(t)
		const keys = 8
		flows, inputs := make([]*Flow, keys), make([][]byte, keys)
		for i := range flows {
			flows[i] = testSource(t, client, fmt.Sprintf("a:%d", i)).NewFlow()
			inputs[i] = wantStep(t, flows[i].Next(clock.read()), StepSign).SigningInput
		}
		var wg sync.WaitGroup
		for i := keys - 1; i >= 0; i-- {
			wg.Go(func() {
				signature := bytes.Repeat([]byte{byte('a' + i)}, 256)
				if err := flows[i].Signed(clock.read(), signature); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i, flow := range flows {
			send := wantStep(t, flow.Next(clock.read()), StepSend)
			want := NewTokenRequest(Test, string(inputs[i])+"."+base64Of(byte('a'+i)))
			if !bytes.Equal(send.Request.Body, want.Body) {
				t.Errorf("flow %d sends another flow's signature", i)
			}
		}
	})
	row(t, "F56 wrong key signs, verified here", 120, func(c *ClientConfig) {
		c.Key.Signer = canarySigner{}
		c.Key.Verify = func([]byte, []byte) error { return errors.New("crypto/rsa: verification error") }
	}, func(f *faultRun) {
		if e := f.fails(CodeInvalidSignature); e.Retryable {
			f.Errorf("%+v", e)
		}
		f.requests(0)
	})
	row(t, "F56 wrong key signs, not verified", 120, nil, func(f *faultRun) {
		f.breakDown(answers(400, "invalid_grant", "Invalid JWT signature", "MP-124"))
		if e := f.fails(CodeSignatureRejected); e.Retryable || e.MPCode != "MP-124" {
			f.Errorf("%+v", e)
		}
		f.requests(1)
	})
}

// base64Of is a signature of 256 equal bytes as it stands in a JWT.
func base64Of(b byte) string {
	return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{b}, 256))
}

// stuck is a Signer, Transport and Store that knows nothing of contexts.
type stuck struct {
	calls *atomic.Int32
	end   chan struct{}
}

func (s stuck) wait() {
	s.calls.Add(1)
	<-s.end
}

func (s stuck) Sign(context.Context, []byte) ([]byte, error) { s.wait(); return canarySignature, nil }

func (s stuck) Send(context.Context, Request) (Response, error) {
	s.wait()
	return tokenResponse(1, 3600), nil
}

func (s stuck) Load(context.Context, string) ([]byte, error) { s.wait(); return nil, nil }

func (s stuck) Save(context.Context, string, []byte, time.Duration) error { s.wait(); return nil }
