package nethttp

import (
	"context"
	"net"
	"time"
)

const (
	dialTimeout = 3 * time.Second        // with the look-up of the name
	nextAddress = 300 * time.Millisecond // RFC 8305 §5, with a little more patience
)

// dialer tries the addresses of a host in their order, and each a moment after
// the one before, of whatever family: one that is silent costs that moment.
// (net.Dialer runs two families against each other, but gives the addresses of
// one family the whole time in turn.)
type dialer struct{ one net.Dialer }

type dialed struct {
	conn net.Conn
	err  error
}

func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	results := make(chan dialed, len(addresses))
	turn := time.NewTimer(0)
	defer turn.Stop()
	begun, failed := 0, 0
	for {
		select {
		case <-turn.C:
			if begun == len(addresses) {
				continue
			}
			one := net.JoinHostPort(addresses[begun].String(), port)
			begun++
			go func() {
				conn, err := d.one.DialContext(ctx, network, one)
				results <- dialed{conn, err}
			}()
			turn.Reset(nextAddress)
		case r := <-results:
			if r.err == nil {
				go closeRest(results, begun-failed-1)
				return r.conn, nil
			}
			if failed++; err == nil {
				err = r.err
			}
			if failed == len(addresses) {
				return nil, err
			}
			turn.Reset(0)
		}
	}
}

// closeRest closes what connects too late.
func closeRest(results <-chan dialed, count int) {
	for range count {
		if r := <-results; r.conn != nil {
			r.conn.Close()
		}
	}
}
