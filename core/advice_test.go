package core

import (
	"strings"
	"testing"
	"time"
)

func TestExpiresWithin(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, test := range []struct {
		left, step time.Duration
		due        bool
	}{{61 * day, 0, false}, {60 * day, 60 * day, true}, {31 * day, 60 * day, true}, {30 * day, 30 * day, true},
		{7 * day, 7 * day, true}, {1, 7 * day, true}, {0, 0, true}, {-day, 0, true}} {
		if step, due := ExpiresWithin(now.Add(test.left), now); step != test.step || due != test.due {
			t.Errorf("%s before the end: %s, %t", test.left, step, due)
		}
	}
}

func TestScopeAdvice(t *testing.T) {
	for scope, word := range map[string]string{"toll:movement/road/v2": "", "altinn:serviceOwner": "", "910753614:x": "",
		"Altinn:serviceowner": "upper-case", "openid": "no prefix"} {
		message, remedy := ScopeAdvice(scope)
		if (message != "") != (word != "") || !strings.Contains(message, word) || (remedy != "") != (word != "") {
			t.Errorf("%s: %q, %q", scope, message, remedy)
		}
	}
}

func TestTrustedIssuer(t *testing.T) {
	for url, want := range map[string]string{Production.CustomsTokenEndpoint: Production.Issuer, Test.CustomsTestAuth: Test.Issuer,
		"https://platform.tt02.altinn.no/x": Test.Issuer, "https://platform.altinn.no": Production.Issuer, "https://api.example.no": "", "": ""} {
		if got := TrustedIssuer(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestSameMember(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{{"key", "key", true}, {"key", "key.kid", true}, {"key.x5c[1]", "key.x5c", true}, {"key", "keys", false}, {"key.kid", "key.alg", false}} {
		if got := SameMember(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %t", test.a, test.b, got)
		}
	}
}
