package wire

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
)

func members(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return all
}

// with puts further members into a configuration.
func with(config, members string) string {
	return strings.TrimSuffix(config, "}") + "," + members + "}"
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost(&endpoint{}, nil)
		client, source := newSource(t, h, with(keyConfig(), `"events":3`), `{"scopes":["a:b"],"consumer_org":"910753614"}`)
		events := func(timeoutMS int64) ([]any, float64) {
			text, failure := h.ClientEvents(client, timeoutMS)
			ok(t, failure)
			if strings.Contains(string(text), canary) {
				t.Errorf("a secret shows in %s", text)
			}
			all := members(t, text)
			return all["events"].([]any), all["dropped"].(float64)
		}
		before := time.Now()
		if list, dropped := events(2000); len(list) != 0 || dropped != 0 || time.Since(before) != 2*time.Second {
			t.Errorf("%v, %v dropped, after %v", list, dropped, time.Since(before))
		}
		go func() {
			time.Sleep(time.Second)
			h.SourceToken(source, -1)
		}()
		list, _ := events(60_000)
		if first := list[0].(map[string]any); first["event"] != "acquisition_started" || first["consumer_org"] != "910753614" || time.Since(before) != 3*time.Second {
			t.Errorf("first event is %v, after %v", first, time.Since(before))
		}
		synctest.Wait()
		events(0)

		for range 3 { // each rotation is an event, and so is each fetch with the new keys
			ok(t, h.ClientRotate(client, []byte(`{"key":`+rawMember(keyConfig(), "key")+`}`)))
			_, failure := h.SourceToken(source, -1)
			ok(t, failure)
		}
		synctest.Wait()
		if list, dropped := events(0); len(list) != 3 || dropped != 9 || list[2].(map[string]any)["event"] != "acquisition_ended" {
			t.Errorf("%v, %v dropped", list, dropped)
		}

		go func() {
			time.Sleep(time.Second)
			h.ClientFree(client)
		}()
		_, failure := h.ClientEvents(client, 60_000)
		wantFailure(t, failure, core.CodeClosed)
		ok(t, h.SourceFree(source))

		client, failure = h.ClientNew([]byte(hostConfig))
		ok(t, failure)
		_, failure = h.ClientEvents(client, 0)
		wantFailure(t, failure, core.CodeInvalidArgument, "events")
		ok(t, h.ClientFree(client))
	})
}

// rawMember returns a member of a JSON object as it stands there.
func rawMember(text, member string) string {
	var members map[string]json.RawMessage
	json.Unmarshal([]byte(text), &members)
	return string(members[member])
}

func TestRotateAndStatus(t *testing.T) {
	epoch := &atomic.Uint64{}
	h := NewHost(&endpoint{}, epoch)
	client, source := newSource(t, h, with(keyConfig(), `"next_keys":[{"kid":"kid-2"}],"cache_limit":7`), `{"scopes":["a:b"]}`)
	status := func() map[string]any {
		text, failure := h.ClientStatus(client)
		ok(t, failure)
		return members(t, text)
	}
	now := status()
	keys := now["keys"].([]any)
	if first, second := keys[0].(map[string]any), keys[1].(map[string]any); first["kid"] != "kid-1" || first["active"] != true ||
		second["kid"] != "kid-2" || second["active"] != false || second["alg"] != "RS256" ||
		now["tokens"] != 1.0 || now["cache_limit"] != 7.0 || now["clock_offset_ms"] != 0.0 {
		t.Errorf("status is %v", now)
	}

	_, failure := h.SourceToken(source, -1)
	ok(t, failure)
	wantFailure(t, h.ClientRotate(client, []byte(`{"next_keys":[{}],"keys":1}`)), core.CodeInvalidConfig, `"field":"key"`, `"field":"keys"`)
	wantFailure(t, h.ClientRotate(client, []byte(`{"key":{"kid":"a b"}}`)), core.CodeInvalidConfig, `"field":"key.kid"`)
	wantFailure(t, h.ClientRotate(client, []byte(`{"key":{"kid":"k"},"next_keys":[{"pem":"x"},7]}`)), core.CodeInvalidConfig,
		`"field":"next_keys[0]"`, `"field":"next_keys[1]"`)
	wantFailure(t, h.ClientRotate(client+1, []byte(`{"key":{"kid":"k"}}`)), core.CodeInvalidHandle)
	if _, failure := h.SourcePeek(source); failure != nil || epoch.Load() != 0 {
		t.Error("a refused rotation has done something")
	}
	ok(t, h.ClientRotate(client, []byte(`{"key":{"kid":"kid-3"}}`)))
	_, failure = h.SourcePeek(source)
	wantFailure(t, failure, core.CodeNoToken)
	if keys := status()["keys"].([]any); len(keys) != 1 || keys[0].(map[string]any)["kid"] != "kid-3" || epoch.Load() != 1 {
		t.Errorf("keys are %v, epoch %d", keys, epoch.Load())
	}
}

func TestLeaseEpoch(t *testing.T) {
	epoch := &atomic.Uint64{}
	h := NewHost(&endpoint{}, epoch)
	client, source := newSource(t, h, keyConfig(), `{"scopes":["a:b"]}`)
	_, failure := h.SourceToken(source, -1)
	ok(t, failure)
	peeked, failure := h.SourcePeek(source)
	ok(t, failure)
	ok(t, h.SourceInvalidate(source, []byte("another")))
	if epoch.Load() != 0 {
		t.Error("a token that is not held has ended leases")
	}
	ok(t, h.SourceInvalidate(source, []byte(peeked.AccessToken)))
	if epoch.Load() != 1 {
		t.Errorf("the epoch is %d after a rejected token", epoch.Load())
	}
	ok(t, h.ClientFree(client))
	if epoch.Load() != 2 {
		t.Errorf("the epoch is %d after the client's end", epoch.Load())
	}
}

func TestStoreSteps(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	h := NewHost(nil, nil)
	_, failure := h.ClientNew([]byte(with(hostConfig, `"store_key":"`+secret[4:]+`"`)))
	wantFailure(t, failure, core.CodeInvalidConfig, `"field":"store_key"`)
	_, failure = h.ClientNew([]byte(with(hostConfig, `"store_key":"?"`)))
	wantFailure(t, failure, core.CodeInvalidConfig, `"field":"store_key"`, "base64")

	config := with(hostConfig, `"events":10,"store_key":"`+secret+`"`)
	client, source := newSource(t, h, config, `{"scopes":["a:b"]}`)
	flows := map[string]uint64{}
	step := func(name, kind string) (step map[string]any) {
		t.Helper()
		if flows[name] == 0 {
			flow, failure := h.FlowNew(source)
			ok(t, failure)
			flows[name] = flow
		}
		text, failure := h.FlowNext(flows[name])
		ok(t, failure)
		if err := json.Unmarshal(text, &step); err != nil || step["step"] != kind {
			t.Fatalf("the step is %s, want %s", text, kind)
		}
		return step
	}
	load := step("a", "load")
	a := flows["a"]
	wantFailure(t, h.FlowSaved(a), core.CodeOutOfOrder)
	ok(t, h.FlowLoaded(a, nil))
	step("a", "sign")
	ok(t, h.FlowSigned(a, make([]byte, 256)))
	step("a", "send")
	ok(t, h.FlowReceived(a, []byte(`{"status":200}`), []byte(`{"access_token":"`+canary+`","token_type":"Bearer","expires_in":120}`)))
	save := step("a", "save")
	entry := save["entry"].(string)
	if save["store_key"] != load["store_key"] || strings.Contains(entry, canary) || save["life_ms"].(float64) > 120_000 {
		t.Errorf("save step is %v, load step %v", save, load)
	}
	if _, failure := h.SourcePeek(source); failure != nil {
		t.Error("the token has to wait for the store")
	}
	ok(t, h.FlowSaved(a))
	step("a", "done")

	// Another process, with the same key.
	_, source = newSource(t, h, config, `{"scopes":["a:b"]}`)
	step("b", "load")
	ok(t, h.FlowLoaded(flows["b"], []byte(entry)))
	if token := step("b", "done")["token"].(map[string]any); token["access_token"] != canary {
		t.Errorf("from the store comes %v", token["scope"])
	}

	// A store that fails costs a fetch.
	client, source = newSource(t, h, config, `{"scopes":["a:b"]}`)
	step("c", "load")
	ok(t, h.FlowFailed(flows["c"], []byte(`{"code":"connection_failed","message":"no route"}`)))
	step("c", "sign")
	text, failure := h.ClientEvents(client, 0)
	ok(t, failure)
	if !strings.Contains(string(text), `"event":"store_failed"`) {
		t.Errorf("events are %s", text)
	}
}

// A program that lets the library fetch does without the store.
func TestStoreIsPassedBy(t *testing.T) {
	server := &endpoint{}
	h := NewHost(server, nil)
	client, source := newSource(t, h, with(keyConfig(), `"events":10,"store_key":"`+base64.StdEncoding.EncodeToString(make([]byte, 32))+`"`), `{"scopes":["a:b"]}`)
	_, failure := h.SourceToken(source, -1)
	ok(t, failure)
	text, failure := h.ClientEvents(client, 0)
	ok(t, failure)
	if server.count != 1 || strings.Contains(string(text), "store_failed") {
		t.Errorf("%d requests, events %s", server.count, text)
	}
}

// Events that the host environment had no memory for come again.
func TestEventsGivenBack(t *testing.T) {
	h := NewHost(&endpoint{}, nil)
	client, source := newSource(t, h, with(keyConfig(), `"events":10`), `{"scopes":["a:b"]}`)
	_, failure := h.SourceToken(source, -1)
	ok(t, failure)
	taken, failure := h.ClientEvents(client, 0)
	ok(t, failure)
	h.ClientEventsBack(client, taken)
	again, failure := h.ClientEvents(client, 0)
	ok(t, failure)
	if string(again) != string(taken) || !strings.Contains(string(taken), "acquisition_started") {
		t.Errorf("%s came again as %s", taken, again)
	}
	if last, _ := h.ClientEvents(client, 0); string(last) != `{"events":[],"dropped":0}` {
		t.Errorf("then came %s", last)
	}
	h.ClientEventsBack(client+1, taken) // an unknown client: nothing happens
}

// slowEndpoint takes a second for each answer.
type slowEndpoint struct{ endpoint }

func (e *slowEndpoint) Send(ctx context.Context, request core.Request) (core.Response, error) {
	time.Sleep(time.Second)
	return e.endpoint.Send(ctx, request)
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowEndpoint{}
		h := NewHost(server, nil)
		client, source := newSource(t, h, keyConfig(), `{"scopes":["a:b"]}`)
		other, failure := h.SourceNew(client, []byte(`{"scopes":["a:b"]}`))
		ok(t, failure)
		results := make(chan *Failure, 3)
		wait := func(source uint64) {
			_, failure := h.SourceToken(source, -1)
			results <- failure
		}
		go wait(source)
		synctest.Wait()
		ok(t, h.SourceCancel(source))
		wantFailure(t, <-results, core.CodeCancelled)
		go wait(source) // a later call is not affected
		go wait(other)
		synctest.Wait()
		ok(t, h.SourceFree(source))
		wantFailure(t, <-results, core.CodeClosed, "source")
		ok(t, <-results) // the fetch went on, for the other source
		if server.count != 1 {
			t.Errorf("%d requests", server.count)
		}
		wantFailure(t, h.SourceCancel(source), core.CodeInvalidHandle)
		ok(t, h.SourceCancel(other)) // nobody waits
		_, failure = h.SourceToken(other, 0)
		ok(t, failure)
		ok(t, h.ClientFree(client))
	})
}
