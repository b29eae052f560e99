package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/doctor"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

var certificateCommand = command{
	name:    "certificate",
	usage:   "[options] FILE|-",
	summary: "read certificates",
	about: `Says whose the certificates in a file are, how long they hold, and what is wrong with them as the
chain of a grant. The file is PEM or DER; a private key beside them is passed over.

  maskinporten certificate --env production virksomhetssertifikat.pem

Exit codes: 0 nothing is wrong with them, 1 something is, 2 the command was called wrongly.`,
	prepare: prepareCertificate,
}

func prepareCertificate(o *options) action {
	var files []string
	var name string
	var asJSON bool
	o.operands = &files
	o.text(&name, "env", "NAME", "judge them for this environment too: test, production, skyporten-test or skyporten")
	o.flag(&asJSON, "json", "print one JSON object: certificates and problems")
	return func(_ context.Context, c *console) error {
		if len(files) != 1 {
			return misused("one file is needed; options go before it")
		}
		var environment core.Environment
		if name != "" {
			var err error
			if environment, err = core.EnvironmentByName(name); err != nil {
				return err
			}
		}
		data, err := readFile(files[0], "FILE")
		if err != nil {
			return err
		}
		defer clear(data)
		list, err := keys.ReadCertificates(data)
		if err != nil {
			return err
		}
		problems := keys.CheckCertificates(environment, list, time.Now())
		if asJSON {
			_, err = fmt.Fprintf(c.out, "%s\n", doctor.CertificatesJSON(list, problems))
		} else {
			err = writeCertificates(c.out, list, problems)
		}
		if err == nil && len(problems) > 0 {
			err = errTold
		}
		return err
	}
}

func writeCertificates(w io.Writer, list []keys.Certificate, problems []core.Problem) error {
	var text strings.Builder
	for i, c := range list {
		if i > 0 {
			text.WriteString("\n")
		}
		for _, row := range [][2]string{
			{"subject", c.Subject}, {"organization", c.OrganizationNumber}, {"identifier", c.OrganizationIdentifier}, {"issuer", c.Issuer},
			{"serial number", c.SerialNumber}, {"valid", c.NotBefore.Format(time.DateOnly) + " to " + c.NotAfter.Format(time.DateOnly)},
			{"SHA-256", c.SHA256}, {"key", fmt.Sprintf("%d bits", c.KeyBits)},
		} {
			if row[1] != "" {
				fmt.Fprintf(&text, "%-14s %s\n", row[0], row[1])
			}
		}
	}
	for _, p := range problems {
		fmt.Fprintf(&text, "\n✗ %s: %s\n  What to do: %s\n", p.Field, p.Message, p.Remedy)
	}
	_, err := io.WriteString(w, text.String())
	return err
}
