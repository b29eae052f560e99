//go:build !host_signs

package wire

import (
	"errors"
	"slices"
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
	var err error
	in.Config, _, err = readClientConfig(config)
	if in.Problems, err = problemsOf("key", err); err != nil {
		return nil, fail(err)
	}
	in.KeyUnread = slices.ContainsFunc(in.Problems, func(p core.Problem) bool { return p.Field == "key" })
	if len(request) > 0 {
		asked, exchanges, err := readRequest(request, in.Config.Environment)
		if in.RequestProblems, err = problemsOf("request", err); err != nil {
			return nil, fail(err)
		}
		in.Request, in.Exchanges = &asked, exchanges
	}
	report, err = doctor.Diagnose(in, time.Now()).MarshalJSON()
	return report, fail(err)
}

// problemsOf returns an error about the members of an input as what is wrong
// with them. An error without a list is about one member; that of an input
// which is no JSON object stays an error.
func problemsOf(member string, err error) ([]core.Problem, error) {
	var e *core.Error
	switch {
	case !errors.As(err, &e):
		return nil, err
	case len(e.Problems) > 0:
		return e.Problems, nil
	case e.Code == core.CodeInvalidArgument:
		return nil, e
	}
	return []core.Problem{{Field: member, Message: e.Message, Remedy: e.Remedy}}, nil
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
