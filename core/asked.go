package core

import (
	"context"
	"maps"
	"math/bits"
	"sync"
	"sync/atomic"
)

// Token returns a valid token for the request, as [Source.Token] does for its
// Source, which the client finds or makes by itself. It is for programs that
// have a request at hand rather than a Source, such as one for each customer.
// Reading a cached token takes no lock and allocates nothing.
func (c *Client) Token(ctx context.Context, request TokenRequest, exchanges ...Exchange) (Token, error) {
	source := c.asked.find(&request, exchanges)
	if source == nil {
		var err error
		if source, err = c.Source(request, exchanges...); err != nil {
			return Token{}, err
		}
		c.asked.add(source, c.limit)
	}
	return source.Token(ctx)
}

// askedTable finds the Source of a request that was asked for before, in the
// same words. Readers search it without a lock: a slot changes once, from empty
// to full, and whatever else changes makes new slots. It holds at most as many
// Sources as the cache may hold tokens, and keeps no token that it has dropped.
type askedTable struct {
	seed  [2]uint64
	slots atomic.Pointer[[]atomic.Pointer[Source]] // as many as a power of two

	mu   sync.Mutex // of those who add
	full int
}

const fewestSlots = 8

// find returns nil for a request that is not known.
func (t *askedTable) find(request *TokenRequest, exchanges []Exchange) *Source {
	slots := t.slots.Load()
	if slots == nil {
		return nil
	}
	source, _ := search(*slots, t.hash(request, exchanges), request, exchanges)
	return source
}

// search goes from the slot that the hash names to the request's own or, with
// no result, to an empty one. The hash says where to look and nothing else:
// what is found is the same request in every field.
func search(slots []atomic.Pointer[Source], hash uint64, request *TokenRequest, exchanges []Exchange) (*Source, uint64) {
	last := uint64(len(slots) - 1)
	isPlain := plain(request, exchanges)
	for at := hash & last; ; at = (at + 1) & last {
		s := slots[at].Load()
		switch {
		case s == nil:
		case s.plain != isPlain, s.request.ConsumerOrg != request.ConsumerOrg, !sameTexts(s.request.Scopes, request.Scopes):
			continue
		case !isPlain && !(sameRest(&s.request, request) && sameExchanges(s.exchanges, exchanges)):
			continue
		}
		return s, at
	}
}

// add makes a Source known. When there are too many it forgets the others:
// those that are still asked for are soon there again, and to make one costs
// little beside the fetch of a token.
func (t *askedTable) add(source *Source, limit int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var slots []atomic.Pointer[Source]
	if old := t.slots.Load(); old != nil && t.full < limit {
		slots = *old
	} else {
		t.full = 0
	}
	if 2*t.full >= len(slots) { // half of them stay empty, so that a search is short
		more := make([]atomic.Pointer[Source], max(fewestSlots, 2*len(slots)))
		for i := range slots {
			if known := slots[i].Load(); known != nil {
				_, at := search(more, t.hash(&known.request, known.exchanges), &known.request, known.exchanges)
				more[at].Store(known)
			}
		}
		slots = more
	}
	if known, at := search(slots, t.hash(&source.request, source.exchanges), &source.request, source.exchanges); known == nil {
		slots[at].Store(source)
		t.full++
	}
	t.slots.Store(&slots)
}

// hash takes in all that tells requests apart, but for the finer points of
// exchanges.
func (t *askedTable) hash(r *TokenRequest, exchanges []Exchange) uint64 {
	h := t.mixed(uint64(len(r.Scopes)), r.Scopes...)
	if r.ConsumerOrg != "" {
		h = t.mixedText(h, r.ConsumerOrg)
	}
	if plain(r, exchanges) {
		return h
	}
	h = t.mixed(t.mixed(h, r.Resource...), r.OnBehalfOf, r.PID)
	if u := r.SystemUser; u != nil {
		h = t.mixed(h, u.Org, u.ExternalRef)
	}
	if c := r.Consent; c != nil {
		h = t.mixed(h, c.ID, c.From)
	}
	for name, value := range r.ExtraClaims { // in any order
		h += t.mixed(0, name, value)
	}
	for i := range exchanges {
		x := &exchanges[i]
		h = t.mixed(h, string(x.Kind), x.TokenEndpoint)
		h = t.mixed(t.mixed(t.mixed(h, x.Audience...), x.Resource...), x.Scopes...)
	}
	return h
}

func (t *askedTable) mixed(h uint64, texts ...string) uint64 {
	for _, text := range texts {
		h = t.mixedText(h, text)
	}
	return h
}

// mixedText multiplies the text into h, 16 bytes at a time; the last 16 may
// begin among those before. For texts as short as these it takes half the time
// of hash/maphash. The seed is random and the client's own, so that nobody can
// choose requests that collide.
func (t *askedTable) mixedText(h uint64, text string) uint64 {
	h ^= t.seed[0] + uint64(len(text))
	if len(text) < 8 {
		few := uint64(0)
		for i := range len(text) {
			few = few<<8 | uint64(text[i])
		}
		return folded(h^few, t.seed[1])
	}
	last, i := len(text)-8, 0
	for ; i+8 < last; i += 16 {
		h = folded(h^word(text, i), t.seed[1]^word(text, i+8))
	}
	return folded(h^word(text, min(i, last)), t.seed[1]^word(text, last))
}

func folded(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

func word(text string, at int) uint64 {
	text = text[at : at+8]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

// plain reports whether a request has nothing but scopes and a consumer, as
// most have.
func plain(r *TokenRequest, exchanges []Exchange) bool {
	return len(exchanges) == 0 && len(r.Resource) == 0 && r.PID == "" && r.OnBehalfOf == "" && r.SystemUser == nil && r.Consent == nil && len(r.ExtraClaims) == 0
}

// sameRest compares all but scopes and consumer.
func sameRest(a, b *TokenRequest) bool {
	return a.PID == b.PID && a.OnBehalfOf == b.OnBehalfOf && sameTexts(a.Resource, b.Resource) &&
		sameValue(a.SystemUser, b.SystemUser) && sameValue(a.Consent, b.Consent) && maps.Equal(a.ExtraClaims, b.ExtraClaims)
}

func sameTexts(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, text := range a {
		if text != b[i] {
			return false
		}
	}
	return true
}

func sameValue[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func sameExchanges(a, b []Exchange) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x.Kind != y.Kind || x.name() != y.name() || x.TokenEndpoint != y.TokenEndpoint || x.TestOrganization != y.TestOrganization ||
			x.SubjectTokenType != y.SubjectTokenType || x.RequestedTokenType != y.RequestedTokenType ||
			!sameTexts(x.Audience, y.Audience) || !sameTexts(x.Resource, y.Resource) || !sameTexts(x.Scopes, y.Scopes) {
			return false
		}
	}
	return true
}
