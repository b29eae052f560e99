package core

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core/internal/vectors"
)

//go:generate go run ./internal/vectors/generate testdata/vectors

// TestVectors runs the shared cases on the functions of this package, with
// clock and randomness given. The runner of package wire has the others.
func TestVectors(t *testing.T) {
	files, err := vectors.Load("testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range files {
		for _, c := range file.Cases {
			if !c.RunsHere(vectors.OnGo) {
				continue
			}
			ran++
			t.Run(file.Subject+"/"+c.Name, func(t *testing.T) {
				v := &vectorRun{T: t, now: vectorStart, random: 0.5, flows: map[string]*vectorFlow{}}
				if c.Random != nil {
					v.random = *c.Random
				}
				v.run(file.Operation, c)
			})
		}
	}
	t.Logf("%d cases", ran)
}

// vectorStart is 0 ms of every case.
var vectorStart = Instant{Wall: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano(), Monotonic: int64(time.Hour)}

// vectorRun runs one case.
type vectorRun struct {
	*testing.T
	now    Instant
	random float64
	client *Client
	source *Source
	flows  map[string]*vectorFlow
}

// vectorFlow is a flow with the signing inputs that were seen of it.
type vectorFlow struct {
	*Flow
	grants []string
}

type vectorMembers = map[string]any

func (v *vectorRun) run(operation string, c vectors.Case) {
	switch operation {
	case "client":
		_, err := NewClient(v.config(c.Config))
		v.match(c.Expect, v.outcome(err))
	case "source":
		v.client = v.newClient(c.Config)
		text := c.Request
		if c.RequestText != nil {
			text = c.RequestText.Bytes()
		}
		request, exchanges := v.request(text)
		_, err := v.client.Source(request, exchanges...)
		v.match(c.Expect, v.outcome(err))
	case "cache_key":
		a := v.newSource(c.Config, c.Request).Key()
		config, request := c.Other.Config, c.Other.Request
		if config == nil {
			config = c.Config
		}
		if request == nil {
			request = c.Request
		}
		v.match(c.Expect, vectorMembers{"same": a == v.newSource(config, request).Key()})
	case "grant":
		v.newSource(c.Config, c.Request)
		v.match(c.Expect, v.next(v.flow("a")))
	case "signing_input":
		grant := v.grant(c)
		header, claims, _ := strings.Cut(string(grant.SigningInput), ".")
		v.match(c.Expect, vectorMembers{"signing_input": string(grant.SigningInput), "header_text": vectorText(v.T, header), "claims_text": vectorText(v.T, claims)})
	case "assertion":
		grant := v.grant(c)
		signature, err := v.config(c.Config).Key.Signer.Sign(context.Background(), grant.SigningInput)
		if err != nil {
			v.Fatal(err)
		}
		assertion, err := grant.Assemble(signature)
		if err != nil {
			v.Fatal(err)
		}
		v.match(c.Expect, vectorMembers{"assertion": assertion})
	case "acquire":
		v.newSource(c.Config, c.Request)
		v.match(c.Expect, v.acquire(v.flow("a"), c.Signatures, c.Answers))
	case "flow":
		v.newSource(c.Config, c.Request)
		for i, step := range c.Steps {
			if why := vectors.Match(step.Expect, v.step(step)); why != "" {
				v.Fatalf("step %d, %s: %s", i, step.Do, why)
			}
		}
	default:
		v.Fatalf("there is no operation %q", operation)
	}
}

func (v *vectorRun) match(expect, got vectorMembers) {
	v.Helper()
	if why := vectors.Match(expect, got); why != "" {
		v.Error(why)
	}
}

func (v *vectorRun) newClient(config json.RawMessage) *Client {
	v.Helper()
	client, err := NewClient(v.config(config))
	if err != nil {
		v.Fatal(err)
	}
	client.jitter = func() float64 { return v.random }
	v.Cleanup(client.Close)
	return client
}

func (v *vectorRun) newSource(config, request json.RawMessage) *Source {
	v.Helper()
	v.client = v.newClient(config)
	asked, exchanges := v.request(request)
	source, err := v.client.Source(asked, exchanges...)
	if err != nil {
		v.Fatal(err)
	}
	v.source = source
	return source
}

// grant builds the grant of a case that gives time and jti.
func (v *vectorRun) grant(c vectors.Case) Grant {
	v.Helper()
	config := v.config(c.Config)
	request, _ := v.request(c.Request)
	grant, err := BuildGrant(GrantParams{Environment: config.Environment, ClientID: config.ClientID, Key: config.Key, Request: request,
		Now: time.UnixMilli(c.NowMS), Life: config.GrantLife, JTI: c.JTI})
	if err != nil {
		v.Fatal(err)
	}
	return grant
}

// flow returns the flow of that name, which begins with its first use.
func (v *vectorRun) flow(name string) *vectorFlow {
	if name == "" {
		name = "a"
	}
	if v.flows[name] == nil {
		v.flows[name] = &vectorFlow{Flow: v.source.NewFlow()}
	}
	return v.flows[name]
}
