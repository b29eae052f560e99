package bench

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/keys"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// pair is one RSA-2048 key, as this core takes it and as the standard library does.
type pair struct {
	ours core.Key
	bare *rsa.PrivateKey
}

func newPair(tb testing.TB) pair {
	tb.Helper()
	key, err := keys.Generate(keys.GenerateOptions{KeyID: "bench"})
	if err != nil {
		tb.Fatal(err)
	}
	bare, err := x509.ParsePKCS8PrivateKey(key.PKCS8())
	if err != nil {
		tb.Fatal(err)
	}
	return pair{key.Key(), bare.(*rsa.PrivateKey)}
}

func (p pair) sign(input []byte) []byte {
	digest := sha256.Sum256(input)
	signature, err := rsa.SignPKCS1v15(nil, p.bare, crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return signature
}

// params are those of a supplier's grant, the commonest long one.
func (p pair) params() core.GrantParams {
	return core.GrantParams{
		Environment: core.Test, ClientID: "3fd2d2c0-98a3-4c4f-9ea7-6f2d53ba3a09", Key: p.ours, Now: time.Now(), JTI: rand.Text(),
		Request: core.TokenRequest{Scopes: []string{"toll:movement/road/v2"}, Resource: []string{"https://api.example.no"}, ConsumerOrg: "910753614"},
	}
}

// build makes the signing input of a grant, with all checks of the parameters.
func (p pair) build() work {
	params := p.params()
	return func(n int) {
		for range n {
			if _, err := core.BuildGrant(params); err != nil {
				panic(err)
			}
		}
	}
}

// assertion makes a whole grant: checks, claims, signature, compact form.
func (p pair) assertion() work {
	params, ctx := p.params(), context.Background()
	return func(n int) {
		for range n {
			grant, err := core.BuildGrant(params)
			if err != nil {
				panic(err)
			}
			signature, err := p.ours.Signer.Sign(ctx, grant.SigningInput)
			if err != nil {
				panic(err)
			}
			if _, err := grant.Assemble(signature); err != nil {
				panic(err)
			}
		}
	}
}

// bareSign is nothing but the hash and the signature of a grant.
func (p pair) bareSign() work {
	grant, err := core.BuildGrant(p.params())
	if err != nil {
		panic(err)
	}
	return func(n int) {
		for range n {
			p.sign(grant.SigningInput)
		}
	}
}

// tlsServer is a token endpoint on loopback that checks nothing, so that what
// is measured is the client.
type tlsServer struct {
	*httptest.Server
	roots            *x509.CertPool
	resumed, started atomic.Int64 // connections
}

func newTLSServer(tb testing.TB) *tlsServer {
	s := &tlsServer{roots: x509.NewCertPool()}
	answer := tokenResponse(signature, day)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header()["Date"] = nil // the clocks of movable clients are elsewhere
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer)
	}))
	s.TLS = &tls.Config{VerifyConnection: func(state tls.ConnectionState) error {
		s.started.Add(1)
		if state.DidResume {
			s.resumed.Add(1)
		}
		return nil
	}}
	s.StartTLS()
	s.roots.AddCert(s.Certificate())
	tb.Cleanup(s.Close)
	return s
}

func (s *tlsServer) environment() core.Environment {
	return core.Environment{Issuer: s.URL + "/", TokenEndpoint: s.URL + "/token"}
}

// firstTokens fetches a token that is in no cache, each time for another key.
func firstTokens(tb testing.TB, s *tlsServer, p pair, transport core.Transport) work {
	c := newClient(tb, nil, movable, func(_ *client, config *core.ClientConfig) {
		config.Environment, config.Key, config.Transport = s.environment(), p.ours, transport
	})
	number, ctx := 0, context.Background()
	return func(n int) {
		for range n {
			number++
			c.move(politely)
			if _, err := c.source(fmt.Sprintf("bench:first/%d", number)).Token(ctx); err != nil {
				panic(err)
			}
		}
	}
}

// bareFetch is what a first token cannot do without: a signature and a POST.
func bareFetch(tb testing.TB, s *tlsServer, p pair) work {
	grant, err := core.BuildGrant(p.params())
	if err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}}
	tb.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	return func(n int) {
		for range n {
			assertion := string(grant.SigningInput) + "." + base64.RawURLEncoding.EncodeToString(p.sign(grant.SigningInput))
			response, err := client.PostForm(s.URL+"/token", url.Values{
				"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
			if err != nil {
				panic(err)
			}
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK {
				panic(fmt.Sprint("the bare request failed: ", response.Status, err))
			}
		}
	}
}

// resumptions fetches count tokens, each over a connection of its own, and
// says how many handshakes there were and how many were resumed.
func resumptions(tb testing.TB, count int) (handshakes, resumed int) {
	s := newTLSServer(tb)
	transport := nethttp.New(nethttp.Config{RootCAs: s.roots})
	fetchOne := firstTokens(tb, s, newPair(tb), transport)
	for range count {
		fetchOne(1)
		transport.CloseIdleConnections()
	}
	return int(s.started.Load()), int(s.resumed.Load())
}

// TestResumption counts full handshakes: only the first fetch makes one.
func TestResumption(t *testing.T) {
	if handshakes, resumed := resumptions(t, 10); handshakes != 10 || resumed < 9 {
		t.Errorf("%d of %d handshakes were resumed", resumed, handshakes)
	}
}

// TestFetches shows that both fetches really sign and send.
func TestFetches(t *testing.T) {
	s, p := newTLSServer(t), newPair(t)
	transport := nethttp.New(nethttp.Config{RootCAs: s.roots})
	defer transport.CloseIdleConnections()
	firstTokens(t, s, p, transport)(3)
	bareFetch(t, s, p)(3)
	if made := s.started.Load(); made != 2 {
		t.Errorf("%d connections, want one of each that is kept alive", made)
	}
	p.assertion()(1)
}

func BenchmarkGrant(b *testing.B) {
	p := newPair(b)
	b.Run("build", func(b *testing.B) { run(b, p.build()) })
	b.Run("build and sign", func(b *testing.B) { run(b, p.assertion()) })
	b.Run("bare signature", func(b *testing.B) { run(b, p.bareSign()) })
}

func BenchmarkFirstToken(b *testing.B) {
	s, p := newTLSServer(b), newPair(b)
	transport := nethttp.New(nethttp.Config{RootCAs: s.roots})
	b.Cleanup(transport.CloseIdleConnections)
	b.Run(oursName, func(b *testing.B) { run(b, firstTokens(b, s, p, transport)) })
	b.Run("bare signature and POST", func(b *testing.B) { run(b, bareFetch(b, s, p)) })
}
