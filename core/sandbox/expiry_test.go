package sandbox

import (
	"crypto/x509"
	"testing"
	"time"
)

var wantExpiredKey = outcome{400, "invalid_grant", "MP-121", authFailed + "Expired key."}

// A key ends by its registration, and by the sandbox's clock. The same key
// registered again holds again.
func TestKeyExpiresByTheClock(t *testing.T) {
	end := time.Now().Add(time.Hour)
	f := start(t, nil)
	register := func(expires int64) {
		t.Helper()
		config := f.Config()
		config.Clients[0].Keys[0].Expires = expires
		if err := f.Reconfigure(config); err != nil {
			t.Fatal(err)
		}
	}
	register(end.Unix())
	for _, row := range []struct {
		offset  time.Duration
		expired bool
	}{
		{0, false}, {59 * time.Minute, false}, {61 * time.Minute, true}, {365 * 24 * time.Hour, true}, {-time.Hour, false},
	} {
		f.SetClockOffset(row.offset)
		if !row.expired {
			f.token(f.keyGrant())
			continue
		}
		f.refused(f.post(f.keyGrant().sign()), wantExpiredKey)
		f.token(f.certificateGrant()) // other clients are not concerned
	}
	f.SetClockOffset(2 * time.Hour)
	f.refused(f.post(f.keyGrant().sign()), wantExpiredKey)
	register(end.AddDate(1, 0, 0).Unix())
	f.token(f.keyGrant())
}

// With two keys registered, the end of one leaves the other.
func TestRotationBeforeTheEnd(t *testing.T) {
	f := start(t, func(c *Config) {
		old, next := c.Clients[0].Keys[0], PublicKey("next", &otherKey().PublicKey)
		old.Expires = time.Now().Add(time.Hour).Unix()
		c.Clients[0].Keys = []Key{old, next}
	})
	next := func() *draft {
		d := f.keyGrant()
		d.header["kid"], d.key = "next", otherKey()
		return d
	}
	f.token(f.keyGrant())
	f.token(next())
	f.SetClockOffset(2 * time.Hour)
	f.refused(f.post(f.keyGrant().sign()), wantExpiredKey)
	f.token(next())
}

func TestCertificateExpiresByTheClock(t *testing.T) {
	f := start(t, nil)
	leaf := must(x509.ParseCertificate(f.demo.CertificateChain[0]))
	for _, at := range []time.Time{leaf.NotBefore.Add(-time.Minute), leaf.NotAfter.Add(time.Minute)} {
		f.SetClockOffset(time.Until(at))
		f.refused(f.post(f.certificateGrant().sign()), wantCertificate)
	}
	f.SetClockOffset(time.Until(leaf.NotAfter) - time.Minute)
	f.token(f.certificateGrant())
}
