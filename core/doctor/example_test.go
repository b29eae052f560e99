package doctor_test

import (
	"fmt"
	"time"

	"github.com/maskinporten-core/maskinporten/core"
	"github.com/maskinporten-core/maskinporten/core/doctor"
)

// A configuration is judged before it goes into operation, for instance when
// the program starts.
func ExampleDiagnose() {
	end := time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC)
	report := doctor.Diagnose(doctor.Input{
		Config: core.ClientConfig{
			Environment: core.Environment{Issuer: "https://test.maskinporten.no", TokenEndpoint: "https://test.maskinporten.no/token"},
			ClientID:    "b1a5e1d2-7f1c-4d3e-9a55-0c6f4d1c2b3a",
			Key:         core.Key{KeyID: "key-2026", NotAfter: end},
		},
		Request: &core.TokenRequest{Scopes: []string{"toll:movement/road/v2"}},
	}, end.AddDate(0, 0, -20))
	for _, f := range report.Findings {
		fmt.Printf("%s: %s: %s\n  %s\n", f.Severity, f.Field, f.Message, f.Remedy)
	}
	// Output:
	// error: environment.issuer: the issuer "https://test.maskinporten.no" lacks its trailing slash
	//   Use https://test.maskinporten.no/, slash included; the grant's aud must be exactly this.
	// warning: key: it ends within 30 days, at 2026-12-20 12:00 UTC
	//   Register a new key, or get a new certificate, and give it as the next key.
}
