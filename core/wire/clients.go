package wire

import (
	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
)

// ClientNew makes a client of its JSON configuration.
func (h *Host) ClientNew(config []byte) (handle uint64, failure *Failure) {
	defer h.guard(&failure)
	if failure := h.usable(); failure != nil {
		return 0, failure
	}
	parsed, kept, err := readClientConfig(config)
	if err != nil {
		return 0, fail(err)
	}
	c := &client{}
	if kept > 0 {
		c.events = newEventQueue(kept)
		parsed.OnEvent = c.events.put
	}
	parsed.Transport, parsed.LeaseEpoch = h.transport, h.epoch
	if c.core, err = core.NewClient(parsed); err != nil {
		return 0, fail(err)
	}
	return handleOf(h.clients.add(c))
}

// ClientFree closes the client. Its sources and flows answer closed from now on.
func (h *Host) ClientFree(client uint64) (failure *Failure) {
	defer h.guard(&failure)
	if client == 0 {
		return nil
	}
	c := h.clients.remove(client)
	if c == nil {
		return invalidHandle("client")
	}
	c.core.Close()
	if c.events != nil {
		c.events.close()
	}
	return nil
}

func (h *Host) client(handle uint64) (*client, *Failure) {
	if failure := h.usable(); failure != nil {
		return nil, failure
	}
	if c := h.clients.get(handle); c != nil {
		return c, nil
	}
	return nil, invalidHandle("client")
}

// ClientRotate replaces the client's keys by those of a JSON object with key
// and next_keys.
func (h *Host) ClientRotate(client uint64, keys []byte) (failure *Failure) {
	defer h.guard(&failure)
	c, failure := h.client(client)
	if failure != nil {
		return failure
	}
	var key core.Key
	var next []core.Key
	var keyErr error
	err := readInput(keys, "the keys", core.CodeInvalidConfig, func(o object) { key, next, keyErr = readKeys(o) }, nil)
	if err == nil {
		err = keyErr
	}
	if err == nil {
		err = c.core.Rotate(key, next...)
	}
	return fail(err)
}

// ClientStatus returns how the client stands.
func (h *Host) ClientStatus(client uint64) (status []byte, failure *Failure) {
	defer h.guard(&failure)
	c, failure := h.client(client)
	if failure != nil {
		return nil, failure
	}
	now := c.core.Status()
	keys := []byte{'['}
	for i, key := range now.Keys {
		var w strictjson.Writer
		w.Optional("kid", key.KeyID)
		w.Optional("x5t#S256", key.Thumbprint)
		w.String("alg", key.Algorithm)
		if !key.NotAfter.IsZero() {
			w.Int("not_after_ms", key.NotAfter.UnixMilli())
		}
		w.Bool("active", key.Active)
		if i > 0 {
			keys = append(keys, ',')
		}
		keys = append(keys, w.Bytes()...)
	}
	var w strictjson.Writer
	w.Raw("keys", append(keys, ']'))
	w.Int("clock_offset_ms", now.ClockOffset.Milliseconds())
	w.Int("tokens", int64(now.Tokens))
	w.Int("cache_limit", int64(now.CacheLimit))
	return w.Bytes(), nil
}

// ClientEvents takes the events that are kept, waiting for the first one at
// most timeoutMS milliseconds; 0 does not wait, and a negative number stands
// for 30 s.
func (h *Host) ClientEvents(client uint64, timeoutMS int64) (events []byte, failure *Failure) {
	defer h.guard(&failure)
	c, failure := h.client(client)
	if failure != nil {
		return nil, failure
	}
	if c.events == nil {
		return nil, fail(core.NewError(core.CodeInvalidArgument, "the client keeps no events; its configuration has no events member", nil))
	}
	if events := c.events.again(); events != nil {
		return events, nil
	}
	list, dropped, closed := c.events.take(timeout(timeoutMS))
	if closed {
		return nil, fail(core.NewError(core.CodeClosed, "the client was closed", nil))
	}
	text := []byte{'['}
	for i, e := range list {
		if i > 0 {
			text = append(text, ',')
		}
		event, _ := e.MarshalJSON() // it has no error
		text = append(text, event...)
	}
	var w strictjson.Writer
	w.Raw("events", append(text, ']'))
	w.Int("dropped", dropped)
	return w.Bytes(), nil
}

// ClientEventsBack takes back what ClientEvents returned, for the next call: the
// host environment had no memory for it.
func (h *Host) ClientEventsBack(client uint64, events []byte) {
	if c := h.clients.get(client); c != nil && c.events != nil {
		c.events.giveBack(events)
	}
}
