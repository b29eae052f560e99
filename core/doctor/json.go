package doctor

import (
	"strings"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/internal/strictjson"
	"github.com/maskinporten-core/maskinporten/core/keys"
)

// MarshalJSON writes severity, field, message and remedy.
func (f Finding) MarshalJSON() ([]byte, error) {
	var w strictjson.Writer
	w.String("severity", string(f.Severity))
	w.String("field", f.Field)
	w.String("message", f.Message)
	w.String("remedy", f.Remedy)
	return w.Bytes(), nil
}

// MarshalJSON writes the report that every language gets: ok, findings,
// environment, key and claims. Members that are not known are absent.
func (r Report) MarshalJSON() ([]byte, error) {
	var w strictjson.Writer
	r.write(&w)
	return w.Bytes(), nil
}

func (r Report) write(w *strictjson.Writer) {
	w.Bool("ok", r.OK)
	w.Raw("findings", findingsJSON(r.Findings))
	w.Raw("environment", environmentJSON(r.Environment))
	w.Raw("key", r.Key.json())
	if r.Claims != nil {
		w.Raw("claims", r.Claims)
	}
}

func findingsJSON(findings []Finding) []byte {
	return array(len(findings), func(i int) []byte {
		text, _ := findings[i].MarshalJSON() // it has no error
		return text
	})
}

func array(length int, item func(i int) []byte) []byte {
	out := []byte{'['}
	for i := range length {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, item(i)...)
	}
	return append(out, ']')
}

// environmentJSON shows no address that may hold a password.
func environmentJSON(env core.Environment) []byte {
	var w strictjson.Writer
	w.Optional("name", nameOf(env))
	for _, member := range [][2]string{{"issuer", env.Issuer}, {"token_endpoint", env.TokenEndpoint}, {"metadata_url", env.MetadataURL},
		{"customs_token_endpoint", env.CustomsTokenEndpoint}} {
		if !strings.Contains(member[1], "@") {
			w.Optional(member[0], core.Printable(member[1]))
		}
	}
	return w.Bytes()
}

// nameOf is the name of a built-in environment.
func nameOf(env core.Environment) string {
	for _, name := range []string{"test", "production", "skyporten-test", "skyporten"} {
		if own, err := core.EnvironmentByName(name); err == nil && own.Issuer == env.Issuer {
			return name
		}
	}
	return ""
}

func (k KeyFacts) json() []byte {
	var w strictjson.Writer
	if k.Algorithm == "" { // the key could not be read
		return w.Bytes()
	}
	w.Optional("kid", core.Printable(k.KeyID))
	w.Optional("x5t#S256", k.Thumbprint)
	w.String("alg", core.Printable(k.Algorithm))
	if k.Bits != 0 {
		w.Int("key_bits", int64(k.Bits))
	}
	if !k.NotAfter.IsZero() {
		w.Int("not_after_ms", k.NotAfter.UnixMilli())
	}
	w.Optional("organization_number", k.OrganizationNumber)
	w.Bool("signs", k.Signs)
	return w.Bytes()
}

// MarshalJSON writes the report and, as steps, each with name, result (ok,
// warning, failed or skipped), detail, findings, error and took_ms.
func (x Examination) MarshalJSON() ([]byte, error) {
	var w strictjson.Writer
	x.Report.write(&w)
	w.Raw("steps", array(len(x.Steps), func(i int) []byte { return x.Steps[i].json() }))
	return w.Bytes(), nil
}

// Result says in one word what came of the step: ok, warning, failed or skipped.
func (s Step) Result() string {
	switch {
	case s.Skipped:
		return "skipped"
	case !s.OK():
		return "failed"
	}
	for _, f := range s.Findings {
		if f.Severity == Warning {
			return "warning"
		}
	}
	return "ok"
}

func (s Step) json() []byte {
	var w strictjson.Writer
	w.String("name", s.Name)
	w.String("result", s.Result())
	w.Optional("detail", s.Detail)
	w.Raw("findings", findingsJSON(s.Findings))
	if s.Err != nil {
		text, _ := s.Err.MarshalJSON() // it has no error
		w.Raw("error", text)
	}
	if s.Took > 0 {
		w.Int("took_ms", s.Took.Milliseconds())
	}
	return w.Bytes()
}

// CertificatesJSON writes certificates and what is wrong with them, as every
// language gets it.
func CertificatesJSON(list []keys.Certificate, problems []core.Problem) []byte {
	var w strictjson.Writer
	w.Raw("certificates", array(len(list), func(i int) []byte { return certificateJSON(list[i]) }))
	w.Raw("problems", array(len(problems), func(i int) []byte {
		var p strictjson.Writer
		p.String("field", problems[i].Field)
		p.String("message", problems[i].Message)
		p.String("remedy", problems[i].Remedy)
		return p.Bytes()
	}))
	return w.Bytes()
}

func certificateJSON(c keys.Certificate) []byte {
	var w strictjson.Writer
	w.String("subject", c.Subject)
	w.String("issuer", c.Issuer)
	w.String("serial_number", c.SerialNumber)
	w.Int("not_before_ms", c.NotBefore.UnixMilli())
	w.Int("not_after_ms", c.NotAfter.UnixMilli())
	w.Optional("organization_number", c.OrganizationNumber)
	w.Optional("organization_identifier", c.OrganizationIdentifier)
	w.String("sha256", c.SHA256)
	w.Int("key_bits", int64(c.KeyBits))
	return w.Bytes()
}
