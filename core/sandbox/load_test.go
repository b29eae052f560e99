package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"testing"
	"time"
)

// Requests that are held at once are counted at once, and those that came one
// after another are not.
func TestMaxInFlight(t *testing.T) {
	f := start(t, nil)
	for range 5 {
		f.token(f.keyGrant())
	}
	if load := f.Load(); load.MaxInFlight["/token"] != 1 || load.Counts["/token"] != 5 || load.DistinctJTI != 5 {
		t.Errorf("one after another: %+v", load)
	}
	f.ResetJournal()
	f.SetFaults([]Fault{{Path: "/token", Kind: Hang}})
	const held = 7
	ended := make(chan error, held)
	grant := f.keyGrant()
	for range held {
		go func() { _, err := f.tryPost(grant); ended <- err }()
	}
	f.arrived("/token", held)
	f.do("GET", f.URL()+"/jwk", nil, "")
	f.ResetJournal() // those that are held are still there
	f.SetFaults(nil)
	f.token(f.keyGrant())
	if load := f.Load(); load.MaxInFlight["/token"] != held+1 || load.Counts["/token"] != 1 || load.DistinctJTI != 1 || load.Counts["/jwk"] != 0 {
		t.Errorf("at once: %+v", load)
	}
	f.Close()
	for range held {
		if err := <-ended; err == nil {
			t.Error("a request that hung was answered")
		}
	}
}

func TestPeakPerSecond(t *testing.T) {
	var j journal
	for i, atMS := range []int{0, 10, 900, 1005, 1009, 1800, 5000, 5999, 6000} {
		jti := fmt.Sprint(i % 4)
		v := j.open(Entry{JTI: jti}, "/token", time.Duration(atMS)*time.Millisecond)
		j.leave(v)
		j.leave(v) // twice is once
	}
	if load := j.load(); load.PeakPerSecond["/token"] != 4 || load.MaxInFlight["/token"] != 1 || load.DistinctJTI != 4 || load.Counts["/token"] != 9 {
		t.Errorf("the load is %+v", load)
	}
	j.open(Entry{}, "/jwk", 0)
	j.open(Entry{}, "/jwk", 0)
	if load := j.load(); load.MaxInFlight["/jwk"] != 2 || load.PeakPerSecond["/jwk"] != 2 || load.DistinctJTI != 4 {
		t.Errorf("the load is %+v", load)
	}
}

// Fast tokens differ in the size of the key and in nothing else.
func TestFastTokens(t *testing.T) {
	f := start(t, func(c *Config) { c.FastTokens = true })
	token, _ := f.token(f.keyGrant())
	header, _ := decode(t, token)
	var set struct{ Keys []struct{ Kid, N string } }
	if err := json.Unmarshal(f.do("GET", f.URL()+"/jwk", nil, "").body, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%d keys, %v", len(set.Keys), err)
	}
	modulus := new(big.Int).SetBytes(must(base64.RawURLEncoding.DecodeString(set.Keys[0].N)))
	if modulus.BitLen() != 2048 || set.Keys[0].Kid != header["kid"] {
		t.Errorf("the key has %d bits, kid %s; the token has kid %v", modulus.BitLen(), set.Keys[0].Kid, header["kid"])
	}
	if r := f.get(f.SampleAPI(), token); r.status != 200 {
		t.Errorf("the sample API: %d", r.status)
	}
	exchanged := f.customs(customsForm(f.customsSubject())).json(t)["access_token"].(string)
	if r := f.get(f.Environment().CustomsTestAuth, exchanged); r.status != 200 {
		t.Errorf("test-auth: %d", r.status)
	}

	config := f.Config()
	config.FastTokens = false
	if err := f.Reconfigure(config); err != nil {
		t.Fatal(err)
	}
	if r := f.get(f.SampleAPI(), token); r.status != 401 {
		t.Errorf("after the change of key: %d", r.status)
	}
	token, _ = f.token(f.keyGrant())
	f.verified(token)
}

// How many tokens a second one client gets that sends without a pause. The
// grants are signed beforehand.
func BenchmarkToken(b *testing.B) {
	for _, fast := range []bool{false, true} {
		b.Run(fmt.Sprintf("fast=%t", fast), func(b *testing.B) {
			config, demo := defaultWorld()
			config.FastTokens = fast
			server := must(Start(config))
			defer server.Close()
			f := &fixture{nil, server, demo}
			grants := make(chan string, b.N)
			for range b.N {
				grants <- f.keyGrant().sign()
			}
			transport := &http.Transport{MaxIdleConnsPerHost: 16}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			b.ResetTimer()
			b.RunParallel(func(running *testing.PB) {
				for running.Next() {
					response, err := client.PostForm(server.URL()+"/token", grantForm(<-grants))
					if err != nil || response.StatusCode != 200 {
						b.Errorf("%v, %v", response, err)
						return
					}
					var answer struct {
						Token string `json:"access_token"`
					}
					if json.NewDecoder(response.Body).Decode(&answer); answer.Token == "" {
						b.Error("there is no token")
					}
					response.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
