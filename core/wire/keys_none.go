//go:build host_signs

package wire

import "github.com/maskinporten-core/maskinporten/core"

var errNoKeys = core.NewError(core.CodeInvalidKey, "this build holds no private keys: the host signs (use the full build, or give kid or x5c and sign yourself)", nil)

func privateKey(o object) (core.Key, error) {
	for _, name := range []string{"pem", "jwk", "pkcs12", "password", "kid", "alg", "certificate_chain"} {
		o.known[name] = true
	}
	return core.Key{}, errNoKeys
}

// KeyRead is not in this build.
func (h *Host) KeyRead([]byte) ([]byte, *Failure) { return nil, fail(errNoKeys) }

// KeyGenerate is not in this build.
func (h *Host) KeyGenerate([]byte) ([]byte, *Failure) { return nil, fail(errNoKeys) }

// Diagnose is not in this build: it reads certificates.
func (h *Host) Diagnose(_, _ []byte) ([]byte, *Failure) { return nil, fail(errNoKeys) }

// CertificateRead is not in this build.
func (h *Host) CertificateRead([]byte) ([]byte, *Failure) { return nil, fail(errNoKeys) }
