package nethttp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

// nameServerAt is where the resolver of this test program asks, instead of the
// machine's own.
var nameServerAt atomic.Pointer[string]

func init() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		address := nameServerAt.Load()
		if address == nil {
			return nil, errors.New("there is no name server")
		}
		return (&net.Dialer{}).DialContext(ctx, "udp", *address)
	}}
}

// nameServer is a name server on loopback.
type nameServer struct {
	answer  atomic.Pointer[nameAnswer]
	queries atomic.Int32
}

// nameAnswer is what every question of an IPv4 address is answered with.
type nameAnswer struct {
	code      byte // RCODE (RFC 1035 §4.1.1)
	silent    bool
	addresses []string
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{}
	go s.run(conn)
	address := conn.LocalAddr().String()
	nameServerAt.Store(&address)
	t.Cleanup(func() { conn.Close() })
	return s
}

func (s *nameServer) run(conn net.PacketConn) {
	for query := make([]byte, 512); ; {
		n, from, err := conn.ReadFrom(query)
		if err != nil {
			return
		}
		s.queries.Add(1)
		if a := s.answer.Load(); n > 12 && !a.silent {
			conn.WriteTo(a.reply(query[:n]), from)
		}
	}
}

// reply makes a message of the question and the addresses (RFC 1035 §4).
func (a *nameAnswer) reply(query []byte) []byte {
	end := 12
	for end < len(query) && query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12:min(end+5, len(query))]
	reply := append([]byte{query[0], query[1], 0x81, 0x80 | a.code, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if kind := binary.BigEndian.Uint16(query[end+1:]); kind == 1 { // A
		reply[7] = byte(len(a.addresses))
		for _, address := range a.addresses {
			reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			reply = append(reply, net.ParseIP(address).To4()...)
		}
	}
	return reply
}

func TestFaultsOfNames(t *testing.T) {
	t.Parallel()
	names := newNameServer(t)
	say := func(a nameAnswer) { names.answer.Store(&a) }
	patient := request("http://endpoint.test:1/token")
	patient.Timeout = time.Minute
	for name, a := range map[string]nameAnswer{"F04 NXDOMAIN": {code: 3}, "F04 SERVFAIL": {code: 2}, "F04 no answer": {silent: true}} {
		t.Run(name, func(t *testing.T) {
			say(a)
			asked := names.queries.Load()
			_, err := send(t, nethttp.New(nethttp.Config{}), patient)
			code := core.CodeConnectionFailed
			if a.silent { // which the limit of the dial ends, as that of the request is a minute
				code = core.CodeTimeout
			}
			if wantCode(t, err, code); err != nil && !strings.Contains(err.Error(), "lookup endpoint.test") {
				t.Errorf("the error does not name the look-up: %v", err)
			}
			if names.queries.Load() == asked {
				t.Error("the name server was not asked")
			}
		})
	}
	t.Run("F05 the address changes between fetches", func(t *testing.T) {
		before := newFaultServer(t, firstly(0, nil))
		port := before.listener.Addr().(*net.TCPAddr).Port
		after := listenAt(t, net.IPv4(127, 0, 0, 2), port)
		r := request(portURL(port))
		transport := nethttp.New(nethttp.Config{})
		say(nameAnswer{addresses: []string{"127.0.0.1"}})
		if _, err := send(t, transport, r); err != nil {
			t.Fatal(err)
		}
		say(nameAnswer{addresses: []string{"127.0.0.2"}})
		before.close()
		_, err := send(t, transport, r)
		if err != nil { // the one that may fail
			_, err = send(t, transport, r)
		}
		old, _ := before.came()
		if n, _ := after.came(); err != nil || old != 1 || n != 1 {
			t.Errorf("%d requests came to the old address and %d to the new one, %v", old, n, err)
		}
	})
	for name, dead := range map[string]func(*testing.T) (address string, port int){
		"F14 one of two addresses refuses": func(t *testing.T) (string, int) {
			server := newFaultServer(t, firstly(0, nil))
			defer server.close()
			return "127.0.0.1", server.listener.Addr().(*net.TCPAddr).Port
		},
		"F14, R12 one of two addresses is silent": func(t *testing.T) (string, int) {
			address, err := net.ResolveTCPAddr("tcp", blackHole(t))
			if err != nil {
				t.Fatal(err)
			}
			return address.IP.String(), address.Port
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, port := dead(t)
			alive := listenAt(t, net.IPv4(127, 0, 0, 2), port)
			ask := func(addresses ...string) time.Duration {
				say(nameAnswer{addresses: addresses})
				r := request(portURL(port))
				r.Timeout = time.Minute
				begin := time.Now()
				if response, err := send(t, nethttp.New(nethttp.Config{}), r); err != nil || response.Status != 200 {
					t.Errorf("%v, %v", response, err)
				}
				return time.Since(begin)
			}
			with := ask(address, "127.0.0.2")
			if without := ask("127.0.0.2"); with > without+time.Second {
				t.Errorf("it takes %v, and %v without the dead address; R12 allows a second more", with, without)
			}
			if n, _ := alive.came(); n != 2 {
				t.Errorf("%d requests came to the address that is alive", n)
			}
		})
	}
}

func portURL(port int) string {
	address := net.TCPAddr{Port: port}
	return "http://endpoint.test" + address.String() + "/token"
}

// listenAt is a sound server at another address of loopback.
func listenAt(t *testing.T, ip net.IP, port int) *faultServer {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip, Port: port})
	if err != nil {
		t.Skipf("this machine has one loopback address only: %v", err)
	}
	return start(&faultServer{t: t, listener: listener, answer: firstly(0, nil)})
}
