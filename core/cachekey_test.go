package core

import (
	"encoding/json"
	"hash/maphash"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// keyed is everything that a cache key is made of.
type keyed struct {
	Config    ClientConfig
	Request   TokenRequest
	Exchanges []Exchange
}

func keyedExample() keyed {
	return keyed{ClientConfig{Environment: Test, ClientID: "client", Key: Key{KeyID: "kid-1"}},
		TokenRequest{Scopes: []string{"a:b", "c:d"}, Resource: []string{"https://a.no", "https://b.no"}, ConsumerOrg: "910753614", OnBehalfOf: "x", PID: "01017012345",
			SystemUser: &SystemUser{Org: "310702641", ExternalRef: "ref"}, ExtraClaims: map[string]string{"x": "1", "y": "[2]"}},
		[]Exchange{CustomsExchange(Test), {Kind: ExchangeToken, Name: "n", TokenEndpoint: "https://idp.no/t", SubjectTokenType: "urn:s", RequestedTokenType: "urn:r",
			Audience: []string{"a", "b"}, Resource: []string{"urn:c"}, Scopes: []string{"e:f", "g:h"}}}}
}

func (k keyed) key() string {
	c := &Client{config: k.Config}
	c.ring.Store(newKeyring(k.Config.allKeys()))
	return c.cacheKey(k.Request, k.Exchanges)
}

// sameAsked reports whether Client.Token takes b for a.
func sameAsked(a, b keyed) bool {
	slots := make([]atomic.Pointer[Source], 2)
	slots[0].Store(&Source{request: a.Request, exchanges: a.Exchanges, plain: plain(&a.Request, a.Exchanges)})
	found, _ := search(slots, 0, &b.Request, b.Exchanges)
	return found != nil
}

// TestCacheKeyIngredients changes one thing at a time.
func TestCacheKeyIngredients(t *testing.T) {
	base := keyedExample().key()
	if len(base) != 64 || strings.Trim(base, "0123456789abcdef") != "" || base != keyedExample().key() {
		t.Fatalf("the key %q is not 64 digits, or is another each time", base)
	}
	changes := map[string]func(*keyed){
		"Environment.Issuer":        func(k *keyed) { k.Config.Environment.Issuer += "x" },
		"Environment.TokenEndpoint": func(k *keyed) { k.Config.Environment.TokenEndpoint += "x" },
		"ClientConfig.ClientID":     func(k *keyed) { k.Config.ClientID = "client2" },
		"ClientConfig.Key":          func(k *keyed) { k.Config.Key.KeyID = "kid-2" },
		"a certificate":             func(k *keyed) { k.Config.Key = Key{CertificateChain: [][]byte{{1}}} },
		"another certificate":       func(k *keyed) { k.Config.Key = Key{CertificateChain: [][]byte{{2}}} },
		"ClientConfig.NextKeys":     func(k *keyed) { k.Config.NextKeys = []Key{{KeyID: "kid-2"}} },
		"ClientConfig.ESeal":        func(k *keyed) { k.Config.ESeal = true },

		"TokenRequest.Scopes":      func(k *keyed) { k.Request.Scopes = []string{"a:b"} },
		"scopes that run together": func(k *keyed) { k.Request.Scopes = []string{"a:bc:d"} },
		"the case of a scope":      func(k *keyed) { k.Request.Scopes = []string{"a:B", "c:d"} },
		"TokenRequest.Resource":    func(k *keyed) { k.Request.Resource = []string{"https://a.no"} },
		"TokenRequest.ConsumerOrg": func(k *keyed) { k.Request.ConsumerOrg = "991825827" },
		"no consumer_org":          func(k *keyed) { k.Request.ConsumerOrg = "" },
		"TokenRequest.OnBehalfOf":  func(k *keyed) { k.Request.OnBehalfOf = "y" },
		"claims that swap": func(k *keyed) {
			k.Request.OnBehalfOf, k.Request.ConsumerOrg = k.Request.ConsumerOrg, k.Request.OnBehalfOf
		},
		"TokenRequest.PID":        func(k *keyed) { k.Request.PID = "01017012346" },
		"TokenRequest.SystemUser": func(k *keyed) { k.Request.SystemUser = nil },
		"SystemUser.Org":          func(k *keyed) { k.Request.SystemUser.Org = "991825827" },
		"SystemUser.ExternalRef":  func(k *keyed) { k.Request.SystemUser.ExternalRef = "" },
		"TokenRequest.Consent": func(k *keyed) {
			k.Request.SystemUser, k.Request.Consent = nil, &Consent{someConsent, somePerson}
		},
		"Consent.ID": func(k *keyed) {
			k.Request.SystemUser, k.Request.Consent = nil, &Consent{strings.Replace(someConsent, "7", "8", 1), somePerson}
		},
		"Consent.From":             func(k *keyed) { k.Request.SystemUser, k.Request.Consent = nil, &Consent{someConsent, someBusiness} },
		"TokenRequest.ExtraClaims": func(k *keyed) { delete(k.Request.ExtraClaims, "y") },
		"value of an extra claim":  func(k *keyed) { k.Request.ExtraClaims["x"] = `"1"` },
		"name of an extra claim":   func(k *keyed) { k.Request.ExtraClaims = map[string]string{"x": "1", "z": "[2]"} },

		"no exchange":                 func(k *keyed) { k.Exchanges = nil },
		"one exchange":                func(k *keyed) { k.Exchanges = k.Exchanges[:1] },
		"order of the exchanges":      func(k *keyed) { slices.Reverse(k.Exchanges) },
		"Exchange.Kind":               func(k *keyed) { k.Exchanges[0].Kind = ExchangeAltinn },
		"Exchange.Name":               func(k *keyed) { k.Exchanges[0].Name = "toll" },
		"Exchange.TokenEndpoint":      func(k *keyed) { k.Exchanges[0].TokenEndpoint += "x" },
		"Exchange.TestOrganization":   func(k *keyed) { k.Exchanges[0].TestOrganization = true },
		"Exchange.SubjectTokenType":   func(k *keyed) { k.Exchanges[1].SubjectTokenType = "" },
		"Exchange.RequestedTokenType": func(k *keyed) { k.Exchanges[1].RequestedTokenType = "" },
		"Exchange.Audience":           func(k *keyed) { k.Exchanges[1].Audience = []string{"ab"} },
		"Exchange.Resource":           func(k *keyed) { k.Exchanges[1].Resource = nil },
		"audience for resource": func(k *keyed) {
			k.Exchanges[1].Audience, k.Exchanges[1].Resource = k.Exchanges[1].Resource, k.Exchanges[1].Audience
		},
		"Exchange.Scopes": func(k *keyed) { k.Exchanges[1].Scopes = []string{"e:f"} },
	}
	seen := map[string]string{base: "nothing"}
	for name, change := range changes {
		k := keyedExample()
		change(&k)
		if b := keyedExample(); reflect.DeepEqual(k.Config, b.Config) && sameAsked(k, b) {
			t.Errorf("%s makes no other request", name)
		}
		if other, twice := seen[k.key()]; twice {
			t.Errorf("%s and %s make the same key", name, other)
		}
		seen[k.key()] = name
	}
	// Whoever adds a field says here whether it is an ingredient.
	none := []string{"Environment.MetadataURL", "Environment.CustomsTokenEndpoint", "Environment.CustomsTestAuth", "Environment.AllowLoopbackHTTP"}
	for _, of := range []any{TokenRequest{}, SystemUser{}, Consent{}, Exchange{}, Environment{}} {
		for i := range reflect.TypeOf(of).NumField() {
			name := reflect.TypeOf(of).Name() + "." + reflect.TypeOf(of).Field(i).Name
			if changes[name] == nil && !slices.Contains(none, name) {
				t.Errorf("nothing shows that %s changes the key", name)
			}
		}
	}
	for name, change := range map[string]func(*keyed){
		"order of scopes":    func(k *keyed) { k.Request.Scopes = []string{"c:d", "a:b"} },
		"repeats of scopes":  func(k *keyed) { k.Request.Scopes = []string{"c:d", "a:b", "c:d"} },
		"white space":        func(k *keyed) { k.Request.ExtraClaims["y"] = " [ 2\n]" },
		"scopes of exchange": func(k *keyed) { k.Exchanges[1].Scopes = []string{"g:h", "e:f", "g:h"} },
		"default name":       func(k *keyed) { k.Exchanges[0].Name = "" },
		"metadata":           func(k *keyed) { k.Config.Environment.MetadataURL = "" },
		"how long grants live": func(k *keyed) {
			k.Config.GrantLife, k.Config.CacheLimit = 100, 5
		},
	} {
		k := keyedExample()
		change(&k)
		if k.key() != base {
			t.Errorf("%s changes the key", name)
		}
	}
}

// randomKeyed picks from few and short texts, so that requests are often near
// each other: one text more, the same texts in other places, cut elsewhere.
func randomKeyed(random *rand.Rand) (TokenRequest, []Exchange) {
	words := [...]string{"a", "b", "ab", "ba", "c", "bc", "a:b", "\x00", "1"}
	word := func() string { return words[random.IntN(len(words))] }
	maybe := func() string {
		if random.IntN(2) == 0 {
			return ""
		}
		return word()
	}
	list := func() []string {
		out := make([]string, random.IntN(4))
		for i := range out {
			out[i] = word()
		}
		return out
	}
	r := TokenRequest{Scopes: list(), Resource: list(), ConsumerOrg: maybe(), OnBehalfOf: maybe(), PID: maybe()}
	switch random.IntN(4) {
	case 0:
		r.SystemUser = &SystemUser{Org: word(), ExternalRef: maybe()}
	case 1:
		r.Consent = &Consent{ID: word(), From: word()}
	}
	if random.IntN(4) == 0 {
		r.ExtraClaims = map[string]string{}
		for _, name := range list() {
			r.ExtraClaims[name] = word()
		}
	}
	exchanges := make([]Exchange, max(random.IntN(6)-3, 0))
	for i := range exchanges {
		exchanges[i] = Exchange{Kind: ExchangeKind(word()), Name: word(), TokenEndpoint: word(), TestOrganization: random.IntN(2) == 0,
			SubjectTokenType: maybe(), RequestedTokenType: maybe(), Audience: list(), Resource: list(), Scopes: list()}
	}
	return r, exchanges
}

// TestCacheKeysDoNotCollide compares the keys of random pairs with whether the
// requests are equal, which JSON decides here.
func TestCacheKeysDoNotCollide(t *testing.T) {
	pairs := 1_000_000
	if testing.Short() || raceDetector {
		pairs = 50_000
	}
	random := rand.New(rand.NewPCG(1, 2))
	c := &Client{config: ClientConfig{Environment: Test, ClientID: "client"}}
	c.ring.Store(newKeyring([]Key{{KeyID: "kid-1"}}))
	seed := maphash.MakeSeed()
	asked := 0
	// 128 bits of the key and 64 of the meaning: two million whole ones are
	// too much to keep.
	table := askedTable{seed: [2]uint64{random.Uint64(), random.Uint64()}}
	var before keyed // what was asked last
	one := func() (key [32]byte, meaning uint64) {
		r, exchanges := randomKeyed(random)
		if random.IntN(8) == 0 {
			r, exchanges = before.Request.clone(), slices.Clone(before.Exchanges)
		}
		if sameAsked(keyed{Request: r, Exchanges: exchanges}, before) {
			asked++
			if c.cacheKey(r, exchanges) != c.cacheKey(before.Request, before.Exchanges) || table.hash(&r, exchanges) != table.hash(&before.Request, before.Exchanges) {
				t.Fatal("the same request has another key or hash")
			}
		}
		before = keyed{Request: r.clone(), Exchanges: slices.Clone(exchanges)}
		copy(key[:], c.cacheKey(r, exchanges))
		if r.Scopes = r.scopeSet(); len(r.ExtraClaims) == 0 {
			r.ExtraClaims = nil
		}
		for i := range exchanges {
			exchanges[i].Scopes = scopeSet(exchanges[i].Scopes)
		}
		text, err := json.Marshal([]any{r, exchanges})
		if err != nil {
			t.Fatal(err)
		}
		return key, maphash.Bytes(seed, text)
	}
	keys := make(map[[32]byte]uint64, 2*pairs)
	equal := 0
	for i := range pairs {
		a, meansA := one()
		b, meansB := one()
		if (a == b) != (meansA == meansB) {
			t.Fatalf("pair %d: equal keys %t, equal requests %t", i, a == b, meansA == meansB)
		}
		for key, meaning := range map[[32]byte]uint64{a: meansA, b: meansB} {
			if before, met := keys[key]; met {
				equal++
				if before != meaning {
					t.Fatalf("pair %d has the key of another request that was met before", i)
				}
			}
			keys[key] = meaning
		}
	}
	if equal == 0 || asked < pairs/10 {
		t.Error("no request came twice: they are too far apart to prove anything")
	}
}
