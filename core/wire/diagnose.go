//go:build !host_signs

package wire

import (
	"errors"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/doctor"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

// Diagnose says what is wrong with a configuration and, if one is given, with
// a token request, and what is unusual about them. What ClientNew or SourceNew
// would refuse is a finding here; only what is no JSON object fails.
func (h *Host) Diagnose(config, request []byte) (report []byte, failure *Failure) {
	defer h.guard(&failure)
	if failure := h.usable(); failure != nil {
		return nil, failure
	}
	var in doctor.Input
	var keyErr error
	var err error
	in.Problems, err = readMembers(config, "the configuration", func(o object) {
		in.Config, _, keyErr = clientMembers(o)
		in.KeyUnread = keyErr != nil || !o.has("key")
	})
	if err != nil {
		return nil, fail(err)
	}
	var unread *core.Error
	if errors.As(keyErr, &unread) {
		in.Problems = append(in.Problems, core.Problem{Field: "key", Message: unread.Message, Remedy: unread.Remedy})
	}
	if len(request) > 0 {
		in.RequestProblems, err = readMembers(request, "the token request", func(o object) {
			asked, exchanges := requestMembers(o, in.Config.Environment)
			in.Request, in.Exchanges = &asked, exchanges
		})
		if err != nil {
			return nil, fail(err)
		}
	}
	report, err = doctor.Diagnose(in, time.Now()).MarshalJSON()
	return report, fail(err)
}

// CertificateRead says what the certificates of a PEM or DER text say, and what
// is wrong with them as a chain.
func (h *Host) CertificateRead(certificates []byte) (out []byte, failure *Failure) {
	defer h.guard(&failure)
	if failure := h.usable(); failure != nil {
		return nil, failure
	}
	list, err := keys.ReadCertificates(certificates)
	if err != nil {
		return nil, fail(err)
	}
	return doctor.CertificatesJSON(list, keys.CheckCertificates(core.Environment{}, list, time.Now())), nil
}
