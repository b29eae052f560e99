package nethttp_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// authority is a certification authority of the tests.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key := ecKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

func ecKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// leaf is a certificate for 127.0.0.1 but for what change does to it.
func (a authority) leaf(t *testing.T, key crypto.Signer, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "endpoint"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// withTLS puts TLS in front of a fault server's connections.
func withTLS(t *testing.T, config *tls.Config, answer func(int, net.Conn) bool) *faultServer {
	t.Helper()
	return start(&faultServer{t: t, listener: tls.NewListener(listen(t), config), answer: answer})
}

func (s *faultServer) secureURL() string { return "https://" + s.listener.Addr().String() }

func TestFaultsOfTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	serving := func(certificate tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	good := ca.leaf(t, ecKey(t), nil)
	old := serving(good)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	exchange := serving(ca.leaf(t, rsaKey, nil))
	exchange.MaxVersion, exchange.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384}
	mutual := serving(good)
	mutual.ClientAuth = tls.RequireAnyClientCert
	self := newAuthority(t)
	for _, c := range []struct {
		name   string
		config *tls.Config
	}{
		{"F30 expired", serving(ca.leaf(t, ecKey(t), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))},
		{"F30 not yet valid", serving(ca.leaf(t, ecKey(t), func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }))},
		{"F30 wrong name", serving(ca.leaf(t, ecKey(t), func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"maskinporten.no"} }))},
		{"F30 self-signed", serving(tls.Certificate{Certificate: [][]byte{self.certificate.Raw}, PrivateKey: self.key})},
		{"F30 unknown CA", serving(newAuthority(t).leaf(t, ecKey(t), nil))},
		{"F31 TLS 1.1 only", old},
		{"F31 RSA key exchange only", exchange},
		{"F34 client certificate demanded", mutual},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := withTLS(t, c.config, firstly(0, nil))
			err := get(t, sourceAt(t, server.secureURL(), nethttp.Config{RootCAs: ca.pool()}))
			var e *core.Error
			if !errors.As(err, &e) || e.Code != core.CodeTLSFailed || e.Attempts != 1 {
				t.Errorf("got %v, want tls_failed after one attempt", err)
			}
			server.requests(0)
		})
	}
	t.Run("the certificate that all these differ from", func(t *testing.T) {
		server := withTLS(t, serving(good), firstly(0, nil))
		if err := get(t, sourceAt(t, server.secureURL(), nethttp.Config{RootCAs: ca.pool()})); err != nil {
			t.Error(err)
		}
		server.requests(1)
	})
	t.Run("F32 handshake stalls", func(t *testing.T) {
		t.Parallel()
		over := make(chan struct{})
		server := start(&faultServer{t: t, listener: listen(t), accept: func(int, net.Conn) bool {
			<-over
			return false
		}})
		t.Cleanup(func() { close(over) })
		r := request("https://" + server.listener.Addr().String())
		r.Timeout = time.Minute
		_, err := send(t, nethttp.New(nethttp.Config{}), r)
		wantCode(t, err, core.CodeTimeout)
	})
	t.Run("F33 certificate swapped while connected", func(t *testing.T) {
		var swapped atomic.Bool
		first, second := serving(good), serving(newAuthority(t).leaf(t, ecKey(t), nil))
		first.SetSessionTicketKeys([][32]byte{{1}}) // as after a restart: no session goes on
		second.SetSessionTicketKeys([][32]byte{{2}})
		server := withTLS(t, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if swapped.Load() {
				return second, nil
			}
			return first, nil
		}}, func(n int, conn net.Conn) bool {
			if n == 1 {
				return writeGood(conn)
			}
			return raw("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")(n, conn)
		})
		transport := nethttp.New(nethttp.Config{RootCAs: ca.pool()})
		for n := range 2 { // the second on the connection of the first
			if _, err := send(t, transport, request(server.secureURL())); err != nil {
				t.Fatalf("request %d: %v", n+1, err)
			}
			swapped.Store(true)
		}
		_, err := send(t, transport, request(server.secureURL()))
		wantCode(t, err, core.CodeTLSFailed)
		if n, _ := server.came(); n != 2 {
			t.Errorf("%d requests came, want two", n)
		}
	})
}

// TestP8SessionsAreResumed makes a connection for each request.
func TestP8SessionsAreResumed(t *testing.T) {
	ca := newAuthority(t)
	var handshakes, resumed atomic.Int32
	config := &tls.Config{Certificates: []tls.Certificate{ca.leaf(t, ecKey(t), nil)}, VerifyConnection: func(s tls.ConnectionState) error {
		handshakes.Add(1)
		if s.DidResume {
			resumed.Add(1)
		}
		return nil
	}}
	server := withTLS(t, config, firstly(0, nil))
	transport := nethttp.New(nethttp.Config{RootCAs: ca.pool()})
	for range 10 {
		if _, err := send(t, transport, request(server.secureURL())); err != nil {
			t.Fatal(err)
		}
		transport.CloseIdleConnections()
	}
	if handshakes.Load() != 10 || resumed.Load() < 9 {
		t.Errorf("%d of %d handshakes were resumed, want 9 of 10", resumed.Load(), handshakes.Load())
	}
}
